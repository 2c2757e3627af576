"""Times JPMML-Evaluator and PMML4S in their JVM on the benchmark documents, and makes the documents and their rows.

    . acceptance/lib/python.sh && forebay_pmml
    "$PMML_PYTHON" acceptance/lib/pmml_bench.py "$FOREBAY_CACHE/bench-pmml" [--wine DIR] [--make-only]

In the given directory it makes what is missing, each with its rows (`NAME.jsonl` for us, `NAME.tsv` for the JVM):
- `gbm.pmml`: scikit-learn's GradientBoostingRegressor, 25 trees of depth 3, the 10 columns of its diabetes table;
- `iris.pmml`: LogisticRegression of three classes over 4 columns;
- `audit.pmml`: LogisticRegression of two classes over 3 texts (indicators) and 3 numbers (scaled);
- `large.pmml`: RandomForestClassifier, a document of about 50 MB (one row);
- `wine.pmml`: the random forest of lightbend's model serving tutorial, with its 1,599 rows, where `--wine` names its `data`.

It prints one JSON object to standard output: {"gbm": {"jpmml": {"cpu_us": ..., ...}, "pmml4s": {...}}, ...}.
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "conformance", "pmml"))
sys.dont_write_bytecode = True

WINE = ["fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide",
        "total sulfur dioxide", "density", "pH", "sulphates", "alcohol"]
ENGINES = ["jpmml", "pmml4s"]
# A JVM's own runs differ; the least of these counts.
JVMS = 2


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("directory")
    args.add_argument("--wine", help="the tutorial's folder `data`")
    args.add_argument("--make-only", action="store_true", help="make documents and rows, time nothing")
    args = args.parse_args()
    folder = os.path.abspath(args.directory)
    os.makedirs(folder, exist_ok=True)
    make(folder)
    if args.wine:
        wine(folder, args.wine)
    if args.make_only:
        return
    times = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.tsv"))):
        name = os.path.basename(path)[:-len(".tsv")]
        times[name] = {engine: timed(engine, folder, name) for engine in ENGINES}
    json.dump(times, sys.stdout)
    print()


def make(folder):
    missing = [name for name in ("gbm", "iris", "audit", "large") if not os.path.exists(os.path.join(folder, name + ".jsonl"))]
    if not missing:
        return
    import oracle
    from sklearn.compose import ColumnTransformer
    from sklearn.datasets import make_classification
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    import pandas as pd
    from casebook import clinic, diabetes, fitted, iris

    def gbm():
        return fitted(*diabetes(), GradientBoostingRegressor(n_estimators=25, max_depth=3, random_state=1), verify=0)

    def flowers():
        return fitted(*iris(), LogisticRegression(max_iter=1000), verify=0)

    def audit():
        x, y, _ = clinic(holes=False)
        columns = ColumnTransformer([("texts", OneHotEncoder(), ["sex", "blood pressure", "ward"]),
                                     ("numbers", StandardScaler(), ["bmi", "glucose", "lipids"])])
        return fitted(x, y, columns, LogisticRegression(max_iter=500), verify=0)

    def large():
        x, y = make_classification(30_000, 20, n_informative=15, n_classes=3, flip_y=0.1, random_state=1)
        table = pd.DataFrame(x.round(4), columns=[f"x{i}" for i in range(20)])
        learner = RandomForestClassifier(80, max_leaf_nodes=1_750, random_state=1)
        pipeline, table = fitted(table, pd.Series(y, name="y"), learner, verify=0)
        return pipeline, table.head(1)

    oracle.start(heap="4g")
    makers = {"gbm": gbm, "iris": flowers, "audit": audit, "large": large}
    for name in missing:
        print(f"making {name}", file=sys.stderr)
        pipeline, table = makers[name]()
        oracle.export(pipeline, os.path.join(folder, name + ".pmml"))
        write(folder, name, table, for_jvm=name != "large")


def wine(folder, data):
    import pandas as pd
    shutil.copyfile(os.path.join(data, "winequalityRandonForrestClassification.pmml"), os.path.join(folder, "wine.pmml"))
    table = pd.read_csv(os.path.join(data, "winequality_red.csv"), sep=";", header=None, names=WINE + ["quality"])
    write(folder, "wine", table[WINE].astype(float), for_jvm=True)


def write(folder, name, table, for_jvm):
    path = os.path.join(folder, name)
    table.to_json(path + ".jsonl", orient="records", lines=True)
    if for_jvm:
        header = [f"{column}:{'text' if kind == object else 'number'}" for column, kind in table.dtypes.items()]
        table.to_csv(path + ".tsv", sep="\t", index=False, header=header)


def timed(engine, folder, name):
    import jpmml_evaluator
    import pypmml
    jars = [jar for package in (jpmml_evaluator, pypmml)
            for jar in sorted(glob.glob(os.path.join(os.path.dirname(package.__file__), "*", "*.jar")))]
    command = ["java", "-XX:+UseSerialGC", "-Xmx1g", "-cp", os.pathsep.join(jars), os.path.join(HERE, "PmmlBench.java"),
               engine, os.path.join(folder, name + ".pmml"), os.path.join(folder, name + ".tsv")]
    runs = []
    for _ in range(JVMS):
        print(f"timing {engine} on {name}", file=sys.stderr)
        said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if said.returncode != 0:
            sys.exit(said.stderr)
        runs.append(json.loads(said.stdout.strip().splitlines()[-1]))
    return min(runs, key=lambda run: run["cpu_us"])


if __name__ == "__main__":
    main()
