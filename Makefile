# One command for each thing a person wants. Every target sets up what it needs; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENGINE := chaos/runtime/airgap/engine.sh
ENGINE_HOME ?= $(or $(CHAOS_ENGINE_HOME),/var/lib/chaos-engine)
N ?= 20
TIMES ?= 1
AFTER ?=
RUNTIME ?= processes
# Tests of the project at a time.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)')
# How much of the suite `make detection` runs against each defect; the wide form takes an hour, the cross product is for a
# night, in shards.
FORM ?= narrow
# The part of the defects that is this machine's: SHARD=2/4 is the second of four.
SHARD ?=
# How long the soaks of a night last, one in each runtime (empty: none), and which parts a night has; see .ci/nightly.
SOAK ?= 4h
PARTS ?=
NIGHT = PYTHON_OF_VENV="$(BIN)/python" SOAK="$(SOAK)" SHARD="$(SHARD)" PARTS="$(PARTS)"
# Runtimes without which `make test` fails before it begins: REQUIRE="processes containers".
REQUIRE ?=
# Where the air-gapped set-up has left an engine, its address and images are taken from there.
WITH_ENGINE = set -a; if [ -r "$(ENGINE_HOME)/env" ]; then . "$(ENGINE_HOME)/env"; fi; set +a;

# Where nothing compiled is kept, each of the thousand Python processes of a test run compiles all it imports anew: 30 % of
# what one of them costs.
unexport PYTHONDONTWRITEBYTECODE

# The project's own tests side by side, for they mostly wait; then the matrix, which has the machine to itself. $(1): which of them.
SIDE_BY_SIDE = -n $(WORKERS) --dist=worksteal
define in_every_runtime
$(WITH_ENGINE) runtimes=$$($(BIN)/python -m chaos runtimes --reasons $(REQUIRE:%=--require=%)) || exit $$?; \
$(BIN)/python -m pytest $(SIDE_BY_SIDE) -ra -m "not chaos$(1)" $(ARGS) || exit $$?; \
for runtime in $$runtimes; do \
  $(BIN)/python -m pytest tests/scenarios -m "chaos$(1)" --chaos-runtime=$$runtime --chaos-require=180 \
    $(ARGS) || exit $$?; \
done
endef

INCIDENTS = $(patsubst targets/incidents/%/incident.toml,%,$(wildcard targets/incidents/*/incident.toml))
# The incidents in those folders, each with the environments of its servers.
define run_incidents
$(BIN)/python targets/environments.py $(1) && \
$(WITH_ENGINE) $(BIN)/python -m chaos incident --collect tests/scenarios --runtime $(RUNTIME) --times $(TIMES) $(AFTER:%=--after %) \
  $(1) -- $(ARGS)
endef

.DEFAULT_GOAL := help
.PHONY: help setup chaos test test-full lint nightly strangers incident incidents measure sweep variations soak-suite detection detection-table engine engine-stop doctor wheel clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready ## the virtual environment with everything pinned

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	@echo "setting up $(VENV), once (a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt $$($(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; e = p["optional-dependencies"]; print(*(d.replace(" ", "") for d in p["dependencies"] + e["reference"] + e["dev"]))')
	@touch $@

chaos: setup ## the chaos scenarios against the reference server, with the matrix at the end
	@$(WITH_ENGINE) $(BIN)/python -m pytest tests/scenarios -m "chaos and not slow" $(ARGS)

test: setup ## the project's tests, and the whole matrix in every runtime this machine can hold (or in all of REQUIRE)
	@$(call in_every_runtime, and not slow)

test-full: setup ## all there is: every defect, and the measurements that take their time, too
	@$(call in_every_runtime,)

lint: setup ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

strangers: setup ## released servers that nobody here wrote, at their defaults, in RUNTIME; one table of them all
	@$(BIN)/python targets/environments.py $(dir $(wildcard targets/strangers/*/target.toml))
	@$(WITH_ENGINE) $(BIN)/python -m chaos survey --collect tests/scenarios --runtime $(RUNTIME) \
	  targets/strangers/*/target.toml -- $(ARGS)

incident: setup ## one incident before and after its fix, NAME=hub in RUNTIME, TIMES over: reproduced and fixed, or what is missing
	@$(if $(filter $(NAME),$(INCIDENTS)),,$(error NAME is one of $(INCIDENTS)))
	@$(call run_incidents,targets/incidents/$(NAME))

incidents: setup ## all incidents, in RUNTIME, TIMES over (20 min each), the fixed ones AFTER times more
	@able=$$($(BIN)/python targets/environments.py --able $(INCIDENTS:%=targets/incidents/%)) && $(call run_incidents,$$able)

measure: setup ## what an incident's owners told and no scenario can show, NAME=breaker: told beside measured (2 to 4 min)
	@$(if $(wildcard targets/incidents/$(NAME)/measure.py),,$(error NAME is one of \
	  $(patsubst targets/incidents/%/measure.py,%,$(wildcard targets/incidents/*/measure.py))))
	@$(BIN)/python targets/environments.py targets/incidents/$(NAME)
	@.chaos/incidents/$(NAME)/server/bin/python targets/incidents/$(NAME)/measure.py

sweep: setup ## a setting of an incident's server at each value of its sweep, NAME=exhaustion in RUNTIME: what it measured, side by side
	@$(if $(wildcard targets/incidents/$(NAME)/sweep/*.toml),,$(error NAME is one of \
	  $(patsubst targets/incidents/%/sweep/,%,$(sort $(dir $(wildcard targets/incidents/*/sweep/*.toml))))))
	@$(BIN)/python targets/environments.py targets/incidents/$(NAME)
	@$(WITH_ENGINE) $(BIN)/python -m chaos survey --figures --collect tests/scenarios --runtime $(RUNTIME) \
	  targets/incidents/$(NAME)/sweep/*.toml -- -k "$$(cat targets/incidents/$(NAME)/sweep/scenarios)" $(ARGS)

variations: setup ## thirty clean variations of the reference server, in RUNTIME: nothing may go red; one table (an hour)
	@$(WITH_ENGINE) $(BIN)/python -m chaos survey --collect tests/scenarios --runtime $(RUNTIME) \
	  targets/variations/*.toml -- $(ARGS)

nightly: setup ## a whole night in every runtime: real durations, incidents, detection, soaks; SOAK=4h, SHARD=2/4, PARTS="slow soak", RUNTIMES=processes, LANES=12
	@$(WITH_ENGINE) $(NIGHT) .ci/nightly

soak-suite: setup ## N whole runs of the matrix in each runtime, resumable; prints the bound on the red rate
	@$(WITH_ENGINE) $(BIN)/python -m chaos soak-suite --collect tests/scenarios --runs $(N) $(ARGS)

engine: ## a container engine without a registry (Debian, root); a no-op the second time
	bash $(ENGINE) up

engine-stop: ## end what `make engine` started
	bash $(ENGINE) down

detection: setup ## every defect of the reference server, in RUNTIME: red in its cells, green in its sentinels (12 to 17 min); FORM=wide (cross), SHARD=2/4, TIMES over
	@$(WITH_ENGINE) for time in $$(seq $(TIMES)); do \
	  echo "detection $$time of $(TIMES)"; \
	  $(BIN)/python -m pytest tests/detection/test_defects.py $(SIDE_BY_SIDE) --detection-form=$(FORM) \
	    --detection-runtime=$(RUNTIME) $(SHARD:%=--detection-shard=%) \
	    --detection-results=.chaos/detection/$(RUNTIME)-$(or $(subst /,-of-,$(SHARD)),1-of-1).ndjson $(ARGS) || exit $$?; \
	done

detection-table: setup ## one table of what all shards have seen; ARGS=--write-proven brings proven.toml up to the catalogue
	@$(BIN)/python -m tests.detection .chaos/detection/*.ndjson $(ARGS)

doctor: setup ## what this machine can do, and the remedy for what it cannot
	@$(WITH_ENGINE) $(BIN)/python -m chaos doctor

wheel: setup ## the wheel, in dist/, built outside the tree
	@if [ -n "$$(git status --porcelain)" ]; then \
	  echo "this packs HEAD ($$(git rev-parse --short HEAD)), without what is not committed yet"; fi
	@tree=$$(mktemp -d) && mkdir "$$tree/source" "$$tree/dist" && git archive HEAD | tar -x -C "$$tree/source" && \
	  $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$$tree/dist" \
	    "$$tree/source" && mkdir -p dist && \
	  for wheel in "$$tree"/dist/*.whl; do cp "$$wheel" dist/ && echo "dist/$${wheel##*/}"; done; \
	  code=$$?; rm -rf "$$tree"; exit $$code

clean: ## remove the virtual environment, caches and runs
	rm -rf $(VENV) build dist *.egg-info .chaos .pytest_cache .mypy_cache .ruff_cache .hypothesis
