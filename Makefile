# Everything sets itself up from Python (3.11 or later), pip and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Clients that nobody here wrote have an environment of their own, with node for the blob store.
CONTRACT       := .venv-contract
CONTRACT_STAMP := $(CONTRACT)/.installed
AZURITE        := $(CONTRACT)/azurite/node_modules/.bin/azurite-blob
FUZZ_RUNS ?= 20000

# As many processes as there are processors, at most four; a test goes to the next that is free.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal
# The commands that tests start load compiled modules, as installed ones do, also where the environment writes none.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo static check test contract contract-types contract-run bench fuzz golden clean

help:
	@echo "make demo    watch specs become a converged account, on the embedded emulator"
	@echo "make check   format, lint, types, layers and the pure tests"
	@echo "make test    everything: check, and the tests against the emulator and the installed command"
	@echo "make contract the official SDKs against a served emulator; make test includes it"
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

static: $(STAMP)
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --config .importlinter > $(VENV)/layers.txt || { cat $(VENV)/layers.txt; exit 1; }

check: static
	@$(PYTEST) tests/pure

# The two environments are made, and the two sets of types checked, side by side.
test:
	@$(MAKE) --no-print-directory -j2 $(STAMP) $(AZURITE)
	@$(MAKE) --no-print-directory -j2 --output-sync=target static contract-types
	@$(MAKE) --no-print-directory contract-run
	@$(PYTEST) tests

$(CONTRACT_STAMP): tests/contract/requirements.txt tests/contract/constraints.txt
	@echo "setting up $(CONTRACT) (once)"
	@$(PYTHON) -m venv $(CONTRACT)
	@$(CONTRACT)/bin/python -m pip install --quiet --disable-pip-version-check \
		-c tests/contract/constraints.txt -r tests/contract/requirements.txt
	@touch $(CONTRACT_STAMP)

# Without the npm registry the tests that import from a blob store are skipped, and say so.
$(AZURITE): $(CONTRACT_STAMP)
	@PATH="$(CURDIR)/$(CONTRACT)/bin:$$PATH" npm install --silent --no-save --no-package-lock --no-audit --no-fund \
		--prefix $(CONTRACT)/azurite azurite@3.35.0 || echo "no blob store: azurite could not be installed"

contract: contract-types contract-run

contract-types: $(STAMP) $(CONTRACT_STAMP)
	@$(BIN)/mypy --no-error-summary --config-file tests/contract/mypy.ini

contract-run: $(STAMP) $(CONTRACT_STAMP) $(AZURITE)
	@rm -rf $(CONTRACT)/logs && mkdir $(CONTRACT)/logs
	@FTOPS="$(CURDIR)/$(BIN)/ftops" FTOPS_CONTRACT_LOGS="$(CURDIR)/$(CONTRACT)/logs" \
		$(CONTRACT)/bin/python -m pytest -c tests/contract/pytest.ini -n 2 tests/contract
	@$(CONTRACT)/bin/python tests/contract/coverage.py $(CONTRACT)/logs

bench: $(STAMP)
	@$(BIN)/python -m bench

fuzz:
	@$(PYTHON) -m venv .venv-fuzz
	@.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . 'atheris>=3'
	@.venv-fuzz/bin/python tests/fuzz/fuzz_rows.py -runs=$(FUZZ_RUNS) -verbosity=0 -artifact_prefix=.venv-fuzz/

golden: $(STAMP)
	@FTOPS_UPDATE_GOLDEN=1 $(PYTEST) $$(grep -rl --include='test_*.py' FTOPS_UPDATE_GOLDEN tests) || true
	@git status --short tests examples docs

clean:
	rm -rf $(VENV) $(CONTRACT) .venv-bench .venv-fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist .demo
