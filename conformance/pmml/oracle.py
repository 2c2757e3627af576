"""Two tools in one JVM: sklearn2pmml's converter writes a fitted pipeline as PMML, JPMML-Evaluator answers its rows.

The converter's classes are called one by one as its own `Main` calls them: a JVM a document would take most of the time,
`Main` reports failures to its vendor, and a release of it refuses to work when it is a year old.
"""
import glob
import json
import math
import os
import re
import tempfile
from importlib.metadata import version

import joblib
import jpmml_evaluator
import jpype
import sklearn2pmml

PACKAGES = ["scikit-learn", "sklearn2pmml", "jpmml-evaluator", "lightgbm", "xgboost-cpu"]


def start(heap="1g"):
    """Starts the JVM; of a library that both tools bring, one copy."""
    jars = {}
    for package in (sklearn2pmml, jpmml_evaluator):
        for path in sorted(glob.glob(os.path.join(os.path.dirname(package.__file__), "*", "*.jar"))):
            jars.setdefault(re.sub(r"-[0-9].*", "", os.path.basename(path)), path)
    jpype.startJVM("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-Xmx{heap}", classpath=list(jars.values()))
    # What they say while they work is for people at a terminal.
    jpype.JClass("java.util.logging.LogManager").getLogManager().reset()
    jpype.JClass("org.jpmml.sklearn.SkLearnUtil").initOnce()


def versions():
    """Says which tools speak, as `case.json` has it."""
    found = {name: version(name) for name in PACKAGES}
    found["pmml-evaluator"] = evaluator_version()
    return found


def evaluator_version():
    folder = os.path.join(os.path.dirname(jpmml_evaluator.__file__), "dependencies")
    (jar,) = glob.glob(os.path.join(folder, "pmml-evaluator-[0-9]*.jar"))
    return re.search(r"pmml-evaluator-(.*)\.jar", jar).group(1)


def export(pipeline, path):
    """Writes a fitted PMMLPipeline as a document."""
    pipeline = sklearn2pmml._escape(pipeline, escape_func=sklearn2pmml._escape)
    with tempfile.NamedTemporaryFile(suffix=".pkl.z") as file:
        joblib.dump(pipeline, file.name, compress=1)
        storage = jpype.JClass("org.jpmml.python.StorageUtil").createStorage(java_file(file.name))
        try:
            loaded = jpype.JClass("org.jpmml.sklearn.SkLearnUnpickler")().load(storage)
        finally:
            storage.close()
    util = jpype.JClass("org.jpmml.sklearn.EncodableUtil")
    document = util.encodePMML(util.toEncodable(loaded))
    out = jpype.JClass("java.io.FileOutputStream")(path)
    try:
        jpype.JClass("org.jpmml.model.metro.MetroJAXBSerializer")().serializePretty(document, out)
    finally:
        out.close()
    # The moment of the export would differ on every run.
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(r"\s*<Timestamp>[^<]*</Timestamp>", "", text))


def java_file(path):
    return jpype.JClass("java.io.File")(path)


class Evaluator:
    """JPMML-Evaluator with a document loaded."""

    def __init__(self, path):
        builder = jpype.JClass("org.jpmml.evaluator.LoadingModelEvaluatorBuilder")()
        self.java = builder.load(java_file(path)).build()

    def verify(self):
        """Raises where the document does not give its own answers."""
        self.java.verify()

    def inputs(self):
        return [{"name": str(f.getName()), "dataType": str(f.getDataType().value()), "opType": str(f.getOpType().value())}
                for f in self.java.getInputFields()]

    def outputs(self):
        fields = list(self.java.getTargetFields()) + list(self.java.getOutputFields())
        return ["_target" if f.getName() is None else str(f.getName()) for f in fields]

    def answer(self, row):
        """Returns the answer to a row; `{"_error": ..}` where it is refused."""
        given = jpype.JClass("java.util.LinkedHashMap")()
        for name, value in row.items():
            given.put(name, java_value(value))
        try:
            answer = self.java.evaluate(given)
            answer = jpype.JClass("org.jpmml.evaluator.EvaluatorUtil").decodeAll(answer)
        except jpype.JException as error:
            return {"_error": f"{error.getClass().getSimpleName()}: {error.getMessage()}"}
        return {"_target" if entry.getKey() is None else str(entry.getKey()): plain(entry.getValue())
                for entry in answer.entrySet()}


def java_value(value):
    if isinstance(value, bool):
        return jpype.JClass("java.lang.Boolean")(value)
    if isinstance(value, int):
        return jpype.JClass("java.lang.Integer")(value)
    if isinstance(value, float):
        return jpype.JClass("java.lang.Double")(value)
    return value


def plain(value):
    """A Java value as JSON has it; a float by its own shortest digits."""
    if value is None:
        return None
    if isinstance(value, jpype.JClass("java.util.Collection")):
        return [plain(item) for item in value]
    if isinstance(value, jpype.JClass("java.lang.Boolean")):
        return bool(value)
    if isinstance(value, jpype.JClass("java.lang.Number")):
        if isinstance(value, (jpype.JClass("java.lang.Integer"), jpype.JClass("java.lang.Long"))):
            return int(value)
        number = float(str(value.toString()))
        return number if math.isfinite(number) else str(value)
    return str(value)


def write_lines(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
