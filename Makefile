# The listener report. `make help` lists what can be asked for.
#
# Variables: DATA=file|folder|duckdb:///file.db|postgresql://... SPARK=spark://... MONTH=2026-10 ENGINE=auto|quarto|embedded OUTPUT=folder COLUMNS=file.toml FORCE=yes PYTHON=python3.12 QUARTO=no
#            CONFIRM=yes ACCEPT=yes TO=me@example.com RESOLVE=3:sent

# The shell gets them as variables, not as text that it would read: a file may be called anything ($ is make's own: $$).
export DATA SPARK MONTH ENGINE OUTPUT COLUMNS FORCE CONFIRM ACCEPT TO RESOLVE

# A shell may hold its width in COLUMNS: only one that stands behind `make` is meant.
ASKED_COLUMNS := $(if $(filter command,$(firstword $(origin COLUMNS))),--columns "$$COLUMNS")

# Variables of Python's own, which would put another package of the same name before this one, or have it start otherwise.
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH PYTHONSTARTUP PYTHONWARNINGS PYTHONOPTIMIZE PYTHONINSPECT PYTHONPLATLIBDIR PYTHONUSERBASE

# `exec` below: a signal to make then reaches Python, and not a shell in between that would end without it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QUARTO_VERSION := 1.9.38
QUARTO ?= yes

ifeq ($(shell uname),Darwin)
# Where Homebrew puts Pango, and macOS doesn't look. Named in the command: what it exports, /bin/sh there takes away.
LOOK := DYLD_FALLBACK_LIBRARY_PATH=/opt/homebrew/lib:/usr/local/lib:/usr/lib
endif

.DEFAULT_GOAL := help
.PHONY: help doctor report columns send notify unattended test setup setup-test setup-spark setup-postgres setup-fuzz setup-bench check coverage \
  mutants bench bench-trust bench-send bench-scale sample schema notebook pictures lock audit clean style

help: ## list what can be asked for
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

doctor: ## say what this machine lacks, and what for
	@command -v $(PYTHON) >/dev/null || { echo "make: there is no $(PYTHON). Install Python 3.11 or later." >&2; exit 1; }
	@$(LOOK) exec $(PYTHON) report/doctor.py

report: setup ## turn the newest month in data/ into its report (or DATA=any/file/or/folder MONTH=2026-10)
	@$(LOOK) exec $(BIN)/python -m report report --data "$$DATA" --spark "$$SPARK" --month "$$MONTH" --engine "$${ENGINE:-auto}" $(ASKED_COLUMNS) $(if $(OUTPUT),--output "$$OUTPUT")

columns: setup ## write a first columns file for another service: DATA=file COLUMNS=shop.toml (FORCE=yes writes over one)
	@$(LOOK) exec $(BIN)/python -m report columns --data "$$DATA" $(ASKED_COLUMNS) --month "$$MONTH" --force "$$FORCE"

send: setup ## show who would get which brief; CONFIRM=yes sends, TO=me@example.com tests, ACCEPT=yes accepts a held month, RESOLVE=3:sent settles one of MONTH=
	@$(LOOK) exec $(BIN)/python -m report send --month "$$MONTH" --confirm "$$CONFIRM" --to "$$TO" --resolve "$$RESOLVE" --accept "$$ACCEPT" $(if $(OUTPUT),--output "$$OUTPUT")

# Any Python that runs: that of .venv, which a failed set-up leaves as it was, else the machine's. What it runs needs no package.
# `make -n` would run a line that names $(MAKE) itself.
AGAIN := $(MAKE)
ANY = $$($(BIN)/python -c '' 2>/dev/null && echo $(BIN)/python || echo $(PYTHON))

notify: ## mail the owner that the last run failed, if it did
	@exec $(ANY) -m report.operations.notices

unattended: ## what a scheduler calls: report, then send; the owner is mailed whatever fails
	@$(LOOK) exec $(ANY) -m report.operations.unattended "$(AGAIN)"

# Tests start the command many times: its modules are compiled once, even where the environment keeps no bytecode.
test: export PYTHONDONTWRITEBYTECODE =
test: setup-test ## set up what the tests need, and run them
	@$(LOOK) $(BIN)/python -m pytest -n auto $(ARGS)

setup: $(VENV)/.installed $(VENV)/.quarto-tried

setup-test: setup $(VENV)/.installed-test $(VENV)/.installed-node

setup-spark: $(VENV)/.installed-spark ## install what DATA=spark://... needs (490 MB; Java 17 has to be there)
setup-postgres: $(VENV)/.installed-postgres ## install what DATA=postgresql://... needs
setup-fuzz: $(VENV)/.installed-fuzz ## install what the guided fuzzing of the reader needs, where there is a wheel of it
setup-bench: setup-test $(VENV)/.installed-spark $(VENV)/.installed-bench ## install what make bench-scale compares with

# Only what an extra adds: its lock leaves out all that requirements.txt has.
$(VENV)/.installed-spark $(VENV)/.installed-postgres $(VENV)/.installed-fuzz $(VENV)/.installed-bench: $(VENV)/.installed-%: requirements-%.txt $(VENV)/.installed
	@echo "Setting up what $* needs (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --require-hashes -r $<
	@touch $@

# An environment that was moved or copied with its folder still names the folder of before, whose code it would find: it is set up again.
INSTALLED_IN := $(shell cat $(VENV)/.installed 2>/dev/null)
ifneq ($(INSTALLED_IN),)
ifneq ($(INSTALLED_IN),$(CURDIR))
$(VENV)/.installed: setup-moved
endif
endif
.PHONY: setup-moved
setup-moved:

# The locks are whole (a test says so), so --no-deps: pip before 24 resolves "coverage[toml]" to the newest release
# and then refuses it for having no hash (pypa/pip#12345), from the day that a release comes out.
$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "make: $(PYTHON) is missing or older than 3.11. Install Python 3.11 or later, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV) (once; a minute or two)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "make: the virtual environment can't be made. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . \
	  2>$(VENV)/editable.log || { cat $(VENV)/editable.log >&2; exit 1; }
	@echo "$(CURDIR)" >$@

$(VENV)/.installed-test: $(VENV)/.installed requirements-test.txt
	@echo "Setting up what the tests need (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-test.txt
	@touch $@

# The web's own checkers, for tests that skip without them and say so.
NODE := $(wildcard tests/node/*/package-lock.json)
$(VENV)/.installed-node: $(NODE) | $(VENV)/.installed-test
	@if ! command -v npm >/dev/null; then :; \
	elif for lock in $(NODE); do npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$$(dirname $$lock)" || exit 1; done; \
	then touch $@; else echo "npm can't download what checks pages and mail; those tests skip"; fi

# Tried once. Where Quarto can't be had, the embedded engine makes the same pages.
$(VENV)/.quarto-tried: | $(VENV)/.installed
	@if test "$(QUARTO)" = no || command -v quarto >/dev/null; then :; \
	elif $(BIN)/python -c 'import subprocess, sys; sys.exit(subprocess.call([sys.executable, "-m", "pip", *sys.argv[1:]], timeout=300))' \
	    install --quiet --disable-pip-version-check quarto-cli==$(QUARTO_VERSION) >/dev/null 2>&1; then \
	  echo "Quarto $(QUARTO_VERSION) installed; ENGINE=embedded does without"; \
	else echo "Quarto can't be downloaded here; the embedded engine does the whole job"; fi
	@touch $@

check: setup-test ## style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

style: ## sizes, names and docstrings of the code, in figures
	@$(PYTHON) -m tests.project.style

coverage: setup-test ## branches of segmentation/ that its own tests take; less than 95 % fails
	@$(BIN)/python -m pytest -n auto -q tests/segmentation --cov=segmentation --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=95

# ROOMS="tracking/naming tracking/drift report/run.py templates/brief.txt": of segmentation/ a module's path in it, of the shell a file.
# NONSENSE=100 draws that many tests instead (ROOMS=tests/report/text for those of a part), and replaces what they name.
mutants: setup-test ## how many small mistakes the tests see (ROOMS=... for some rooms, PART=1 for a tenth, SAMPLE=200 of the shell, SEED=2026, SURVIVORS=yes; NONSENSE=100 for code that returns nonsense); less than 85 % of the core or 80 % of the shell fails
	@$(LOOK) $(BIN)/python -m tests.bench.mutants.$(if $(NONSENSE),nonsense,core) $(ROOMS)

bench: setup ## time and memory of the second `make report`, and the sizes of what it makes
	@$(LOOK) $(BIN)/python -m tests.bench.speed.run

bench-trust: setup-test ## how far segments, intervals and histories can be trusted, on simulated months
	@$(BIN)/python -m tests.bench.trust.segments && $(BIN)/python -m tests.bench.trust.histories && $(BIN)/python -m tests.bench.trust.quiet_months && \
	  $(BIN)/python -m tests.bench.trust.borders && $(BIN)/python -m tests.bench.trust.claims && $(BIN)/python -m tests.bench.trust.search

bench-send: setup-test ## two thousand faults while sending, kill -9 included
	@$(BIN)/python -m tests.bench.send

bench-scale: setup-bench ## 1, 10 and 100 million users, beside other ways to cluster them (FOLDER=scratch SIZES=1,10,100)
	@$(BIN)/python -m tests.bench.speed.scale

sample: setup ## make the synthetic months of data/ again
	@$(BIN)/python data/generate.py

schema: setup ## write docs/facts.schema.json from segmentation/facts/
	@exec $(BIN)/python -m report schema

notebook: setup ## write music_streaming_segmentation.ipynb from report/report.qmd
	@exec $(BIN)/python -m report notebook

pictures: setup-test ## make the README's pictures from the newest month made (needs chromium and pdftoppm)
	@$(BIN)/python -m tests.bench.pictures

lock: ## write the requirements from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --fork-strategy fewest --no-header pyproject.toml -o requirements.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --fork-strategy fewest --no-header --extra test -c requirements.txt pyproject.toml -o requirements-test.txt
	@for extra in spark postgres fuzz bench; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --fork-strategy fewest --no-header --extra $$extra -c requirements.txt \
	    $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.txt) pyproject.toml -o requirements-$$extra.txt || exit 1; \
	  grep -v '^#' requirements-$$extra.txt | grep . > $(VENV)/lock && mv $(VENV)/lock requirements-$$extra.txt; \
	done

audit: setup-test ## look for known weaknesses in what is locked
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.txt -r requirements-test.txt || \
	  { echo "make audit: what stands above is weak, or could not be asked about (that needs pypi.org)." >&2; exit 1; }

clean: ## delete the environment and all caches; reports and data stay
	@rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
