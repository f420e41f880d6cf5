# Verbs of this repository; each makes its own virtual environment where it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NATIVE := taxoloss/functional/kernels/native
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: help demo test test-all coverage check fuzz bench experiments docs site clean

help:
	@echo "make demo    train on texts of ICD-10-CM and print accuracy at every level (about a minute when idle)"
	@echo "make test    run the tests, without the slow ones, over one form of the loss (under four minutes when idle)"
	@echo "make test-all  run every test: over both forms, native and Python; also kills, large trees, whole matrices (half an hour)"
	@echo "make coverage  the tests again, counting lines and branches, also in the processes that they start"
	@echo "make check   ruff, the layers of the rooms, and mypy"
	@echo "make fuzz    50,000 inputs that nobody meant, for every reader and stream; all modes of torch; 100,000 losses by C and by Python (half an hour)"
	@echo "make bench   what a step costs: measures, and rewrites docs/performance.md and the table of the README (half an hour)"
	@echo "make experiments  train the studies of docs/experiments.md, rewrite its tables and pictures (an hour)"
	@echo "make docs    docs/errors.md from the register of the codes; run the code of the README and the docs"
	@echo "make site    build the site of the docs, docs/_build (offline, a link that leads nowhere is an error; under a minute)"

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade "pip>=25.1"
	$(PIP) install -e ".[examples,integrations,ray,sources,sweep]" --group dev
	@touch $@

# The install compiles it too (hatch_build.py); here after each change. Without a compiler all goes on in Python.
$(VENV)/kernel: $(VENV)/installed $(NATIVE)/build.py $(wildcard $(NATIVE)/*.[ch])
	-$(BIN)/python $(NATIVE)/build.py
	@touch $@

demo: $(VENV)/kernel
	$(BIN)/python examples/icd10cm/icd10cm.py $(ARGS)

test: $(VENV)/kernel
	$(BIN)/python -m pytest -n 2 -m "not slow" --hypothesis-profile=fast $(ARGS)

test-all: $(VENV)/kernel
	$(BIN)/python -m pytest -n 2 $(ARGS)

coverage: $(VENV)/kernel
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

$(VENV)/bench: $(VENV)/installed
	$(PIP) install --group bench
	@touch $@

fuzz: $(VENV)/kernel
	$(BIN)/python tests/fuzz/fuzz.py $(ARGS)
	$(BIN)/python tests/fuzz/fuzz_modes.py
	PYTHONPATH=tests/oracles $(BIN)/python tests/fuzz/fuzz_native.py

bench: $(VENV)/bench $(VENV)/kernel
	$(BIN)/python -m benchmarks $(ARGS)

experiments: $(VENV)/kernel
	$(BIN)/python -m studies.experiments --train $(ARGS)

docs: $(VENV)/installed
	cp taxoloss/errors/codes.md docs/errors.md
	$(BIN)/python -m pytest -q tests/docs/test_docs.py
	$(MAKE) site

site: $(VENV)/installed
	$(BIN)/python -m sphinx -W --keep-going -E -q docs docs/_build

clean:
	rm -rf $(VENV)
