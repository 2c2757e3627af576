# The binary under test, for the acceptance scripts: sets FOREBAY. Source it from the repository's root.
cargo build --quiet --profile ci --package app
FOREBAY="${CARGO_TARGET_DIR:-target}/ci/forebay"
export FOREBAY
