"""What the makers of cases share: a Spark session, the words of schemas, values as JSON, errors in a line."""
import datetime
import decimal
import json
import math
import os

from pyspark.ml.linalg import DenseVector, SparseVector, VectorUDT
from pyspark.sql import SparkSession
from pyspark.sql.types import (ArrayType, BinaryType, BooleanType, ByteType, DateType, DecimalType, DoubleType, FloatType,
                               IntegerType, LongType, ShortType, StringType, StructField, StructType, TimestampType)

TYPES = {"string": StringType(), "double": DoubleType(), "float": FloatType(), "int": IntegerType(), "bigint": LongType(),
         "smallint": ShortType(), "tinyint": ByteType(), "boolean": BooleanType(), "date": DateType(), "binary": BinaryType(),
         "timestamp": TimestampType(), "vector": VectorUDT()}


def session(name):
    """One thread, one gigabyte, UTC; plans as they are written. Of thousands of tiny queries the first compiler's code is fast
    enough, and made at once."""
    os.environ["TZ"] = "UTC"
    builder = (SparkSession.builder.master("local[1]").appName(name)
               .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").config("spark.sql.shuffle.partitions", "1")
               .config("spark.default.parallelism", "1").config("spark.sql.adaptive.enabled", "false")
               .config("spark.sql.session.timeZone", "UTC").config("spark.driver.memory", "1200m")
               .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"))
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def spark_type(name):
    if name.startswith("array<"):
        return ArrayType(spark_type(name[len("array<"):-1]))
    if name.startswith("decimal("):
        return DecimalType(*map(int, name[len("decimal("):-1].split(",")))
    return TYPES[name]


def type_name(kind):
    if isinstance(kind, VectorUDT):
        return "vector"
    if isinstance(kind, ArrayType):
        return "array<" + type_name(kind.elementType) + ">"
    return kind.simpleString()


def columns_of(schema):
    return [tuple(column.split()) for column in schema.split(", ")]


def struct(schema):
    return StructType([StructField(name, spark_type(kind), True) for name, kind in columns_of(schema)])


def cell(value):
    """A value as the rows of cases have it."""
    if isinstance(value, DenseVector):
        return [cell(float(x)) for x in value.values]
    if isinstance(value, SparseVector):
        return {"size": int(value.size), "indices": [int(i) for i in value.indices], "values": [cell(float(x)) for x in value.values]}
    if isinstance(value, (list, tuple)):
        if hasattr(value, "asDict"):
            return {name: cell(x) for name, x in value.asDict().items()}
        return [cell(x) for x in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):
        text = value.isoformat(timespec="microseconds" if value.microsecond % 1000 else
                               "milliseconds" if value.microsecond else "seconds")
        return text + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("latin-1")
    return value


def root_cause(error):
    """The innermost cause, without the task numbers and addresses that Spark wraps around it."""
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    if java is None:
        return str(error).split("\n")[0][:300]
    while java.getCause() is not None:
        java = java.getCause()
    return java.toString().split("\n")[0][:300]


def metadata_of(folder):
    """What a saved stage says of itself."""
    where = os.path.join(folder, "metadata")
    for part in sorted(f for f in os.listdir(where) if f.startswith("part-")):
        with open(os.path.join(where, part), encoding="utf-8") as text:
            line = text.readline()
            if line.strip():
                return json.loads(line)
    raise ValueError("no metadata in " + folder)


def write_lines(where, rows):
    # ASCII escapes keep the letters apart that look alike, and U+2028 on its line.
    with open(where, "w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row) + "\n")


def write_about(folder, about):
    with open(os.path.join(folder, "case.json"), "w", encoding="utf-8") as out:
        out.write(json.dumps(about, indent=1, ensure_ascii=False) + "\n")
