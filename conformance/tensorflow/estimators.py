"""Makes the cases of boosted trees anew: TensorFlow's estimators, trained and exported, and what the exports answer. No TensorFlow that
make.py runs with has them any more.

    python3.9 -m venv env && env/bin/pip install tensorflow-cpu==2.7.4 tensorflow-estimator==2.7.0 'protobuf<3.20' 'numpy<1.22'
    env/bin/python conformance/tensorflow/estimators.py
"""

import base64
import json
import os
import shutil
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {"int32": "INT32", "int64": "INT64", "float32": "FP32"}
R = np.random.RandomState(3)
ROWS = {"a": R.randn(60).astype(np.float32), "b": R.rand(60).astype(np.float32), "kind": R.choice(["x", "y", "z"], 60)}
LABEL = (ROWS["a"] + (ROWS["kind"] == "y") > ROWS["b"]).astype(np.int64)
NUMBER = (2.0 * ROWS["a"] * ROWS["b"] + (ROWS["kind"] == "z")).astype(np.float32)
CLASS = (LABEL + (ROWS["b"] > 0.7)).astype(np.int64)


def columns(is_numeric):
    column = tf.feature_column
    if is_numeric:
        return [column.numeric_column("a"), column.numeric_column("b")]
    numbers = [column.bucketized_column(column.numeric_column(name), [-0.5, 0.1, 0.6]) for name in "ab"]
    return numbers + [column.indicator_column(column.categorical_column_with_vocabulary_list("kind", ["x", "y", "z"]))]


def tensor(name, value):
    value = np.asarray(value)
    if value.dtype.kind in "SOU":
        flat = [v if isinstance(v, bytes) else str(v).encode() for v in value.reshape(-1).tolist()]
        try:
            data = [v.decode() for v in flat]
        except UnicodeDecodeError:
            data = [{"b64": base64.b64encode(v).decode()} for v in flat]
        return {"name": name, "shape": list(value.shape), "datatype": "BYTES", "data": data}
    return {"name": name, "shape": list(value.shape), "datatype": TYPES[value.dtype.name], "data": value.reshape(-1).tolist()}


def write(path, value):
    with open(path, "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


def example(i):
    made = tf.train.Example()
    for name in "ab":
        made.features.feature[name].float_list.value.append(ROWS[name][i])
    made.features.feature["kind"].bytes_list.value.append(ROWS["kind"][i].encode())
    return made.SerializeToString(deterministic=True)


def make(name, what, estimator, features, target):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)

    def batches():
        return tf.data.Dataset.from_tensors((dict(ROWS), target)).repeat()

    estimator.train(batches, max_steps=12)
    spec = tf.feature_column.make_parse_example_spec(features)
    receiver = tf.estimator.export.build_parsing_serving_input_receiver_fn(spec)
    exported = estimator.export_saved_model(tempfile.mkdtemp(), receiver)
    exported = exported.decode() if isinstance(exported, bytes) else exported
    shutil.copytree(exported, os.path.join(folder, "model"))
    loaded = tf.saved_model.load(os.path.join(folder, "model"))
    about = {"name": name, "family": "tensorflow", "layout": "saved_model", "producer": "tensorflow " + tf.__version__ + ", estimator",
             "oracle": "tensorflow " + tf.__version__, "what": what, "tolerance": {"rel": 1e-5, "abs": 1e-6}, "runs": []}
    for i, (signature, chosen) in enumerate([("predict", range(9)), ("predict", [3]), ("serving_default", range(5))]):
        function = loaded.signatures[signature]
        key = list(function.structured_input_signature[1])[0]
        given = np.array([example(i) for i in chosen], object)
        end = "" if i == 0 else "-%d" % (i + 1)
        answer = function(**{key: tf.constant(given)})
        write(os.path.join(folder, "input%s.json" % end), {"tensors": [tensor(key, given)]})
        write(os.path.join(folder, "expected%s.json" % end), {"tensors": [tensor(k, v.numpy()) for k, v in sorted(answer.items())]})
        about["runs"].append({"input": "input%s.json" % end, "expected": "expected%s.json" % end, "signature": signature})
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(about, file, indent=1)
        file.write("\n")


def main():
    kinds = {"n_trees": 4, "max_depth": 3, "n_batches_per_layer": 1}
    estimator = tf.estimator
    config = estimator.RunConfig(tf_random_seed=1)
    columned = columns(False)
    make("boosted_classifier", "trees of two classes over buckets and categories",
         estimator.BoostedTreesClassifier(columned, config=config, **kinds), columned, LABEL)
    make("boosted_regressor", "trees of a number over buckets and categories",
         estimator.BoostedTreesRegressor(columned, config=config, center_bias=True, **kinds), columned, NUMBER)
    numeric = columns(True)
    make("boosted_numeric", "trees over numbers, whose buckets are quantiles that the model keeps",
         estimator.BoostedTreesRegressor(numeric, config=config, **kinds), numeric, NUMBER)
    make("boosted_classes", "trees of three classes, whose leaves have a logit of each",
         estimator.BoostedTreesClassifier(columned, n_classes=3, config=config, **kinds), columned, CLASS)


if __name__ == "__main__":
    main()
