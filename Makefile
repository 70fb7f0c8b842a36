.PHONY: help venv demo demo-down test lint bench clean

help:
	@echo "make demo       three agents on three hosts on this machine, in .demo/"
	@echo "make demo-down  stop them and remove .demo/"
	@echo "make test       install what the tests need, lint, run all tests"
	@echo "make lint       ruff, mypy, import-linter, vermin"
	@echo "make bench      measure; see benchmarks/README.md"
	@echo "make venv       .venv with stella-ops and its development tools"
	@echo "make clean      remove what was made here"

venv:
	@scripts/venv dev

demo:
	@scripts/demo

demo-down:
	@scripts/demo-down

test:
	@scripts/test

lint: venv
	@scripts/lint

bench:
	@scripts/bench

clean: demo-down
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
