# Two commands do everything on a fresh machine with Python 3.11+: `make demo` and `make test`.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEMO   := demo
# Sleeping threads: by default OpenMP's spin while they wait, and tests that start processes then crawl on two cores.
PYTEST := PYTHONSAFEPATH=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest

.PHONY: help setup demo test test-slow lint bench baseline clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1  /p' $(MAKEFILE_LIST) | column -t -s '  ' -l 2 2>/dev/null || grep '##' $(MAKEFILE_LIST)

setup: $(READY)  ## make the environment in .venv

$(READY): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "trackzoo needs Python 3.11 or newer; name one with make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24" "setuptools>=68" wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --constraint constraints.txt --editable ".[dev]"
	@touch $@

demo: setup  ## run three weight-free baselines on data that the package makes itself, then a report
	$(BIN)/trackzoo run --tracker static --tracker dcf --tracker opencv-mil --dataset synth --results $(DEMO)/runs
	$(BIN)/trackzoo report --results $(DEMO)/runs --out $(DEMO)/report
	@echo
	@echo "These are weight-free baselines on synthetic videos: they show the tool, not the state of the art."
	@echo "Report: $(abspath $(DEMO))/report/index.html    Results: $(abspath $(DEMO))/runs"

test: setup  ## run the tests (the slow ones: make test-slow)
	$(PYTEST) -m "not slow"

test-slow: setup  ## run the tests that take long
	$(PYTEST) -m slow

lint: setup  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	bash .ci/typecheck $(BIN)/python

bench: setup  ## measure speed, as ratios in one run
	$(BIN)/python benchmarks/run.py

clean:  ## remove what can be made again (never results)
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
