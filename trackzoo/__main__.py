"""`python -m trackzoo`."""

from trackzoo.cli.main import main

main()
