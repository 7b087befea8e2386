# The commands of this repository; .ci/run runs the same ones.
#
#   make demo    one attack, bare and in the sandbox
#   make test    every test, against the release binaries; REQUIRE_ALL=1 turns skipped tests into failures
#                the other programs of the vault's formats are installed below target/peers (LOBSTERPOT_PEERS names another folder)
#                LOBSTERPOT_THOROUGH=1 has every system call of the launcher's set-up fail, not a sample (LOBSTERPOT_SEED repeats one);
#                LOBSTERPOT_LAUNCHES=10000 launches so often, 200 times by default
#   make test-clients  installs the real agents below target/clients, and drives them with a scripted model
#   make lint    formatting, lints, documentation, dependencies, budgets
#   make bench   what the sandbox costs, beside its peers; BENCH_RUNS, BENCH_FILES and BENCH_BUILD_SECONDS make it shorter
#                (0 builds nothing for it: then the policy is loaded once, unoptimised, which measures nothing)
#                the peers are installed below target/peers
#   make bench-docs  the same, and writes the tables of docs/performance.md
#   make fuzz-smoke  a thousand inputs for every reader of hostile bytes, with little to build
#   make fuzz    a million inputs for every reader of hostile bytes, and the property tests at full length (FUZZ_RUNS for fewer)
#   make dist    static binaries, documents and checksums in target/dist

# Where cargo puts programs: .cargo/config.toml names the host as the target.
TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))
TRIPLE := $(shell rustc -vV | sed -n 's/^host: //p')
BIN_DIR := $(TARGET_DIR)/$(TRIPLE)/release
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

# Plugins for clients that ask no program: plain JavaScript.
PLUGINS := $(shell find hooks -name '*.mjs' -o -name '*.js')
PLUGIN_TESTS := $(shell find hooks -name '*.test.mjs' -o -name '*.test.js')

export LOBSTERPOT_BIN_DIR := $(BIN_DIR)

CLIENTS_DIR := $(TARGET_DIR)/clients

# What else reads and writes the vault's formats: the tests compare with it.
PEERS_DIR := $(TARGET_DIR)/peers

.PHONY: build demo test test-clients lint bench bench-docs fuzz fuzz-targets fuzz-smoke dist

build:
	cargo build --release --locked --bins

demo: build $(TARGET_DIR)/demo/service
	LOBSTERPOT_DEMO_SERVICE=$(TARGET_DIR)/demo/service demo/run

$(TARGET_DIR)/demo/service: demo/service.rs
	mkdir -p $(@D)
	rustc --edition 2024 -D warnings -C opt-level=s -C strip=symbols -C target-feature=+crt-static -o $@ $<

# Many tests wait for something most of the time (namespaces that end, clocks of what is tested), so there are more at once than processors.
# RUST_TEST_THREADS names another number.
TESTS_AT_ONCE := $(or $(RUST_TEST_THREADS),$(shell echo $$(($$(nproc) * 2))))

# The programs under test are the release binaries; the tests themselves need no optimisation. As root the end-to-end
# suite runs everything twice: as root and as an ordinary user.
test: export LOBSTERPOT_PEERS := $(or $(LOBSTERPOT_PEERS),$(PEERS_DIR))
test: build
	[ "$$LOBSTERPOT_PEERS" != "$(PEERS_DIR)" ] || tests/peers/install "$(PEERS_DIR)"
	RUST_TEST_THREADS=$(TESTS_AT_ONCE) cargo test --workspace --locked --no-fail-fast
	@if command -v node >/dev/null; then printf '%s\n' $(PLUGIN_TESTS) | xargs -n 1 -P $(TESTS_AT_ONCE) node --test; \
	else echo "SKIP: node is not installed, so the plugins are not tested"; [ "$$REQUIRE_ALL" != 1 ]; fi

# The suite of real clients. LOBSTERPOT_CLIENTS_DIR names a folder in which they are installed already.
test-clients: export LOBSTERPOT_CLIENTS_DIR := $(or $(LOBSTERPOT_CLIENTS_DIR),$(CLIENTS_DIR))
test-clients: build
	[ "$$LOBSTERPOT_CLIENTS_DIR" != "$(CLIENTS_DIR)" ] || tests/clients/install "$(CLIENTS_DIR)"
	cargo test --package e2e --test clients --locked --no-fail-fast -- --test-threads=$(TESTS_AT_ONCE)

lint:
	cargo fmt --all --check
	rustfmt --check --edition 2024 demo/service.rs bench/bare.rs bench/traffic.rs
	cargo clippy --workspace --all-targets --locked -- -D warnings
	mkdir -p $(TARGET_DIR)/demo
	clippy-driver --edition 2024 -D warnings -W clippy::pedantic --emit metadata -o $(TARGET_DIR)/demo/service.rmeta demo/service.rs
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
	for script in demo/run demo/attack.sh tests/e2e/vault/machine.sh tests/fuzz/instrument; do sh -n $$script || exit; done
	for script in .ci/run bench/install tests/clients/install tests/fuzz/run tests/peers/install; do bash -n $$script || exit; done
	@if command -v node >/dev/null; then for module in $(PLUGINS); do node --check $$module || exit; done; \
	else echo "SKIP: node is not installed, so the plugins are not checked"; [ "$$REQUIRE_ALL" != 1 ]; fi
	python3 .ci/check.py

bench: export LOBSTERPOT_PEERS := $(or $(LOBSTERPOT_PEERS),$(PEERS_DIR))
bench: export PYTHONDONTWRITEBYTECODE := 1
bench: export LOBSTERPOT_BENCH_BARE := $(TARGET_DIR)/bench/bare
bench: export LOBSTERPOT_BENCH_TRAFFIC := $(TARGET_DIR)/bench/traffic
bench: build $(TARGET_DIR)/bench/bare $(TARGET_DIR)/bench/traffic
	[ "$$LOBSTERPOT_PEERS" != "$(PEERS_DIR)" ] || bench/install "$(PEERS_DIR)"
	for part in compare call timeline profile curves hooks vault net; do bench/$$part.py $(TARGET_DIR)/bench || exit; done
	if [ "$$BENCH_BUILD_SECONDS" = 0 ]; then cargo test --locked --workspace --bench load; \
	else cargo bench --locked --package lobsterpot-policy --bench load -- --noplot; fi

bench-docs: bench
	bench/document.py $(TARGET_DIR)/bench

# It looks names up by the system's resolver, which a static program cannot.
$(TARGET_DIR)/bench/traffic: bench/traffic.rs
	mkdir -p $(@D)
	rustc --edition 2024 -D warnings -C opt-level=3 -C strip=symbols -o $@ $<

$(TARGET_DIR)/bench/bare: bench/bare.rs
	mkdir -p $(@D)
	rustc --edition 2024 -D warnings -C opt-level=3 -C strip=symbols -C target-feature=+crt-static -o $@ $<

# tests/fuzz/README.md says what each target promises. What is built for it lies below target/fuzz.
FUZZ_RUNS ?= 1000000

fuzz-targets:
	FUZZ_RUNS=$(FUZZ_RUNS) tests/fuzz/run

fuzz-smoke:
	FUZZ_SMOKE=1 FUZZ_RUNS=1000 tests/fuzz/run

# The property tests at full length: a tenth as many cases, which are 100,000 layers of policy, texts for a shell, worlds to plan for,
# questions to fs-guard and the sandbox (some 120 in a world), and operations of fs-guard's that somebody races with. Optimised, for it
# takes long.
fuzz: build fuzz-targets
	LOBSTERPOT_CASES=$$(($(FUZZ_RUNS) / 10)) cargo test --locked --profile fuzz --target-dir $(TARGET_DIR)/fuzz --package lobsterpot-policy \
		--package lobsterpot-hooks --package sandbox-exec --lib -- the_policy_allows_a_subset to_the_real_shell byte_for_byte
	LOBSTERPOT_TREES=$$(($(FUZZ_RUNS) / 1200 + 1)) LOBSTERPOT_RACES=$$(($(FUZZ_RUNS) / 80)) \
		cargo test --locked --package e2e --test e2e -- verdict::

dist: build
	.ci/dist $(BIN_DIR) $(TARGET_DIR)/dist lobsterpot-$(VERSION)-$(TRIPLE)
