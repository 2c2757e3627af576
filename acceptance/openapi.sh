#!/usr/bin/env bash
# schemathesis over our OpenAPI document, against a running server with Spark, PMML and TensorFlow models: no 5xx, and no answer that the
# document does not tell of. First with names of models that are there, then with names and everything else made up.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/forebay.sh

forebay_openapi
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
half_plus_two=../shared/conformance/tensorflow/tfs_half_plus_two_cpu/model
[ -d "$half_plus_two" ] || fail "the shared cases are not beside the repository"

mkdir -p "$work/models/half_plus_two" "$work/models/iris/1"
cp -r examples/models/text "$work/models"
cp conformance/pmml/logistic-iris/model.pmml "$work/models/iris/1"
cp -r "$half_plus_two" "$work/models/half_plus_two/123"
printf '[server]\ndefault_model = "text"\n' >"$work/forebay.toml"
"$FOREBAY" serve "$work/models" --config "$work/forebay.toml" --http 127.0.0.1:0 2>"$work/log" &
server=$!
wait_for grep -q 'http://127' "$work/log"
address=$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/log" | head -n 1)
for model in text iris half_plus_two; do wait_for curl -fs "$address/v2/models/$model/ready"; done

# A stream of events has no end, so it is not asked for here.
run() {
  (cd "$work" && "$OPENAPI_PYTHON" -m schemathesis.cli --no-color --config-file "$1" run "http://$address/api-docs/openapi.json" \
    --exclude-path /api/v1/events --max-examples "$2" --continue-on-failure --no-shrink >"$work/said" 2>&1) || fail "$(tail -n 200 "$work/said")"
  grep -E 'Test cases:|generated|passed' "$work/said" | tail -n 2
}
run "$PWD/acceptance/lib/openapi.toml" 20
# Models come and go under its hands then, of which 503 tells.
sed 's/^parameters.*/request-timeout = 30/; /^"path\./d; s/^not_a_server_error.*/not_a_server_error = { enabled = true, expected-statuses = ["2xx", "3xx", "4xx", 501, 503, 504] }/; /^checks = /s/50[14]\]/501, 503, 504]/' acceptance/lib/openapi.toml >"$work/made-up.toml"
run "$work/made-up.toml" 8
curl -fs "$address/health/ready" >/dev/null || fail "the server is no longer ready"
kill "$server" && wait "$server"
server=
echo "no 5xx, and every answer is as the document tells"
