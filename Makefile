# Everything a contributor or a new user runs. `make help` lists the targets.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check unit e2e e2e-compose e2e-faults lint format types layers goldens docs protos bench explain-agreement soak-identity soak clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Pilothouse needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (about a minute, the first time)"
	@$(PYTHON) -m venv $(VENV) || { echo "Could not make $(VENV); on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(READY) ## The whole mesh on this machine, live (CHECK=1: verify every step and exit; STRICT=1: mutual TLS alone)
	@$(BIN)/pilothouse demo $(if $(CHECK),--check) $(if $(STRICT),--strict)

test: check unit e2e ## Everything: lint, types, layers, unit tests, real Envoys

check: lint types layers ## Lint, types and import layers

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY) ## Format, and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

unit: $(READY) ## Tests without a mesh
	$(BIN)/pytest tests --numprocesses auto --maxprocesses 4 --dist loadfile

e2e: $(READY) ## Tests with real Envoys and real traffic
	$(BIN)/pytest e2e --ignore e2e/compose --ignore e2e/soak

e2e-faults: $(READY) ## What faults cost, measured: writes docs/faults.md
	PILOTHOUSE_FAULTS_TABLE=docs/faults.md $(BIN)/pytest e2e/faults

e2e-compose: $(READY) ## docker-compose.yml, with real containers (needs a Docker engine)
	$(BIN)/pytest e2e/compose

goldens: $(READY) ## Regenerate every golden and remove orphans
	$(BIN)/python -m tests.goldens.regenerate

docs: $(READY) ## Regenerate the generated pages in docs/
	$(BIN)/python -m docs.generate_fields
	$(BIN)/python -m docs.generate_messages

protos: $(READY) ## Regenerate the protobuf modules in xds/wire
	$(BIN)/python protos/generate.py

bench: $(READY) ## Measure, print a table, write bench.json
	$(BIN)/python -m bench

explain-agreement: $(READY) ## Compare 10,000 explanations with what a real Envoy does
	PILOTHOUSE_AGREEMENT_PAIRS=10000 $(BIN)/pytest e2e/agreement -s

soak-identity: $(READY) ## Load over mutual TLS while certificates end and the root is replaced (MINUTES=5)
	PILOTHOUSE_SOAK_MINUTES=$(or $(MINUTES),5) $(BIN)/pytest e2e/mtls/test_rotation.py -s

soak: $(READY) ## Random valid changes under load: nothing fails, nothing grows (MINUTES=10)
	PILOTHOUSE_SOAK_MINUTES=$(or $(MINUTES),10) $(BIN)/pytest e2e/soak

clean: ## Remove everything that was made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
