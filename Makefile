# Milepost: `make run` and `make test` are all you need; both install what they miss.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/frontend/node_modules/.bin:$(CURDIR)/end2end/node_modules/.bin:$(PATH)

milepost := target/release/milepost
addr ?= 127.0.0.1:3000
data ?= data
auth ?= yes
# Libraries have checked documentation. All crates but the browser's are linted and tested.
LIBRARIES := $(addprefix -p milepost-,model engine eta cron accounts client output-parser streaming-response commands tasks wire)
# The server is tested with the site inside, as it is delivered, but not optimised: that takes a quarter of an hour.
CRATES := $(LIBRARIES) -p milepost-load -p milepost-server -p milepost-app --features milepost-app/ssr,milepost-server/embed
WASM := --target wasm32-unknown-unknown
# The program as the browser tests run it. A test of `server` brings it, with the features of all tests; this is the smallest.
DEBUG_PROGRAM := cargo test --quiet --no-run $(CRATES) --test layers
# Of targets that `make test` runs beside others: what computes yields to what waits.
low := nice -n 19

.PHONY: run build site watch test quick check tests latency rust json http wasm style e2e screenshots dist dist-check soak bench bench-stream bench-eta help

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

run: build ## Build and serve on http://127.0.0.1:3000, with sample files to try; auth=no: without accounts, open=yes: opens the page
	@$(if $(filter yes,$(open)),.ci/open http://$(addr) &)
	$(milepost) --addr $(addr) --data-dir $(data) --root end2end/samples $(if $(filter no,$(auth)),--no-auth)

build: ## Build the program as one file, target/release/milepost
	@.ci/tools compiler
	@.ci/build.mjs program

site: ## Build the browser's files (wasm, script, styles), target/site
	@.ci/tools compiler
	@.ci/build.mjs site

watch: ## Rebuild and reload on every change
	@.ci/tools watch
	MILEPOST_ROOT=end2end/samples MILEPOST_NO_AUTH=true cargo leptos watch --split

# First the compiler, which needs both cores, and the tests that measure time, which need a quiet machine; then those that
# wait for clocks beside what computes; then the browser. Each target is shown in one piece when it ends, and none stops the
# others.
test: ## Run all tests and checks: format, lints, style, wasm size, Rust, browser
	@.ci/tools test
	$(MAKE) tests
	@passed=yes; \
	$(MAKE) latency built=yes || passed=no; \
	$(MAKE) --jobs --output-sync=target --keep-going built=yes check style wasm rust json || passed=no; \
	$(MAKE) e2e built=yes || passed=no; \
	[ $$passed = yes ]

quick: ## Check format and lints, run unit tests; does not build the site
	cargo fmt --all --check
	mkdir -p target/site/pkg
	cargo clippy --quiet --all-targets $(CRATES) -- -D warnings
	cargo test --quiet --lib $(CRATES)

check: ## Check format, lints, documentation and words
	$(if $(built),,@.ci/tools test)
	.ci/words
	cargo fmt --all --check
	$(low) cargo clippy --quiet --all-targets $(CRATES) -- -D warnings
	$(low) cargo clippy --quiet --all-targets -p milepost-json-check -- -D warnings
	$(low) cargo clippy --quiet -p milepost-frontend $(WASM) -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(low) cargo doc --quiet --no-deps $(LIBRARIES)

tests: site
	.ci/rust-tests.mjs build $(CRATES)

rust: $(if $(built),,latency) ## Run the Rust tests
	.ci/rust-tests.mjs run

latency: $(if $(built),,tests) ## Run the Rust tests that measure time, on a quiet machine
	.ci/rust-tests.mjs alone

json: $(if $(built),,site) ## Compare the browser's JSON reader with serde_json
	cargo build --quiet -p milepost-json-check $(WASM) --target-dir target/front
	target/debug/bindgen target/front/wasm32-unknown-unknown/debug/milepost_json_check.wasm target/json json
	cargo test --quiet -p milepost-json-check

wasm: $(if $(built),,site) ## Check the size and the dependencies of the wasm
	.ci/wasm

style: ## Check that the style sheets parse
	.ci/style

http: ## Run the HTTP tests; only=FILTER selects by name
	cargo test $(CRATES) --test http -- $(only)

e2e: $(if $(built),,site) ## Run the browser tests; spec=NAME selects by file
	$(if $(built),,$(DEBUG_PROGRAM))
	cd end2end && npm run --silent typecheck && MILEPOST_BIN=../../target/debug/milepost npx playwright test $(spec)

screenshots: site ## A picture of every page in end2end/screenshots; only=1280-light takes one of the sixteen variants
	$(DEBUG_PROGRAM)
	cd end2end && SCREENSHOTS=1 MILEPOST_BIN=../../target/debug/milepost npx playwright test --project=screenshots $(if $(only),--grep '$(only)$$')

dist: ## Build the release files: static program, archive, Debian package, image root, SBOMs (target/dist)
	@.ci/tools dist
	$(MAKE) site
	.ci/dist $(arch)

dist-check: ## Install, run and purge what `make dist` built; needs root, on a machine that has no Milepost
	.ci/dist-check

soak: ## Kill servers and workers at random for SOAK seconds (600); SEED repeats a run
	SOAK=$${SOAK:-600} cargo test -p milepost-engine --test kill_loop -- --nocapture

bench: site ## Print the tables of docs/benchmarks.md, of the program as `make dist` builds it
	cargo build --quiet --locked --profile production -p milepost-server
	.ci/bench

bench-stream: build ## Compare the event stream with plain axum and nginx + nchan (10 minutes; ROUNDS, JOBS)
	cargo run --quiet --release -p milepost-load -- table --rounds $${ROUNDS:-3} --jobs $${JOBS:-40}

bench-eta: ## Measure the accuracy of the time left; fails if a target is missed (30 s)
	cargo bench --quiet -p milepost-eta
