# `make` sets up, rehearses and tests; everything else is `pulumi` and `slipway`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv/bin/python
# Half of the tests' time is waiting for something: twice as many processes as processors.
WORKERS = $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

.PHONY: live-smoke live-smoke-destroy setup rehearse rehearse-destroy test check fast whole story sweep corpus bench bench-release help

help:
	@echo "make rehearse          bring the example sites up in a cloud on this computer (CLOUD=hetzner: on that one)"
	@echo "make rehearse-destroy  remove every trace of it"
	@echo "make live-smoke        one site in your DigitalOcean account, looked at and taken away (it costs some cents)"
	@echo "make test              everything .ci/run checks (make fast: without root)"
	@echo "make corpus            projects of many shapes, each brought live on this computer"
	@echo "make sweep             the long tests: kills at every call, mistaken edits, disasters, ..."

setup: .venv/ready

.venv/ready: requirements.lock
	@tools/setup-venv $(PYTHON)
	@touch $@

rehearse: setup
	@$(VENV) -m rehearsal up $(if $(SITE),--only $(SITE)) $(if $(CLOUD),--cloud $(CLOUD))

rehearse-destroy: setup
	@$(VENV) -m rehearsal destroy

check: setup
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy .

fast: check
	@$(VENV) -m pytest -m "not rehearsal and not whole" -n $(WORKERS) --dist worksteal

whole: setup
	@$(VENV) -m pytest -m "whole and not rehearsal" -n auto --dist worksteal

story: setup
	@$(VENV) -m pytest -m rehearsal -n 2 tests/rehearsal

sweep: setup
	@$(VENV) -m pytest -m sweep

test: fast whole
	@$(MAKE) story

live-smoke: setup
	@$(VENV) -m tests.live

live-smoke-destroy: setup
	@$(VENV) -m tests.live destroy

corpus: setup
	@$(VENV) -m tests.corpus

bench-release: setup
	@$(VENV) -m tests.bench.release

bench: setup
	@$(VENV) -m tests.bench.fast
	@$(VENV) -m tests.bench.disk
	@$(VENV) -m tests.bench.memory
	@$(VENV) -m tests.bench.boots
	@$(VENV) -m tests.bench.times
	@$(VENV) -m tests.bench.back
	@$(VENV) -m tests.bench.first
