# make demo    a trained network compared in TensorBoard, in one command
# make test    everything: Python, TypeScript, and a browser against a real TensorBoard
# make help    the other targets

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FRONTEND := tb_snapshot_compare_frontend
PACKAGE := tb_snapshot_compare
LOWER := .venv-lower
PEERS := .venv-peers
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder

PIP := $(BIN)/python -m pip --disable-pip-version-check
NPM := env PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix $(FRONTEND) --no-fund --no-audit --loglevel=error
PYTHON_SOURCES := $(PACKAGE) demo tests benchmarks setup.py
CHROMIUM = $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: help
help: ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

# --- set-up -------------------------------------------------------------------------------

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.created setup.py requirements/upper.txt
	@echo "Installing the plugin, TensorBoard and TensorFlow into $(VENV) (about a minute) ..."
	@$(PIP) install --quiet --no-compile --constraint requirements/upper.txt --editable '.[models]'
	@touch $@

$(VENV)/.test: $(VENV)/.created setup.py requirements/upper.txt
	@echo "Installing the plugin, TensorFlow and the test tools into $(VENV) (two minutes) ..."
	@$(PIP) install --quiet --no-compile --constraint requirements/upper.txt --editable '.[models,test]'
	@touch $(VENV)/.demo $@

$(FRONTEND)/node_modules/.installed: $(VENV)/.test $(FRONTEND)/package-lock.json
	@echo "Installing the page's packages ..."
	@$(NPM) install --no-save # not ci: some registries lack the optional packages of other platforms
	@touch $@

.PHONY: chromium
chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || .ci/install-chromium $(BIN)

.PHONY: install
install: $(VENV)/.test $(FRONTEND)/node_modules/.installed chromium ## Install everything that working on the project needs.

# --- use ----------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.demo ## Train a network on flowers and open it in TensorBoard.
	@$(BIN)/python -m demo.run $(ARGS)

# --- checks -------------------------------------------------------------------------------

.PHONY: test
test: test-python test-frontend test-browser ## Run every test.

.PHONY: test-python
test-python: $(VENV)/.test
	$(BIN)/python -m pytest tests --ignore=tests/e2e $(PARALLEL) $(PYTEST_ARGS)

.PHONY: test-frontend
test-frontend: $(FRONTEND)/node_modules/.installed chromium
	$(NPM) run types
	CHROMIUM="$${CHROMIUM:-$(CHROMIUM)}" $(NPM) test

.PHONY: test-browser
test-browser: $(VENV)/.test chromium
	CHROMIUM="$${CHROMIUM:-$(CHROMIUM)}" $(BIN)/python -m pytest tests/e2e -n 2 --dist loadfile $(PYTEST_ARGS)

.PHONY: test-lower
test-lower: ## Run the Python tests with the oldest supported versions of every dependency.
	@test -e $(LOWER)/bin/python || $(PYTHON) -m venv $(LOWER)
	@$(LOWER)/bin/python -m pip --disable-pip-version-check install --quiet --no-compile \
	  --constraint requirements/lower.txt --editable '.[models,test]'
	$(LOWER)/bin/python -m pytest tests --ignore=tests/e2e $(PARALLEL) $(PYTEST_ARGS)

.PHONY: check
check: $(VENV)/.test $(FRONTEND)/node_modules/.installed ## Formatting, types, import rules, generated files, BUILD.
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run lint
	$(NPM) run types
	$(FRONTEND)/node_modules/.bin/buildifier -mode=check -lint=warn -warnings=-native-py BUILD WORKSPACE
	.ci/check-generated

.PHONY: format
format: $(VENV)/.test $(FRONTEND)/node_modules/.installed ## Format everything.
	$(BIN)/ruff format $(PYTHON_SOURCES)
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	$(NPM) run format
	$(FRONTEND)/node_modules/.bin/buildifier BUILD WORKSPACE

.PHONY: contract
contract: $(FRONTEND)/node_modules/.installed ## Regenerate openapi.json and the page's types from the contract.
	$(BIN)/python -m $(PACKAGE).http_api.openapi $(PACKAGE)/http_api/openapi.json
	$(NPM) run contract

.PHONY: bundle
bundle: $(FRONTEND)/node_modules/.installed ## Rebuild the page that the package serves.
	$(NPM) run build

$(PEERS)/.installed: requirements/peers.txt
	@echo "Installing the libraries that are measured beside ours into $(PEERS) (minutes) ..."
	@test -e $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

.PHONY: bench
bench: $(VENV)/.test $(PEERS)/.installed chromium ## Measure speed, memory and errors beside other programs (ONLY="pair trend").
	CHROMIUM="$${CHROMIUM:-$(CHROMIUM)}" $(BIN)/python -m benchmarks $(ONLY) $(ARGS)

.PHONY: case-study
case-study: $(VENV)/.test chromium ## Ask the demo's snapshots again and write demo/case_study.md.
	CHROMIUM="$${CHROMIUM:-$(CHROMIUM)}" $(BIN)/python -m demo.case_study $(ARGS)

.PHONY: screenshot
screenshot: $(VENV)/.test chromium ## Take the README's picture of the demo again.
	CHROMIUM="$${CHROMIUM:-$(CHROMIUM)}" $(BIN)/python -m tests.e2e.screenshot demo/logs demo/data/validation demo/screenshot.png
