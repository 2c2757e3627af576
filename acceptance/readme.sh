#!/usr/bin/env bash
# The README's first command, on a clean clone with nothing beside it: it builds, serves, scores and ends by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet "$root" "$clone/forebay"
first=$(sed -n '/^```/,/^```/p' README.md | sed -n '2p')
[ "$first" = "./start.sh" ] || { echo "the README's first command is '$first', not ./start.sh" >&2; exit 1; }
cd "$clone/forebay"
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}" $first | tee "$clone/out"
# Spark's own accuracy on the same rows is what ours must be.
want=$(sed -n 's/.*"accuracy": \([0-9.]*\).*/\1/p' examples/requests/breast-cancer.accuracy.json)
got=$(sed -n 's/.*accuracy \([0-9.]*\).*/\1/p' "$clone/out")
[ -n "$got" ] && [ "$got" = "$(printf '%.4f' "$want")" ] || { echo "accuracy $got, Spark's is $want" >&2; exit 1; }
grep -q '"prediction"' "$clone/out"
