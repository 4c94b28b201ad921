# One word for each task. `make PYTHON=python3.12 install` takes another interpreter.
PYTHON ?= python3
BIN ?= .venv/bin

.PHONY: install lint types test gate slow bench ci torch zoo docs pages kernels

install:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e '.[dev]'

lint:
	$(BIN)/ruff check dse tests

types:
	$(BIN)/mypy

test:
	$(BIN)/pytest -n 2

gate:
	$(BIN)/pytest -n 2 -m gate

slow:
	$(BIN)/pytest -m slow --ignore tests/benchmarks

bench:
	$(BIN)/pytest tests/benchmarks --benchmark-only

ci:
	.ci/run

torch:
	.ci/torch

zoo:
	.ci/zoo

# the website of docs/, in build/site
docs:
	$(BIN)/pip install -q -e '.[docs]'
	$(BIN)/mkdocs build --strict

# what the pages show of programs: outputs of commands, tables of prices, keys of files
pages:
	$(BIN)/python docs/tools/refresh.py

# the archive of kernels that spares a user the compiler; before a release, and when `make slow` says that it is old
kernels:
	$(BIN)/python -m dse.mapper.ship
