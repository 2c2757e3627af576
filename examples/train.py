"""Trains the three example models with real Spark ML and saves them with Spark's own answers.

    . acceptance/lib/python.sh && forebay_spark35
    "$SPARK35_PYTHON" examples/train.py

writes, beside this file: models/<model>/ (what PipelineModel.save writes, less the .crc
files), data/, requests/<model>.json (rows to ask) and requests/<model>.expected.json (every
column of Spark's transform() of these rows, from the model loaded back from its directory).

Seeds are fixed, so a new run gives the same numbers under new file names and stage ids.
Any Spark 3.5 will do: the script needs nothing of this project.
"""
import csv
import json
import math
import os
import shutil

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
from pyspark.ml.feature import (Bucketizer, HashingTF, IndexToString, OneHotEncoder, StandardScaler,
                                StringIndexer, Tokenizer, VectorAssembler)
from pyspark.ml.linalg import DenseVector, SparseVector
from pyspark.sql import SparkSession
from sklearn.datasets import load_breast_cancer

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    # One core and one partition: one part file for each table that Spark saves.
    spark = (SparkSession.builder.master("local[1]").appName("forebay-examples")
             .config("spark.ui.enabled", "false")
             .config("spark.sql.shuffle.partitions", "1")
             .getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    for folder in ("models", "data", "requests"):
        os.makedirs(os.path.join(HERE, folder), exist_ok=True)
    text(spark)
    mixed(spark)
    breast_cancer(spark)
    spark.stop()


# --- text: the text classification of Spark's documentation -----------------------------

SENTENCES = [
    (0, "a b c d e spark", 1.0),
    (1, "b d", 0.0),
    (2, "spark f g h", 1.0),
    (3, "hadoop mapreduce", 0.0),
    (4, "mist makes spark better", 1.0),
    (5, "mist serves a spark model over http", 1.0),
    (6, "spark streaming learns from a topic", 1.0),
    (7, "apache spark runs faster than hadoop mapreduce", 1.0),
    (8, "mist over the harbour this morning", 0.0),
    (9, "hadoop stores files in blocks", 0.0),
    (10, "a b c d e f g h", 0.0),
    (11, "the elephant walks slowly", 0.0),
]

UNSEEN = [
    "spark i j k", "l m n", "spark hadoop spark", "apache hadoop", "mist makes spark better",
    "Spark and MIST in capitals", "the harbour was grey", "a model serves better over http",
    "hadoop mapreduce spark", "blocks of files", "spark", "mist", "", "   leading blanks",
    "learns faster", "streaming from a topic", "naïve café Straße", "the elephant runs spark",
    "a b c d e spark", "mapreduce mapreduce mapreduce",
]


def text(spark):
    frame = spark.createDataFrame(SENTENCES, ["id", "text", "label"])
    model = Pipeline(stages=[
        Tokenizer(inputCol="text", outputCol="words"),
        HashingTF(inputCol="words", outputCol="features", numFeatures=1000),
        LogisticRegression(maxIter=20, regParam=0.05),
    ]).fit(frame)
    rows = [{"id": 100 + i, "text": t} for i, t in enumerate(UNSEEN)]
    with open(path("data", "sentences.jsonl"), "w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    save(spark, "text", model, rows[4:5] + rows[0:2], "id bigint, text string")


# --- mixed: numbers and categories, and the prediction as a label ------------------------

CITIES = ["Lyon", "Graz", "Turku", "Porto", "Brno"]
PLANS = ["basic", "plus", "pro"]


def people(count, seed):
    """Makes rows by a fixed linear congruential generator, whatever the Python version."""
    state = seed

    def draw():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (state >> 33) / float(1 << 31)

    for _ in range(count):
        city = CITIES[int(draw() ** 1.5 * len(CITIES))]
        plan = PLANS[int(draw() * len(PLANS))]
        age = float(17 + int(draw() * 60))
        income = round(18000 + 52000 * draw() * draw() + 250 * age, 2)
        visits = int(draw() * 25)
        score = (0.12 * (visits - 11) + 0.00004 * (income - 40000) + 0.8 * (plan == "pro")
                 - 0.5 * (city == "Porto") + 0.6 * (30 < age < 50) - 0.3)
        stays = "yes" if draw() < 1 / (1 + math.exp(-2 * score)) else "no"
        yield {"city": city, "plan": plan, "age": age, "income": income, "visits": visits, "stays": stays}


def mixed(spark):
    schema = "city string, plan string, age double, income double, visits int, stays string"
    frame = spark.createDataFrame(list(people(400, 7)), schema)
    # The label's indexer is a stage too. Spark itself passes it over when the column it
    # reads is not there, which is so in every row that is scored.
    label = StringIndexer(inputCol="stays", outputCol="label", stringOrderType="alphabetAsc").fit(frame)
    model = Pipeline(stages=[
        label,
        StringIndexer(inputCols=["city", "plan"], outputCols=["city_index", "plan_index"], handleInvalid="keep"),
        OneHotEncoder(inputCols=["city_index", "plan_index"], outputCols=["city_vector", "plan_vector"]),
        Bucketizer(inputCol="age", outputCol="age_group", handleInvalid="keep",
                   splits=[-math.inf, 25.0, 35.0, 50.0, 65.0, math.inf]),
        VectorAssembler(inputCols=["age", "income", "visits"], outputCol="numbers"),
        StandardScaler(inputCol="numbers", outputCol="scaled", withMean=True, withStd=True),
        VectorAssembler(inputCols=["city_vector", "plan_vector", "age_group", "scaled"], outputCol="features"),
        LogisticRegression(featuresCol="features", labelCol="label", regParam=0.01),
        IndexToString(inputCol="prediction", outputCol="answer", labels=label.labels),
    ]).fit(frame)
    rows = [{k: v for k, v in row.items() if k != "stays"} for row in people(20, 4711)]
    rows[3]["city"] = "Nuuk"    # Two values that training has not seen.
    rows[11]["plan"] = "student"
    with open(path("data", "people.csv"), "w", newline="", encoding="utf-8") as out:
        table = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    save(spark, "mixed", model, [rows[0], rows[3], rows[7]],
         "city string, plan string, age double, income double, visits int")


# --- breast-cancer: a forest over 30 numeric columns -------------------------------------

def breast_cancer(spark):
    data = load_breast_cancer()
    names = [n.replace(" ", "_") for n in data.feature_names]
    table = [[float(x) for x in row] + [int(y)] for row, y in zip(data.data, data.target)]
    columns = names + ["label"]
    schema = ", ".join(f"{n} double" for n in names) + ", label int"
    train = spark.createDataFrame(table[0::2], schema)
    held_out = table[1::2]
    model = Pipeline(stages=[
        VectorAssembler(inputCols=names, outputCol="features"),
        RandomForestClassifier(numTrees=30, maxDepth=5, seed=42),
    ]).fit(train)
    with open(path("data", "breast-cancer.csv"), "w", newline="", encoding="utf-8") as out:
        lines = csv.writer(out, lineterminator="\n")
        lines.writerow(columns)
        lines.writerows(held_out)
    requests = [dict(zip(names, row)) for row in (held_out[0], held_out[10], held_out[100])]
    loaded = save(spark, "breast-cancer", model, requests, schema.rsplit(",", 1)[0])
    answers = loaded.transform(spark.createDataFrame(held_out, schema)).select("label", "prediction").collect()
    correct = sum(float(a.label) == a.prediction for a in answers)
    write_json(path("requests", "breast-cancer.accuracy.json"),
               {"rows": len(answers), "correct": correct, "accuracy": correct / len(answers),
                "by": f"pyspark {spark.version}"})


# --- saving ------------------------------------------------------------------------------

def path(*parts):
    return os.path.join(HERE, *parts)


def save(spark, name, model, rows, schema):
    """Saves the model, loads it back and writes its answers to the rows; returns what was loaded."""
    folder = path("models", name)
    shutil.rmtree(folder, ignore_errors=True)
    model.save("file://" + folder)
    for where, _, files in os.walk(folder):
        for file in files:
            if file.endswith(".crc"):
                os.remove(os.path.join(where, file))
    loaded = PipelineModel.load("file://" + folder)
    columns = [field.split()[0] for field in schema.split(", ")]
    frame = spark.createDataFrame([[row[c] for c in columns] for row in rows], schema)
    answers = [{k: cell(v) for k, v in row.asDict().items()} for row in loaded.transform(frame).collect()]
    write_json(path("requests", name + ".json"), rows)
    write_json(path("requests", name + ".expected.json"), answers)
    return loaded


def cell(value):
    if isinstance(value, DenseVector):
        return [cell(float(x)) for x in value.values]
    if isinstance(value, SparseVector):
        return {"size": int(value.size), "indices": [int(i) for i in value.indices],
                "values": [cell(float(x)) for x in value.values]}
    if isinstance(value, (list, tuple)):
        return [cell(x) for x in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def write_json(where, value):
    """One row a line, so that a change of one row is a change of one line."""
    with open(where, "w", encoding="utf-8") as out:
        if isinstance(value, list):
            out.write("[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in value) + "\n]\n")
        else:
            out.write(json.dumps(value, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
