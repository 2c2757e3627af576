#!/usr/bin/env bash
# Real tools export PMML now: scikit-learn, LightGBM and XGBoost through sklearn2pmml. JPMML-Evaluator answers, and Forebay must give the
# same answers: labels, probabilities, values. Documents that carry rows to verify them by are verified, and served: one that
# does not give its own answers does not go live.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/forebay.sh

# What conformance/pmml/cases_*.py name, and how many of those are exported with rows to verify them by.
cases_made=78
cases_verified=69

forebay_pmml
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

"$PMML_PYTHON" conformance/pmml/make.py --out "$work/cases"

# Every case; and one with another answer in it, which has to be found.
said=$("$FOREBAY" verify "$work/cases") || fail "$said"
echo "$said"
[ "$said" = "$cases_made passed, 0 failed" ] || fail "$cases_made cases have to pass"
cp -r "$work/cases/svc-iris" "$work/wrong"
sed -i '0,/setosa/s//virginica/' "$work/wrong/expected.jsonl"
! "$FOREBAY" verify "$work/wrong" >"$work/said" || fail "a wrong answer was not found"
grep -q 'row 0: `species` is setosa, expected virginica' "$work/said" || fail "$(cat "$work/said")"

# The rows that documents carry themselves; and a document whose answers were spoiled.
verified=0
for document in "$work"/cases/*/model.pmml; do
  grep -q '<ModelVerification' "$document" || continue
  "$FOREBAY" verify "$document" >"$work/said" 2>&1 || fail "$document: $(cat "$work/said")"
  grep -q ' rows as the model carries them' "$work/said" || fail "$document: $(cat "$work/said")"
  verified=$((verified + 1))
done
[ "$verified" = "$cases_verified" ] || fail "$verified documents were verified, $cases_verified carry rows"
echo "$verified documents verified by the rows that they carry"
good=$work/cases/logistic-iris/model.pmml
mkdir "$work/spoiled"
sed '/<ModelVerification/,$s/<data:probability_setosa>0\.9[0-9]*</<data:probability_setosa>0.5</' "$good" >"$work/spoiled/model.pmml"
wrong='row 0: `probability(setosa)` is 0.9'
! "$FOREBAY" verify "$work/spoiled/model.pmml" >"$work/said" 2>&1 || fail "a spoiled document was verified"
grep -qF "$wrong" "$work/said" || fail "$(cat "$work/said")"

# The same two as versions of a served model: the good one goes live, and goes on answering when the other comes.
mkdir -p "$work/models/flowers/1"
cp "$good" "$work/models/flowers/1/model.pmml"
"$FOREBAY" serve "$work/models" --http 127.0.0.1:0 2>"$work/log" &
server=$!
wait_for grep -q 'http://127' "$work/log"
address=$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/log" | head -n 1)
answer() { head -n 1 "$work/cases/logistic-iris/input.jsonl" | curl -fs "$address/api/v1/serve/flowers" -d @-; }
wait_for answer >/dev/null
before=$(answer)
grep -q '"species":"setosa"' <<<"$before" || fail "$before"
mv "$work/spoiled" "$work/models/flowers/2"
status() { curl -fs "$address/api/v1/models/flowers"; }
is_refused() { status | "$PMML_PYTHON" -c '
import json, sys
model = json.load(sys.stdin)
states = {v["version"]: v for v in model["versions"]}
bad = states.get(2, {})
ok = model["version"] == 1 and states[1]["state"] == "available" and bad.get("state") == "end" and sys.argv[1] in bad["health"]
sys.exit(not ok)' "$wrong"; }
wait_for is_refused
[ "$(answer)" = "$before" ] || fail "$(answer), before the spoiled version came: $before"
cp -r "$work/models/flowers/1" "$work/models/.3" && mv "$work/models/.3" "$work/models/flowers/3"
is_third() { status | grep -q '"version":3,"state":"available"'; }
wait_for is_third
[ "$(answer)" = "$before" ] || fail "$(answer), of the first version: $before"
echo "a spoiled version did not go live, the next good one did"
