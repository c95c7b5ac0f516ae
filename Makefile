# Each target creates and fills .venv itself when it is missing or older than what it is made from.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test docs lint types bench bench-gpu fuzz slow wheel release lowest clean

demo: $(READY)
	$(BIN)/seqjepa demo

# Tests start many processes: compiled modules are kept, wherever the shell says that they are not.
# Types are checked beside them, and told of at the end.
test: lint
	@told=$$(mktemp); $(BIN)/pyright > $$told 2>&1 & types=$$!; \
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest -q -n auto --maxprocesses 8 --dist worksteal -m "not slow"; \
	tests=$$?; wait $$types; types=$$?; cat $$told; rm $$told; exit $$((tests + types))

# The site, from a folder and without a network: out/site/index.html
docs: $(READY)
	$(BIN)/python docs/tables.py
	$(BIN)/mkdocs build --quiet
	@echo "open out/site/index.html"

slow: $(READY)
	$(BIN)/pytest -q -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/pyright

bench: $(READY)
	$(BIN)/python benchmarks/bench.py

# Every row of a GPU, where there is one: steps in bf16, float32 and compiled, the seed run, the diagnosis of a ViT-S.
bench-gpu: $(READY)
	$(BIN)/python benchmarks/bench.py --only gpu --out bench-gpu.json

fuzz: $(READY)
	$(BIN)/python benchmarks/fuzz.py

# The wheel in an environment of its own, away from the repository: the demo runs from what was packed alone.
wheel: $(READY)
	rm -rf dist .venv-wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install --quiet --constraint constraints.txt dist/seqjepa-*.whl
	away=$$(mktemp -d) && cd $$away && $(CURDIR)/.venv-wheel/bin/seqjepa demo --out $$away/run && rm -r $$away

# What goes to the index: a wheel and a source archive, checked.
release: $(READY)
	rm -rf dist
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[release]'
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*

# The lowest versions that pyproject.toml declares; of PyTorch there is only the one at hand.
lowest:
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet uv
	UV_FIND_LINKS=$${PIP_FIND_LINKS:-} VIRTUAL_ENV=.venv-lowest .venv-lowest/bin/uv pip install --quiet \
		--resolution lowest-direct --editable '.[dev]'
	.venv-lowest/bin/pytest -q -m "not slow" -o filterwarnings=default

clean:
	rm -rf $(VENV) .venv-wheel .venv-lowest build dist .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
