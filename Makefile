# Everything a developer does. Each target sets itself up: `make demo` and `make test` work on a fresh clone.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help install demo models test test-long browser cpp dataset lint format benchmark clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(READY) ## Create the virtual environment with everything that was tested.

# Done again when a requirement or a pinned version changes, and only then.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed, and $(PYTHON) is not one: give it with make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	    echo "$(PYTHON) cannot create a virtual environment: install its venv module (Debian: python3-venv)" >&2; exit 1; }
	@echo "Installing into $(VENV): about 4 GB, 2 to 4 minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	# ncnn's converter requires torch, which it does not use for ONNX files. timm and torchvision would bring another
	# build of torch; the tests use their networks alone, which are Python.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps pnnx timm torchvision -c constraints.txt
	@touch $@
	@echo "Done: . $(BIN)/activate"

demo: $(READY) ## Train on digits in Keras, export through both frameworks, compare the files and the answers.
	$(BIN)/python tools/demo.py

models: $(READY) dataset ## Train ResNet-18 on Fashion-MNIST in each framework, into the user's cache.
	$(BIN)/python tools/models.py

test: $(READY) browser cpp ## Run the tests, but for the long proofs.
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long"

test-long: $(READY) browser cpp dataset ## Run the long proofs: coverage of intervals, faults in every network, real measurements.
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long

# Installs packages of Debian's, where that can be done: $(call apt,PACKAGES)
apt = { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null \
    && { timeout 120 apt-get update && timeout 300 apt-get install -y --no-install-recommends $(1); } > /dev/null 2>&1; }

# Some tests look at a page in a browser. Without one they are skipped, and say so.
browser:
	@command -v chromium chromium-browser google-chrome > /dev/null || $(call apt,chromium) \
	    || echo "There is no Chromium, and it could not be installed." >&2

# Some tests build a client in C++. Without a compiler and its libraries they are skipped, and say so.
CPP := cmake g++ make libopencv-imgcodecs-dev nlohmann-json3-dev libssl-dev zlib1g-dev
cpp:
	@dpkg -s $(CPP) > /dev/null 2>&1 || $(call apt,$(CPP)) \
	    || echo "What a client in C++ is built with is not here, and could not be installed." >&2

# Some tests train on Fashion-MNIST. Without it they are skipped, and say so.
dataset:
	@test -d /usr/share/datasets/fashion-mnist || $(call apt,dataset-fashion-mnist) \
	    || echo "There is no Fashion-MNIST, and it could not be installed." >&2

lint: $(READY) ## Check style, types and layers.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Rewrite the code in the project's style.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

benchmark: $(READY) ## Time the export and the networks beside their rivals, measure the runtimes' errors, refresh the README.
	$(BIN)/python benchmarks/export.py
	$(BIN)/python benchmarks/verify.py
	$(BIN)/python benchmarks/latency.py

clean: ## Remove what was generated, but for the virtual environment.
	rm -rf .demo build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
