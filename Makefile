# Rowlock's build. `make` alone lists the targets.
#
# Needs Go, GNU make, bash and git; a C compiler (Debian: gcc) for the race detector, without which the tests run plain.
# Everything else is installed at a pinned version into .bin/ when a target needs it.

SHELL         := bash
.SHELLFLAGS   := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

TOOLS   := $(CURDIR)/.bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.buildVersion=$(VERSION) -X main.buildCommit=$(COMMIT)

BUF_VERSION      := v1.75.0
LINT_VERSION     := v2.15.0
GEN_GO_VERSION   := v1.36.12
GEN_GRPC_VERSION := v1.6.2
GATEWAY_VERSION  := v2.33.0

# The race detector needs a C compiler.
CC_FOUND := $(shell command -v gcc || command -v clang || command -v cc)
RACE     := $(if $(CC_FOUND),-race)
# Packages of the module that hold tests of their own; the end-to-end tests run after them, alone on the machine.
UNIT := $$(go list ./... | grep -v '/test/e2e$$')

# What a fuzz target gets under `make fuzz`.
FUZZTIME ?= 10s
# What `make demo` and `make demo-cluster` make tasks of: one for each file below it.
DEMO_DIR ?=
# How many bits `make flips` flips.
FLIPS ?= 10000
# Flags of `rowlock bench` under `make bench`.
BENCH_FLAGS ?= all
# Flags of bench/failover under `make bench-failover`.
FAILOVER_FLAGS ?= -trials 50
# Flags of test/chaos under `make chaos`.
CHAOS_FLAGS ?= -for 5m
# Flags of bench/recovery under `make bench-recovery`.
RECOVERY_FLAGS ?= -tasks 1000000

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/rowlock
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/rowlock ./cmd/rowlock

.PHONY: test
test: race-note ## All tests that fit in 15 minutes on 2 cores
	@{ failed=0; \
	   go test -json $(RACE) -shuffle=on -short -timeout 10m $(UNIT) || failed=1; \
	   go test -json -count=1 -short -timeout 10m ./test/e2e || failed=1; \
	   exit $$failed; } | go run ./test/report -allowed .ci/allowed-skips

.PHONY: test-full
test-full: race-note ## All tests at full length, then the planted faults
	@{ failed=0; \
	   go test -json $(RACE) -shuffle=on -timeout 60m $(UNIT) || failed=1; \
	   go test -json -count=1 -timeout 60m ./test/e2e || failed=1; \
	   exit $$failed; } | go run ./test/report -allowed .ci/allowed-skips
	@$(MAKE) --no-print-directory faults

.PHONY: race-note
race-note:
	@$(if $(CC_FOUND),true,echo 'no C compiler found: testing without the race detector (Debian: apt-get install gcc)' >&2)

.PHONY: lint
lint: $(TOOLS)/golangci-lint $(TOOLS)/buf ## golangci-lint, buf lint, buf breaking
	$(TOOLS)/golangci-lint run ./...
	go vet -tags faultinject ./cmd/rowlock
	$(TOOLS)/buf lint
	@if base=$$(git describe --tags --abbrev=0 2>/dev/null || git rev-parse -q --verify origin/main); then \
	  set -x; $(TOOLS)/buf breaking --against ".git#ref=$$base"; \
	else echo 'buf breaking: no tag and no origin/main to compare with'; fi

.PHONY: generate
generate: $(addprefix $(TOOLS)/,buf protoc-gen-go protoc-gen-go-grpc protoc-gen-grpc-gateway protoc-gen-openapiv2) ## Generate the API's code from its proto files
	PATH="$(TOOLS):$$PATH" $(TOOLS)/buf generate

.PHONY: verify
verify: $(addprefix $(TOOLS)/,buf protoc-gen-go protoc-gen-go-grpc protoc-gen-grpc-gateway protoc-gen-openapiv2) ## Generated code is fresh, go.mod is tidy, code is formatted
	@.ci/verify $(TOOLS)

.PHONY: demo
demo: build ## Hash a directory's files through a node and external workers, and check every result
	go run ./test/demo -rowlock bin/rowlock $(if $(DEMO_DIR),-dir '$(DEMO_DIR)')

.PHONY: demo-cluster
demo-cluster: build ## The same through three members, of which the leader is killed in the middle, and time the failover
	go run ./test/demo -rowlock bin/rowlock -members 3 -max 2000 $(if $(DEMO_DIR),-dir '$(DEMO_DIR)')

.PHONY: bench
bench: build ## Measure this machine (BENCH_FLAGS='enqueue --batch 100')
	bin/rowlock bench $(BENCH_FLAGS)

.PHONY: bench-recovery
bench-recovery: build ## Measure what backups cost and how long restores take (RECOVERY_FLAGS='-tasks 100000')
	go run ./bench/recovery -rowlock bin/rowlock $(RECOVERY_FLAGS)

.PHONY: bench-failover
bench-failover: build ## Measure how long a group is gone when its leader is (FAILOVER_FLAGS='-signal stop')
	go run ./bench/failover -rowlock bin/rowlock $(FAILOVER_FLAGS)

.PHONY: chaos
chaos: build ## Kill, stop, wipe, back up and restore three members under load, and hold them to what they promise (CHAOS_FLAGS='-seed 7 -for 1m')
	go run ./test/chaos -rowlock bin/rowlock $(CHAOS_FLAGS)

.PHONY: flips
flips: ## Flip FLIPS bits of a member's files, one at a time: each is refused, or changes nothing that anybody reads
	ROWLOCK_TEST_FLIPS=$(FLIPS) go test -count=1 -v -timeout 60m -run '^TestFlippedBitsOfADirectory$$' ./store

.PHONY: fuzz
fuzz: ## Fuzz every decoder for FUZZTIME each
	@for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "== $$package $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
	  done; \
	done

.PHONY: k8s-test
k8s-test: ## Test deploy/k8s by the API server's own validation (compiles it: a minute at first)
	cd test/k8s && go vet ./... && go test -count=1 ./...

.PHONY: rules-test
rules-test: ## Test deploy/prometheus by Prometheus' own evaluation (compiles it: two minutes at first)
	cd test/rules && go vet ./... && go test -count=1 ./...

.PHONY: faults
faults: ## Plant each known fault and see a test catch it
	go run ./test/faults

.PHONY: clean
clean: ## Remove what was built (the tools in .bin stay)
	rm -rf bin

# $(call tool,name,module path,version)
define tool
$(TOOLS)/$(1):
	GOBIN=$(TOOLS) CGO_ENABLED=0 go install $(2)@$(3)
endef

$(eval $(call tool,buf,github.com/bufbuild/buf/cmd/buf,$(BUF_VERSION)))
$(eval $(call tool,golangci-lint,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(LINT_VERSION)))
$(eval $(call tool,protoc-gen-go,google.golang.org/protobuf/cmd/protoc-gen-go,$(GEN_GO_VERSION)))
$(eval $(call tool,protoc-gen-go-grpc,google.golang.org/grpc/cmd/protoc-gen-go-grpc,$(GEN_GRPC_VERSION)))
$(eval $(call tool,protoc-gen-grpc-gateway,github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway,$(GATEWAY_VERSION)))
$(eval $(call tool,protoc-gen-openapiv2,github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv2,$(GATEWAY_VERSION)))
