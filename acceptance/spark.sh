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

# Fitted anew: most classes that are read, alone and in pipelines.
names="bucketizer-two countvectorizer-mintf-share decisiontreeclassifier-categories gbtclassifier-leaf-thresholds
hashingtf-string idf-mindf indextostring-metadata logisticregression-multinomial minmaxscaler-range ngram-3
pipeline-14-stages pipeline-categories-forest randomforestregressor-leaf regextokenizer-matches standardscaler-mean-std
stopwordsremover-anycase stringindexer-two-keep tokenizer-unicode vectorassembler-keep"
# shellcheck disable=SC2086
"$SPARK35_PYTHON" conformance/spark/make.py --out "$cases" $names
"$SPARK4_PYTHON" conformance/spark/make.py --out "$cases" hashingtf-string pipeline-14-stages pipeline-categories-forest \
  randomforestclassifier-leaf-thresholds stringindexer-two-keep

"$FOREBAY" verify "$cases"
FOREBAY_BIN=$FOREBAY cargo run --quiet --package xtask -- soak spark-fuzz --short
