# make demo   set up a virtual environment and run the main job on the bundled model (no key, no network)
# make test   set up a virtual environment and run the tests
# make check  lint, types, import contracts, docstring coverage
# make real-server  build llama.cpp's server into the cache folder, once; the tests in tests/real use it

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test check gate real-server clean

demo: $(VENV)/.installed
	$(BIN)/autointerp demo --out runs/demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/interrogate -q autointerp sae prompts

# The bundled model's rate against the committed baseline, and against an SAE that is known to be worse.
gate: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/gate_check.py

# Takes a C++ compiler and 7.5 minutes of CPU time (so about 4 minutes on two free cores); nothing when it is there.
real-server: $(VENV)/.installed-dev
	$(BIN)/python tests/real/build_server.py

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "autointerp needs Python 3.11 or newer; name one with 'make PYTHON=python3.11'"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "no virtual environment could be made; on Debian: apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
