#!/usr/bin/env bash
# Real PySpark, 3.5 and 4, fits and saves models now; Forebay must give their answers.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/python.sh
. acceptance/lib/forebay.sh

forebay_spark35
forebay_spark4
cases=$(mktemp -d)
trap 'rm -rf "$cases"' EXIT

# One case for each class that is read, and the pipelines.
names="bucketizer-two countvectorizer-mintf-share decisiontreeclassifier-categories decisiontreeregressor-variance
gbtclassifier-leaf-thresholds gbtregressor hashingtf-string idf-mindf indextostring-metadata linearregression
logisticregression-binary logisticregression-multinomial minmaxscaler-range ngram-3 onehotencoder-drop-keep
pipeline-14-stages pipeline-categories-forest pipeline-nested randomforestclassifier-leaf-thresholds
randomforestregressor-leaf regextokenizer-matches standardscaler-mean-std stopwordsremover-anycase
stringindexer-two-keep tokenizer-unicode vectorassembler-keep"
# shellcheck disable=SC2086
"$SPARK35_PYTHON" conformance/spark/make.py --out "$cases" $names
"$SPARK4_PYTHON" conformance/spark/make.py --out "$cases" hashingtf-string pipeline-14-stages pipeline-categories-forest \
  randomforestclassifier-leaf-thresholds stringindexer-two-keep

"$FOREBAY" verify "$cases"
