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

test:
	@requirements/install.sh dev
	@.venv/bin/python -m pytest $(PYTEST)

screenshots: ## the pictures in docs/, by the end-to-end test
	@requirements/install.sh dev
	@PHASELENS_SCREENSHOTS=1 .venv/bin/python -m pytest -q tests/e2e -k screenshot

lock:
	@requirements/lock.sh

clean:
	rm -rf .venv .test-home
