# Python environments with the real tools, for the acceptance scripts. Source it:
#
#   . acceptance/lib/python.sh
#   forebay_spark35            # sets SPARK35_PYTHON (PySpark 3.5, scikit-learn)
#   forebay_spark4             # sets SPARK4_PYTHON  (PySpark 4)
#   forebay_pmml               # sets PMML_PYTHON    (spark35 with what exports and evaluates PMML)
#   forebay_engines            # sets ENGINES_PYTHON (spark4 with TensorFlow and ONNX Runtime), TENSORFLOW_LIBRARY, ONNXRUNTIME_LIBRARY
#   forebay_clients            # forebay_engines, and the clients that others wrote (tritonclient, tensorflow-serving-api)
#   forebay_openapi            # sets OPENAPI_PYTHON (spark4 with schemathesis)
#   forebay_s3                 # sets S3_PYTHON      (spark4 with moto's server and boto3)
#   forebay_forest_bench       # sets FOREST_BENCH_PYTHON (trainers of forests and what compiles them; for the benchmark only)
#   forebay_wire               # sets WIRE_PYTHON    (MLServer with LightGBM; for the benchmark only)
#
# The environments live in ${FOREBAY_CACHE:-$HOME/.cache/forebay}, outside the tree, and are
# made once: an environment is installed anew only when the checksum of its requirements file
# differs from the one stamped in it. Spark needs Java 17 or newer on PATH; where `java` is
# missing it is installed when that can be done (root on a Debian system).
# Works in bash and in POSIX shells; FOREBAY_PYTHON names another Python 3.10-3.12 to build with.

forebay_lib_dir() {
  if [ -n "${FOREBAY_LIB:-}" ]; then
    printf '%s\n' "$FOREBAY_LIB"
  elif [ -n "${BASH_SOURCE:-}" ]; then
    (cd "$(dirname "${BASH_SOURCE}")" && pwd)
  else
    (cd acceptance/lib && pwd)
  fi
}

FOREBAY_LIB=$(forebay_lib_dir)
FOREBAY_CACHE=${FOREBAY_CACHE:-$HOME/.cache/forebay}
export FOREBAY_CACHE

# Java 17 or newer on PATH, installed from Debian where it is missing and can be.
forebay_java() {
  if ! command -v java >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
      echo "installing openjdk-17-jre-headless" >&2
      { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
          apt-get install -q -y --no-install-recommends openjdk-17-jre-headless; } >&2 ||
        { echo "error: openjdk-17-jre-headless could not be installed" >&2; return 1; }
    else
      echo "error: Spark needs Java 17: no java on PATH (Debian: apt-get install openjdk-17-jre-headless)" >&2
      return 1
    fi
  fi
  forebay_java_major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  if [ "${forebay_java_major:-0}" -lt 17 ]; then
    echo "error: Spark needs Java 17 or newer, java on PATH is ${forebay_java_major:-unknown}" >&2
    return 1
  fi
}

# A Python that the pinned wheels exist for.
forebay_base_python() {
  for forebay_py in "${FOREBAY_PYTHON:-}" python3 python3.11 python3.12 python3.10; do
    [ -n "$forebay_py" ] && command -v "$forebay_py" >/dev/null 2>&1 || continue
    if "$forebay_py" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      printf '%s\n' "$forebay_py"
      return 0
    fi
  done
  echo "error: no Python 3.10, 3.11 or 3.12 on PATH (FOREBAY_PYTHON may name one)" >&2
  return 1
}

# forebay_env NAME: makes sure of the environment NAME and prints its python.
forebay_env() {
  forebay_req=$FOREBAY_LIB/requirements-$1.txt
  forebay_dir=$FOREBAY_CACHE/$1
  [ -f "$forebay_req" ] || { echo "error: no $forebay_req" >&2; return 1; }
  forebay_sum=$(cksum <"$forebay_req")
  if [ ! -x "$forebay_dir/bin/python" ] || [ "$(cat "$forebay_dir/requirements.cksum" 2>/dev/null)" != "$forebay_sum" ]; then
    forebay_py=$(forebay_base_python) || return 1
    echo "making the Python environment $1 (a few minutes, once)" >&2
    mkdir -p "$FOREBAY_CACHE" && rm -rf "$forebay_dir" &&
      "$forebay_py" -m venv "$forebay_dir" >&2 &&
      "$forebay_dir/bin/python" -m pip install -q --disable-pip-version-check -r "$forebay_req" >&2 ||
      { echo "error: the environment $1 could not be made" >&2; return 1; }
    printf '%s\n' "$forebay_sum" >"$forebay_dir/requirements.cksum"
  fi
  printf '%s\n' "$forebay_dir/bin/python"
}

# forebay_on_top ENV NAME WHAT [PIP ARGUMENT...]: makes sure that the environment ENV has requirements-NAME.txt too, and prints its python.
forebay_on_top() {
  forebay_python=$(forebay_env "$1") || return 1
  forebay_req=$FOREBAY_LIB/requirements-$2.txt
  forebay_kept=$FOREBAY_CACHE/$1/requirements-$2.cksum
  forebay_sum=$(cksum <"$forebay_req")
  if [ "$(cat "$forebay_kept" 2>/dev/null)" != "$forebay_sum" ]; then
    echo "adding $3 to the Python environment $1 (a few minutes, once)" >&2
    forebay_what=$3
    forebay_env_name=$1
    shift 3
    "$forebay_python" -m pip install -q --disable-pip-version-check "$@" -r "$forebay_req" >&2 ||
      { echo "error: $forebay_what could not be added to $forebay_env_name" >&2; return 1; }
    printf '%s\n' "$forebay_sum" >"$forebay_kept"
  fi
  printf '%s\n' "$forebay_python"
}

forebay_spark35() {
  forebay_java && SPARK35_PYTHON=$(forebay_env spark35) && export SPARK35_PYTHON
}

forebay_spark4() {
  forebay_java && SPARK4_PYTHON=$(forebay_env spark4) && export SPARK4_PYTHON
}

# The compilers of forests want newer libraries than PySpark has, so they have an environment of their own.
forebay_forest_bench() {
  FOREST_BENCH_PYTHON=$(forebay_env forest-bench) && export FOREST_BENCH_PYTHON
}

# The peer of the wire's benchmark has an environment of its own.
forebay_wire() {
  WIRE_PYTHON=$(forebay_env wire) && export WIRE_PYTHON
}

# The engines of others go on top of spark4, under its own pins; no Java is needed for them. Sets where their libraries are, too.
forebay_engines() {
  ENGINES_PYTHON=$(forebay_on_top spark4 engines 'TensorFlow and ONNX Runtime' -c "$FOREBAY_LIB/requirements-spark4.txt") || return 1
  forebay_dir=$FOREBAY_CACHE/spark4
  TENSORFLOW_LIBRARY=$(find "$forebay_dir/lib" -path '*/site-packages/tensorflow/libtensorflow_cc.so.2' | head -n 1)
  ONNXRUNTIME_LIBRARY=$(find "$forebay_dir/lib" -path '*/onnxruntime/capi/libonnxruntime.so.*' | head -n 1)
  [ -f "$TENSORFLOW_LIBRARY" ] && [ -f "$ONNXRUNTIME_LIBRARY" ] ||
    { echo "error: the libraries of the engines are not in $forebay_dir" >&2; return 1; }
  export ENGINES_PYTHON TENSORFLOW_LIBRARY ONNXRUNTIME_LIBRARY
}

# The clients of others go on top of the engines: TensorFlow has the messages that its serving API is made of.
forebay_clients() {
  forebay_engines && forebay_on_top spark4 clients 'the clients of others' --no-deps >/dev/null
}

# What asks by our OpenAPI document goes on top of spark4, too; no Java is needed for it.
forebay_openapi() {
  OPENAPI_PYTHON=$(forebay_on_top spark4 openapi schemathesis -c "$FOREBAY_LIB/requirements-spark4.txt") && export OPENAPI_PYTHON
}

# The packages for PMML go on top of spark35, under its own pins, and are there only where they are asked for.
forebay_pmml() {
  forebay_java && PMML_PYTHON=$(forebay_on_top spark35 pmml 'the packages for PMML' -c "$FOREBAY_LIB/requirements-spark35.txt") || return 1
  "$PMML_PYTHON" -c 'import lightgbm' 2>/dev/null ||
    { echo "error: LightGBM does not load; it needs libgomp (Debian: apt-get install libgomp1)" >&2; return 1; }
  SPARK35_PYTHON=$PMML_PYTHON && export PMML_PYTHON SPARK35_PYTHON
}

# An S3 server goes on top of spark4, under its own pins; no Java is needed for it.
forebay_s3() {
  S3_PYTHON=$(forebay_on_top spark4 s3 'moto and boto3' -c "$FOREBAY_LIB/requirements-spark4.txt") && export S3_PYTHON
}
