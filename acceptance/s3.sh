#!/usr/bin/env bash
# Models in a real S3 server (moto): uploaded by boto3, served, replaced and taken away while the server runs; what serves goes on while the store
# is gone, is told once, and heals.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/forebay.sh

forebay_s3
work=$(mktemp -d)
running=()
trap 'for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT
export AWS_ACCESS_KEY_ID=forebay AWS_SECRET_ACCESS_KEY=secret AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
store=http://127.0.0.1:$port
start_store() {
  "$S3_PYTHON" -m moto.server -H 127.0.0.1 -p "$port" >>"$work/moto.log" 2>&1 &
  moto=$!
  running+=("$moto")
  wait_for curl -fs "$store/moto-api/"
}
# s3 VERB ...: make | put FOLDER PREFIX | delete PREFIX
s3() { "$S3_PYTHON" - "$store" "$@" <<'PY'
import os, sys, boto3
store, verb, *rest = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=store)
if verb == "make":
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
elif verb == "put":
    folder, prefix = rest
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            s3.upload_file(path, "models", prefix + "/" + os.path.relpath(path, folder))
else:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="models", Prefix=rest[0])
    for key in [entry["Key"] for page in pages for entry in page.get("Contents", [])]:
        s3.delete_object(Bucket="models", Key=key)
PY
}

start_store
s3 make
s3 put examples/models team/models
cat >"$work/forebay.toml" <<TOML
[[models.sources]]
url = "s3://models/team/models"
endpoint = "$store"
allow_http = true
poll_ms = 300

[[models.sources]]
name = "words"
url = "s3://models/team/models/text"
endpoint = "$store"
allow_http = true
poll_ms = 300
TOML
"$FOREBAY" serve --config "$work/forebay.toml" --http 127.0.0.1:0 2>"$work/forebay.log" &
running+=($!)
wait_for grep -q 'http://127' "$work/forebay.log"
forebay=http://$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/forebay.log" | head -n 1)
wait_for curl -fs "$forebay/health/ready"
ask() { curl -s "$forebay/api/v1/serve/$1" -d '{"text": "spark"}'; }
answers() { ask "$1" | grep -q prediction; }
version() { curl -s "$forebay/api/v1/models/$1" | python3 -c '
import json, sys
model = json.load(sys.stdin)
up = [v["version"] for v in model.get("versions", []) if v["state"] == "available"]
sys.exit(up != [int(sys.argv[1])])' "$2"; }

for model in text words; do answers "$model" || fail "$model does not answer: $(ask "$model")"; done
for model in text mixed breast-cancer; do
  [ "$(curl -fs "$forebay/api/v1/serve/$model" -d @examples/requests/$model.json | head -c 2)" = '[{' ] || fail "$model"
done
# Further versions arrive object by object; the newest answers once it is whole.
s3 put examples/models/text team/models/numbered/1
wait_for answers numbered
s3 put examples/models/text team/models/numbered/2
wait_for version numbered 2
# One that is broken is told, and what serves goes on.
mkdir -p "$work/broken/metadata"
echo '{"class":"com.example.Own"' >"$work/broken/metadata/part-00000"
s3 put "$work/broken" team/models/numbered/3
failed() { curl -s "$forebay/api/v1/models/numbered" | grep -q '"state":"end"'; }
wait_for failed
answers numbered || fail "the version before does not answer"
s3 delete team/models/numbered/
gone() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$forebay/api/v1/serve/numbered" -d '{"text": "spark"}')" = 404 ]; }
wait_for gone

# Without its store everything goes on; that is told once for each source.
kill "$moto" && wait "$moto" 2>/dev/null || true
told() { grep -c 'the models cannot be read; what serves goes on' "$work/forebay.log" || true; }
both_told() { [ "$(told)" = 2 ]; }
wait_for both_told
answers text || fail "nothing answers while the store is gone"
sleep 3
both_told || fail "told $(told) times"
# It comes back (moto keeps nothing), with what is there then.
start_store
s3 make
s3 put examples/models/text team/models/again
wait_for answers again
wait_for grep -q 'the models can be read again' "$work/forebay.log"
# Credentials stay where they are.
! grep -q secret "$work/forebay.log" || fail "a secret in the log"
echo "S3: models served, replaced and taken away; a lost store is told once and heals"
