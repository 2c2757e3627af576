"""Asks real Spark what its SQL makes of rows: of those in rows.jsonl one expression a line of rows.txt, of those at the edges of
their types (edges.jsonl) one a line of edges.txt; of both one aggregate a line of aggregates.txt. `python make.py` under PySpark 3.5
wrote rows.3.jsonl and edges.3.jsonl, under 4.3 rows.4.jsonl and edges.4.jsonl. What a value of Python cannot hold (a date after
9999) is asked as a string."""
import base64
import datetime as dt
import decimal
import json
import logging
import math
import pathlib

from pyspark.sql import SparkSession, types as T

HERE = pathlib.Path(__file__).parent
SCHEMA = ("i int, l bigint, d double, f float, dec decimal(10,2), s string, n string, b boolean, dt date, ts timestamp, "
          "a array<string>, ai array<int>, st struct<x:int,y:string>, bin binary")


def shown(value):
    if isinstance(value, float):
        names = {math.inf: "Infinity", -math.inf: "-Infinity"}
        return "NaN" if math.isnan(value) else names.get(value, value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        text, _, fraction = value.isoformat().partition(".")
        fraction = fraction.rstrip("0")
        return text + ("." + fraction.ljust(3 if len(fraction) <= 3 else 6, "0") if fraction else "") + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, (T.Row, dict, dt.timedelta)):
        return {"unlike": str(value)}
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    return value


def read(row):
    def of(name, value):
        if name in ("d", "f") and value is not None:
            return float(value)
        if name == "dec" and value is not None:
            return decimal.Decimal(str(value)).quantize(decimal.Decimal("0.01"))
        if name == "dt" and value is not None:
            return dt.date.fromisoformat(value)
        if name == "ts" and value is not None:
            return dt.datetime.fromisoformat(value.rstrip("Z").ljust(26, "0") if "." in value else value.rstrip("Z"))
        if name == "bin" and value is not None:
            return base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode()
        if name == "st" and value is not None:
            return (value["x"], value["y"])
        return value
    return tuple(of(name, value) for name, value in row.items())


def main():
    logging.disable(logging.CRITICAL)  # Spark 4 logs each refusal with the path through its code.
    spark = (SparkSession.builder.master("local[1]").config("spark.driver.memory", "1g").config("spark.ui.enabled", "false")
             .config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "1").getOrCreate())
    spark.sparkContext.setLogLevel("OFF")
    for name in ("rows", "edges"):
        ask(spark, name, HERE / f"{name}.{spark.version[0]}.jsonl")


def ask(spark, name, out):
    rows = [read(json.loads(line)) for line in (HERE / f"{name}.jsonl").read_text().splitlines()]
    spark.createDataFrame(rows, SCHEMA).cache().createOrReplaceTempView("T")
    for place, row in enumerate(rows):
        spark.createDataFrame([row], SCHEMA).createOrReplaceTempView(f"R{place}")

    def select(expression, table, tail=""):
        return spark.sql(f"SELECT {expression.replace('__THIS__', table)} FROM {table}{tail}")

    def alone(expression, place):
        try:
            return shown(select(expression, f"R{place}").collect()[0][0])
        except Exception:
            return {"_error": True}

    with open(out, "w") as file:
        def write(record):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")

        for expression in (HERE / f"{name}.txt").read_text().splitlines():
            record = {"expr": expression}
            try:
                table = select(expression, "T")
                record |= {"name": table.columns[0], "type": table.schema[0].dataType.simpleString()}
                try:
                    record["rows"] = [shown(row[0]) for row in table.collect()]
                except Exception:
                    record["rows"] = [alone(expression, place) for place in range(len(rows))]
            except Exception:
                record["refused"] = True
            write(record)
        for expression in (HERE / "aggregates.txt").read_text().splitlines():
            record = {"agg": expression}
            for key, tail in (("all", ""), ("by", " GROUP BY s IS NULL, b ORDER BY s IS NULL, b")):
                try:
                    table = select(expression, "T", tail)
                    record |= {"name": table.columns[0], "type": table.schema[0].dataType.simpleString()}
                    record[key] = [shown(row[0]) for row in table.collect()]
                except Exception:
                    record[key] = {"_error": True}
            write(record)


main()
