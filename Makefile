# Everything anyone needs, from a checkout and Python 3.11 or later: `make` lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Where it is set, each of many processes would compile its modules anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
PROFILE ?=
PRESET ?=
DATA ?=
# How many stage instances or tests run at once; else as cores and memory allow. Results do not depend on it.
JOBS ?=
EXECUTOR ?=
SCHEDULER ?=
# Any value: torch with its CUDA libraries, hashed, as the image has it. Else the same versions as pip finds them, unhashed,
# so that a CPU build may be taken.
CUDA ?=
# A second index that is asked for torch alone, such as the one of its CPU builds.
TORCH_INDEX ?=
# Of `make test`: which tests, by words of their names. Pytest itself reads PYTEST_ADDOPTS.
K ?=
BASE_IMAGE ?=
IMAGE ?= xit
# Further options of `docker build`.
BUILD ?=
# Where `reproduce` runs: `docker` for the image, with this folder mounted; else here.
IN ?=

VENV := .venv
# Named by what they were made from: a stamp that exists is up to date, whatever the times of the files are.
digest = $(shell cat $(1) 2>/dev/null | sha256sum | cut -c 1-16)
LOCKS := requirements/base.lock requirements/cuda.lock
ENVIRONMENT := $(VENV)/.environment-$(call digest,$(LOCKS))
PROJECT := $(VENV)/.project-$(call digest,$(LOCKS) pyproject.toml)

PIP := $(VENV)/bin/python -m pip --disable-pip-version-check -qq
CUDA_TORCH := --require-hashes --requirement requirements/cuda.lock
# The locked versions without their hashes; pip takes of them what torch needs here.
VERSIONS := $(VENV)/.versions
PLAIN_TORCH = torch --constraint $(VERSIONS) $(if $(value TORCH_INDEX),--extra-index-url $(call argument,TORCH_INDEX))
quoted = '$(subst ','\'',$(1))'
# The value of a variable as one argument of a command, whatever is in it: blanks, quotes, dollars.
argument = $(call quoted,$(value $(1)))
# An option of a command, where its variable has a value.
option = $(if $(value $(2)),$(1) $(call argument,$(2)))
# Hashes are checked; dependencies are not resolved again, since a lock holds them all.
INSTALL := $(PIP) install --no-deps

.PHONY: help setup environment reproduce smoke test test-all torture rehearse lint audit paper docs clean clean-all lock image image-test

help:  ## List these commands
	@echo "make COMMAND [PROFILE=…] [DATA=…] [JOBS=…]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PROFILE      a file of profiles/ over params.yaml: make reproduce PROFILE=text DATA=folder"
	@echo "  DATA         the folder of published files, for the profiles that read them"
	@echo "  JOBS         how many stages or tests run at once; else as many as there are cores (and memory)"
	@echo "  EXECUTOR     dask: on its workers, here or at SCHEDULER=tcp://host:8786 (docs/scale.md)"
	@echo "  IN           docker: make reproduce IN=docker runs it in the image, on this folder"
	@echo "  K            words of names of tests: make test K=lstm; PYTEST_ADDOPTS=--exitfirst takes options of pytest"
	@echo "  TORCH_INDEX  a second index for torch alone. On a machine without a GPU this saves several GB of CUDA:"
	@echo "               make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu"

setup: $(PROJECT)  ## Make .venv with the locked dependencies and xit (the others do it when needed)

reproduce: $(if $(IN),image,setup)  ## Run the whole experiment, from data to paper/main.pdf
	@$(if $(IN),$(RUN_IN_DOCKER),$(VENV)/bin/)xit reproduce $(call option,--profile,PROFILE) $(call option,--preset,PRESET) \
		$(if $(value DATA),--data $(call quoted,$(DATA_PATH))) $(call option,--jobs,JOBS) \
		$(call option,--executor,EXECUTOR) $(call option,--scheduler,SCHEDULER)

# The image's environment, this folder's code; what it makes belongs to whoever owns the folder.
RUN_IN_DOCKER = docker run --rm --init $(if $(shell command -v nvidia-smi),--gpus all) --user $$(stat -c %u:%g .) \
	--volume $(call quoted,$(CURDIR):/project) --workdir /project --env PYTHONPATH=/project \
	$(if $(value DATA),--volume $(call quoted,$(DATA_PATH):$(DATA_PATH):ro)) $(call argument,IMAGE)$(space)
# Absolute, since the container has it in the same place.
DATA_PATH = $(if $(filter /%,$(firstword $(value DATA))),,$(CURDIR)/)$(value DATA)
space := $(subst ,, )

smoke: setup  ## Run the whole pipeline on a tiny profile, to see that it works
	@$(VENV)/bin/xit reproduce --profile tiny $(call option,--jobs,JOBS)

WORKERS = -n $(if $(value JOBS),$(call argument,JOBS),auto)
# Neighbours of a file run in one worker, which makes what they share once.
PYTEST = $(VENV)/bin/pytest $(WORKERS) --dist worksteal $(call option,-k,K)

test: setup  ## Run the fast tests, or those of them that K= names
	$(PYTEST) -m "not slow"

test-all: setup  ## Run the slow tests too; ten minutes
	$(PYTEST) -m "not torture and not rehearsal"

torture: setup  ## Kill stages 200 times at random moments, fill disks (as root), damage files; minutes
	$(VENV)/bin/python scripts/torture.py
	$(VENV)/bin/pytest $(WORKERS) --dist loadfile -m torture

rehearse: setup  ## Do what docs/ tells whoever adds a thing, the tutorial, and profiles real and xtreme-r on stand-ins of the Hub; long
	$(VENV)/bin/pytest -q -s -m rehearsal

lint: setup  ## Check style, format and types
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

audit: .venv-audit/bin/pip-audit  ## Ask PyPI for known vulnerabilities of what is locked
	@$< --strict --require-hashes --disable-pip --progress-spinner off $(LOCKS:%=--requirement %) || { echo \
		"Not clean: above is a vulnerability; or not audited: a package that the advisory service did not answer for." >&2; exit 1; }

paper: setup  ## Make tables, figures and the PDF from the scores that are there
	@$(VENV)/bin/xit paper

docs: setup  ## Build the site of docs/ into site/, where a warning is an error
	@$(VENV)/bin/zensical build --strict --clean
	@echo "site/index.html is built. To search it too: python3 -m http.server --directory site"

clean:  ## Remove what was made and is not committed: data, models, evaluations, results, the paper, caches
	rm -rf data models tokenizer translations evaluations tuning results paper/generated paper/main.pdf logs report.html site .cache dvc_plots workspaces .dvc/cache .dvc/tmp .*_cache .hypothesis build *.egg-info

clean-all: clean  ## Remove .venv too
	rm -rf $(VENV) .venv-lock .venv-audit

lock: .venv-lock/bin/uv  ## Resolve the dependencies of pyproject.toml, with hashes; UPGRADE=1 takes the newest of all
	cat requirements/base.lock requirements/cuda.lock > .venv-lock/all.lock
	$< pip compile pyproject.toml --extra dev --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-header \
		--quiet $(if $(UPGRADE),--upgrade) --output-file .venv-lock/all.lock
	awk '/^[a-z0-9]/ {cuda = /^(torch|triton|nvidia-|cuda-)/} {print > (cuda ? "requirements/cuda.lock" : "requirements/base.lock")}' \
		.venv-lock/all.lock

image:  ## Build the container image (BASE_IMAGE=… for another base)
	docker build $(if $(value BASE_IMAGE),--build-arg BASE_IMAGE=$(call argument,BASE_IMAGE)) \
		--build-arg REVISION=$(shell git rev-parse HEAD 2>/dev/null) $(BUILD) --tag $(call argument,IMAGE) .

image-test:  ## Build and run the image on a base made here, as root where no registry is reached
	scripts/test_image.sh

environment: $(ENVIRONMENT)

$(ENVIRONMENT):
	@$(call argument,PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"xit needs Python 3.11 or later; "$(call argument,PYTHON)" is $$($(call argument,PYTHON) --version 2>&1). Name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(call argument,PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
		$(call argument,PYTHON)" cannot make virtual environments. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing $$(grep -c '^[a-z0-9]' requirements/base.lock) locked packages into $(VENV): a few minutes and 2 GB, more with CUDA."
	@$(call argument,PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/.environment-* $(VENV)/.project-*
	@$(INSTALL) --require-hashes --requirement requirements/base.lock
	@sed -n 's/^\([a-z0-9][^\\]*==[^\\]*\).*/\1/p' $(LOCKS) > $(VERSIONS)
	@$(if $(CUDA),$(INSTALL) $(CUDA_TORCH),$(PIP) install $(PLAIN_TORCH))
	@touch $@

$(PROJECT): $(ENVIRONMENT)
	@$(INSTALL) --no-build-isolation --editable .
	@$(PIP) check
	@rm -f $(VENV)/.project-*
	@touch $@

.venv-lock/bin/uv:
	$(call argument,PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip --disable-pip-version-check --quiet install uv==0.13.9

.venv-audit/bin/pip-audit:
	$(call argument,PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit==2.10.1
