"""The shared cases of tensor models by an engine of others, beside our own ops.

    python engine_cases.py FOREBAY ENGINE CASES WORK

Each case is asked twice by `forebay score --format v2`: natively, and with `engine = "ENGINE"` beside its model. Both answers
have to be the same within the case's tolerance; where our ops refuse a model, the engine's answer has to be the expected one.
What is not asked, and what may differ, stands below with its reason.
"""

import base64
import json
import math
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

SECONDS_MAX = 120

# Cases that are not asked through an engine, by what their names hold.
NOT_ASKED = {
    "tensorflow": {
        "saved_tf1_two_tags": "its meta graph is not the one that is served",
        "tfs_two_versions": "several versions: the server's business",
        "tfs_counter": "it changes its variable, which no engine may",
    },
    "onnxruntime": {},
}

# Cases whose answers are further apart than their tolerance: how far, and why.
FURTHER = {
    "node_stft": {"rel": 1e-3, "abs": 1e-4},  # sums of float32 that are zero but for their rounding
}


def artifact(folder, case):
    layout = case.get("layout")
    name = {"saved_model": "model", "frozen_graph": "model.pb"}.get(layout, "model.onnx")
    return os.path.join(folder, name)


def element(value):
    """An element of an answer, so that two of them can be compared."""
    if isinstance(value, dict):
        return base64.b64decode(value["b64"]).decode("utf-8", "replace")
    return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(value, value) if isinstance(value, str) else value


def same(a, b, tolerance):
    a, b = element(a), element(b)
    if isinstance(a, bool) or isinstance(b, bool) or isinstance(a, str) or isinstance(b, str):
        return a == b
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= max(tolerance["abs"], tolerance["rel"] * max(abs(a), abs(b)))


def difference(got, want, tolerance):
    """What differs between two answers, by name; None where nothing does."""
    got = {tensor["name"]: tensor for tensor in got}
    for tensor in want:
        other = got.get(tensor["name"])
        if other is None:
            return f"no output {tensor['name']}"
        for key in ("shape", "datatype"):
            if other.get(key) != tensor.get(key):
                return f"{tensor['name']}: {key} {other.get(key)}, not {tensor.get(key)}"
        pairs = list(zip(other["data"], tensor["data"]))
        if len(other["data"]) != len(tensor["data"]):
            return f"{tensor['name']}: {len(other['data'])} elements, not {len(tensor['data'])}"
        for place, (a, b) in enumerate(pairs):
            if not same(a, b, tolerance):
                return f"{tensor['name']}: element {place} of {len(pairs)} is {a}, not {b}"
    return None


class Cases:
    def __init__(self, forebay, engine, cases, work):
        self.forebay, self.engine, self.cases, self.work = forebay, engine, cases, work
        self.begun = time.monotonic()

    def ask(self, model, run, request):
        command = [self.forebay, "score", model, "--format", "v2"]
        if run.get("signature"):
            command += ["--signature", run["signature"]]
        done = subprocess.run(command, input=request, capture_output=True, text=True, timeout=120)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"exit {done.returncode}: {done.stderr}")
        return (json.loads(done.stdout)["outputs"], None) if done.returncode == 0 else (None, done.stderr.strip())

    def case(self, name):
        """Returns ('same' | 'both refuse' | 'engine alone' | 'skipped' | 'failed' | 'not in time', why)."""
        folder = os.path.join(self.cases, name)
        with open(os.path.join(folder, "case.json")) as file:
            case = json.load(file)
        for part, why in NOT_ASKED[self.engine].items():
            if part in name:
                return "skipped", why
        if case.get("onnxruntime_ok") is False:
            return "skipped", "ONNX Runtime cannot run it, or differs: " + case.get("onnxruntime_note", "")
        if time.monotonic() - self.begun > SECONDS_MAX:
            return "not in time", ""
        native = artifact(folder, case)
        copy = os.path.join(self.work, name)
        if os.path.isdir(native):
            shutil.copytree(native, copy)
        else:
            # What lies beside a file may belong to it.
            beside = [entry for entry in os.listdir(folder) if not entry.endswith(".json") or entry == os.path.basename(native)]
            os.mkdir(copy)
            for entry in beside:
                path = os.path.join(folder, entry)
                (shutil.copytree if os.path.isdir(path) else shutil.copy)(path, os.path.join(copy, entry))
        with open(os.path.join(copy, "forebay.toml"), "w") as file:
            file.write(f'engine = "{self.engine}"\n')
        try:
            outcome = "both refuse", ""
            for run in case["runs"][:1]:
                outcome = self.run(folder, case, run, native, copy)
            return outcome
        finally:
            shutil.rmtree(copy)

    def run(self, folder, case, run, native, copy):
        def read(name):
            with open(os.path.join(folder, name)) as file:
                return json.load(file)

        inputs, expected = read(run["input"])["tensors"], read(run["expected"])
        if any("kind" in tensor for tensor in inputs + expected.get("tensors", [])):
            return "skipped", "values that the protocol has no tensors for"
        request = json.dumps({"inputs": inputs})
        ours, refused = self.ask(native, run, request)
        theirs, wrong = self.ask(copy, run, request)
        tolerance = FURTHER.get(case["name"], case["tolerance"])
        if theirs is None:
            if "_error" in expected and ours is None:
                return "both refuse", wrong
            return "failed", wrong
        if ours is None:
            if "_error" in expected:
                return "failed", "the engine answers what the oracle refuses"
            found = difference(theirs, expected["tensors"], tolerance)
            return ("failed", found) if found else ("engine alone", refused)
        found = difference(theirs, ours, tolerance)
        return ("failed", found) if found else ("same", "")


def main():
    forebay, engine, folder, work = sys.argv[1:]
    cases = Cases(forebay, engine, folder, work)
    names = sorted(name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name, "case.json")))
    # Spread over the groups, so that what comes too late is a bit of each.
    names = [name for start in range(5) for name in names[start::5]]
    with ThreadPoolExecutor(max_workers=2) as pool:
        outcomes = list(zip(names, pool.map(cases.case, names)))
    counts = {}
    for name, (outcome, why) in outcomes:
        counts[outcome] = counts.get(outcome, 0) + 1
        if outcome in ("failed", "engine alone"):
            print(f"{outcome}: {name}: {why}")
    took = time.monotonic() - cases.begun
    print(f"{engine}: {len(names)} cases in {took:.0f} s: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))
    asked = counts.get("same", 0) + counts.get("both refuse", 0)
    if counts.get("failed") or asked < len(names) // 2:
        sys.exit(1)


main()
