# The project's commands; continuous integration calls the same ones. GNU make 3.81 suffices (macOS).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env book pdf test test-kernels test-slow test-weekly check-site check-links check-rerun check-reproducible check-lock anchors mutate bench calibrate lab lint lock clean wheel way-out

# Where this is set, as in many containers, every kernel compiles PyMC anew: 6.7 s an import instead of 1.2 s.
export PYTHONDONTWRITEBYTECODE :=

# Of the book and the tests: PyTensor neither looks for a BLAS nor says that it has none, so that numbers
# depend on no machine's; a page shows no bar of progress, and so no word about one.
export PYTENSOR_FLAGS ?= blas__ldflags=
book pdf: export PYTHONWARNINGS := ignore:IProgress not found

# The list of fonts is that of this environment: a stale one of another leaves figures without their fonts.
export MPLCONFIGDIR = $(CURDIR)/$(VENV)/matplotlib

# The same commit gives the same pages and the same PDF whenever they are made: their date is that of the commit.
COMMITTED := $(shell git log -1 --format=%ct 2>/dev/null)
ifneq ($(COMMITTED),)
export SOURCE_DATE_EPOCH ?= $(COMMITTED)
endif

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
LOG := $(VENV)/install.log
UV := VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv
CODE := lmmlib tests _ext tools benchmarks hatch_build.py

# An environment that was moved, or whose interpreter has gone, is as good as none. The stamp holds its place.
ifneq ($(shell $(BIN)/python -c '' 2>/dev/null && cat $(STAMP) 2>/dev/null),$(CURDIR))
$(shell rm -f $(STAMP))
endif

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "ARGS=... passes options on to pytest (test, test-slow, check-site), to JupyterLab (lab) or to uv (lock: --upgrade), or names parts (calibrate: direct, controls, marginal, conditional; mutate: a module); PYTHON=... names the interpreter"

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
	  $(UV) pip install --quiet --no-deps --no-build-isolation -e . && \
	  $(BIN)/python -c 'import matplotlib.font_manager'; } >$(LOG) 2>&1 \
	|| { echo "env: the packages could not be installed; is the network up? The last of $(LOG) says: $$(tail -n 1 $(LOG) | sed 's/^ *//'); make env starts over" >&2; exit 1; }; \
	echo "$(CURDIR)" > $@; echo "env: installed in $$SECONDS s"

book: $(STAMP)  ## execute the chapters that changed, render the book, publish it in _build/html
	@SECONDS=0; rm -rf _build/next; \
	$(BIN)/python tools/execute_chapters.py && \
	$(BIN)/jupyter-book build . --quiet --all -W -n --keep-going --path-output _build/next >/dev/null && \
	$(BIN)/python tools/publish.py \
	|| { echo "book: failed after $$SECONDS s; a site built before stays in _build/html as it was" >&2; exit 1; }; \
	echo "book: built in $$SECONDS s: open _build/html/index.html"

PRINT := _build/print/_build/latex
pdf: $(STAMP)  ## make book, with the report as a PDF in it, from the same run: needs XeLaTeX
	@command -v latexmk >/dev/null && command -v xelatex >/dev/null \
	|| { echo "pdf: latexmk and xelatex are needed (Debian: apt-get install $$(xargs <.ci/tex-packages))" >&2; exit 1; }
	@SECONDS=0; rm -rf _build/print; \
	$(BIN)/python tools/execute_chapters.py && \
	$(BIN)/jupyter-book build . --quiet --all -W -n --keep-going --builder latex --path-output _build/print >/dev/null && \
	{ (cd $(PRINT) && FORCE_SOURCE_DATE=1 latexmk -xelatex -interaction=nonstopmode -halt-on-error report.tex >latexmk.out 2>&1) \
	  || { grep -A 5 '^!' $(PRINT)/report.log >&2; false; }; } \
	|| { echo "pdf: failed after $$SECONDS s; see $(PRINT)/report.log" >&2; exit 1; }; \
	echo "pdf: typeset in $$SECONDS s"
	@REPORT_PDF="$(CURDIR)/$(PRINT)/report.pdf" $(MAKE) --no-print-directory book

# A worker a core, and a thread of BLAS a worker: more wait for one another. A worker that has done its share takes from another's.
WORKERS := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal
test: $(STAMP)  ## run the tests and the examples in the docstrings, in parallel (ARGS="-n 0": one after the other)
	@SECONDS=0; $(WORKERS) $(ARGS) && echo "test: passed in $$SECONDS s"

test-kernels: $(STAMP)  ## run the numerical tests under each kernel of OpenBLAS that the processor has (ARGS=--extremes: two of them)
	@$(BIN)/python tests/kernels.py $(ARGS)

test-slow: $(STAMP)  ## run the tests that sample for minutes
	@SECONDS=0; $(BIN)/python -m pytest tests/slow $(ARGS) && echo "test-slow: passed in $$SECONDS s"

test-weekly: $(STAMP)  ## kill builds and let chapters fail, on a toy book: ten minutes
	@SECONDS=0; $(BIN)/python -m pytest tests/weekly $(ARGS) && echo "test-weekly: passed in $$SECONDS s"

check-site: $(STAMP)  ## check the pages that make book has built
	@SECONDS=0; $(BIN)/python -m pytest tests/site $(ARGS) && echo "check-site: passed in $$SECONDS s"

check-links: $(STAMP)  ## ask every other site that the report links to
	@$(BIN)/jupyter-book build . --quiet --all --builder linkcheck --path-output _build/links >/dev/null \
	&& echo "check-links: all answer" || { echo "check-links: those named above do not answer; some sites refuse programs" >&2; exit 1; }

check-rerun: $(STAMP)  ## execute every notebook that the site offers, each in a clean folder
	@SECONDS=0; $(BIN)/python -m pytest tests/rerun $(ARGS) && echo "check-rerun: passed in $$SECONDS s"

check-reproducible: pdf  ## render pages and PDF a second time from the same run, and compare byte for byte
	@rm -rf _build/first && cp -RL _build/html _build/first && $(MAKE) --no-print-directory pdf && diff -rq _build/first _build/html/ \
	|| { echo "check-reproducible: the files above differ between two renderings" >&2; exit 1; }
	@echo "check-reproducible: $$(find _build/first -type f | wc -l) files are alike, byte for byte"; rm -rf _build/first

anchors: $(STAMP)  ## add the new anchors of the built site to tests/site/anchors.txt, the list of those that must stay
	@$(BIN)/python tests/site/anchors.py

# In an environment of its own, as the linter of CITATION.cff is: the lock is for what the tests themselves need.
mutate: $(STAMP)  ## change one operator of the algebra at a time: some test must fail; ARGS="--one-each" for half an hour
	@$(BIN)/uv run --quiet --no-project --python $(BIN)/python --with "$$(sed -n 's/^tool = "\(.*\)"/\1/p' tests/mutation.toml)" \
	  python tests/mutate.py $(ARGS)

# The peers are no part of the lock: they have an environment of their own, with pins of their own.
PEERS := benchmarks/.venv
bench: $(STAMP)  ## measure the speed beside that of other systems, alone on the machine: an hour or two (ARGS: --only TEXT, --share 0.01 for a trial, --resume)
	@{ test -x $(PEERS)/bin/python || $(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS); } && \
	VIRTUAL_ENV="$(CURDIR)/$(PEERS)" $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode benchmarks/requirements.txt \
	|| echo "bench: the peers' environment could not be made; is the network up? They will be reported as not run" >&2; \
	$(BIN)/python benchmarks/run.py $(ARGS)

calibrate: $(STAMP)  ## calibrate all engines at full size and write benchmarks/CALIBRATION.json: a quarter of an hour
	@$(BIN)/python benchmarks/calibrate.py $(ARGS)

lab: $(STAMP)  ## open JupyterLab, where a click on a chapter opens it as a notebook
	@export JUPYTER_CONFIG_DIR="$(CURDIR)/$(VENV)/etc/jupyter"; \
	$(BIN)/jupytext-config set-default-viewer markdown && $(BIN)/jupyter lab $(ARGS)

lint: $(STAMP)  ## check style, format, docstrings and types of the code, and CITATION.cff
	@$(BIN)/ruff check $(CODE) && $(BIN)/ruff format --check $(CODE)
	@$(BIN)/numpydoc lint $$(find lmmlib -name '*.py')
	@$(BIN)/mypy
	@# In an environment of its own: it wants a jsonschema older than the one JupyterLab needs.
	@$(BIN)/uv tool run --quiet --python $(BIN)/python cffconvert==2.0.0 --validate
	@echo "lint: passed"

COMPILE = $(UV) pip compile --quiet --no-python-downloads pyproject.toml --universal --python-version 3.12 --generate-hashes --extra book --group dev
lock: $(STAMP)  ## compile requirements.txt from pyproject.toml, for Python 3.12 and 3.13
	@$(COMPILE) -o requirements.txt $(ARGS) >/dev/null
	@echo "lock: requirements.txt is up to date; the next make brings .venv up to it"

check-lock: $(STAMP)  ## check that requirements.txt is what make lock would write
	@mkdir -p _build && cp requirements.txt _build/lock.txt && $(COMPILE) -o _build/lock.txt >/dev/null && \
	diff <(tail -n +3 requirements.txt) <(tail -n +3 _build/lock.txt) && echo "check-lock: requirements.txt follows from pyproject.toml" \
	|| { echo "check-lock: requirements.txt does not follow from pyproject.toml: make lock" >&2; exit 1; }

clean:  ## remove the site and all stored outputs (the environment stays: rm -rf .venv)
	@rm -rf _build .pytest_cache .ruff_cache .hypothesis
	@echo "clean: removed _build and the tools' caches"

# In environments of their own: what twine needs is no part of the lock, and a stranger has none of it. The wheel comes out of the source archive.
wheel: $(STAMP)  ## build what goes to the Python registry, check it, and use it in clean environments
	@SECONDS=0; rm -rf _build/wheel; \
	$(UV) build --quiet --no-build-isolation --python $(BIN)/python --out-dir _build/wheel && \
	$(BIN)/uv tool run --quiet --python $(BIN)/python twine==7.0.0 check --strict _build/wheel/*.whl _build/wheel/*.tar.gz && \
	$(BIN)/python -m pytest tests/wheel $(ARGS) && echo "wheel: built, checked and used in $$SECONDS s"

way-out: $(STAMP)  ## render the site of make book without Jupyter Book 1.x, in an environment of its own, and list what differs
	@SECONDS=0; $(BIN)/python tools/way_out.py && echo "way-out: rendered in $$SECONDS s: _build/way-out/differences.txt"
