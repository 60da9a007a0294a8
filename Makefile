# Each of `make test` and `make demo` works as the only command on a machine
# with Python 3.11 or newer, pip and make.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JSFORCE := $(VENV)/jsforce/.installed
WORKERS ?= 2
LOWEST := .venv-lowest
LOWEST_TOOLS := build editables fakesnow hatchling hypothesis jsonschema matplotlib pytest pytest-xdist pyyaml sqlfluff

.PHONY: test check demo bench docs dist lock lowest clean

test: check $(JSFORCE)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy src
	$(BIN)/lint-imports --no-logo

demo: $(STAMP)
	$(BIN)/lht demo

bench: $(STAMP)
	$(BIN)/python -m benchmarks --report
	$(BIN)/python -m benchmarks.devorg

docs: $(STAMP)
	$(BIN)/python -m pytest tests/docs

dist: $(STAMP)
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*

lock: $(STAMP)
	{ echo '# Every package of a development environment, pinned. Made by `make lock`.'; \
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' \
	| $(BIN)/pip-compile --quiet --upgrade --extra devorg --extra snowflake --strip-extras --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file - pyproject.toml - \
	| grep "^[a-z]"; } > requirements.lock.new
	mv requirements.lock.new requirements.lock

# A client in JavaScript, for the tests of the local org, where there is an npm.
$(JSFORCE): tests/clients/js/package.json tests/clients/js/package-lock.json | $(STAMP)
	@command -v npm >/dev/null || { echo "no npm: the tests with jsforce are left out" >&2; exit 0; }; \
	mkdir -p $(@D) && cp $^ $(@D) && cd $(@D) \
	&& npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch $(@F)

# The suite with the lowest versions that pyproject.toml allows.
lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) --dist worksteal tests/unit tests/contract tests/devorg tests/snowflake tests/emulator

clean:
	rm -rf $(VENV) $(LOWEST) dist build

# The environment is made again only when what it is made from has changed.
$(STAMP): requirements.lock pyproject.toml
	@for p in $${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do \
	  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found=$$p && break; \
	done; \
	test -n "$$found" || { echo "lht needs Python 3.11 or newer: install it, or name it with PYTHON=..." >&2; exit 1; }; \
	"$$found" -c 'import venv, ensurepip' 2>/dev/null || { echo "$$found has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
	test -x $(BIN)/python || "$$found" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# The connector 4.0 warns of the chardet that sqlfluff would bring.
$(LOWEST)/.installed: $(STAMP)
	$(BIN)/python -m venv --clear $(LOWEST)
	$(BIN)/python -c 'import re, tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	  print(*(re.sub(r"\[.*?\]", "", d).replace(">=", "==", 1) for d in sum(p["optional-dependencies"].values(), p["dependencies"])), sep="\n")' > $(LOWEST)/constraints.txt
	for tool in $(LOWEST_TOOLS); do grep "^$$tool==" requirements.lock || exit 1; done > $(LOWEST)/tools.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOWEST)/constraints.txt --requirement $(LOWEST)/tools.txt 'chardet<6'
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOWEST)/constraints.txt --no-build-isolation --editable '.[devorg,snowflake]'
	$(LOWEST)/bin/python -m pip check
	@touch $@
