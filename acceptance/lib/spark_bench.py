"""Times real Spark on the benchmark models, and makes the models and their inputs.

    . acceptance/lib/python.sh && forebay_spark35
    "$SPARK35_PYTHON" acceptance/lib/spark_bench.py "$FOREBAY_CACHE/bench" [--make-only] [--runs 3]

In the given directory it makes what is missing:
- `text/`: Tokenizer, HashingTF (1000), LogisticRegression;
- `forest/`: StringIndexer (8 labels), VectorAssembler over it and 19 doubles, RandomForestClassifier
  (100 trees, depth 10, 2 classes);
- `word2vec/`: Tokenizer, Word2Vec (100 numbers a word), LogisticRegression;
- `rformula/`: RFormula with two strings, four doubles and interactions of both, LogisticRegression;
- `gbt/`: VectorAssembler over a small integer and 19 doubles, VectorIndexer, GBTClassifier (50 trees, depth 5);
- `als/`: ALS (rank 16; 5,000 users, 2,000 items), candidates as rows;
- `lda/`: Tokenizer, CountVectorizer (2,000 words), LDA (10 topics);
- `<model>.row.json`: one request row; `<model>-<rows>.parquet`: 10,000 rows and 1,000,000, one snappy file each.

Then it times `transform` of all columns written to Spark's `noop` sink, on one core of a warm JVM
(`local[1]`, 4 GB, one untimed run before the timed ones), and prints one JSON object to standard output:
{"text-1000000": {"rows": 1000000, "seconds": [...]}, ...}. Everything else goes to standard error.
"""
import argparse
import json
import os
import random
import shutil
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SIZES = (10_000, 1_000_000)
NUMBERS = 19
KINDS = ["amber", "basalt", "cedar", "dune", "ember", "fjord", "grove", "heath"]


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("directory")
    args.add_argument("--make-only", action="store_true", help="make models and inputs, time nothing")
    args.add_argument("--runs", type=int, default=3, help="timed runs of each file, at least 3")
    args = args.parse_args()
    folder = os.path.abspath(args.directory)
    os.makedirs(folder, exist_ok=True)
    make_inputs(folder)
    spark = session()
    try:
        make_models(spark, folder)
        if not args.make_only:
            json.dump(time_all(spark, folder, max(3, args.runs)), sys.stdout)
            print()
    finally:
        spark.stop()


def session():
    from pyspark.sql import SparkSession
    spark = (SparkSession.builder.master("local[1]").appName("forebay-spark-bench")
             .config("spark.ui.enabled", "false").config("spark.driver.memory", "4g")
             .config("spark.ui.showConsoleProgress", "false")
             .config("spark.sql.shuffle.partitions", "1").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    return spark


# --- Inputs -------------------------------------------------------------------------------

def vocabulary():
    """4,000 made-up words of one to four syllables, the most frequent first and short."""
    r = random.Random(11)
    onsets = ["b", "br", "c", "d", "dr", "f", "g", "h", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v", "w"]
    cores = ["a", "e", "i", "o", "u", "ai", "ea", "ou"]
    codas = ["", "", "", "", "", "n", "r", "s", "l", "t", "nd"]
    words = set()
    while len(words) < 4000:
        count = r.choice([1, 1, 1, 2, 2, 2, 2, 3, 3, 4])
        words.add("".join(r.choice(onsets) + r.choice(cores) + r.choice(codas) for _ in range(count)))
    words = sorted(words, key=lambda word: (len(word) + 4 * r.random(), word))
    return np.array(words, dtype=object)


def sentences(count, seed):
    """Sentences of 5 to 12 words, frequent words more often, some capitals; and a label that depends on the words."""
    words = vocabulary()
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 13, count)
    chosen = (len(words) * rng.random(int(lengths.sum())) ** 3).astype(int)
    ends = np.cumsum(lengths)
    weight = np.random.default_rng(12).normal(0, 1, len(words))
    score = np.add.reduceat(weight[chosen], ends - lengths)
    label = (score + rng.normal(0, 1, count) > 0).astype(float)
    texts, start = [], 0
    for end in ends:
        text = " ".join(words[chosen[start:end]])
        texts.append(text[0].upper() + text[1:] if end % 3 == 0 else text)
        start = end
    return texts, label


def measurements(count, seed):
    """A kind and 19 numbers, and a label whose rule is too tangled for shallow trees."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, len(KINDS), count)
    x = rng.normal(0, 1, (count, NUMBERS)).round(4)
    score = (np.sin(2 * x[:, 0] + kind) + x[:, 1] * x[:, 2] + np.abs(x[:, 3]) - np.cos(3 * x[:, 4]) * x[:, 5]
             + 0.3 * x[:, 6:].sum(axis=1) * (kind % 2) + 0.2 * (kind - 3.5))
    label = (score + rng.normal(0, 1.2, count) > 0.8).astype(float)
    return [KINDS[k] for k in kind], x, label


def text_table(count, seed, labelled=False):
    texts, label = sentences(count, seed)
    table = pa.table({"id": pa.array(range(count), pa.int64()), "text": pa.array(texts, pa.string())})
    return table.append_column("label", pa.array(label)) if labelled else table


def forest_table(count, seed, labelled=False):
    kind, x, label = measurements(count, seed)
    columns = {"kind": pa.array(kind, pa.string())}
    columns.update({f"x{i + 1}": pa.array(x[:, i]) for i in range(NUMBERS)})
    table = pa.table(columns)
    return table.append_column("label", pa.array(label)) if labelled else table


def formula_table(count, seed, labelled=False):
    kind, x, label = measurements(count, seed)
    plan = np.random.default_rng(seed + 1).integers(0, 4, count)
    columns = {"kind": pa.array(kind, pa.string()), "plan": pa.array([["basic", "plus", "pro", "max"][p] for p in plan])}
    columns.update({f"x{i + 1}": pa.array(x[:, i]) for i in range(4)})
    table = pa.table(columns)
    return table.append_column("label", pa.array(label)) if labelled else table


def numbers_table(count, seed, labelled=False):
    kind, x, label = measurements(count, seed)
    columns = {"kind": pa.array([KINDS.index(k) for k in kind], pa.int32())}
    columns.update({f"x{i + 1}": pa.array(x[:, i]) for i in range(NUMBERS)})
    table = pa.table(columns)
    return table.append_column("label", pa.array(label)) if labelled else table


USERS, ITEMS = 5_000, 2_000


def ratings_table(count, seed, labelled=False):
    """Users with the items that may be recommended to them, a row each."""
    rng = np.random.default_rng(seed)
    users, items = rng.integers(0, USERS, count), rng.integers(0, ITEMS, count)
    table = pa.table({"user": pa.array(users, pa.int32()), "item": pa.array(items, pa.int32())})
    rating = np.clip(3 + np.sin(users % 17) + np.cos(items % 23) + rng.normal(0, 0.3, count), 1, 5)
    return table.append_column("rating", pa.array(rating)) if labelled else table


TABLES = {"text": text_table, "forest": forest_table, "word2vec": text_table, "rformula": formula_table,
          "gbt": numbers_table, "als": ratings_table, "lda": text_table}


def make_inputs(folder):
    for model, table in TABLES.items():
        for size in SIZES:
            write_table(os.path.join(folder, f"{model}-{size}.parquet"), lambda: table(size, 100 + len(str(size))))
        row = os.path.join(folder, model + ".row.json")
        if not os.path.exists(row):
            with open(row, "w", encoding="utf-8") as out:
                json.dump(table(1, 99).to_pylist()[0], out)


def write_table(path, make):
    if not os.path.exists(path):
        print("making " + os.path.basename(path), file=sys.stderr)
        pq.write_table(make(), path + ".part", compression="snappy", row_group_size=100_000)
        os.replace(path + ".part", path)


# --- Models -------------------------------------------------------------------------------

def make_models(spark, folder):
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier
    from pyspark.ml.clustering import LDA
    from pyspark.ml.feature import (CountVectorizer, HashingTF, RFormula, StringIndexer, Tokenizer, VectorAssembler,
                                    VectorIndexer, Word2Vec)
    from pyspark.ml.recommendation import ALS
    numbers = [f"x{i + 1}" for i in range(NUMBERS)]
    stages = {
        "text": (20_000, [Tokenizer(inputCol="text", outputCol="words"),
                          HashingTF(inputCol="words", outputCol="features", numFeatures=1000),
                          LogisticRegression(maxIter=20, regParam=0.01)]),
        "forest": (1_500, [StringIndexer(inputCol="kind", outputCol="kind_index"),
                            VectorAssembler(inputCols=["kind_index"] + [f"x{i + 1}" for i in range(NUMBERS)], outputCol="features"),
                            RandomForestClassifier(numTrees=100, maxDepth=10, maxBins=32, minInstancesPerNode=1, seed=17)]),
        "word2vec": (5_000, [Tokenizer(inputCol="text", outputCol="words"),
                             Word2Vec(inputCol="words", outputCol="features", vectorSize=100, minCount=2, maxIter=1, seed=17),
                             LogisticRegression(maxIter=10, regParam=0.01)]),
        "rformula": (5_000, [RFormula(formula="label ~ kind + plan + x1 + x2 + kind:x3 + x1:x4 + plan:kind"),
                             LogisticRegression(maxIter=10, regParam=0.01)]),
        "gbt": (3_000, [VectorAssembler(inputCols=["kind"] + numbers, outputCol="assembled"),
                        VectorIndexer(inputCol="assembled", outputCol="features", maxCategories=10),
                        GBTClassifier(maxIter=50, maxDepth=5, seed=17)]),
        "als": (100_000, [ALS(userCol="user", itemCol="item", ratingCol="rating", rank=16, maxIter=3, seed=17)]),
        "lda": (5_000, [Tokenizer(inputCol="text", outputCol="words"),
                        CountVectorizer(inputCol="words", outputCol="features", vocabSize=2000),
                        LDA(k=10, maxIter=5, optimizer="online", seed=17)]),
    }
    for model, (rows, pipeline) in stages.items():
        if os.path.isdir(os.path.join(folder, model)):
            continue
        print("training " + model, file=sys.stderr)
        write_table(os.path.join(folder, model + ".train.parquet"), lambda: TABLES[model](rows, 1, labelled=True))
        fitted = Pipeline(stages=pipeline).fit(spark.read.parquet("file://" + os.path.join(folder, model + ".train.parquet")))
        part = os.path.join(folder, model + ".part")
        shutil.rmtree(part, ignore_errors=True)
        fitted.save("file://" + part)
        os.replace(part, os.path.join(folder, model))
        if model == "forest":
            print(f"forest: {fitted.stages[-1].totalNumNodes} nodes", file=sys.stderr)


# --- Timing -------------------------------------------------------------------------------

def time_all(spark, folder, runs):
    from pyspark.ml import PipelineModel
    result = {}
    for name in TABLES:
        model = PipelineModel.load("file://" + os.path.join(folder, name))
        for size in SIZES:
            file = "file://" + os.path.join(folder, f"{name}-{size}.parquet")
            seconds = [once(spark, model, file) for _ in range(runs + 1)][1:]
            result[f"{name}-{size}"] = {"rows": size, "seconds": [round(s, 4) for s in seconds]}
            print(f"{name}-{size}: {seconds}", file=sys.stderr)
    return result


def once(spark, model, file):
    """Reads, transforms and drops the answer: every column is computed, nothing is written."""
    start = time.perf_counter()
    model.transform(spark.read.parquet(file)).write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
