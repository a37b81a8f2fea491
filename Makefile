# Everything that is needed is set up on first use, in .venv and models, and nowhere else.
.DEFAULT_GOAL := help
.PHONY: help setup run test bench soak kills two outage waiting check audit screenshots format lock clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help: ## shows this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.ready models/.ready ## sets up what `make run` needs; quick when nothing changed
	@echo "Everything that the bot needs is set up."

run: .venv/.ready models/.ready ## starts the bot; with no account at all, a page on http://127.0.0.1:8080
	@$(BIN)/python -m bot run

test: .venv/.dev models/.ready .venv/.browser ## runs the test suite; ARGS="-k slack" goes to pytest
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: .venv/.dev ## measures what it all costs (ten minutes); ONLY=pacing runs one part
	@$(BIN)/python -m benchmarks --only "$(ONLY)"

soak: .venv/.dev ## plays simulations on all cores; FROM=, SEEDS=, MINUTES=, WORKERS= say which and how
	@$(BIN)/python -m tests.simulation.soak $(or $(FROM),100000) $(or $(SEEDS),1000000) $(or $(MINUTES),60) $(or $(WORKERS),0)

kills: .venv/.dev ## kills the real bot in mid-answer N times, and counts what was left
	@$(BIN)/python -m tests.faults.kills --kills $(or $(N),200) --seed $(or $(SEED),1)

two: .venv/.dev ## two real bots on one PostgreSQL hear of N questions; one is killed in the middle
	@$(BIN)/python -m tests.faults.two --kill --events $(or $(N),500)

outage: .venv/.dev ## PostgreSQL goes away for SECONDS under N answers of two real bots
	@$(BIN)/python -m tests.faults.outage --answers $(or $(N),20) --seconds $(or $(SECONDS),30)

waiting: .venv/.dev ## 1,400 connections wait for nothing while a real bot with 1,024 files answers
	@$(BIN)/python -m tests.faults.waiting

check: .venv/.dev ## format, lint, types: what CI runs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

audit: .venv/.dev ## looks the dependencies up among the known vulnerabilities
	@$(BIN)/python -m tests.audit

screenshots: .venv/.dev .venv/.browser ## takes the pictures in docs/images again
	@$(BIN)/python -m tests.screenshots

format: .venv/.dev ## puts the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: .venv/.dev ## resolves the dependencies anew, with hashes and without any address
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --all-extras --group dev -o requirements-dev.txt
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml -c requirements-dev.txt -o requirements.txt
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra local -c requirements-dev.txt -o requirements-local.txt
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra otel -c requirements-dev.txt -o requirements-otel.txt

LOCK := --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url

clean: ## removes what `make` has set up; your data stays
	@rm -rf .venv models

.venv/bin/python:
	@echo "Making a virtual environment in .venv ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Everytoken needs Python 3.11 or newer. Name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv \
		|| { echo "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }

.venv/.ready: requirements-local.txt pyproject.toml | .venv/bin/python
	@echo "Installing what the bot needs (half a minute) ..."
	@$(PIP) install --require-hashes -r requirements-local.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.ready
	@echo "Installing what tests and checks need ..."
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

.venv/.browser: tests/browser.py .venv/.dev
	@$(BIN)/python -m tests.browser
	@touch $@

models/.ready: providers/model_file.py | .venv/.ready
	@$(BIN)/python -m providers.local fetch --into models
	@touch $@
