# Run `make` to see what there is.

SHELL       := /usr/bin/env bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

# Arguments for the program, as in: make run ARGS='--port 8080'
ARGS ?=
# Packages to test or lint.
PKG ?= ./...
# Further flags for go test, as in: make test TESTFLAGS='-run TestRelay'
TESTFLAGS ?=
# With COVERAGE=1, make test writes coverage profiles to .cache/coverage.
COVERAGE ?=
# How long the tests of one package may take.
TEST_TIMEOUT ?= 25m

# The packages whose statements count: the product's.
covered = $(shell go list ./... | grep -v -E '/(internal|bench|chaos|deploy|tools)(/|$$)|/ledgertest$$' | paste -sd, -)
coverage = $(if $(COVERAGE),-covermode=atomic -coverpkg=$(covered) -coverprofile=.cache/coverage/$(1).out)

# The packages whose tests talk to Kafka.
kafkatest := github.com/cartulary/cartulary/internal/kafkatest
kafka_packages = $(shell go list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' $(PKG) | awk '/ $(subst /,\/,$(kafkatest))( |$$)/ { print $$1 }')

gotest = go test -json -race -shuffle=on -timeout $(TEST_TIMEOUT) $(TESTFLAGS)

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Run

.PHONY: run
run: ## Build and run everything in one process, with nothing else installed (ARGS=)
	@mkdir -p bin
	CGO_ENABLED=0 go build -o bin/standalone ./cmd/standalone
	@exec bin/standalone $(ARGS)

.PHONY: kafka
kafka: ## Run Apache Kafka in the foreground
	@exec scripts/kafka $(ARGS)

.PHONY: s3
s3: ## Run an S3 server in the foreground
	@exec scripts/s3 $(ARGS)

.PHONY: build
build: ## Build all programs into bin/
	@mkdir -p bin
	go build -o bin/ ./cmd/...

##@ Check

.PHONY: test
test: setup ## Install what tests need, then run all, what talks to Kafka and S3 on both kinds of servers
	@$(MAKE) test-embedded test-apache test-s3

.PHONY: test-embedded
test-embedded: bin/testsummary ## Run all tests, on the embedded broker
	@mkdir -p .cache/coverage
	$(gotest) $(call coverage,embedded) $(PKG) | bin/testsummary

.PHONY: test-apache
test-apache: bin/testsummary ## Run the messaging and end-to-end tests on Apache Kafka
	@mkdir -p .cache/coverage
	@packages='$(kafka_packages)'; \
	[[ -n $$packages ]] || { echo 'no package tests Kafka' >&2; exit 1; }; \
	set -x; CARTULARY_TEST_KAFKA=apache $(gotest) $(call coverage,apache) $$packages | bin/testsummary

# The ways in and out, by name: the rest of the interface has nothing to do with the store.
ways := UploadsToTheStore|Resumable|BrokenUpload|RawBodies|CutOff|FormsAre|RepeatedAndEqual|MD5|Digests|Ranges|Archives|AStoreThat

.PHONY: test-s3
test-s3: ## Run the tests of the store and of the ways in and out on versitygw, as a program of its own
	@scripts/s3 --build
	@$(MAKE) -j2 test-s3-ways test-s3-store

.PHONY: test-s3-ways test-s3-store
test-s3-ways: only := -run '$(ways)' ./adapters/http
test-s3-store: only := ./adapters/s3
test-s3-ways test-s3-store: bin/testsummary
	@mkdir -p .cache/coverage
	CARTULARY_TEST_S3=$(CURDIR)/scripts/s3 $(gotest) $(call coverage,$@) $(only) | bin/testsummary

.PHONY: cover
cover: ## Run all tests and print how much of the product they cover
	@$(MAKE) test COVERAGE=1
	@scripts/coverage

.PHONY: lint
lint: ## Check style, layers and formatting, of Go and of shell scripts
	@scripts/tool golangci-lint >/dev/null
	bin/golangci-lint config verify
	bin/golangci-lint run $(PKG)
	bin/golangci-lint fmt --diff
	@cd tools && ../bin/golangci-lint run --config ../.golangci.yml ./...
	@for script in $$(git ls-files scripts .ci deploy | xargs grep -lE '^#!.*bash'); do bash -n "$$script"; done

.PHONY: schema-check
schema-check: ## Check that published events, their golden files and schemas are as they were
	@go run ./internal/catalogue/run check

.PHONY: contract-lint
contract-lint: ## Check swagger.yaml with Redocly's linter, asyncapi.yaml with AsyncAPI's
	@scripts/contract lint

.PHONY: contract-fuzz
contract-fuzz: ## Hold a running platform against swagger.yaml with schemathesis (ARGS=)
	@scripts/contract fuzz $(ARGS)

.PHONY: vuln
vuln: ## Look for known vulnerabilities in what the product uses
	@scripts/tool govulncheck >/dev/null
	bin/govulncheck ./...

.PHONY: bench
bench: setup ## Measure throughput and latency beside their yardsticks (ARGS=)
	go run ./bench $(ARGS)

.PHONY: chaos
chaos: setup build ## Kill processes under load, then prove that nothing was lost or doubled (ARGS=)
	go run ./chaos $(ARGS)

.PHONY: rehearse
rehearse: setup ## Run the images' exact commands as plain processes, as compose would
	@mkdir -p bin
	@go build -C tools -o ../bin/ ./composecheck
	go run ./deploy/rehearse

.PHONY: compose-config
compose-config: ## Check docker-compose.yml
	@mkdir -p bin
	@go build -C tools -o ../bin/ ./composecheck
	@bin/composecheck -set JWT_SECRET_KEY=only-to-check-that-the-file-is-valid -set AUDIT_SIGNING_KEY=checked-elsewhere docker-compose.yml .env.example

##@ Develop

.PHONY: generate
generate: ## Write generated code anew
	@scripts/tool oapi-codegen >/dev/null
	go generate ./...

.PHONY: format
format: ## Format all Go code
	@scripts/tool golangci-lint >/dev/null
	bin/golangci-lint fmt

.PHONY: setup
setup: ## Install what tests need and is missing
	@scripts/setup

.PHONY: tools
tools: ## Build the development tools into bin/
	@scripts/tool golangci-lint oapi-codegen govulncheck

.PHONY: clean
clean: ## Remove what was built; data under .cartulary stays
	rm -rf bin .cache coverage.out

.PHONY: bin/testsummary
bin/testsummary:
	@mkdir -p bin
	@go build -C tools -o ../bin/ ./testsummary
