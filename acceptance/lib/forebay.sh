# The binary under test, for the acceptance scripts: sets FOREBAY. Source it from the repository's root.
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
