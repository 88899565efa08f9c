# Two commands: `make demo` shows it, `make test` proves it. Both set up .venv first, and only when it is out of date.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test coverage check sanitize samples clean

demo: $(READY)
	$(BIN)/pagesight demo $(if $(HEADLESS),--headless)

# Two processes of one thread each: torch's own threads on two cores gain less than a second process does.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: ARGS := --cov --cov-report=term
coverage: test

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/types/pagesight
	for room in generation ingest retrieval ui; do ln -sfn ../../../$$room build/types/pagesight/$$room; done
	$(BIN)/pyright

# The MaxSim kernel's tests with a kernel that ends the process at a read or write out of bounds, an overflow, a bad
# shift or a misaligned access. It lies in a copy of the tree that Python finds before the installed one. Leaks are not
# looked for: Python itself leaves memory behind.
SANITIZED := build/sanitize/pagesight
sanitize: $(READY)
	rm -rf $(SANITIZED)
	mkdir -p $(SANITIZED)
	cp -r retrieval $(SANITIZED)/
	for room in generation ingest ui; do ln -sfn ../../../$$room $(SANITIZED)/$$room; done
	$(CC) -g -O1 -std=c11 -Wall -Wextra -Werror -Wno-unknown-pragmas -ffp-contract=off -fno-omit-frame-pointer \
		-fsanitize=address,undefined -fno-sanitize-recover=all -fPIC -shared -pthread \
		-I$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_path('include'))") \
		retrieval/maxsim/csrc/*.c -o $(SANITIZED)/retrieval/maxsim/_kernel.abi3.so
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
		OMP_NUM_THREADS=1 PYTHONPATH=build/sanitize $(BIN)/python -m pytest -q -s tests/retrieval/test_maxsim*.py $(ARGS)

samples: $(READY)
	$(BIN)/python data/make_samples.py

# The pictures of the page in the README: what its tests in a browser saw.
screenshots: $(READY)
	$(BIN)/python -m pytest -q tests/ui/test_browser.py
	mkdir -p ui/screenshots
	for shot in build/screenshots/*.png; do \
		$(BIN)/python -c "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('RGB').save(sys.argv[2], quality=80)" \
			$$shot ui/screenshots/$$(basename $$shot .png).webp; \
	done

$(READY): pyproject.toml constraints.txt $(wildcard retrieval/maxsim/csrc/*)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	# Once, on all cores: otherwise each first import compiles torch and its like, and every one does where nothing may be
	# written beside the sources. Some packages carry templates that are no Python.
	$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	touch $(READY)

clean:
	rm -rf .venv build *.egg-info
