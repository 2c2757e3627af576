#!/usr/bin/env bash
# Models in a real HDFS (Hadoop's own small cluster: a name node and a data node in one JVM): put there by Hadoop's command, served, replaced and
# taken away while the server runs; what serves goes on while the cluster is gone.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/maven.sh
. acceptance/lib/forebay.sh

forebay_java
hadoop=3.4.2
jars=
for jar in org.apache.hadoop:hadoop-client-{minicluster,api,runtime}:$hadoop org.slf4j:slf4j-{api,simple}:1.7.36 \
  commons-logging:commons-logging:1.2 junit:junit:4.13.2; do
  jars=$jars:$(forebay_jar "$jar")
done
work=$(mktemp -d)
running=()
trap 'for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

port=$(free_port)
mkdir "$work/conf"
(cd "$work" && exec java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$work$jars" \
  org.apache.hadoop.mapreduce.MiniHadoopClusterManager -nomr -nnport "$port" -nnhttpport "$(free_port)" -datanodes 1 -format \
  -writeConfig "$work/conf/core-site.xml") >"$work/hadoop.log" 2>&1 &
cluster=$!
running+=("$cluster")
wait_for test -s "$work/conf/core-site.xml"
# Each command is a JVM of its own, so few are given.
dfs() { java -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$work/conf$jars" org.apache.hadoop.fs.FsShell "$@"; }
dfs -put examples/models /models

cat >"$work/forebay.toml" <<TOML
[[models.sources]]
url = "hdfs://127.0.0.1:$port/models"
poll_ms = 300

[[models.sources]]
name = "words"
url = "hdfs://127.0.0.1:$port/models/text"
poll_ms = 300
TOML
"$FOREBAY" serve --config "$work/forebay.toml" --http 127.0.0.1:0 2>"$work/forebay.log" &
running+=($!)
wait_for grep -q 'http://127' "$work/forebay.log"
forebay=http://$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/forebay.log" | head -n 1)
wait_for curl -fs "$forebay/health/ready"
answers() { curl -s "$forebay/api/v1/serve/$1" -d '{"text": "spark"}' | grep -q prediction; }
version() { curl -s "$forebay/api/v1/models/$1" | grep -q "\"version\":$2,\"state\":\"available\""; }
for model in text words; do answers "$model" || fail "$model does not answer"; done
for model in text mixed breast-cancer; do
  [ "$(curl -fs "$forebay/api/v1/serve/$model" -d @examples/requests/$model.json | head -c 2)" = '[{' ] || fail "$model"
done
# A second version comes file by file, as Hadoop copies; then the whole model goes.
mkdir -p "$work/numbered/1" "$work/numbered/2"
cp -r examples/models/text/. "$work/numbered/1"
cp -r examples/models/text/. "$work/numbered/2"
dfs -put "$work/numbered" /models/
wait_for version numbered 2
dfs -rm -r -f -skipTrash /models/numbered >/dev/null
gone() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$forebay/api/v1/serve/numbered" -d '{"text": "spark"}')" = 404 ]; }
wait_for gone
# Without its cluster everything goes on, and the log tells it.
kill "$cluster" && wait "$cluster" 2>/dev/null || true
wait_for grep -q 'the models cannot be read; what serves goes on' "$work/forebay.log"
answers text || fail "nothing answers while the cluster is gone"
echo "HDFS: models served, replaced and taken away; without the cluster they go on"
