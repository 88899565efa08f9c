# Two commands: `make demo` shows it, `make test` proves it. Both set up .venv first, and only when it is out of date.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check samples clean

demo: $(READY)
	$(BIN)/pagesight demo $(if $(HEADLESS),--headless)

# Two processes of one thread each: torch's own threads on two cores gain less than a second process does.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/types/pagesight
	for room in generation ingest retrieval ui; do ln -sfn ../../../$$room build/types/pagesight/$$room; done
	$(BIN)/pyright

samples: $(READY)
	$(BIN)/python data/make_samples.py

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf .venv build *.egg-info
