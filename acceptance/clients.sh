#!/usr/bin/env bash
# Clients that others wrote, unmodified, against one running server with Spark, PMML and TensorFlow models: tritonclient, the stubs of
# tensorflow-serving-api, reflection, curl; and, against one that asks for tokens, those of pyjwt. What they say is docs/clients.md; REFRESH=1 writes it anew.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/forebay.sh

forebay_clients
work=$(mktemp -d)
running=()
trap 'for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT
half_plus_two=../shared/conformance/tensorflow/tfs_half_plus_two_cpu/model
[ -d "$half_plus_two" ] || fail "the shared cases are not beside the repository"

mkdir -p "$work/models/half_plus_two"
cp -r examples/models/text examples/models/mixed "$work/models"
cp conformance/pmml/logistic-iris/model.pmml "$work/models/iris.pmml"
cp -r "$half_plus_two" "$work/models/half_plus_two/123"
printf '[server]\ndefault_model = "text"\n' >"$work/open.toml"
# Starts a server with this configuration, sets its address.
start() {
  "$FOREBAY" serve "$work/models" --config "$work/$1.toml" --http 127.0.0.1:0 2>"$work/$1.log" &
  running+=($!)
  wait_for grep -q 'http://127' "$work/$1.log"
  address=$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/$1.log" | head -n 1)
  wait_for curl -fs "$address/health/ready"
}
secret=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
cat "$work/open.toml" - >"$work/guarded.toml" <<TOML
[auth.jwt]
audience = ["forebay"]
[[auth.jwt.keys]]
algorithm = "HS256"
secret = "$secret"
TOML
start guarded
guarded=$address
start open

"$ENGINES_PYTHON" acceptance/lib/clients.py "$address" "$guarded" "$secret" docs/clients.md ${REFRESH:+write} 2>"$work/said" ||
  fail "$(tail -n 30 "$work/said")"
for pid in "${running[@]}"; do kill "$pid" && wait "$pid"; done
running=()
echo "the clients of others were answered as docs/clients.md has it"
