# Two commands to know: `make story` and `make test`. Each chore sets up what it needs first.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STORY ?= examples/night-shift.md

.PHONY: story serve test lint bench bench-long stack drill install docs lock clean help

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.run  ## the virtual environment with what storygen needs to run

story: $(VENV)/.run  ## make a film of STORY (default: one of the examples)
	@$(PY) -m storygen run "$(STORY)"

serve: $(VENV)/.dev  ## the console and the API on this machine, until Ctrl-C
	@$(PY) -m storygen serve

test: $(VENV)/.dev  ## all tests
	@$(PY) -m pytest

lint: $(VENV)/.dev  ## style, types, and pages that are made from the code
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) scripts/settings_page.py --check
	@$(PY) -m storygen mixin build --check

docs: $(VENV)/.dev  ## write the pages, dashboards, rules and runbooks that are made from the code
	@$(PY) scripts/settings_page.py
	@$(PY) -m storygen mixin build

stack: $(VENV)/.dev  ## Prometheus, Alertmanager and traces on this machine, until Ctrl-C
	@$(PY) -m storygen stack

drill: $(VENV)/.dev  ## break one thing at a time and see that the right alert arrives
	@$(PY) -m storygen drill

bench: $(VENV)/.dev  ## the figures that the README quotes
	@$(PY) -m benchmarks

bench-long: $(VENV)/.dev  ## the figures that take longer
	@$(PY) -m benchmarks --long

lock: $(VENV)/.dev  ## pin the newest versions that fit pyproject.toml
	@sh scripts/lock.sh $(PY)

$(PY):
	@sh scripts/venv.sh "$(PYTHON)" $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(PY)
	@sh scripts/install.sh $(PY) requirements.lock && touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(PY)
	@sh scripts/install.sh $(PY) requirements-dev.lock && touch $@ $(VENV)/.run

clean:  ## remove the virtual environment and what the tools left behind
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
