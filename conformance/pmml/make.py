"""Makes the PMML cases of this folder: scikit-learn, LightGBM and XGBoost train, sklearn2pmml exports, JPMML-Evaluator answers.

    . acceptance/lib/python.sh && forebay_pmml
    "$PMML_PYTHON" conformance/pmml/make.py [--out DIR] [NAME...]

Without `--out` the cases that are checked in are written beside this script, with it all of them into DIR. A case is a
function of the `cases_*.py` beside it, under `@case`: it returns a fitted pipeline and the table that rows are taken from.
Seeds are fixed; what comes out is the same on every run with the same packages.
"""
import json
import math
import os
import re
import shutil
import sys
import traceback
import warnings

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402

import cases_boosters  # noqa: E402, F401
import cases_learners  # noqa: E402, F401
import cases_tables  # noqa: E402, F401
import cases_trees  # noqa: E402, F401
import oracle  # noqa: E402
from casebook import CASES  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = 24


def rows_of(table, missing):
    """Rows spread over the table as JSON objects, then some with a value left out each."""
    table = table.to_frame() if table.ndim == 1 else table
    step = max(1, len(table) // ROWS)
    rows = [{name: cell(value) for name, value in row.items()} for row in table.iloc[::step].head(ROWS).to_dict("records")]
    names = list(table.columns)
    rows += [{k: v for k, v in rows[i % ROWS].items() if k != names[i % len(names)]} for i in range(missing)]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def cell(value):
    if value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value


def make(entry, out, versions):
    folder = os.path.join(out, entry["name"])
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    document = os.path.join(folder, "model.pmml")
    pipeline, table = entry["build"]()
    oracle.export(pipeline, document)
    evaluator = oracle.Evaluator(document)
    with open(document, encoding="utf-8") as file:
        text = file.read()
    carries = "<ModelVerification" in text
    if carries:
        evaluator.verify()
    rows = rows_of(table, entry["missing"])
    answers = [evaluator.answer(row) for row in rows]
    # Numbers that were computed in 32 bits are told in 32 bits.
    single = re.search(r'athContext="float"', text) is not None
    about = {
        "name": entry["name"], "family": "pmml",
        "producer": "sklearn2pmml", "oracle": "JPMML-Evaluator", "versions": versions,
        "what": entry["what"],
        "outputs": evaluator.outputs(),
        "tolerance": {"rel": 1e-6, "abs": 1e-9} if single else {"rel": 1e-9, "abs": 1e-12},
        "rows": len(rows),
        "errors": any("_error" in answer for answer in answers),
        "error_rows": sum("_error" in answer for answer in answers),
        "verification": carries,
        "inputs": evaluator.inputs(),
        "source": "made by our own script, conformance/pmml/make.py",
        "license": "Apache-2.0",
    }
    oracle.write_lines(os.path.join(folder, "input.jsonl"), rows)
    oracle.write_lines(os.path.join(folder, "expected.jsonl"), answers)
    with open(os.path.join(folder, "case.json"), "w", encoding="utf-8") as file:
        json.dump(about, file, indent=1, ensure_ascii=False)
        file.write("\n")
    size = os.path.getsize(document)
    print(f"{entry['name']}: {len(rows)} rows, {about['error_rows']} refused, {size} bytes", flush=True)
    assert about["error_rows"] < len(rows), f"JPMML-Evaluator refuses every row: {answers[0]}"
    assert not entry["keep"] or size <= 64 * 1024, "too large to be kept"


def main():
    out, names = HERE, sys.argv[1:]
    if names[:1] == ["--out"]:
        out, names = os.path.abspath(names[1]), names[2:]
    known = {entry["name"] for entry in CASES}
    assert len(known) == len(CASES) and set(names) <= known, f"no case {set(names) - known}"
    oracle.start()
    versions = oracle.versions()
    wanted = [e for e in CASES if (e["name"] in names if names else e["keep"] or out != HERE)]
    failed = 0
    for entry in wanted:
        try:
            make(entry, out, versions)
        except Exception as error:
            failed += 1
            shutil.rmtree(os.path.join(out, entry["name"]), ignore_errors=True)
            print(f"{entry['name']}: not made: {type(error).__name__}: {str(error)[:400]}", flush=True)
            if os.environ.get("FOREBAY_TRACE"):
                traceback.print_exc()
    print(f"{len(wanted) - failed} cases made, {failed} not")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
