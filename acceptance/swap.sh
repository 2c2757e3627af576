#!/usr/bin/env bash
# Models are replaced under load: no request fails, every answer is one of the two versions'.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --quiet --package xtask -- soak swap --short
