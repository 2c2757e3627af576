"""Random pipelines of real Spark, and what it answers to random rows: one case folder a pipeline.

    . acceptance/lib/python.sh && forebay_spark35
    "$SPARK35_PYTHON" conformance/spark/fuzz --out DIR [--first SEED] [--count N] [--bare]

Everything of a pipeline comes from its seed: two to five stages of random classes with random params, later ones reading what
earlier ones made; columns of every type; rows with nulls, NaN, infinities, -0.0, unseen labels, explicit zeros, vectors of
a wrong size. Training rows are clean, or Spark would fit nothing. A folder holds what those of conformance/spark hold; case.json
tells the class behind each output. A line of JSON is printed for each pipeline when its folder is complete:
`cargo xtask soak spark-fuzz` reads them and compares.
"""
import argparse
import json
import os
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import features  # noqa: E402
import learners  # noqa: E402
import oracle  # noqa: E402
import pyspark  # noqa: E402
import sql  # noqa: E402
from draft import TRAINED, Column, Draft  # noqa: E402
from lab import Lab, NotNow  # noqa: E402
from pyspark.ml.linalg import Vectors  # noqa: E402

ROLES = {"string": "category", "vector": "vector", "boolean": "flag", "date": "day", "timestamp": "moment"}
TYPES = set(oracle.TYPES)
# Nearer than this they need not come: what is computed in floats of 32 bits, or by iterations that stop early.
LOOSE = {"LocalLDAModel": 1e-6, "GaussianMixtureModel": 1e-6, "Word2VecModel": 1e-6, "ALSModel": 1e-6}
ATTEMPTS = 5


def role_of(kind, hint):
    if hint:
        return hint
    return "words" if kind.startswith("array<") else ROLES.get(kind, "number")


def drawn(r, major):
    """The kinds of stages, in order: features first, mostly a learner at the end."""
    if r.random() < 0.22:
        return [sql.statement] * r.choice([1, 1, 2]) if r.random() < 0.7 else [sql.groups]
    weigh = lambda stages: r.choices([s for s, _ in stages], [w for _, w in stages])[0]
    plan = [weigh(features.STAGES) for _ in range(r.choice([1, 2, 2, 3, 4]))]
    if r.random() < 0.12:
        plan.insert(r.randrange(len(plan) + 1), sql.statement)
    return plan + ([weigh(learners.STAGES)] if r.random() < 0.7 else [])


def attempt(d, lab, make, last):
    """Draws one stage and fits it; a stage that Spark will not fit leaves nothing behind."""
    before = list(d.inputs), list(d.columns), dict(d.metadata), list(d.sets), d.renamed
    models, held = len(lab.models), (dict(lab.table), dict(lab.types), dict(lab.metadata), lab.jframe)
    try:
        stage, hints = make(d)
        name, new, gone = lab.fit(stage, 1 if last else TRAINED // 3)
        if any(oracle.type_name(kind) not in TYPES and role_of(oracle.type_name(kind), None) != "words"
               and not oracle.type_name(kind).startswith("decimal") for _, kind in new):
            raise NotNow("a type that no case holds")
        if any(d.lab.values(n)[0] == Vectors.dense() for n, _ in new):
            raise NotNow("a formula without a term")
    except Exception as error:
        del lab.models[models:]
        d.inputs, d.columns, d.metadata, d.sets, d.renamed = before
        lab.table, lab.types, lab.metadata, lab.jframe = held
        return None, str(error)
    d.columns = [c for c in d.columns if c.name not in gone and c.name not in {n for n, _ in new}]
    for column, kind in new:
        kind = oracle.type_name(kind)
        d.columns.append(Column(column, kind, role_of(kind, hints.get(column))))
    described = {"class": name.split(".")[-1], "columns": [n for n, _ in new], "params": params_of(stage)}
    return described, None


def params_of(stage):
    """The params that were set, for people."""
    return {param.name: value if isinstance(value, (int, str, bool)) else str(value)[:200] for param, value in stage._paramMap.items()}


def build(lab, seed, major, bare):
    lab.begin()
    d = Draft(seed, lab)
    plan, stages, tries = drawn(d.r, major), [], 0
    whole = sql.groups in plan
    while plan:
        tries += 1
        if tries > ATTEMPTS:
            plan, tries = plan[1:], 0
            continue
        before = len(d.inputs)
        if d.renamed and d.chance(0.5):
            break
        described, error = attempt(d, lab, plan[0], plan[0] is sql.groups)
        if described is None:
            bare and print(f"# {plan[0].__name__}: {error[:160]!r}", file=sys.stderr)
            continue
        if d.renamed and len(stages) and len(d.inputs) > before and stages[-1].get("closed"):
            break
        described["closed"] = d.renamed
        stages.append(described)
        plan, tries = plan[1:], 0
        if d.renamed:
            break
    return d, stages, whole


def saved(lab, d, folder):
    """Saves the stages: as a pipeline, nested at times, or the stage alone."""
    models, path = list(lab.models), os.path.join(folder, "model")
    if len(models) > 2 and d.chance(0.2):
        at = d.r.randrange(len(models) - 1)
        models[at:at + 2] = [lab.pipeline(models[at:at + 2])]
    model = models[0] if len(models) == 1 and d.chance(0.7) else lab.pipeline(models)
    model.write().overwrite().save("file://" + path)
    for where, _, files in os.walk(path):
        for file in files:
            if file.endswith(".crc"):
                os.remove(os.path.join(where, file))
    return path


def make(lab, seed, out, bare):
    began = time.time()
    d, stages, whole = build(lab, seed, int(pyspark.__version__.split(".")[0]), bare)
    if not stages:
        return {"seed": seed, "unfit": True}
    folder = os.path.join(out, str(seed))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    path = saved(lab, d, folder)
    fitted = time.time()
    schema = [(c.name, c.type) for c in d.inputs]
    rows = list(zip(*(d.asked[name] for name, _ in schema)))
    answers, new, table = lab.ask(lab.load(path), schema, rows, d.metadata, whole)
    if not table:
        rows, answers = zip(*((row, answer) for row, answer in zip(rows, answers) if answer is not None))
    loose = max([LOOSE.get(s["class"], 0) for s in stages])
    about = {
        "name": f"fuzz-{seed}", "family": "spark", "class": oracle.metadata_of(path)["class"], "seed": seed,
        "producer": f"pyspark {pyspark.__version__}", "what": " > ".join(s["class"] for s in stages), "stages": stages,
        "tolerance": {"rel": loose or 1e-12, "abs": loose or 1e-12},
        "outputs": [name for name, _ in new or []], "input_schema": [{"name": n, "type": k} for n, k in schema],
        "output_schema": [{"name": n, "type": k} for n, k in new or []],
        "input_metadata": {n: m for n, m in d.metadata.items() if m}, "sets": d.sets,
        "error_rows": sum("_error" in a for a in answers), "skipped_rows": sum("_skipped" in a for a in answers),
    }
    if table:
        about |= {"whole_table": True, "unordered": True}
    oracle.write_lines(os.path.join(folder, "input.jsonl"), [{n: oracle.cell(v) for (n, _), v in zip(schema, row)} for row in rows])
    oracle.write_lines(os.path.join(folder, "expected.jsonl"), answers)
    oracle.write_about(folder, about)
    return {"seed": seed, "folder": folder, "what": about["what"], "rows": len(rows), "errors": about["error_rows"],
            "seconds": [round(fitted - began, 2), round(time.time() - fitted, 2)]}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--out", required=True)
    args.add_argument("--first", type=int, default=1)
    args.add_argument("--count", type=int, default=500)
    args.add_argument("--bare", action="store_true", help="say why stages were not fitted, stop where something breaks")
    args = args.parse_args()
    out = os.path.abspath(args.out)
    os.makedirs(out, exist_ok=True)
    lab = Lab(oracle.session("forebay-fuzz"))
    for seed in range(args.first, args.first + args.count):
        try:
            line = make(lab, seed, out, args.bare)
        except Exception as error:
            if args.bare:
                raise
            line = {"seed": seed, "broken": oracle.root_cause(error)}
        print(json.dumps(line), flush=True)
    lab.spark.stop()


if __name__ == "__main__":
    main()
