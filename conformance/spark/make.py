"""Makes the Spark ML conformance cases of this folder with real Spark.

    . acceptance/lib/python.sh && forebay_spark35 && forebay_spark4
    "$SPARK35_PYTHON" conformance/spark/make.py [NAME...]    # the cases of Spark 3.5
    "$SPARK4_PYTHON"  conformance/spark/make.py [NAME...]    # the cases named s4-...

`--out DIR` before the names writes there instead of beside this script; a name that ends in `*` stands for all that begin so.

A case is a function of the `cases_*.py` beside it, under `@case`: it returns what to save, the input's schema and the
rows. The rest is the same for all: save, load back from the saved directory, transform the
rows, write `model/`, `input.jsonl`, `expected.jsonl` and `case.json` (README.md says what is
in them). The whole table is scored at once; where Spark refuses it, every row is scored by itself, so a
refusal or a loss is told for each row. Seeds are fixed; the numbers come out the same on every run, file
names and stage ids do not, so make anew only what changes.
"""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "fuzz"))

import cases_features  # noqa: E402, F401
import cases_first  # noqa: E402, F401
import cases_learners  # noqa: E402, F401
import cases_sql  # noqa: E402, F401
import oracle  # noqa: E402
import pyspark  # noqa: E402
from casebook import CASES  # noqa: E402
from lab import Lab  # noqa: E402
from oracle import cell, columns_of, write_about, write_lines  # noqa: E402

NAMES = sys.argv[1:]
OUT = HERE
if NAMES[:1] == ["--out"]:
    OUT, NAMES = os.path.abspath(NAMES[1]), NAMES[2:]
MAJOR = int(pyspark.__version__.split(".")[0])


def make(lab, entry):
    name = ("s4-" if MAJOR == 4 else "") + entry["name"]
    built = entry["build"]()
    saved, schema, rows = built[:3]
    metadata = built[3] if len(built) > 3 else {}
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    artifact = os.path.join(folder, "model")
    saved.save("file://" + artifact)
    for where, _, files in os.walk(artifact):
        for file in files:
            if file.endswith(".crc"):
                os.remove(os.path.join(where, file))
    # The JVM's own class: PySpark's wrapper of OneVsRest computes in Python.
    model, more = lab.load(artifact), entry["more"]
    given, whole = columns_of(schema), more.get("whole_table", False)
    ask = lab.ask_one_by_one if entry["one_by_one"] else lab.ask
    answers, outputs, is_table = ask(model, given, rows, metadata, whole)
    assert is_table == whole, "rows do not keep their places"
    if not whole:
        rows, answers = zip(*((row, answer) for row, answer in zip(rows, answers) if answer is not None))
    columns = [dict(zip(("name", "type"), c)) for c in given]
    persisted = oracle.metadata_of(artifact)["class"]
    kind = persisted.split(".")[4] if persisted.count(".") > 4 else "pipeline"
    about = {
        "name": name, "family": "spark", "kind": kind, "class": persisted,
        "producer": f"pyspark {pyspark.__version__}",
        "oracle": f"pyspark {pyspark.__version__} (model loaded back from model/, transform, local[1])",
        "what": entry["what"],
        "outputs": [name for name, _ in outputs or []],
        "tolerance": entry["tolerance"],
        "input_schema": columns,
        "output_schema": [{"name": name, "type": kind} for name, kind in outputs or []],
        "errors": any("_error" in a for a in answers),
        "error_rows": sum("_error" in a for a in answers),
        "skipped_rows": sum("_skipped" in a for a in answers),
        "source": "made by our own script, conformance/spark/make.py",
        "license": "Apache-2.0",
    } | more
    if metadata:
        about["input_metadata"] = metadata
    if outputs is None:
        about["transform_error"] = answers[0]["_error"]
    write_lines(os.path.join(folder, "input.jsonl"),
                [{c["name"]: cell(v) for c, v in zip(columns, row)} for row in rows])
    write_lines(os.path.join(folder, "expected.jsonl"), answers)
    write_about(folder, about)
    size = sum(os.path.getsize(os.path.join(w, f)) for w, _, fs in os.walk(folder) for f in fs)
    print(f"{name}: {len(rows)} rows, {about['error_rows']} refused, {about['skipped_rows']} dropped, {size} bytes", flush=True)
    if outputs is None:
        print("  the schema is refused: " + answers[0]["_error"], flush=True)
    assert size <= 64 * 1024, name + " is too large"


def is_meant(name, wanted):
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted


def main():
    lab = Lab(oracle.session("forebay-conformance"))
    wanted = [n[3:] if n.startswith("s4-") else n for n in NAMES]
    failed = 0
    for entry in CASES:
        if not entry["s4" if MAJOR == 4 else "s35"] or (wanted and not any(is_meant(entry["name"], n) for n in wanted)):
            continue
        try:
            make(lab, entry)
        except Exception as error:
            failed += 1
            print(f"{entry['name']}: not made: {type(error).__name__}: {str(error)[:400]}", flush=True)
    lab.spark.stop()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
