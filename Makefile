# Every target runs through npm, so that the Node pinned in package.json is used, whatever Node the machine has.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup demo test check e2e bench chaos coverage agent

# npm writes this file last, so it is newer than the lock exactly when the installed packages match it.
installed := node_modules/.package-lock.json

# Variables given on the command line (ONCE=1, OUT=file.json, ONLY=name, SEED=n) reach the scripts as environment.
export ONCE OUT ONLY FULL SOAK SEED DOCS

help: ## explain each target
	@echo 'Holdfast. Usage: make <target>'
	@sed -n 's/^\([a-z][a-z0-9]*\):.*## \(.*\)/  \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-10s %s\n' "$$name" "$$text"; done

setup: $(installed) ## install npm packages and the tools a developer needs
	@npm run -s setup -- test

demo: $(installed) ## start server and agent with first real backups, restored and compared; ONCE=1 exits after the comparison
	@npm run -s setup -- demo
	@npm run -s demo

test: $(installed) ## install what the tests need and run everything; ends with "N passed, N failed"
	@npm run -s setup -- test
	@npm run -s test

check: $(installed) ## the quick part, under a minute: format, lint, types, unit and architecture tests
	@npm run -s check

e2e: $(installed) ## only the scenarios in Chromium with the real tools
	@npm run -s setup -- test
	@npm run -s e2e

bench: $(installed) ## measure speed and size; OUT=file.json also writes the figures, ONLY=name runs one
	@npm run -s setup -- test
	@npm run -s bench

chaos: $(installed) ## inject faults for a quarter of an hour; FULL=1 makes the published figures, SOAK=8h soaks, SEED=n repeats, OUT=file.json, ONLY=name
	@npm run -s setup -- test
	@npm run -s chaos

coverage: $(installed) ## lines and branches that no test runs, of gate, journal, channel, scheduler and runs, each named; OUT=file.json; some minutes
	@npm run -s setup -- test
	@npm run -s coverage

agent: $(installed) ## bundle the agent into one executable, dist/holdfast-agent, for hosts without Node
	@npm run -s build:agent

$(installed): package-lock.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@
