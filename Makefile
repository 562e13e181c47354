# The one way to build and test Mahalleh, for people and for .ci/run alike.
# Go is all that has to be there; everything else comes as Go modules. The tests
# that look at pages want Debian's Chromium besides, which .ci/browser installs.

GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
PLATFORMS   ?= linux/amd64 linux/arm64 windows/amd64 darwin/arm64 android/arm64
TESTFLAGS   ?=
EXECUTIONS  ?= 2000

# How many packages are tested at a time. Those that look at pages wait for their
# browser much of the time, so that it may be more than there are processors.
AT_ONCE     ?= 4

# How many records the figures of the screen are measured with, and how often.
RECORDS     ?= 5000
TIMES       ?= 10x

# Everything works without a C compiler, and so it is tested without one.
CGO_ENABLED ?= 0
export CGO_ENABLED

# ST1018 wants invisible characters escaped. In Persian the zero-width
# non-joiner is a letter of ordinary spelling, and words are written as words.
STATICCHECKS ?= inherit,-ST1018

.PHONY: all build test lint fmt-check vet staticcheck tidy-check fuzz cross fmt release screens figures-screen

all: build test

build: ## the three programs, into bin/
	mkdir -p bin
	$(GO) build -o bin/ ./cmd/...

test: ## all tests; TESTFLAGS are handed on to go test
	bash .ci/browser
	$(GO) mod download
	$(GO) test -p $(AT_ONCE) -timeout 20m $(TESTFLAGS) ./...

screens: ## a picture of every page, on a phone and a laptop, in both languages, into bin/screens/
	bash .ci/browser
	MAHALLEH_SCREENSHOTS="$(CURDIR)/bin/screens" $(GO) test -count=1 $(TESTFLAGS) ./client-sdk/fieldapp ./cmd/internal/pages
	MAHALLEH_SCREENSHOTS="$(CURDIR)/bin/screens" $(GO) test -count=1 $(TESTFLAGS) -run Dossier ./cmd/mahalleh-field

figures-screen: ## what the screen costs on a slow phone; see docs/figures.md. RECORDS=200 TIMES=1x to see that it runs
	bash .ci/browser
	FIELDAPP_BENCH_RECORDS=$(RECORDS) $(GO) test -run '^$$' -bench 'SlowPhone|Pages|Ready$$' -benchtime $(TIMES) -timeout 60m ./client-sdk/fieldapp
	$(GO) test -run '^$$' -bench SixtyFields ./schemas/formview

lint: fmt-check vet staticcheck tidy-check ## everything that needs no test run

fmt-check:
	@unformatted="$$(gofmt -l .)"; test -z "$$unformatted" || { echo "not gofmt-clean:"; echo "$$unformatted"; exit 1; }

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) run $(STATICCHECK) -checks '$(STATICCHECKS)' ./...

tidy-check:
	$(GO) mod tidy -diff

fuzz: ## so many EXECUTIONS of every fuzz target; see docs/fuzz.md
	$(GO) run ./cmd/internal/fuzz -piece $(EXECUTIONS)

cross: ## compile everything for every platform
	@set -e; for platform in $(PLATFORMS); do \
		echo "cross-compile for $$platform"; \
		GOOS="$${platform%/*}" GOARCH="$${platform#*/}" CGO_ENABLED=0 $(GO) build -buildvcs=false ./...; \
	done

release: ## what people install, into the empty folder dist/: archives, Debian packages, checksums
	$(GO) run ./cmd/internal/release --out dist

fmt:
	gofmt -w .
