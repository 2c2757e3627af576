"""The cases that `make.py` makes, as a list; and what their makers share: the tables, and how rows are asked."""
import math
import random

import pandas as pd
from sklearn import datasets
from sklearn2pmml.pipeline import PMMLPipeline

CASES = []


def case(name, what, keep=False, missing=0):
    """Adds a case. `keep`: it is small and checked in. `missing`: so many rows more, in each of which a value is left out.

    The function returns a fitted PMMLPipeline and the table that its rows come from."""
    def add(build):
        CASES.append({"name": name, "what": what, "keep": keep, "missing": missing, "build": build})
        return build
    return add


def fitted(x, y, *steps, verify=6):
    """Fits a pipeline, which will carry the answers to some of its rows."""
    pipeline = PMMLPipeline([(f"step{i}", step) for i, step in enumerate(steps)])
    pipeline.fit(x, y)
    if verify:
        pipeline.verify(x.dropna().iloc[3::17].head(verify), precision=1e-6, zeroThreshold=1e-9)
    return pipeline, x


def named(loaded, target, columns):
    """The first columns of a table of scikit-learn's, and what is to be predicted: a text where it is a class."""
    x = pd.DataFrame(loaded.data, columns=loaded.feature_names).iloc[:, :columns]
    y = pd.Series(loaded.target, name=target)
    if hasattr(loaded, "target_names"):
        y = y.map(lambda i: str(loaded.target_names[i]))
    return x, y


def iris():
    return named(datasets.load_iris(), "species", 4)


def wine():
    return named(datasets.load_wine(), "grower", 6)


def cancer():
    return named(datasets.load_breast_cancer(), "finding", 8)


def diabetes():
    x, y = named(datasets.load_diabetes(scaled=False), "progress", 10)
    return x.astype(float), y


def holed(x, share=0.15, seed=5):
    """The table with a share of its values missing."""
    r = random.Random(seed)
    return x.apply(lambda column: column.map(lambda v: math.nan if r.random() < share else v)).astype(x.dtypes)


def clinic(holes=True):
    """Texts, whole numbers and doubles: the diabetes table with bands for two of its columns; some values missing."""
    x, y = diabetes()
    table = pd.DataFrame({
        "sex": x["sex"].map({1.0: "female", 2.0: "male"}),
        "blood pressure": pd.cut(x["bp"], [0, 85, 100, 200], labels=["low", "normal", "high"]).astype(object),
        "ward": x["s6"].map(lambda v: "ABCDE"[int(v) % 5]),
        "bmi": x["bmi"],
        "glucose": x["s6"],
        "lipids": x["s5"],
    })
    if holes:
        table = holed(table)
    return table, y.map(lambda v: "worse" if v > 140 else "better").rename("course"), y


WORDS = {
    "sport": "goal match team coach ball league season player win score".split(),
    "food": "bread soup oven salt butter recipe taste cook dish sauce".split(),
    "travel": "train ticket harbour map road hotel island journey bag border".split(),
}


def sentences(count=90, seed=11):
    """Sentences of words that belong to a subject, and of some that belong to none."""
    r = random.Random(seed)
    texts, labels = [], []
    for _ in range(count):
        label = r.choice(sorted(WORDS))
        words = [r.choice(WORDS[label] if r.random() < 0.6 else "the a of with and old new very".split())
                 for _ in range(r.randint(4, 9))]
        texts.append(" ".join(words).capitalize())
        labels.append(label)
    return pd.Series(texts, name="text"), pd.Series(labels, name="subject")
