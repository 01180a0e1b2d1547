# Herald's commands. `make` lists them.

GO        ?= go
BIN       := $(CURDIR)/bin
VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
GOFILES   := $(shell find . -name '*.go' -not -path '*/node_modules/*' -not -path './data/*')
# A test may wait for real servers, and the machine may be busy.
TESTFLAGS ?= -race -timeout 30m

.DEFAULT_GOAL := help
.PHONY: help run build test check generate record fmt tools lint vet workflowcheck rooms sqlc-diff engine-test bench faults clean

help: ## list the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z_\/-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: bin/herald engine-if-needed ## build what is missing and run everything on this machine (ARGS="--delay 30s")
	@exec bin/herald dev $(ARGS)

build: bin/herald bin/engine ## build bin/herald and bin/engine

test: build tools check-all engine-test ## run every check and every test, with the race detector
	$(GO) test $(TESTFLAGS) ./...

check: tools check-all ## the quick checks for each commit: format, vet, lint, sqlc, workflows, rooms, short tests
	$(GO) test $(TESTFLAGS) -short ./...

.PHONY: check-all
check-all: fmt-diff vet lint sqlc-diff workflowcheck rooms

generate: bin/sqlc ## write the Go code of the queries
	bin/sqlc generate

record: bin/engine ## record workflow histories for the replay tests; do it on the released commit
	$(GO) test -tags record -run Record -count 1 ./workflows/...

fmt: ## format the code
	gofmt -w $(GOFILES)

.PHONY: fmt-diff
fmt-diff:
	@unformatted=$$(gofmt -l $(GOFILES)); [ -z "$$unformatted" ] || { echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; }

vet:
	$(GO) vet ./...

lint: bin/golangci-lint
	bin/golangci-lint run --allow-parallel-runners

sqlc-diff: bin/sqlc
	bin/sqlc diff

workflowcheck: bin/workflowcheck
	bin/workflowcheck -config workflows/workflowcheck.yaml ./workflows/...

rooms:
	$(GO) test -run 'TestImportsRunOneWay|TestEveryRoomIsFound' .

engine-test: bin/engine
	cd engine && $(GO) vet ./... && $(GO) test -timeout 15m ./...

bench: build ## measure a bulk distribution beside the mail library alone (ARGS="-n 200000 --connections 40")
	bin/herald bench bulk $(ARGS)

faults: build ## kill everything at random, 100 times, while messages go out, and count (at most 40 minutes; ARGS="--never", ARGS="--events 200")
	bin/herald bench faults --kills 100 $(ARGS)

clean: ## remove what was built; data/ stays
	rm -rf bin

# Programs. Go's own cache knows what has changed, so bin/herald is always asked for.

.PHONY: bin/herald
bin/herald:
	@$(GO) build -ldflags "-X main.version=$(VERSION)" -o $@ .

# The engine has its own module, which Herald's build does not need.
bin/engine: $(filter-out %_test.go,$(wildcard engine/*.go)) engine/go.mod engine/go.sum
	@echo "Building the engine (Temporal). The first time takes 4 to 7 minutes on two cores; after that it is cached."
	cd engine && $(GO) build -ldflags "-s -w" -o ../$@ .

.PHONY: engine-if-needed
ifneq ($(TEMPORAL_ADDRESS),)
engine-if-needed: ; @echo "Using the engine at TEMPORAL_ADDRESS=$(TEMPORAL_ADDRESS)."
else ifneq ($(shell command -v temporal 2>/dev/null),)
engine-if-needed: ; @[ -x bin/engine ] || echo "Using the temporal CLI on the PATH."
else
engine-if-needed: bin/engine
endif

# Tools, pinned. They are no part of Herald's module.

tools: bin/sqlc bin/golangci-lint bin/workflowcheck ## build the pinned tools into bin/

SQLC          := github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
WORKFLOWCHECK := go.temporal.io/sdk/contrib/tools/workflowcheck@v0.6.0

bin/sqlc bin/golangci-lint bin/workflowcheck: Makefile
	@echo "Building $@ (once)"
	GOBIN=$(BIN) $(GO) install $($(shell echo $(@F) | tr a-z- A-Z_))
	@touch $@
