"""Makes the cases of this folder anew: graphs of TensorFlow's ops, and what TensorFlow answers.

    python3 -m venv env && env/bin/pip install tensorflow-cpu==2.21.0
    env/bin/python conformance/tensorflow/make.py [name ...]

A case is a function in cases.py: it builds a graph and returns its outputs by name and its runs, each a dict of inputs. The
runs are asked one after the other of one session, so that what a seeded generator gives goes on from run to run.
"""

import base64
import json
import math
import os
import shutil
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
warnings.filterwarnings("ignore")

import numpy as np
import tensorflow as tf

import cases

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {
    "bool": "BOOL", "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64", "uint8": "UINT8",
    "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64", "float16": "FP16", "float32": "FP32", "float64": "FP64",
}


def element(value):
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
    return value


def tensor(name, value):
    # Numpy's own texts lose what ends in zeros.
    value = np.asarray(value, dtype=object if isinstance(value, bytes) else None)
    if value.dtype.kind in "SOU":
        flat = [v if isinstance(v, bytes) else str(v).encode() for v in value.reshape(-1).tolist()]
        return {"name": name, "shape": list(value.shape), "datatype": "BYTES", "data": [element(v) for v in flat]}
    data = [element(v) for v in value.reshape(-1).tolist()]
    return {"name": name, "shape": list(value.shape), "datatype": TYPES[value.dtype.name], "data": data}


def write(path, value):
    with open(path, "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


def save(folder, graph, made, named):
    inputs = {op.name: op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"}
    info = tf.compat.v1.saved_model.build_tensor_info
    builder = tf.compat.v1.saved_model.Builder(folder)
    with tf.compat.v1.Session(graph=graph) as session:
        signature = tf.compat.v1.saved_model.build_signature_def(
            {key: info(value) for key, value in inputs.items()},
            {key: info(graph.get_tensor_by_name(value)) for key, value in named.items()}, "tensorflow/serving/predict")
        for key, value in made["defaults"].items():
            signature.defaults[key].CopyFrom(tf.make_tensor_proto(value))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, strip_default_attrs=True)
    builder.save()
    shutil.rmtree(os.path.join(folder, "variables"), ignore_errors=True)


def make(name, case):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    graph = tf.Graph()
    with graph.as_default():
        made = case()
    outputs = {key: value for key, value in made["outputs"].items()}
    with graph.as_default():
        # A name of its own for each output, whatever op gives it.
        named = {key: tf.identity(value, name=key).name for key, value in outputs.items()}
    # With defaults it is a SavedModel, whose signature has them.
    saved = "defaults" in made
    about = {
        "name": name, "family": "tensorflow", "layout": "saved_model" if saved else "frozen_graph", "producer": "tensorflow " + tf.__version__,
        "oracle": "tensorflow " + tf.__version__ + " (Session.run, one thread)", "what": (case.__doc__ or "").strip(),
        "tolerance": made.get("tolerance", {"rel": 1e-5, "abs": 1e-6}), "runs": [],
    }
    options = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    options.graph_options.optimizer_options.opt_level = -1
    with tf.compat.v1.Session(graph=graph, config=options) as session:
        for i, run in enumerate(made["runs"]):
            suffix = "" if i == 0 else "-%d" % (i + 1)
            given = {key if saved else key + ":0": value for key, value in run.items()}
            write(os.path.join(folder, "input%s.json" % suffix), {"tensors": [tensor(k, v) for k, v in given.items()]})
            # What TensorFlow Serving does with defaults (predict_util.cc): what the caller leaves out is fed from them.
            feed = {key + ":0": value for key, value in {**made.get("defaults", {}), **run}.items()}
            try:
                keys = list(named)
                values = session.run([named[key] for key in keys], feed)
                answer = {"tensors": [tensor(key if saved else named[key], value) for key, value in zip(keys, values)]}
            except tf.errors.OpError as error:
                answer = {"_error": error.message.replace("Graph execution error:", "").strip().split("\n")[-1][:200], "_code": type(error).__name__}
            write(os.path.join(folder, "expected%s.json" % suffix), answer)
            about["runs"].append({"input": "input%s.json" % suffix, "expected": "expected%s.json" % suffix})
            if saved:
                about["runs"][-1]["signature"] = "serving_default"
    if saved:
        save(os.path.join(folder, "model"), graph, made, named)
    else:
        definition = graph.as_graph_def()
        for node in definition.node:
            node.device = ""
        with open(os.path.join(folder, "model.pb"), "wb") as file:
            file.write(definition.SerializeToString(deterministic=True))
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(about, file, indent=1)
        file.write("\n")
    size = sum(os.path.getsize(os.path.join(where, file)) for where, _, files in os.walk(folder) for file in files)
    print("%-28s %6d bytes" % (name, size))


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for name, case in cases.ALL.items():
        if not wanted or name in wanted:
            make(name, case)
