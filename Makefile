# The project's commands; continuous integration calls the same ones. GNU make 3.81 suffices (macOS).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env book test test-slow check-site bench calibrate lab lint lock clean

# Where this is set, as in many containers, every kernel compiles PyMC anew: 6.7 s an import instead of 1.2 s.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
LOG := $(VENV)/install.log
UV := VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv
CODE := lmmlib tests _ext benchmarks

# An environment that was moved, or whose interpreter has gone, is as good as none. The stamp holds its place.
ifneq ($(shell $(BIN)/python -c '' 2>/dev/null && cat $(STAMP) 2>/dev/null),$(CURDIR))
$(shell rm -f $(STAMP))
endif

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "ARGS=... passes options on to pytest (test, test-slow, check-site), to JupyterLab (lab) or to uv (lock: --upgrade); PYTHON=... names the interpreter"

env: $(STAMP)  ## make the environment in .venv, or bring it up to the lock
	@echo "env: $$($(BIN)/python -V) and the packages of requirements.txt are in $(VENV)"

# No stamp: absent or half-made, so from scratch. Old stamp: brought up to the lock in place.
# pip installs uv alone, with the hashes of the lock, and uv does the rest: 15 s instead of 100 s.
$(STAMP): requirements.txt pyproject.toml
	@test -e $@ || rm -rf $(VENV)
	@rm -f $@
	@test -x $(BIN)/python || { \
	  for p in $(or $(PYTHON),python3.13 python3.12 python3); do \
	    case $$p in python3.*) export PYENV_VERSION=$${p#python};; *) unset PYENV_VERSION;; esac; \
	    "$$p" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null && found=$$p && break; \
	  done; \
	  test "$$found" || { echo "env: Python 3.12 or 3.13 is needed; tried in vain: $(or $(PYTHON),python3.13 python3.12 python3); install one, or name it with PYTHON=/path/to/python3.13" >&2; exit 1; }; \
	  "$$found" -m venv $(VENV) >/dev/null 2>&1 || { echo "env: $$found -m venv fails: install its venv module (Debian: apt-get install python3-venv), or name another interpreter with PYTHON=" >&2; exit 1; }; }
	@echo "env: installing the packages of requirements.txt for $$($(BIN)/python -V) into $(VENV)"
	@SECONDS=0; awk '/^uv==/ {on=1} on; on && !/\\$$/ {exit}' requirements.txt > $(VENV)/uv.txt; \
	{ $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt && \
	  $(UV) pip sync --quiet --require-hashes requirements.txt && \
	  $(UV) pip install --quiet --no-deps --no-build-isolation -e .; } >$(LOG) 2>&1 \
	|| { echo "env: the packages could not be installed; is the network up? The last of $(LOG) says: $$(tail -n 1 $(LOG) | sed 's/^ *//'); make env starts over" >&2; exit 1; }; \
	echo "$(CURDIR)" > $@; echo "env: installed in $$SECONDS s"

book: $(STAMP)  ## execute the chapters that changed, render the book, publish it in _build/html
	@SECONDS=0; rm -rf _build/next; \
	$(BIN)/python _ext/execute_chapters.py && \
	$(BIN)/jupyter-book build . --quiet --all -W -n --keep-going --path-output _build/next >/dev/null && \
	$(BIN)/python _ext/publish.py \
	|| { echo "book: failed after $$SECONDS s; a site built before stays in _build/html as it was" >&2; exit 1; }; \
	echo "book: built in $$SECONDS s: open _build/html/index.html"

test: $(STAMP)  ## run the tests and the examples in the docstrings
	@SECONDS=0; $(BIN)/python -m pytest $(ARGS) && echo "test: passed in $$SECONDS s"

test-slow: $(STAMP)  ## run the tests that sample for minutes
	@SECONDS=0; $(BIN)/python -m pytest tests/slow $(ARGS) && echo "test-slow: passed in $$SECONDS s"

check-site: $(STAMP)  ## check the pages that make book has built
	@SECONDS=0; $(BIN)/python -m pytest tests/site $(ARGS) && echo "check-site: passed in $$SECONDS s"

# The peers are no part of the lock: they have an environment of their own, with pins of their own.
PEERS := benchmarks/.venv
bench: $(STAMP)  ## measure the speed beside that of other systems, alone on the machine: a quarter of an hour
	@{ test -x $(PEERS)/bin/python || $(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS); } && \
	VIRTUAL_ENV="$(CURDIR)/$(PEERS)" $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode benchmarks/requirements.txt \
	|| echo "bench: the peers' environment could not be made; is the network up? They will be reported as not run" >&2; \
	$(BIN)/python benchmarks/run.py

calibrate: $(STAMP)  ## calibrate all engines at full size and write benchmarks/CALIBRATION.json: a quarter of an hour
	@$(BIN)/python benchmarks/calibrate.py

lab: $(STAMP)  ## open JupyterLab, where a click on a chapter opens it as a notebook
	@export JUPYTER_CONFIG_DIR="$(CURDIR)/$(VENV)/etc/jupyter"; \
	$(BIN)/jupytext-config set-default-viewer markdown && $(BIN)/jupyter lab $(ARGS)

lint: $(STAMP)  ## check style and format of the code, and CITATION.cff
	@$(BIN)/ruff check $(CODE) && $(BIN)/ruff format --check $(CODE)
	@# In an environment of its own: it wants a jsonschema older than the one JupyterLab needs.
	@$(BIN)/uv tool run --quiet --python $(BIN)/python cffconvert==2.0.0 --validate
	@echo "lint: passed"

lock: $(STAMP)  ## compile requirements.txt from pyproject.toml, for Python 3.12 and 3.13
	@$(UV) pip compile pyproject.toml --universal --python-version 3.12 --generate-hashes --extra book --group dev -o requirements.txt $(ARGS) >/dev/null
	@echo "lock: requirements.txt is up to date; the next make brings .venv up to it"

clean:  ## remove the site and all stored outputs (the environment stays: rm -rf .venv)
	@rm -rf _build .pytest_cache .ruff_cache .hypothesis
	@echo "clean: removed _build and the tools' caches"
