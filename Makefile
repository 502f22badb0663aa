# One command a chore. Each does its own set-up from git, make and Python 3.11 alone.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
JOBS ?= 2
# Where Python is told to keep no bytecode, each start of `harmony` would compile the engine anew: 0.1 s of CPU.
unexport PYTHONDONTWRITEBYTECODE

.NOTPARALLEL:
.PHONY: help setup lint test bench demo demo-runbook demo-incident engine engine-stop constraints clean
help:
	@echo "make demo   two demos on this machine, one after the other:"
	@echo "  make demo-runbook   a runbook that reads, and one that removes files behind a gate"
	@echo "  make demo-incident  a P1 incident from PagerDuty to its post-mortem, the vendors played"
	@echo "            RUNNER=dagger plays the incident alone, each step in a container; GATE=20s lets its"
	@echo "            escalated gate wait so long"
	@echo "make test   every test, on a real Temporal server, two files at once; JOBS=0 runs one after the other"
	@echo "make lint   ruff, mypy and the import contracts"
	@echo "make engine a Dagger engine where there is no Docker (Linux, as root); make engine-stop ends it"
	@echo "make bench  ratios against hand-written code, measured side by side"

setup: $(READY)

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Harmony needs Python 3.11 or newer; say PYTHON=… to make" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q engine
	@touch $@

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(READY)
	$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile $(ARGS)

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

# The runbooks look at this host and remove its files, so in containers there is nothing of theirs to show.
demo: $(if $(filter dagger,$(RUNNER)),,demo-runbook) demo-incident

demo-runbook: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tools.runbook_demo

demo-incident: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tools.demo $(if $(RUNNER),--runner $(RUNNER)) $(if $(GATE),--gate $(GATE))

engine:
	@containers/engine/engine start

engine-stop:
	@containers/engine/engine stop

constraints: $(READY)
	$(BIN)/pip-compile --quiet --generate-hashes --no-header --no-annotate --no-emit-options --no-emit-index-url \
		--strip-extras --allow-unsafe --extra dev --output-file constraints.txt pyproject.toml
	for image in python runbook; do (cd containers/$$image && ../../$(BIN)/pip-compile --quiet --generate-hashes \
		--no-header --no-annotate --no-emit-options --no-emit-index-url --strip-extras --constraint ../../constraints.txt \
		--output-file requirements.txt requirements.in) || exit 1; done

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
