# Needs make and Python 3.11 or newer; everything else goes into .venv.  `make help` lists the targets.
SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
# pytest processes; browser tests stay on one of them.
WORKERS ?= 2
# Passed on to the program behind the target: make demo ARGS="--port 8600", make test ARGS="-k router".
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check guarantees evals bench bench-app bench-large chaos soak soak-short lint format services clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.installed ## create .venv and install everything into it

# A stamp, so that the second run costs nothing; a changed dependency installs again.
$(VENV)/.installed: pyproject.toml constraints.txt
	@set -e; \
	if [ ! -x $(PY) ]; then \
	  found=; \
	  for name in $(PYTHON) python3.11 python3.12 python3.13 python3 python3.14 python; do \
	    if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$name; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "error: Python 3.11 or newer is needed, found $$(python3 --version 2>&1 | head -n 1); name one with make PYTHON=/path/to/python3.11" >&2; \
	    exit 1; \
	  fi; \
	  $$found -m venv $(VENV) || { rm -rf $(VENV); echo "error: $$found cannot create a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }; \
	fi; \
	echo "setup: installing into $(VENV) with $$($(PY) --version), some minutes the first time"; \
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgres]'; \
	touch $@

demo: setup ## load the demo project and open the app
	$(VENV)/bin/hitl demo $(ARGS)

up: setup ## app and worker on your own data
	$(VENV)/bin/hitl up $(ARGS)

services: setup
	@$(PY) -m tests.services

test: services ## all tests, with the browser and the PostgreSQL they need
	$(PY) -m pytest -n $(WORKERS) $(ARGS)

lint: setup ## format, style, types, imports and dependencies, changing nothing
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry .

check: lint ## what CI runs: lint, then all tests
	@$(MAKE) --no-print-directory test

format: setup ## format and repair what can be repaired
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

guarantees: setup ## what thresholds and audits promise and win, in figures; ARGS="--data FOLDER" adds real sets
	$(PY) -m evals.guarantees $(ARGS)
	$(PY) -m evals.audit_guarantees $(ARGS)

evals: setup ## judges, cascades, committees and the scorer on real labels; ARGS="--data FOLDER"
	$(PY) -m evals run committee cascade scorer retrieval --report data/local/evals $(ARGS)

bench: setup ## speed against a baseline in the same run, at most 10 minutes
	$(PY) -m tests.services exec $(PY) -m evals.bench $(ARGS)

bench-app: setup ## 20 reviewers at once in the web app, beside plain `streamlit run`; about 3 minutes
	$(PY) -m evals.app_bench $(ARGS)

bench-large: setup ## the same with a million rows and 32 workers
	$(PY) -m tests.services exec $(PY) -m evals.bench --large $(ARGS)

chaos: setup ## a model provider that hangs, refuses and lies: where every output ends and what it costs, in figures
	$(PY) -m evals.chaos $(ARGS)

soak: setup ## 32 workers, killed at random, on both databases: nothing lost, nothing done twice
	$(PY) -m tests.services exec $(PY) -m evals.soak $(ARGS)

soak-short: setup ## the same in about a minute
	$(PY) -m tests.services exec $(PY) -m evals.soak --short $(ARGS)

clean: ## remove .venv, caches and build output; data/local stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
