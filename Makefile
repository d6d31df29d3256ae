# `make app` and `make test` each do all of their own set-up.
#   PORT=8502        another port
#   PYTHON=python3.12  the Python that makes .venv
#   TORCH_INDEX=URL  where torch comes from (PyTorch's install page names the CPU index)
.PHONY: app test screenshots lock clean
PORT ?= 8501
export TORCH_INDEX PYTHON

app:
	@requirements/install.sh app
	@.venv/bin/python -m core.models.packaged
	@exec .venv/bin/python -m core.serve --port $(PORT)

# A stranger's first start has the machine to itself: it builds the large index, which the other
# tests then use, side by side. The tests of a file stay together, for what it sets up; which files
# go first tests/conftest.py says.
FIRST = tests/e2e/test_first_start.py

test:
	@requirements/install.sh dev
ifdef PYTEST
	@.venv/bin/python -m pytest $(PYTEST)
else
	@.venv/bin/python -m pytest $(FIRST) -o faulthandler_timeout=3600
	@.venv/bin/python -m pytest --ignore $(FIRST) -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
endif

screenshots: ## the pictures in docs/, by the end-to-end test
	@requirements/install.sh dev
	@PHASELENS_SCREENSHOTS=1 .venv/bin/python -m pytest -q tests/e2e -k screenshot

lock:
	@requirements/lock.sh

clean:
	rm -rf .venv .test-home
