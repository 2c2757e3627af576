#!/usr/bin/env bash
# The commands of the ancestors' pages that score one model, as they stand there, on the ports they name: Mist's (2003, and 2004 of its later
# versions), the tutorial's TensorFlow Serving (8501), the gateway's of Hydro-serving (8083). Answers are those of the pages.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/forebay.sh

lineage=../shared/lineage
golden=$lineage/Hydrospheredata__hydro-serving-runtime/golden_text_classification.json
[ -f "$golden" ] || fail "the files of the ancestors are not beside the repository"
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

mkdir -p "$work/models/wine"
cp -r "$lineage/Hydrospheredata__hydro-serving-runtime/models/logisticregression" "$work/models/classification"
cp -r "$lineage/lightbend__model-serving-tutorial/data/saved/1" "$work/models/wine/1"
for at in 2003:mist 2004:mist 8501:tfs 8083:native; do
  printf '[[server.listeners]]\naddress = "127.0.0.1:%s"\ndialects = ["%s"]\n' "${at%%:*}" "${at##*:}" >>"$work/forebay.toml"
done
free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
for port in 2003 2004 8501 8083; do wait_for free "$port"; done
"$FOREBAY" serve "$work/models" --config "$work/forebay.toml" --http 127.0.0.1:0 2>"$work/log" &
server=$!
wait_for grep -q 'http://127' "$work/log"
address=$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/log" | head -n 1)
wait_for curl -fs "$address/health/ready"

# Mist: the exchange of its page, with all columns of the row.
same='
import json, sys
def same(want, got):
    if isinstance(want, float):
        return abs(want - got) <= 1e-12 * abs(want)
    if isinstance(want, dict):
        return want.keys() == got.keys() and all(same(want[key], got[key]) for key in want)
    if isinstance(want, list):
        return len(want) == len(got) and all(map(same, want, got))
    return want == got
want, got = json.load(open(sys.argv[1]))["response"]["payload"], json.loads(sys.argv[2])
sys.exit(not (got["success"] and not got["errors"] and same(want, got["payload"])))'
for port in 2003 2004; do
  answer=$(curl -s --header "Content-Type: application/json" -X POST "http://localhost:$port/api/classification?serve" \
    --data '{"text": ["mist makes spark better"]}')
  python3 -c "$same" "$golden" "$answer" || fail "port $port: $answer"
done
echo "Mist's page: ?serve on 2003 and 2004"

# The tutorial: status, metadata, one record.
answer=$(curl -s http://localhost:8501/v1/models/wine/versions/1)
grep -q '"state": *"AVAILABLE"' <<<"$answer" || fail "$answer"
answer=$(curl -s http://localhost:8501/v1/models/wine/versions/1/metadata)
grep -q 'dense_1_input' <<<"$answer" && grep -q 'tensorflow/serving/predict' <<<"$answer" || fail "$answer"
answer=$(curl -s -X POST http://localhost:8501/v1/models/wine/versions/1:predict \
  -d '{"signature_name":"predict","instances":[{"inputs":[7.4,0.7,0.0,1.9,0.076,11.0,34.0,0.9978,3.51,0.56,9.4]}]}')
grep -q '"predictions": *\[\[1.1487' <<<"$answer" && grep -q '0.68973' <<<"$answer" || fail "$answer"
echo "the tutorial's page: status, metadata and :predict on 8501"

# Hydro-serving's gateway: an array of rows in, the rows with their predictions out.
answer=$(curl -s -X POST http://localhost:8083/api/v1/serve/classification -H 'Content-Type: application/json' -d '[{"text": "mist makes spark better"}]')
grep -q '"prediction":0.0' <<<"$answer" || fail "$answer"
echo "Hydro-serving's page: /api/v1/serve on 8083"

# A port answers its own protocol and no other.
for other in 2003/v1/models/wine 8501/api/v1/models 8083/v2; do
  status=$(curl -s -o /dev/null -w '%{http_code}' "http://localhost:$other")
  [ "$status" = 404 ] || fail "$other: $status"
done
kill "$server" && wait "$server"
server=
