# Two commands are enough: `make run` serves, `make test` proves. The others are for who works on it.
# Needs Python 3.11 or newer with its venv module, and nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
ARGS   ?=

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SERVER_READY := $(VENV)/.server-installed
DEV_READY := $(VENV)/.dev-installed
NODE_READY := tests/node_modules/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run demo test check format bench docs ci clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: $(SERVER_READY) ## Serve on http://127.0.0.1:8000 (ARGS='--port 9000' for another port)
	@exec $(BIN)/lingpai serve $(ARGS)

demo: $(SERVER_READY) ## Walk the whole flow once, with an issuer and two APIs of its own
	@$(BIN)/lingpai demo $(ARGS)

test: $(DEV_READY) $(NODE_READY) ## Run all tests in random order (ARGS='-k refresh' for some)
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term $(ARGS)

check: $(DEV_READY) ## Format, lint, types, layers, dependencies, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/deptry .
	$(BIN)/python -m docs.generate --check

format: $(DEV_READY) ## Format the code, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV_READY) ## Measure, peers beside us in one run; writes bench/results
	$(BIN)/python -m bench $(ARGS)

docs: $(DEV_READY) ## Write the generated pages and pictures of docs/ anew
	$(BIN)/python -m docs.generate

ci: ## What the integration machine runs
	@bash .ci/run

clean: ## Remove what was built and installed; lingpai-data stays
	rm -rf $(VENV) tests/node_modules build dist .coverage .mypy_cache .pytest_cache .ruff_cache
	find src tests bench docs examples -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what has to be there first; a stamp says that it is ---------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Lingpai needs Python 3.11 or newer; say which: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "This Python has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(SERVER_READY): pyproject.toml | $(BIN)/python
	@echo "Installing the server into $(VENV) …"
	@$(PIP) install --editable '.[server]'
	@touch $@

$(DEV_READY): pyproject.toml bench/requirements.txt | $(BIN)/python
	@echo "Installing the server, the developers' tools and the peers into $(VENV) …"
	@$(PIP) install --editable '.[dev]' --requirement bench/requirements.txt
	@touch $@ $(SERVER_READY)

# The JavaScript peer of the interoperability tests. Without npm those tests are skipped.
$(NODE_READY): tests/package.json
	@if command -v npm >/dev/null; then \
	  echo "Installing the JavaScript peers into tests/node_modules …"; \
	  npm install --prefix tests --no-package-lock --no-audit --no-fund --silent; \
	else \
	  echo "npm is not here: the tests against JavaScript are skipped"; mkdir -p $(@D); \
	fi
	@touch $@
