#!/usr/bin/env bash
# Real ONNX Runtime, from its wheel, runs the shared cases in a child process; its answers and ours have to be the same.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/forebay.sh

forebay_engines
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cases=../shared/conformance/onnx
[ -d "$cases" ] || fail "the shared cases are not beside the repository"
export FOREBAY_ENGINES__ONNXRUNTIME=$ONNXRUNTIME_LIBRARY
"$ENGINES_PYTHON" acceptance/lib/engine_cases.py "$FOREBAY" onnxruntime "$cases" "$work"

# An op that we have not says so, and who has it; then it runs there.
"$ENGINES_PYTHON" acceptance/lib/engine_alone.py "$work/alone.onnx"
! FOREBAY_ENGINES__ONNXRUNTIME='' "$FOREBAY" inspect "$work/alone.onnx" >"$work/ops" 2>"$work/said" || fail "an unknown op was read"
grep -q 'only by an engine: com.microsoft.UnfoldTensor' "$work/ops" || fail "$(cat "$work/ops")"
grep -q 'engine = "onnxruntime"` in the model.s forebay.toml and its library as `engines.onnxruntime`' "$work/said" ||
  fail "$(cat "$work/said")"
echo 'engine = "onnxruntime"' >"$work/alone.toml"
answer=$(echo '{"x":1.0}' | "$FOREBAY" score "$work/alone.onnx")
[[ $answer == '{"y":[1'* ]] || fail "$answer"
echo "an op of ONNX Runtime alone: $answer"
