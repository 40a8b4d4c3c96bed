# SPDX-License-Identifier: Apache-2.0
# The menu. Everything it does stands in scripts/ and CMakePresets.json.
PREFIX  ?= /usr/local
DESTDIR ?=
export FUZZ_SECONDS DEMO_SECONDS DEMO_SINKS DEMO_RATE DEMO_STREAM KILLS

.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-unit test-e2e test-long test-kill test-down test-spark \
        check analyze bench bench-kafka fuzz top install clean

help: ## this menu
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: ## install what is missing (Debian packages, Python and Cassandra below build/)
	@scripts/setup

build: ## build/release/multisink
	@scripts/build release

demo: ## the whole pipeline on private servers, live (DEMO_SECONDS=30, DEMO_SINKS=redis,http, DEMO_STREAM=kafka)
	@scripts/demo

test: ## everything: builds, checks, unit tests, fuzzing, end to end (about 25 minutes)
	@scripts/test

test-unit: ## the unit tests under AddressSanitizer
	@scripts/build asan
	@ctest --test-dir build/asan --output-on-failure -j2

test-e2e: build ## the end-to-end tests in their short form
	@scripts/e2e

test-long: test-kill test-down ## the long campaigns, one after the other

test-kill: build ## 200 x kill -9 under load with the log, 100 x with Kafka (KILLS=n)
	@MULTISINK_LONG=1 scripts/e2e tests/e2e/test_kill.py tests/e2e/test_kafka_kill.py

test-down: build ## every sink down for a minute, a transaction of two million rows
	@MULTISINK_LONG=1 scripts/e2e tests/e2e/test_down.py tests/e2e/test_postgres.py

test-spark: ## the seed's Spark job on a topic that multisink writes (fetches Spark, 380 MB)
	@scripts/setup build servers java dev spark
	@scripts/build release
	@MULTISINK_SPARK=1 scripts/e2e tests/e2e/test_spark.py

check: ## format, tidy, layers, banned words, headers, generated docs, error codes
	@scripts/check

analyze: ## gcc -fanalyzer and cppcheck (slow)
	@scripts/analyze

bench-kafka: ## measure capture into Kafka beside the real Debezium, and write that section
	@scripts/setup build servers java dev
	@scripts/build release
	@build/venv/bin/python bench/bench_kafka.py

bench: ## measure, and write docs/performance.md
	@scripts/bench

fuzz: ## every fuzz target for FUZZ_SECONDS (60)
	@scripts/fuzz

top: ## longest files and functions
	@scripts/top

install: build ## the program and its systemd unit (DESTDIR, PREFIX)
	install -D -m 0755 build/release/multisink $(DESTDIR)$(PREFIX)/bin/multisink
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|g' packaging/multisink.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/multisink.service

clean: ## remove the builds; what setup fetched stays (rm -r build removes that too)
	rm -rf build/release build/dev build/clang build/asan build/tsan build/fuzz build/analyze build/fuzz-corpus
