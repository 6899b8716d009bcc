# What a developer does with this project. Each target makes what it needs by itself; `make` alone lists them.
#
#   PYTHON=python3.12   which Python the environments are made with (at least 3.11)
#   JOBS=4              how many processes run the tests
#   ARGS='-k move'      more arguments for pytest
#
# The environments are made from constraints.txt, so that everybody has the same versions of everything. After a change
# to the dependencies in pyproject.toml, `make generate` adds the new ones to that file.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

JOBS ?= auto
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
BENCH := .venv-bench
BENCH_INSTALLED := $(BENCH)/installed
INSTALL = python -m pip install --quiet --disable-pip-version-check -c constraints.txt
TIMES = 'times\([0-9_]+, [0-9_]+\)'
SOURCES = $(shell find vaultctl -name '*.py')

# Files in the tree that a program writes. `make check` fails when writing them again changes them.
GENERATED := constraints.txt completions man

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

.PHONY: demo
demo: ## Install vaultctl into a temporary folder, and show what it does
	@examples/demo.sh

.PHONY: test
test: $(INSTALLED) ## Run all tests; at the end stands what was left out, and why
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

.PHONY: check
check: $(INSTALLED) ## Lint, format, types, and whether the generated files are fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy benchmarks scripts
	@$(MAKE) --no-print-directory fresh

.PHONY: generate
generate: $(INSTALLED) ## Write the generated files again
	$(BIN)/python scripts/constraints.py
	$(BIN)/python scripts/documents.py

# Not `git diff`: what was written and is not yet committed is fresh all the same.
.PHONY: fresh
fresh: $(INSTALLED)
	@before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
	tar -cf - $(GENERATED) | tar -xf - -C "$$before"; \
	$(MAKE) --no-print-directory generate; \
	for name in $(GENERATED); do \
	    diff -ru "$$before/$$name" "$$name" || { echo "$$name was out of date: commit what 'make generate' wrote"; exit 1; }; \
	done; \
	echo "generated files are fresh: $(GENERATED)"

.PHONY: upgrade
upgrade: $(INSTALLED) ## Bring every dependency to its newest version, and write them down
	$(BIN)/python -m pip install --quiet --upgrade --upgrade-strategy eager --no-build-isolation \
	    pip hatchling editables -e . --group dev
	@$(MAKE) --no-print-directory generate

.PHONY: bench
bench: $(INSTALLED) $(BENCH_INSTALLED) ## Measure vaultctl beside the real bao; prints Markdown
	$(BIN)/python benchmarks/commands.py
	$(BIN)/python benchmarks/wrapping_commands.py
	$(BIN)/python benchmarks/mounts.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/server.py
	$(BIN)/python benchmarks/rewrap.py
	$(BIN)/python benchmarks/moves.py
	$(BIN)/python benchmarks/checks.py

.PHONY: soak
soak: $(INSTALLED) ## Run what can be run longer for long: more kills, more damage, more races, more examples
	@echo "how often, normally and now:"; grep -rnoE $(TIMES) --include='test_*.py' tests
	VAULTCTL_SOAK=1 $(BIN)/python -m pytest -n $(JOBS) --timeout=0 --durations=10 \
	    $$(grep -rlE $(TIMES) --include='test_*.py' tests) $(ARGS)

.PHONY: clean
clean: ## Remove what these targets made
	rm -rf $(VENV) $(BENCH) dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find vaultctl tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# A new environment's pip may be too old for --group, so the pinned one comes first. The build backend stands in the
# environment (no build isolation), or else its version would be nobody's.
$(INSTALLED): pyproject.toml constraints.txt vaultctl/__init__.py scripts/make-venv
	scripts/make-venv $(VENV)
	$(BIN)/$(INSTALL) 'pip>=25.1'
	$(BIN)/$(INSTALL) hatchling editables
	$(BIN)/$(INSTALL) --no-build-isolation -e . --group dev
	@touch $@

# As a user has it: a wheel, byte-compiled, with the runtime dependencies alone.
$(BENCH_INSTALLED): $(SOURCES) pyproject.toml constraints.txt scripts/make-venv
	scripts/make-venv $(BENCH)
	$(BENCH)/bin/$(INSTALL) 'pip>=25.1'
	$(BENCH)/bin/$(INSTALL) .
	$(BENCH)/bin/$(INSTALL) --no-deps --force-reinstall .
	@touch $@
