#!/usr/bin/env bash
# Builds Forebay, serves the example models, sends the documented requests, scores a real table, and ends.
# --stay keeps the server up (on 127.0.0.1:8080) until Ctrl-C; --profile NAME builds by another profile of Cargo.toml than `release`:
# `dev` and `ci` are built sooner, and slower.
set -euo pipefail
cd "$(dirname "$0")"

stay=no profile=release
while [ $# -gt 0 ]; do
  case "$1:${2:-}" in
    --stay:*) stay=yes; shift ;;
    --profile:?*) profile=$2; shift 2 ;;
    *) echo "usage: ./start.sh [--stay] [--profile NAME]" >&2; exit 2 ;;
  esac
done

need() { # program, how to get it
  command -v "$1" >/dev/null || { echo "$1 is missing: $2, then run this again" >&2; exit 1; }
}
need cargo "install a current stable Rust from https://rustup.rs"
need cc "install a C compiler (on Debian: apt-get install gcc)"
need curl "install curl (on Debian: apt-get install curl)"

echo "== building (a few minutes the first time)"
cargo build --profile "$profile" --package app
folder=$profile
[ "$profile" != dev ] || folder=debug
forebay="${CARGO_TARGET_DIR:-target}/$folder/forebay"

work=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

echo
echo "== serving examples/models"
address=127.0.0.1:0
[ "$stay" = no ] || address=127.0.0.1:8080
"$forebay" serve examples/models --http "$address" 2>"$work/log" &
server=$!
for _ in $(seq 200); do
  url=$(sed -n 's/.*\(http:\/\/[0-9.]*:[0-9]*\).*/\1/p' "$work/log" | head -n 1)
  [ -z "$url" ] || ! curl -sf "$url/health/ready" >/dev/null || break
  kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
  sleep 0.05
done
curl -sf "$url/health/ready" >/dev/null || { cat "$work/log" >&2; echo "the server did not become ready" >&2; exit 1; }
echo "listening on $url"

for model in text mixed breast-cancer; do
  echo
  echo "== POST /api/v1/serve/$model"
  outputs=
  [ "$model" != breast-cancer ] || outputs="?outputs=probability,prediction"
  curl -sf "$url/api/v1/serve/$model$outputs" -H 'content-type: application/json' -d @"examples/requests/$model.json"
  echo
done

echo
echo "== POST /api/text?serve"
curl -sf "$url/api/text?serve" -H 'content-type: application/json' -d '{"text": ["mist makes spark better"]}'
echo

echo
echo "== scoring examples/data/breast-cancer.csv: the half that the forest was not trained on"
"$forebay" score examples/models/breast-cancer examples/data/breast-cancer.csv \
  --outputs prediction -o "$work/predictions.csv"
paste -d, "$work/predictions.csv" examples/data/breast-cancer.csv | awk -F, '
  NR > 1 { rows++; if ($1 + 0 == $NF + 0) right++ }
  END { printf "%d of %d rows right: accuracy %.4f\n", right, rows, right / rows }'
"$forebay" bench examples/models/breast-cancer examples/data/breast-cancer.csv --seconds 2

if [ "$stay" = yes ]; then
  echo
  echo "the server stays up on $url; Ctrl-C ends it"
  wait "$server"
fi
