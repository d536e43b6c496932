# Targets for people and for CI. `make help` lists them.
GO      ?= go
BIN     := bin

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-11s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/policyc
	$(GO) build -trimpath -o $(BIN)/policyc ./cmd/policyc

.PHONY: test
test: ## unit and golden tests: no cluster, no network
	$(GO) test ./...

.PHONY: lint
lint: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { echo "not gofmt'ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags e2e ./test/...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

.PHONY: generate
generate: ## make the embedded schemas anew from the published OpenAPI files, and the CRD from its Go types
	$(GO) generate ./compiler/schema ./runtime/api

.PHONY: update
update: ## rewrite goldens and generated/ from what the compiler does now
	$(GO) test ./test/compile ./test/script -update
	$(GO) run ./cmd/policyc build ./policies

# EVALUATIONS and SEED say how many objects are judged, and where to begin.
EVALUATIONS ?= 1000000
SEED        ?= 1

.PHONY: fuzz
fuzz: ## compare compiled policies with the reference interpreter, a million times
	$(GO) run ./test/oracle/fuzz -evaluations $(EVALUATIONS) -seed $(SEED)

.PHONY: e2e
e2e: ## run the policies on real API servers, built from the Go module proxy
	$(GO) run ./test/apiserver/build
	$(GO) test -tags e2e -count=1 -timeout 30m ./test/apiserver ./test/cluster ./test/compile ./test/e2e ./test/e2e/object ./test/e2e/faults
	$(GO) test -C test/e2e/webhook -tags e2e -count=1 -timeout 30m # in its folder, go test shows the table

.PHONY: chart
chart: ## render the Helm chart with every value file, and compare (builds helm: 100 s the first time)
	$(GO) test -tags e2e -count=1 -timeout 20m ./test/chart

.PHONY: podsecurity
podsecurity: ## compare pod-security-* with the evaluator of Kubernetes, on 200,000 random pods
	PODSECURITY_PODS=200000 PODSECURITY_SEED=$${PODSECURITY_SEED:-$$(date +%Y%m%d)} $(GO) test -count=1 -v -timeout 60m ./test/podsecurity

.PHONY: mutate
mutate: ## alter the policy library in every way, and see whether its cases notice
	$(GO) run ./cmd/policyc test -q --min-score 95 ./policies

.PHONY: bench
bench: ## benchmarks of the compiler, the engine and the test runner
	$(GO) test -run '^$$' -bench . -benchmem ./test/bench/... ./runtime/engine ./runtime/suite
