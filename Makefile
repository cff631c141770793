# Every target only calls cargo; whoever prefers cargo can read on and type the same.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test verify fix gen search sim mutants counts bench control-plane need-rust need-cc need-go need-rustfmt need-clippy need-mutants

CRATES := triton-core triton-grpc triton-operator triton-examples triton-benches triton-tests triton-counts triton-mutants
CORE_FEATURES := schema sim testing
MUTANTS_VERSION := 27.1.0
CARGO_MUTANTS := target/tools/bin/cargo-mutants

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: need-rust need-cc ## play the nginx tutorial in an embedded world, with a live view
	cargo run --locked --package triton-examples --example demo

test: need-rust need-cc need-go ## everything: build the control plane on first use, then run all tests
	cargo run --locked --package triton-tests --bin control-plane -- build
	cargo test --locked --workspace

verify: need-rust need-cc need-rustfmt need-clippy ## read-only: format, lints, each crate alone, docs, house rules
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	set -e; for crate in $(CRATES); do cargo clippy --locked --package $$crate -- --deny warnings; done
	set -e; for feature in $(CORE_FEATURES); do cargo clippy --locked --package triton-core --features $$feature -- --deny warnings; done
	RUSTDOCFLAGS='--deny warnings' cargo doc --locked --workspace --no-deps --document-private-items
	cargo test --locked --workspace --test house_rules
	@find . -name 'target*' -prune -o -name '*.rs' -print \
		| xargs awk 'FNR == 401 { print "warning: " FILENAME " has more than 400 lines" }'

fix: need-rust need-cc need-rustfmt need-clippy ## format, apply what clippy can, regenerate
	cargo fmt --all
	cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
	$(MAKE) gen

gen: need-rust need-cc ## write the generated files and the stories anew; read the difference before you keep it
	TRITON_BLESS=1 cargo test --workspace --test house_rules -- in_step
	TRITON_BLESS=1 cargo test --workspace --test stories
	TRITON_BLESS=1 cargo test --workspace --test golden -- written
	TRITON_BLESS=1 cargo test --package triton-grpc --features cli --lib -- in_step

search: need-rust need-cc ## the exhaustive search with larger bounds for two hosts; long
	TRITON_SEARCH=1 cargo test --locked --workspace --test model -- --nocapture

sim: need-rust need-cc ## show one simulated run: make sim SEED=42, with FAULTS=crashes,people for other faults
	@test -n "$(SEED)" || { echo "make: say which run: make sim SEED=42" >&2; exit 1; }
	TRITON_SEED=$(SEED) TRITON_FAULTS=$(FAULTS) cargo test --locked --package triton-core --features sim,testing --test fuzz -- --exact replay --nocapture

mutants: need-rust need-cc need-mutants ## change the engine here and there and see a test fail: SEED=, ONLY=goal.rs or SHARD=1/8; 20 minutes
	cargo run --locked --quiet --package triton-mutants -- $(SEED:%=--seed=%) $(ONLY:%=--only=%) $(SHARD:%=--shard=%)

counts: need-rust need-cc ## count what of the product is written more than once, beside the goals: BASELINE=commit, LIST=words
	cargo run --locked --quiet --package triton-counts -- $(BASELINE:%=--baseline=%) $(LIST:%=--list=%)

bench: need-rust need-cc need-go ## speed and memory, beside their limits
	cargo bench --locked --package triton-benches

control-plane: need-rust need-cc need-go ## start a Kubernetes API server to try things on, with a stand-in of OpenKruise, until Ctrl-C
	@cargo run --locked --package triton-tests --bin control-plane -- run

# A missing prerequisite is named in one line, with what to install. Cargo itself checks the version of Rust.
need-rust:
	@command -v cargo >/dev/null || { echo "make: cargo is missing: install Rust 1.95 or newer (https://rustup.rs)" >&2; exit 1; }

need-rustfmt:
	@cargo fmt --version >/dev/null 2>&1 || { echo "make: rustfmt is missing: rustup component add rustfmt" >&2; exit 1; }

need-clippy:
	@cargo clippy --version >/dev/null 2>&1 || { echo "make: clippy is missing: rustup component add clippy" >&2; exit 1; }

need-mutants:
	@$(CARGO_MUTANTS) mutants --version 2>/dev/null | grep -qx 'cargo-mutants $(MUTANTS_VERSION)' \
		|| cargo install --locked --root target/tools cargo-mutants@$(MUTANTS_VERSION)

need-cc:
	@command -v cc >/dev/null || { echo "make: cc is missing: install a C compiler (Debian: apt install gcc libc6-dev; macOS: xcode-select --install)" >&2; exit 1; }

# Go 1.21 and later fetch the newer Go that a module asks for by themselves, here 1.26, with GOTOOLCHAIN=auto
# (the default) and a network.
need-go:
	@command -v go >/dev/null || { echo "make: go is missing: install Go 1.24 or newer (https://go.dev/dl)" >&2; exit 1; }
	@go env GOVERSION | awk -F '[go.]+' '{ exit !($$2 > 1 || $$2 == 1 && $$3 >= 24) }' \
		|| { echo "make: $$(go env GOVERSION) is too old: install Go 1.24 or newer (https://go.dev/dl)" >&2; exit 1; }
