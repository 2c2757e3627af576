#!/usr/bin/env bash
# The README's first command: it builds, serves, scores and ends by itself, with Spark's own accuracy. It builds as the tests do: all that
# a release adds is twenty minutes of optimising.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp)
trap 'rm -f "$out"' EXIT
first=$(sed -n '/^```/,/^```/p' README.md | sed -n '2p')
[ "$first" = "./start.sh" ] || { echo "the README's first command is '$first', not ./start.sh" >&2; exit 1; }
"$first" --profile ci | tee "$out"
want=$(sed -n 's/.*"accuracy": \([0-9.]*\).*/\1/p' examples/requests/breast-cancer.accuracy.json)
got=$(sed -n 's/.*accuracy \([0-9.]*\).*/\1/p' "$out")
[ -n "$got" ] && [ "$got" = "$(printf '%.4f' "$want")" ] || { echo "accuracy $got, Spark's is $want" >&2; exit 1; }
grep -q '"prediction"' "$out"
