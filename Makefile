# Every target works on a fresh clone: the virtual environment is made when it is missing or older than what describes it.
#   make demo PYTHON=python3.12     another interpreter (3.11 or newer) for a new environment

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.docs-ready
# Several busy processes on few cores must not each start a thread per core.
PYTEST := OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-oldest mutants lint bench docs wheel clean
.DELETE_ON_ERROR:

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

$(DOCS_READY): $(READY)
	$(RUN) -m pip install --quiet -c constraints.txt -e '.[docs]'
	@touch $@

demo: $(READY)  ## measure, plan, sample and check two models, a minute or two (out/demo)
	OMP_NUM_THREADS=1 $(RUN) -m unmask demo --out out/demo

test: $(READY)  ## the tests, a few minutes
	$(PYTEST) -m 'not slow'

test-all: $(READY) test-oldest  ## the tests, the slow ones too, and the models again on the oldest transformers
	$(PYTEST)

# The oldest transformers of the supported range and what it needs, in front of everything else of the environment.
OLDEST := build/oldest-transformers
$(OLDEST)/.ready: $(READY)
	$(RUN) -m pip install --quiet --no-deps --upgrade --target $(OLDEST) \
	  'transformers==4.57.*' 'tokenizers<0.23' 'huggingface_hub<1'
	@touch $@

test-oldest: $(OLDEST)/.ready  ## the tests of loading, on the oldest transformers of the supported range
	PYTHONPATH=$(OLDEST) $(PYTEST) tests/models/test_pretrained.py tests/models/test_inspect.py -m 'not slow'

mutants: $(READY)  ## change the code in 200 places of a room and see that a test notices (ROOMS="theory planning")
	$(RUN) tools/mutants.py $(or $(ROOMS),theory sampling planning certifying) --count $(or $(COUNT),200)

lint: $(READY)  ## style and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(READY)  ## time and memory, as ratios to the plain alternative
	@set -e; for file in benchmarks/*.py; do echo "$$file"; OMP_NUM_THREADS=1 $(RUN) $$file; done

docs: $(DOCS_READY)  ## the documentation (site/index.html)
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet
	@echo "The documentation is in $(CURDIR)/site/index.html"

# An environment that holds the wheel and what theory and command line import, nothing of the source tree and no torch.
wheel: $(READY)  ## the wheel (dist), tried in an empty environment
	rm -rf dist build/empty
	$(RUN) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	$(RUN) -m venv build/empty
	build/empty/bin/python -m pip install --quiet -c constraints.txt numpy scipy typer rich
	build/empty/bin/python -m pip install --quiet --no-deps dist/unmask-*.whl
	cd build/empty && bin/unmask --help >bin/help.txt && grep -q measure bin/help.txt
	cd build/empty && bin/unmask laws >bin/laws.txt && grep -q markov_chain bin/laws.txt
	cd build/empty && bin/python -I -c "import unmask, importlib.util as found; \
	  assert found.find_spec('torch') is None and 'empty' in unmask.__file__, unmask.__file__; \
	  curve = unmask.laws.Permutation(8).curve(); print(unmask.best_schedule(curve, 3), unmask.frontier(curve).price(3))"
	@ls dist

clean:  ## remove everything make made except the environment
	rm -rf out site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
