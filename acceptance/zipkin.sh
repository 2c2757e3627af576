#!/usr/bin/env bash
# A real Zipkin collects the spans of a traced request: ours are children of a caller's span whose trace came in B3 headers, by Zipkin's
# own JSON; and the same trace is answered by our own pages in the same shape.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/maven.sh
. acceptance/lib/forebay.sh

forebay_java
jar=$(forebay_jar io.zipkin:zipkin-server:3.5.1:jar:exec)
work=$(mktemp -d)
running=()
trap 'for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
zipkin=http://127.0.0.1:$port
QUERY_PORT=$port java -Xmx256m -jar "$jar" >"$work/zipkin.log" 2>&1 &
running+=($!)
cat >"$work/forebay.toml" <<TOML
[trace]
sample = 0.0
zipkin = "$zipkin/api/v2/spans"
TOML
"$FOREBAY" serve examples/models --config "$work/forebay.toml" --http 127.0.0.1:0 2>"$work/forebay.log" &
running+=($!)
wait_for grep -q 'http://127' "$work/forebay.log"
forebay=http://$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/forebay.log" | head -n 1)
wait_for curl -fs "$forebay/health/ready"
wait_for curl -fs "$zipkin/health"

# The caller's span, as he would report it himself; then the request that it caused.
trace=80f198ee56343ba864fe8b2a57d3eff7
span=e457b5a2e4d86bd1
now=$(($(date +%s%N) / 1000))
curl -fs "$zipkin/api/v2/spans" -H 'content-type: application/json' -d "[{\"traceId\":\"$trace\",\"id\":\"$span\",
  \"kind\":\"CLIENT\",\"name\":\"order\",\"timestamp\":$now,\"duration\":9000,\"localEndpoint\":{\"serviceName\":\"shop\"}}]"
curl -fs "$forebay/api/v1/serve/text" -d '{"text": "spark"}' -o "$work/answer.json" \
  -H "x-b3-traceid: $trace" -H "x-b3-spanid: $span" -H 'x-b3-sampled: 1'
grep -q prediction "$work/answer.json" || fail "$(cat "$work/answer.json")"
# One that is not sampled leaves nothing.
other=463ac35c9f6413ad48485a3953bb6124
curl -fs "$forebay/api/v1/serve/text" -d '{"text": "spark"}' -o /dev/null -H "b3: $other-$span-0"

check() { curl -fs "$1/api/v2/trace/$trace" | python3 -c '
import json, sys
spans = json.load(sys.stdin)
ours = {s["id"]: s for s in spans if s["localEndpoint"]["serviceName"] == "forebay"}
[root] = [s for s in ours.values() if s.get("kind") == "SERVER"]
assert root["parentId"] == sys.argv[1] and root["name"] == "post /api/v1/serve/{model}", root
names = {s["name"] for s in ours.values() if s.get("parentId") == root["id"]}
assert names == {"decode", "predict", "encode"}, names
[predict] = [s for s in ours.values() if s["name"] == "predict"]
steps = [s["name"] for s in ours.values() if s.get("parentId") == predict["id"]]
assert len(steps) >= 3, steps
assert root["tags"]["model"] == "text" and root["tags"]["http.status_code"] == "200", root
print(len(ours))' "$span"; }
wait_for check "$zipkin"
shown=$(check "$zipkin")
[ "$shown" = "$(check "$forebay")" ] || fail "our own page shows other spans than Zipkin"
callers=$(curl -fs "$zipkin/api/v2/trace/$trace" | grep -o '"serviceName":"[a-z]*"' | sort -u | tr '\n' ' ')
[ "$callers" = '"serviceName":"forebay" "serviceName":"shop" ' ] || fail "one trace of two services: $callers"
! curl -fs "$zipkin/api/v2/trace/$other" >/dev/null || fail "a request that was not sampled was sent"
dropped=$(curl -fs "$forebay/metrics" | sed -n 's/^forebay_spans_dropped_total //p')
[ "$dropped" = 0 ] || fail "$dropped spans were dropped"
echo "Zipkin shows one trace with the caller's span and $shown of ours"
