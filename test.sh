#!/usr/bin/env bash
# Runs the tests: no network but for the crates, no foreign tool. Arguments go to cargo test.
set -euo pipefail
cd "$(dirname "$0")"
if ! command -v cargo >/dev/null; then
  echo "cargo is missing: install a current stable Rust from https://rustup.rs, then run this again" >&2
  exit 1
fi
if [ ! -d ../shared/conformance ]; then
  echo "note: the shared cases were not found beside the repository (../shared); the project's own cases run alone"
fi
exec cargo test --workspace --profile ci "$@"
