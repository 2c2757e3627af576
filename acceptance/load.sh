#!/usr/bin/env bash
# Servers are told to stop under load: whoever had asked before is answered. And three times the load that one carries: what
# cannot be answered soon is refused, and a second later all is answered again.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --quiet --package xtask -- soak drain --short
cargo run --quiet --package xtask -- soak overload --short
