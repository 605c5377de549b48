# printlog. `make run` starts it, `make test` runs all tests.

CARGO ?= cargo
# Uses cargo-nextest if it is installed, otherwise cargo test.
TEST_RUNNER := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo nextest run || echo test) --no-fail-fast
UI_SOURCES := $(shell git ls-files ui 2>/dev/null)

.PHONY: run demo test test-deps lint unit ui-test browser-test screenshots api-fuzz test-faults test-container test-deb bench bench-analytics bench-fleet bench-gcode fuzz fmt

## Builds what is missing and starts printlog on http://localhost:8000, with SQLite in ./data.
run: ui/dist/index.html
	scripts/build.sh
	$(CARGO) run --release --locked --bin printlog -- serve

## A few simulated printers with months of history, and a server that records them.
demo: ui/dist/index.html
	scripts/demo.sh

## Installs what the tests need and runs all of them.
test: test-deps lint ui-test api-fuzz browser-test unit

test-deps:
	scripts/install-test-deps.sh

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	scripts/deny.sh
	scripts/check-service.sh
	scripts/check-language.sh

## Every test of the workspace, with real Moonrakers, SQLite, MySQL and MariaDB.
unit:
	PRINTLOG_TEST_ALL_ENGINES=1 scripts/with-databases.sh $(CARGO) $(TEST_RUNNER) --workspace --locked

## Kills printlog 200 times while a fleet prints, kills MySQL and Moonrakers, and cuts links; `unit` runs the short form.
test-faults: test-deps
	PRINTLOG_TEST_ALL_ENGINES=1 PRINTLOG_TEST_KILLS=200 PRINTLOG_TEST_CUTS=200 PRINTLOG_TEST_OUTAGE=90 PRINTLOG_TEST_CLUSTER=1 \
	PRINTLOG_TEST_LINKS=200 PRINTLOG_TEST_DAYS=4 \
	scripts/with-databases.sh $(CARGO) test -p printlog --test it --locked -- faults:: schedules:: --nocapture --test-threads 1

## Type check, lint and tests of the dashboard.
ui-test: ui/node_modules/.installed
	cd ui && npm run lint && npm run test

## The dashboard in a real browser, with the real server and simulated printers.
browser-test: ui/dist/index.html
	$(CARGO) build --workspace --locked --bins
	cd ui && npm run test:browser

## Screenshots of each page, light, dark and on a phone, in data/screenshots.
screenshots: ui/dist/index.html
	$(CARGO) build --workspace --locked --bins
	cd ui && npm run screenshots -- ../data/screenshots

## Tests the API with schemathesis, based on its own OpenAPI document.
api-fuzz:
	scripts/schemathesis.sh

## Builds the container image and runs it without a registry or a container engine. Needs root and takes minutes, so it is
## not part of `test`.
test-container:
	scripts/test-container.sh

## Installs, upgrades and purges the Debian package in a separate Debian. Needs root and takes minutes, so it is not part of
## `test`.
test-deb:
	scripts/test-deb.sh

## Measures the API with up to a million jobs on SQLite and MariaDB; writes docs/performance.md.
bench:
	scripts/bench.sh

## Measures analytics over a million jobs without a database, compared with a plain loop in the same run.
bench-analytics:
	$(CARGO) bench --locked --package analytics --bench figures

## Measures the resources printlog needs for 1,000 simulated printers, for a minute.
bench-fleet:
	scripts/bench-fleet.sh

## Measures files and MB per second of the G-code parser, compared with Moonraker's extractor in the same run.
bench-gcode:
	scripts/bench-gcode.sh

## Damages G-code files for ten minutes; fails on a crash, a hang or high memory use.
fuzz:
	$(CARGO) run --release -p gcode --example fuzz -- --seconds 600

fmt:
	$(CARGO) fmt --all

ui/node_modules/.installed: ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund
	touch $@

ui/dist/index.html: ui/node_modules/.installed $(UI_SOURCES)
	cd ui && npm run build
	touch $@
