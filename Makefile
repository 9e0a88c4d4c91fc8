# make demo   the whole server on loopback, to try with a mail program
# make test   everything that must hold: linters, types, floors, transcripts, properties, real mail programs

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# written last, so that an interrupted set-up is taken up again
READY  := $(VENV)/.ready

.PHONY: demo test quick lint format sample thunderbird faults fuzz load bench-queue clean help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(READY)
	@$(BIN)/mailstack demo $(DEMO)

test: lint
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(TESTS)

# without the real mail programs and the daemon: seconds, for working on the code
quick: $(READY)
	@$(BIN)/python -m pytest -n auto -m "not client and not daemon" $(TESTS)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# etc/mailstack.toml, from the configuration's model
sample: $(READY)
	@$(BIN)/mailstack config sample > etc/mailstack.toml

# the real Thunderbird, alone: beside the other tests it may lose sight of the INBOX (cause not known yet)
thunderbird: $(READY)
	@MAILSTACK_THUNDERBIRD=1 $(BIN)/python -m pytest tests/clients/test_thunderbird.py

# the long forms of what `make test` does in short
faults: $(READY)
	@MAILSTACK_FAULTS=long $(BIN)/python -m pytest tests/faults --timeout 3600

# FUZZ seconds for each target of tests/fuzz (atheris), what is new stays in tests/fuzz/corpus; then the properties
FUZZ ?= 300
fuzz: $(READY)
	@$(BIN)/python -m tests.fuzz.run $(FUZZ)
	@MAILSTACK_HYPOTHESIS=long $(BIN)/python -m pytest tests/props --timeout 3600

# 100 clients that send 50 MiB each at the same time: what the server takes of memory
load: $(READY)
	@MAILSTACK_LOAD=long $(BIN)/python -m pytest -s tests/faults/test_smtp_memory.py

# how long a server with a million queued recipients takes to start, and what memory
bench-queue: $(READY)
	@$(BIN)/python -m tests.bench.queue_start $(ROWS)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	  "mailstack needs Python 3.11 or newer; this is %s. Try: make PYTHON=python3.12" % sys.version.split()[0])'
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); \
	  $(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }; }
	@echo "Installing mailstack and its tools into $(VENV): half a minute, once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
