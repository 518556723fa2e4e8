# Everything sets itself up from Python (3.11 or later), pip and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
FUZZ_RUNS ?= 20000

.PHONY: help demo check test bench fuzz golden clean

help:
	@echo "make demo    watch specs become a converged account, on the embedded emulator"
	@echo "make check   format, lint, types, layers and the pure tests"
	@echo "make test    everything: check, and the tests against the emulator and the installed command"
	@echo "make bench   floors, peers and ftops side by side; writes docs/performance.md"
	@echo "make fuzz    Atheris on the dataset checks, FUZZ_RUNS inputs; make test does not need it"
	@echo "make golden  rewrite the golden files; read what changed before you commit it"
	@echo "make clean   remove what these commands made"

$(STAMP): pyproject.toml constraints.txt
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	@FTOPS="$(BIN)/ftops" sh examples/demo.sh

check: $(STAMP)
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --config .importlinter > $(VENV)/layers.txt || { cat $(VENV)/layers.txt; exit 1; }
	@$(BIN)/python -m pytest tests/pure

test: $(STAMP) check
	@$(BIN)/python -m pytest tests --ignore=tests/pure

bench: $(STAMP)
	@$(BIN)/python -m bench

fuzz:
	@$(PYTHON) -m venv .venv-fuzz
	@.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . 'atheris>=3'
	@.venv-fuzz/bin/python tests/fuzz/fuzz_rows.py -runs=$(FUZZ_RUNS) -verbosity=0 -artifact_prefix=.venv-fuzz/

golden: $(STAMP)
	@FTOPS_UPDATE_GOLDEN=1 $(BIN)/python -m pytest tests -q || true
	@git status --short tests examples

clean:
	rm -rf $(VENV) .venv-bench .venv-fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist .demo
