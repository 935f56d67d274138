# Needs only Python 3.11+ with venv, and make. PYTHON=… picks another interpreter.
# On stdout of demo and up is what they print and nothing else, so that --json can be read.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ROUNDS ?= 5

.PHONY: install demo up test check bench chaos clean clean-data

install: $(STAMP)

$(STAMP): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Trunkline needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo 'installing into $(VENV) (up to a minute) …' >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/python -m pip install --quiet --constraint requirements.txt --editable '.[standalone,dev]' >&2
	@touch $@

demo: install
	@$(BIN)/trunkline demo $(ARGS)

up: install
	@$(BIN)/trunkline up $(ARGS)

# Each of the two has servers of its own; ARGS=-n0 runs all in one.
test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

bench: install
	$(BIN)/python -m pip install --quiet --constraint requirements.txt --editable '.[standalone,bench]'
	$(BIN)/python -m benchmarks $(ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/squawk sql/migrations/*.sql

chaos: install
	for round in $$(seq $(ROUNDS)); do $(BIN)/python -m pytest -q tests/acceptance/test_kills.py tests/acceptance/chaos_imports.py $(ARGS) || exit 1; done
	HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest -q -m hypothesis $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

# All that demo and up keep: STATE_DIR (.trunkline), and the Postgres of root where that lies elsewhere.
clean-data: install
	@$(BIN)/python -m standalone.clean
