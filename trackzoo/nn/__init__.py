"""Network parts that two or more trackers share. Importing a module here imports torch."""
