"""Spark itself: fits one stage after the other on a small table, saves the pipeline, loads it back and asks it.

Everything runs on the JVM's classes: PySpark's own wrapper of OneVsRest computes in Python, and a pipeline loaded through
the wrappers is turned over twice. Rows are asked in one table, a partition each; where Spark refuses one, each partition
is run by itself, so that a refusal belongs to its row.
"""
import json

import oracle
from pyspark.ml import Estimator, PipelineModel
from pyspark.ml.wrapper import JavaParams
from pyspark.serializers import CPickleSerializer
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

LOADS = CPickleSerializer().loads


class NotNow(Exception):
    """A stage that does not suit this pipeline; another is drawn."""


class Lab:
    def __init__(self, spark):
        self.spark, self.sc = spark, spark.sparkContext
        self.jvm, self.session = self.sc._jvm, spark._jsparkSession
        self.begin()

    def begin(self):
        self.table, self.types, self.metadata = {}, {}, {}
        self.jframe, self.models = None, []
        # PySpark lets go of the JVM's object when its wrapper dies.
        self.wrappers = []

    # === Frames ===========================================================================

    def frame(self, fields, rows, metadata, parts):
        """A frame whose rows the JVM holds."""
        schema = StructType([StructField(name, kind, True) for name, kind in fields])
        pickled = self.sc.parallelize([schema.toInternal(tuple(row)) for row in rows], 1)
        jrdd = self.jvm.SerDeUtil.toJavaArray(pickled._to_java_object_rdd())
        frame = DataFrame(self.session.applySchemaToPythonRDD(jrdd.rdd(), schema.json()), self.spark)
        columns = [F.col(n).alias(n, metadata=metadata[n]) if metadata.get(n) else F.col(n) for n, _ in fields]
        jframe = frame.select(*columns)._jdf
        held = self.sc._jsc.parallelize(jframe.collectAsList(), parts)
        return self.session.createDataFrame(held, jframe.schema())

    def partitions(self, jrdd, places):
        """The rows of some partitions, a list each."""
        wanted = self.sc._gateway.new_array(self.jvm.int, len(places))
        for i, place in enumerate(places):
            wanted[i] = place
        return [[row for batch in part for row in unpickled(batch)] for part in jrdd.collectPartitions(wanted)]

    def all(self, jrdd):
        return [row for part in self.partitions(jrdd, range(jrdd.getNumPartitions())) for row in part]

    def schema(self, jframe):
        """The fields, a dictionary each, as Spark's JSON has them; and their types."""
        return json.loads(jframe.schema().json())["fields"], DataFrame(jframe, self.spark).schema

    # === Training =========================================================================

    def add(self, column, values, metadata):
        count = len(next(iter(self.table.values()))) if self.table else len(values)
        self.table[column.name] = values[:count]
        self.types[column.name] = oracle.spark_type(column.type)
        self.metadata[column.name] = metadata
        self.jframe = None

    def drop(self, name):
        self.table.pop(name, None)
        self.jframe = None

    def values(self, name):
        return self.table[name]

    def training(self):
        if self.jframe is None:
            names = list(self.table)
            rows = list(zip(*(self.table[n] for n in names)))
            self.jframe = self.frame([(n, self.types[n]) for n in names], rows, self.metadata, 1)
        return self.jframe

    def fit(self, stage, least):
        """Fits the stage and goes on from what it gives; returns its class and the columns that are new or of a new type."""
        jframe = self.training()
        jstage = stage._to_java() if isinstance(stage, JavaParams) or hasattr(stage, "_to_java") else stage
        model = jstage.fit(jframe) if isinstance(stage, Estimator) else jstage
        result = model.transform(jframe)
        fields, schema = self.schema(result)
        rows = self.partitions(result.javaToPython(), [0])[0]
        if len(rows) < least:
            raise NotNow("too few rows are left")
        known, names = self.types, [f["name"] for f in fields]
        kinds = {field.name: field.dataType for field in schema.fields}
        held = self.sc._jsc.parallelize(result.collectAsList(), 1)
        self.jframe = self.session.createDataFrame(held, result.schema())
        self.table = {name: [row[i] for row in rows] for i, name in enumerate(names)}
        self.metadata = {f["name"]: f["metadata"] for f in fields}
        self.types = kinds
        self.models.append(model)
        self.wrappers.append(stage)
        new = [(n, kinds[n]) for n in names if n not in known or known[n] != kinds[n]]
        return model.getClass().getName(), new, [n for n in known if n not in kinds]

    def pipeline(self, models):
        stages = self.sc._gateway.new_array(self.jvm.org.apache.spark.ml.Transformer, len(models))
        for i, model in enumerate(models):
            stages[i] = model
        return self.jvm.org.apache.spark.ml.PipelineModel(PipelineModel([]).uid, stages)

    # === Asking ===========================================================================

    def load(self, path):
        there = self.jvm
        for word in oracle.metadata_of(path)["class"].split("."):
            there = getattr(there, word)
        return there.load("file://" + path)

    def ask(self, model, schema, rows, metadata, whole):
        """Returns an answer a row (or, of the whole table, the table), the fields that are new, and whether it is the table."""
        fields = [(name, oracle.spark_type(kind)) for name, kind in schema]
        try:
            result = model.transform(self.frame(fields, rows, metadata, 1 if whole else len(rows)))
        except Exception as error:
            if whole:
                return [{"_error": oracle.root_cause(error)}] * len(rows), None, False
            return self.ask_one_by_one(model, schema, rows, metadata)
        new = self.new_fields(result, schema, whole)
        jrdd = result.javaToPython()
        if whole or jrdd.getNumPartitions() != len(rows):
            try:
                return [answer(row, new) for row in self.all(jrdd)], new, True
            except Exception as error:
                return [{"_error": oracle.root_cause(error)}] * len(rows), new, False
        try:
            parts = self.partitions(jrdd, range(len(rows)))
            return [kept(part, new) for part in parts], new, False
        except Exception:
            pass
        return [self.one(jrdd, place, new) for place in range(len(rows))], new, False

    def one(self, jrdd, place, new):
        """The answer to a row; none where Python has no such value, as of dates before the year 1."""
        try:
            return kept(self.partitions(jrdd, [place])[0], new)
        except (ValueError, OverflowError):
            return None
        except Exception as error:
            if self.sc._jsc.sc().isStopped():
                raise
            return {"_error": oracle.root_cause(error)}

    def ask_one_by_one(self, model, schema, rows, metadata, whole=False):
        """Asks a table a row: of more than one Spark may refuse all for what the first is."""
        fields = [(name, oracle.spark_type(kind)) for name, kind in schema]
        answers, new = [], None
        for row in rows:
            try:
                result = model.transform(self.frame(fields, [row], metadata, 1))
                new = self.new_fields(result, schema, False)
                answers.append(kept(self.all(result.javaToPython()), new))
            except (ValueError, OverflowError):
                answers.append(None)
            except Exception as error:
                answers.append({"_error": oracle.root_cause(error)})
        return answers, new, whole

    def new_fields(self, result, schema, whole):
        given = {(name, kind) for name, kind in schema} if not whole else set()
        fields = [(f.name, oracle.type_name(f.dataType)) for f in self.schema(result)[1].fields]
        return [(name, kind) for name, kind in fields if (name, kind) not in given]


def unpickled(batch):
    rows = LOADS(bytes(batch))
    return [rows] if hasattr(rows, "asDict") else list(rows)


def answer(row, new):
    return {name: oracle.cell(row[name]) for name, _ in new}


def kept(part, new):
    return answer(part[0], new) if part else {"_skipped": True}
