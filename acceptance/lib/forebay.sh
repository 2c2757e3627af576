# For the acceptance scripts: the binary under test (FOREBAY), how to wait and how to fail. Source it from the repository's root.
: "${FOREBAY_BIN:=}"
if [ -z "$FOREBAY_BIN" ]; then
  cargo build --quiet --profile ci --package app
  FOREBAY_BIN="${CARGO_TARGET_DIR:-target}/ci/forebay"
fi
FOREBAY=$FOREBAY_BIN
export FOREBAY
# What servers keep of models goes to a folder of this run, not to a home.
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME

# fail WORDS: ends the script with them, and the ends of the logs below $work.
fail() {
  echo "error: $*" >&2
  [ -z "${work:-}" ] || find "$work" -maxdepth 1 \( -name log -o -name '*.log' \) -exec tail -n 20 {} + >&2
  exit 1
}

# wait_for COMMAND: until it succeeds, for a minute.
wait_for() {
  for _ in $(seq 1200); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.05
  done
  fail "not in time: $*"
}
