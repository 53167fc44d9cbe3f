# `make run` and `make test` are all that a fresh machine needs: Python 3.11 or newer, and make.

SHELL := /bin/sh
UV_VERSION := 0.13.9
# the interpreter itself, not a shim in front of it: uv would take the two for different ones
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do $$p -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' 2>/dev/null && break; done)
UV := .tools/uv/bin/uv
BIN := .venv/bin
WORKERS ?= auto

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
# a worker that has to compile what it loads starts later, and larger
export UV_COMPILE_BYTECODE := 1
# trust what the system trusts: company proxies sign with their own certificates
export UV_SYSTEM_CERTS ?= true

.PHONY: help run test check bench ha page screenshots lock openapi dashboards licences clean
.DEFAULT_GOAL := help

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: .venv/.run page ## Serve API and dashboard on http://127.0.0.1:8000 (HOST, PORT, VSM_DATA_DIR)
	@exec $(BIN)/vsm serve

test: .venv/.dev page ## Run all tests: unit, integration, acceptance, browser
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

check: .venv/.dev ## The quick gate: lint, format, types, architecture, locks, secrets, unit tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(UV) lock --check --quiet
	git ls-files -z | xargs -0 -n 250 -P 2 $(BIN)/detect-secrets-hook --baseline .secrets.baseline
	$(BIN)/python web/build.py run --silent check
	$(BIN)/pytest tests/unit -q -n $(WORKERS)

page: .venv/.run ## Build the dashboard, if its sources changed
	@$(BIN)/python web/build.py

screenshots: .venv/.dev page ## Write pictures of the dashboard to build/screenshots
	$(BIN)/python -m tests.browser.screenshots build/screenshots

bench: .venv/.dev page ## Measure every goal, by ratios taken in one run (SIZE=quick, full, ten)
	@$(BIN)/python bench/goals.py $(SIZE)

ha: .venv/.dev ## Fail what can fail, under load: primary, standbys, replicas (needs etcd)
	$(BIN)/python -m tests.ha $(SCENARIOS)

lock: $(UV) ## Lock the newest allowed versions and export them for pip
	$(UV) lock --upgrade --quiet
	$(UV) export --frozen --quiet --no-dev --no-emit-project -o requirements.txt
	$(UV) export --frozen --quiet --only-dev --no-emit-project -o requirements-dev.txt
	$(UV) export --frozen --quiet --only-group build --no-emit-project -o requirements-build.txt

openapi: .venv/.run ## Write openapi.json from the code
	$(BIN)/vsm openapi > openapi.json.new && mv openapi.json.new openapi.json

licences: .venv/.dev ## Write docs/licences.md from the lock files
	$(BIN)/python .ci/licences.py

dashboards: .venv/.dev ## Write Grafana's dashboards from the code in monitoring/
	$(BIN)/python -m monitoring

clean: ## Remove what these targets made; the embedded database stays (vsm data reset)
	rm -rf app/web web/node_modules
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(UV):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on the PATH"; exit 1; }
	@echo "Setting up (the first time takes up to a minute) …"
	@$(PYTHON) -m venv .tools/uv
	@.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# --inexact: what `make test` installed stays when `make run` is called next
.venv/.run: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --quiet --frozen --no-dev --group page --inexact --python "$(PYTHON)"
	@touch $@

.venv/.dev: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --quiet --frozen --group build --python "$(PYTHON)"
	@touch .venv/.run $@
