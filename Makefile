# Every target sets up what it needs: Python 3.13, Node 20 or newer and make are enough to start with.
PYTHON ?= python3.13
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed node_modules/.installed
PROGRAMS := build/.programs
CHECKS := build/checks
INFRA := $(shell find infra -name '*.bicep' -o -name '*.json' -o -name '*.py')
SCRIPTS := .ci/run infra/hooks/*.sh functions/handlers/*.sh
WORKERS ?= 2
SEEDS ?= 10000
FROM ?= 1
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo up test soak check package package-check format schema openapi bench smoke cost requirements clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(SETUP) $(PROGRAMS) ## The main job: a private cluster fails without Tether and comes up with it, an API server moves (about 70 seconds)
	@$(BIN)/python -m demo

up: $(SETUP) ## Local Azure and the app kept running; prints every endpoint and an example call
	@$(BIN)/python -m localazure up

test: $(SETUP) $(PROGRAMS) ## All tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

soak: $(SETUP) ## The simulations alone, for SEEDS random worlds each from seed FROM on (10,000 take about four hours)
	@$(BIN)/python -m tests.scenarios.simulation --seeds $(SEEDS) --from $(FROM)
	@$(BIN)/python -m tests.scenarios.record_simulation --seeds $(SEEDS) --from $(FROM)
	@$(BIN)/python -m tests.scenarios.kubenet_simulation --seeds $(SEEDS) --from $(FROM)

check: $(SETUP) $(PROGRAMS) ## Format, lint, types and what is deployed, without changing anything
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); else echo "shellcheck is not installed: $(SCRIPTS) are not looked at"; fi
	@$(BIN)/python -m pytest -q tests/unit/test_host_json.py tests/unit/test_azure_yaml.py tests/unit/infra
	@$(MAKE) --no-print-directory build/.infra-scanned

package: $(VENV)/.installed ## Build build/tether.zip, which is what is deployed, and the same as a folder in build/package
	@$(BIN)/python -m package

package-check: $(SETUP) ## Build the package and let it link a zone, with its own libraries and with those of requirements.txt
	@$(BIN)/python -m pytest -q -m package tests/integration/test_package.py

format: $(SETUP) ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schema: $(VENV)/.installed ## Write docs/policy.schema.json from the types
	@$(BIN)/python -c "import pathlib; from functions.policy import schema; pathlib.Path('docs/policy.schema.json').write_bytes(schema())"

openapi: $(VENV)/.installed ## Write docs/openapi.json from the routes and their types
	@$(BIN)/python -c "import pathlib; from functions.http.openapi import document; pathlib.Path('docs/openapi.json').write_bytes(document())"

bench: $(SETUP) $(PROGRAMS) ## Benchmarks: a table, and build/bench.json
	@$(BIN)/python -m bench

smoke: $(VENV)/.installed ## In your own subscription: is all there that Tether needs? SMOKE="--subscription GUID …"; SMOKE=--help tells more
	@$(BIN)/python -m smoke $(SMOKE)

cost: $(VENV)/.installed ## Write the tables of docs/cost.md from docs/cost-counts.json and docs/prices.json
	@$(BIN)/python -m bench.cost --write

requirements: $(VENV)/.installed ## Compile requirements.txt, requirements-dev.txt and requirements-check.txt anew
	@$(BIN)/pip-compile -q --upgrade --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.txt requirements.in
	@$(BIN)/pip-compile -q --upgrade --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements-dev.txt requirements-dev.in
	@$(BIN)/pip-compile -q --upgrade --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements-check.txt requirements-check.in

clean: ## Remove everything that the targets above made
	@rm -rf $(VENV) node_modules build .localazure .pytest_cache .ruff_cache .hypothesis

$(VENV)/.installed: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 13))' || { echo "Tether needs Python 3.13: install it, or name it with  make PYTHON=/path/to/python3.13"; exit 1; }
	@echo "Setting up Python packages (about a minute the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# The scanner needs other versions of much that the app needs, hence an environment of its own.
$(CHECKS)/.installed: requirements-check.txt
	@echo "Setting up checkov, which reads what is deployed (about a minute the first time)"
	@$(PYTHON) -m venv $(CHECKS)
	@$(CHECKS)/bin/pip install --quiet --disable-pip-version-check -r requirements-check.txt
	@touch $@

# Half a minute, so only when something of it has changed. A fresh clone, as in CI, has no mark.
build/.infra-scanned: $(CHECKS)/.installed $(VENV)/.installed $(INFRA)
	@$(BIN)/python infra/scan.py $(CHECKS)
	@if command -v bicep >/dev/null; then \
	  for file in infra/main.bicep infra/onboard-*.bicep; do bicep build --stdout "$$file" >/dev/null || exit 1; done; \
	else echo "bicep is not installed: infra was read by two parsers, but not compiled"; fi
	@touch $@

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "Tether's local Azure needs Node 20 or newer (npm) for Azurite, the storage emulator"; exit 1; }
	@echo "Setting up Azurite, the storage emulator"
	@npm ci --silent --no-audit --no-fund
	@touch $@

# BIND, shellcheck and kubectl come from the distribution, where that can be asked. What needs them says so when they are missing,
# so this never fails; it is tried once.
$(PROGRAMS):
	@mkdir -p $(@D)
	@if ! { command -v named && command -v nsupdate && command -v shellcheck && command -v kubectl; } >/dev/null 2>&1 && \
	  command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Setting up BIND, a DNS server, shellcheck and kubectl (Debian packages)"; \
	  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
	    bind9 bind9-dnsutils shellcheck kubernetes-client; } >build/programs.log 2>&1 || \
	    echo "They could not be installed (build/programs.log says why): what needs them is skipped"; \
	fi
	@touch $@
