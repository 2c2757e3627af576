#!/usr/bin/env bash
# Real TensorFlow, from its wheel: by its C API in a child process it runs the shared cases, whose answers and ours have to be the same;
# in Python it answers the models of the applications that this one succeeds, and our server over HTTP has to give its numbers.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/forebay.sh

forebay_engines
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cases=../shared/conformance/tensorflow lineage=../shared/lineage
[ -d "$cases" ] && [ -d "$lineage" ] || fail "the shared cases are not beside the repository"
export FOREBAY_ENGINES__TENSORFLOW=$TENSORFLOW_LIBRARY

# The models of the lineage, by our own ops; three of them by TensorFlow's too.
models=(
  "stateful_lstm=Hydrospheredata__hydro-serving-runtime/models/stateful_lstm:infer"
  "mnist=Hydrospheredata__hydro-serving-runtime/models/mnist/servables/mnist_dnn/1546024374:predict"
  "mnist_classifier=Hydrospheredata__hydro-serving-runtime/models/mnist_classifier:serving_default"
  "test_model=Hydrospheredata__hydro-serving-tensorflow/test/models/test_model/files:serving_default"
  "test_model_reshaped=Hydrospheredata__hydro-serving-tensorflow/test/models/test_model_reshaped/files:serving_default"
  "lstm=Hydrospheredata__hydro-serving-tensorflow/test/models/lstm/files:infer"
  "tf_summator=Hydrospheredata__hydro-serving-tensorflow/test/models/tf_summator/files:add,mul"
  "wine=lightbend__model-serving-tutorial/data/saved/1:predict"
)
asked=()
for model in "${models[@]}"; do
  name=${model%%=*} folder=${model#*=} signatures=${model##*:}
  folder=${folder%%:*}
  mkdir -p "$work/models/$name" && cp -r "$lineage/$folder" "$work/models/$name/1"
  asked+=("$name=$folder:$signatures")
  case $name in
    wine | mnist_classifier | stateful_lstm)
      mkdir -p "$work/models/$name-engine" && cp -r "$lineage/$folder" "$work/models/$name-engine/1"
      echo 'engine = "tensorflow"' >"$work/models/$name-engine/forebay.toml"
      asked+=("$name-engine=$folder:$signatures")
      ;;
  esac
done
"$FOREBAY" serve "$work/models" --http 127.0.0.1:0 2>"$work/log" &
server=$!
wait_for grep -q 'http://127' "$work/log"
address=$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/log" | head -n 1)
is_ready() { curl -fs "$address/v2/models/$1/ready" >/dev/null; }
for model in "${asked[@]}"; do wait_for is_ready "${model%%=*}"; done
"$ENGINES_PYTHON" acceptance/lib/tensorflow_lineage.py "$address" "$lineage" "${asked[@]}" || fail "$(cat "$work/log")"

# The tutorial's request, through TensorFlow: the same as by our own ops, in all three ways to ask.
row='[7.4,0.7,0.0,1.9,0.076,11.0,34.0,0.9978,3.51,0.56,9.4]'
predict() { curl -fs "$address/v1/models/$1:predict" -d "{\"signature_name\":\"predict\",\"instances\":[{\"inputs\":$row}]}"; }
rows() { curl -fs "$address/api/v1/serve/$1" -d "[{\"inputs\":$row},{\"inputs\":$row}]"; }
for ask in predict rows; do
  ours=$($ask wine) theirs=$($ask wine-engine)
  "$ENGINES_PYTHON" -c '
import json, sys
ours, theirs = ([x for x in str(json.loads(text)).replace("[", " ").replace("]", " ").split()] for text in sys.argv[1:])
number = lambda text: float(text.strip(",{}"))
def same(a, b):
    try:
        return abs(number(a) - number(b)) <= 1e-4 * abs(number(b))
    except ValueError:
        return a == b
sys.exit(len(ours) != len(theirs) or not all(map(same, ours, theirs)))' "$ours" "$theirs" || fail "$ask: $theirs, not $ours"
done
grep -q '1.1487[0-9]*e-09' <<<"$(predict wine-engine)" || fail "$(predict wine-engine)"

# A child that is killed costs no later call, and never the server.
killed=0
for child in $(grep -lE "^PPid:[[:space:]]+$server\$" /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3); do
  kill -KILL "$child" && killed=$((killed + 1))
  # It is dead when the call comes, and not dying.
  wait_for grep -q '^State:.*Z' "/proc/$child/status"
done
[ "$killed" = 3 ] || fail "$killed children were there to be killed, not 3"
again=$(predict wine-engine) || fail "no answer after the child was killed: $(cat "$work/log")"
grep -q '1.1487[0-9]*e-09' <<<"$again" || fail "$again"
grep -q 'was killed (signal 9)' "$work/log" || fail "$(cat "$work/log")"
kill "$server" && wait "$server"
server=
echo "a killed child was replaced"

# What reaches outside is refused before TensorFlow sees it.
hostile=../shared/conformance/hostile/tensorflow
for graph in read_file write_file; do
  file=$(find "$hostile" -name "$graph*" | head -n 1)
  [ -n "$file" ] || fail "no $graph among the hostile graphs"
  rm -rf "$work/hostile" && mkdir "$work/hostile"
  if [ -d "$file" ]; then cp -r "$file/." "$work/hostile"; else cp "$file" "$work/hostile"; fi
  echo 'engine = "tensorflow"' >"$work/hostile/forebay.toml"
  ! "$FOREBAY" inspect "$work/hostile" >/dev/null 2>"$work/said" || fail "$graph was read"
  grep -q 'File, which reach outside' "$work/said" || fail "$graph: $(cat "$work/said")"
done
echo "graphs that reach outside were refused"

# TensorFlow dies of one graph and never ends another: the error says so, and by which limit.
cp "$hostile/function_recursion.pb" "$hostile/endless_while.pb" "$work"
for graph in function_recursion endless_while; do echo 'engine = "tensorflow"' >"$work/$graph.toml"; done
! "$FOREBAY" inspect "$work/function_recursion.pb" >/dev/null 2>"$work/said" || fail "a function that calls itself was loaded"
grep -Eq 'the process of the engine tensorflow (aborted|died)' "$work/said" || fail "$(cat "$work/said")"
endless() {
  echo '{"inputs":[{"name":"x:0","shape":[],"datatype":"FP32","data":[1]}]}' |
    "$FOREBAY" score "$work/endless_while.pb" --format v2 2>"$work/said" && fail "an endless loop ended"
  grep -q "$1" "$work/said" || fail "$(cat "$work/said")"
}
FOREBAY_ENGINES__CALL_MS_MAX=1000 endless 'tensorflow did not answer within 1000 ms (engines.call_ms_max)'
FOREBAY_ENGINES__CPU_SECONDS_MAX=3 endless 'more processor time than engines.cpu_seconds_max'
echo "graphs that crash or never end were survived"

mkdir "$work/cases"
"$ENGINES_PYTHON" acceptance/lib/engine_cases.py "$FOREBAY" tensorflow "$cases" "$work/cases"
