"""The cases that `make.py` makes, as a list; and what their makers share."""
import math
import random

from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame, SparkSession

import oracle
from lab import Lab

NAN, INF = math.nan, math.inf
CASES = []


def case(name, what, s4=False, s35=True, one_by_one=False, tolerance=None, **more):
    """Adds a case; `s4` makes it with Spark 4 too (`s35=False`: only there), `one_by_one` where Spark looks at the first row of a
    table, `whole` where the answer is a table of its own; `more` goes into case.json."""
    def add(build):
        CASES.append({"name": name, "what": what, "s4": s4, "s35": s35, "one_by_one": one_by_one,
                      "tolerance": tolerance or {"rel": 1e-9, "abs": 1e-12}, "more": more, "build": build})
        return build
    return add


def dense(*values):
    return Vectors.dense(*values)


def sparse(size, *pairs):
    return Vectors.sparse(size, list(pairs))


def frame(schema, rows):
    spark = SparkSession.getActiveSession()
    return DataFrame(Lab(spark).frame([(name, oracle.spark_type(kind)) for name, kind in oracle.columns_of(schema)], rows, {}, 1), spark)


def draw(seed, count, width, digits=2, zeros=0.0):
    """Random rows of numbers, a share of them zero."""
    r = random.Random(seed)
    return [[0.0 if r.random() < zeros else round(r.gauss(0, 1) * (i + 1), digits) for i in range(width)]
            for _ in range(count)]


ASKED_4 = [[dense(*r)] for r in draw(91, 10, 4)] + [
    [sparse(4, (0, 1.0), (3, -2.0))], [sparse(4)], [dense(0.0, 0.0, 0.0, 0.0)], [dense(NAN, 0.0, 1.0, 0.0)], [dense(INF, 0.0, 1.0, 0.0)],
    [dense(1e6, -1e6, 1e6, 1e6)], [dense(1.0, 2.0)], [dense(1.0, 2.0, 3.0, 4.0, 5.0)], [sparse(3, (0, 1.0))], [None]]


def labelled(seed, count, width, classes):
    """Rows whose class comes from a noisy linear score."""
    r = random.Random(seed)
    rows = []
    for values in draw(seed, count, width):
        score = sum(v * (1 if i % 2 else -1) / (i + 1) for i, v in enumerate(values)) + r.gauss(0, 0.7)
        rows.append([dense(*values), float(min(classes - 1, max(0, int(score + classes / 2))))])
    return frame("features vector, label double", rows)


def measured(seed, count, width, zeros=0.0):
    """Rows whose label is a noisy linear sum with a step."""
    r = random.Random(seed)
    rows = [[dense(*v), round(3 + sum(x / (i + 1) for i, x in enumerate(v)) + 2 * (v[0] > 0.3) + r.gauss(0, 0.2), 3)]
            for v in draw(seed, count, width, zeros=zeros)]
    return frame("features vector, label double", rows)
