#!/usr/bin/env bash
# Real PySpark, 3.5 and 4, fits and saves models now; Forebay must give their answers: to cases of most classes that are read,
# and to random pipelines on random rows (`cargo xtask soak spark-fuzz` in full).
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/forebay.sh

forebay_spark35
forebay_spark4
cases=$(mktemp -d)
trap 'rm -rf "$cases"' EXIT

# Fitted anew: some of most kinds of classes that are read, alone and in pipelines; a fit takes seconds.
names="gbtclassifier-leaf-thresholds indextostring-metadata logisticregression-multinomial pipeline-14-stages
pipeline-categories-forest regextokenizer-matches vectorassembler-keep"
# shellcheck disable=SC2086
"$SPARK35_PYTHON" conformance/spark/make.py --out "$cases" $names
"$SPARK4_PYTHON" conformance/spark/make.py --out "$cases" hashingtf-string pipeline-categories-forest \
  randomforestclassifier-leaf-thresholds

"$FOREBAY" verify "$cases"
FOREBAY_BIN=$FOREBAY cargo run --quiet --package xtask -- soak spark-fuzz --short
