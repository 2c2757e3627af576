#!/usr/bin/env bash
# Clients that others wrote, unmodified, against one running server with Spark, PMML and TensorFlow models: tritonclient, the stubs of
# tensorflow-serving-api, reflection, curl. What they say is docs/clients.md; REFRESH=1 writes it anew.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/forebay.sh
fail() { echo "error: $*" >&2; exit 1; }

forebay_clients
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
half_plus_two=../shared/conformance/tensorflow/tfs_half_plus_two_cpu/model
[ -d "$half_plus_two" ] || fail "the shared cases are not beside the repository"

mkdir -p "$work/models/half_plus_two"
cp -r examples/models/text examples/models/mixed "$work/models"
cp conformance/pmml/logistic-iris/model.pmml "$work/models/iris.pmml"
cp -r "$half_plus_two" "$work/models/half_plus_two/123"
printf '[server]\ndefault_model = "text"\n' >"$work/forebay.toml"
"$FOREBAY" serve "$work/models" --config "$work/forebay.toml" --http 127.0.0.1:0 2>"$work/log" &
server=$!
wait_for() {
  for _ in $(seq 1200); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.05
  done
  fail "not in time: $*: $(cat "$work/log")"
}
wait_for grep -q 'http://127' "$work/log"
address=$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/log" | head -n 1)
for model in text mixed iris half_plus_two; do wait_for curl -fs "$address/v2/models/$model/ready"; done

"$ENGINES_PYTHON" acceptance/lib/clients.py "$address" docs/clients.md ${REFRESH:+write} 2>"$work/said" || fail "$(tail -n 30 "$work/said")"
kill "$server" && wait "$server"
server=
echo "the clients of others were answered as docs/clients.md has it"
