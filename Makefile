# Everything that is needed is set up on first use, in .venv and models, and nowhere else.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast bench soak masks kills toolkills filekills mcp voice forty two outage budgets waiting check audit screenshots format lock clean

PYTHON ?= python3
BIN := .venv/bin
OTHERS := tests/process/tools/others
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help: ## shows this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.ready models/.ready ## sets up what `make run` needs; quick when nothing changed
	@echo "Everything that the bot needs is set up."

run: .venv/.ready models/.ready ## starts the bot; with no account at all, a page on http://127.0.0.1:8080
	@$(BIN)/python -m bot run

test: .venv/.dev models/.ready .venv/.browser ## runs the test suite; ARGS="-k slack" goes to pytest
	@$(BIN)/python -m pytest --numprocesses 5 --dist worksteal $(ARGS)

test-fast: .venv/.dev ## runs the tests without sockets and processes, in a minute and a half
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --sample -m "not sockets and not thorough" \
		tests/unit tests/contract tests/simulation $(ARGS)

# A bot is started by the dozen: without its bytecode each would compile all of it.
test test-fast: export PYTHONDONTWRITEBYTECODE :=

bench: .venv/.dev ## measures what it all costs (ten minutes); ONLY=pacing runs one part
	@$(BIN)/python -m benchmarks --only "$(ONLY)"

masks: .venv/.dev ## masks generated conversations, each under every cut; TEXTS= says how many
	@$(BIN)/python -m tests.masks --texts $(or $(TEXTS),5000)

soak: .venv/.dev ## plays simulations on all cores; FROM=, SEEDS=, MINUTES=, WORKERS= say which and how
	@$(BIN)/python -m tests.simulation.soak $(or $(FROM),100000) $(or $(SEEDS),1000000) $(or $(MINUTES),60) $(or $(WORKERS),0)

kills: .venv/.dev ## kills the real bot in mid-answer N times, and counts what was left
	@$(BIN)/python -m tests.process.faults.kills --kills $(or $(N),200) --seed $(or $(SEED),1)

toolkills: .venv/.dev ## kills processes that make a tool call, N times, at each place
	@$(BIN)/python -m tests.process.tools.kills --kills $(or $(N),300)

filekills: .venv/.dev ## kills processes that send the files of an answer, N times
	@$(BIN)/python -m tests.doubles.file_kills --kills $(or $(N),200)

mcp: .venv/.mcp ## has servers of tools that others wrote answer everywhere, and runs the protocol's own tests
	@$(BIN)/python -m tests.process.tools.others

voice: .venv/.voice ## speaks questions with espeak-ng and has them heard on this machine; says what that costs
	@$(BIN)/python -m tests.process.attachments.spoken .venv/voice/bin/python

forty: .venv/.dev ## reads forty documents that Debian and PyPI packages ship, and says what was read
	@$(BIN)/python -m tests.process.attachments.forty .venv/forty

two: .venv/.dev ## two real bots on one PostgreSQL hear of N questions; one is killed in the middle
	@$(BIN)/python -m tests.process.faults.two --kill --events $(or $(N),500)

outage: .venv/.dev ## PostgreSQL goes away for SECONDS under N answers of two real bots
	@$(BIN)/python -m tests.process.faults.outage --answers $(or $(N),20) --seconds $(or $(SECONDS),30)

budgets: .venv/.dev ## plays N schedules of processes that share a budget while Redis fails; needs redis-server
	@$(BIN)/python -m tests.simulation.budgets --schedules $(or $(N),10000)

waiting: .venv/.dev ## 1,400 connections wait for nothing while a real bot with 1,024 files answers
	@$(BIN)/python -m tests.process.faults.waiting

check: .venv/.dev ## format, lint, catalogs, types: what CI runs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/python -m tests.catalogs
	@$(BIN)/mypy

audit: .venv/.dev ## looks the dependencies up among the known vulnerabilities
	@$(BIN)/python -m tests.audit

screenshots: .venv/.dev .venv/.browser ## takes the pictures in docs/images again
	@$(BIN)/python -m tests.screenshots

format: .venv/.dev ## puts the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: .venv/.dev ## resolves the dependencies anew, with hashes and without any address
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra local --extra otel --extra anthropic --extra azure --extra google --extra socks --group dev -o requirements-dev.txt
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml -c requirements-dev.txt -o requirements.txt
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra local -c requirements-dev.txt -o requirements-local.txt
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra otel -c requirements-dev.txt -o requirements-otel.txt
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra voice -c requirements-dev.txt -o requirements-voice.txt
	@$(BIN)/uv pip compile $(LOCK) $(OTHERS)/requirements.in -c requirements-dev.txt -o $(OTHERS)/requirements.txt
	@npm --prefix $(OTHERS) install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

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
	@echo "Installing what the bot needs: $$(grep -c == requirements-local.txt) packages, about 70 MB, half a minute ..."
	@$(PIP) install --require-hashes -r requirements-local.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.ready
	@echo "Installing what tests and checks need ..."
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

# Beside the bot, not in its environment: nothing of these may hide what the bot lacks.
.venv/.mcp: $(OTHERS)/requirements.txt $(OTHERS)/package-lock.json .venv/.dev
	@command -v npm > /dev/null || { echo "npm is missing: it comes with Node.js"; exit 1; }
	@echo "Installing servers that others wrote, the protocol's tests and Node.js 22 ..."
	@$(BIN)/python -m venv .venv/mcp
	@.venv/mcp/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $(OTHERS)/requirements.txt
	@mkdir -p .venv/mcp/node && cp $(OTHERS)/package.json $(OTHERS)/package-lock.json .venv/mcp/node
	@npm --prefix .venv/mcp/node ci --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error
	@touch $@

# Beside the bot, too: half a gigabyte of libraries that only who wants to be heard needs.
.venv/.voice: requirements-voice.txt .venv/.dev
	@command -v espeak-ng > /dev/null || { echo "espeak-ng is missing: apt-get install espeak-ng"; exit 1; }
	@echo "Installing what hears spoken questions ..."
	@$(BIN)/python -m venv .venv/voice
	@.venv/voice/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-voice.txt
	@touch $@

.venv/.browser: tests/chromium.py .venv/.dev
	@$(BIN)/python -m tests.chromium
	@touch $@

models/.ready: providers/model_file.py | .venv/.ready
	@$(BIN)/python -m providers.model_file fetch --into models
	@touch $@
