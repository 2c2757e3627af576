"""The TensorFlow models of the applications that Forebay succeeds: TensorFlow's own answers beside those of our server.

    python tensorflow_lineage.py ADDRESS LINEAGE NAME=FOLDER:SIGNATURE,...

The first named signature of a model is asked over the Open Inference Protocol, others as TensorFlow Serving's clients ask, with inputs made
from a fixed seed, and every output has to be TensorFlow's, of a session as TensorFlow Serving runs one. What a model draws by chance
has to have TensorFlow's shape and type alone.
"""

import json
import os
import sys
import urllib.request

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402

tf.logging.set_verbosity(tf.logging.ERROR)

DATATYPES = {
    "float32": "FP32", "float64": "FP64", "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "uint8": "UINT8", "bool": "BOOL",
}

# Outputs that are drawn by chance.
BY_CHANCE = {("mnist_classifier", "random")}

# Rows where a model leaves their number open; the state of these is that of one row.
ROWS = 3
OF_ONE_ROW = {"lstm", "stateful_lstm"}


def drawn(info, rows, seed):
    """A tensor for an input."""
    random = np.random.default_rng(seed)
    dims = [] if info.tensor_shape.unknown_rank else [rows if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
    dtype = tf.DType(info.dtype).as_numpy_dtype
    if np.issubdtype(dtype, np.floating):
        return random.random(dims).astype(dtype)
    return np.asarray(random.integers(0, 5, dims)).astype(dtype)


def computed(folder, signature, rows):
    """Inputs, and TensorFlow's outputs for them."""
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.loader.load(session, ["serve"], folder).signature_def[signature]
        inputs = {name: drawn(info, rows, 7 + i) for i, (name, info) in enumerate(sorted(loaded.inputs.items()))}
        feeds = {loaded.inputs[name].name: value for name, value in inputs.items()}
        outputs = session.run({name: info.name for name, info in loaded.outputs.items()}, feeds)
        return inputs, {name: np.asarray(value) for name, value in outputs.items()}


def post(address, path, body):
    request = urllib.request.Request(f"http://{address}{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def datatype(tensor):
    return "BYTES" if tensor.dtype.kind in "OS" else DATATYPES[tensor.dtype.name]


def predict(address, model, signature, inputs, want):
    """Asks as TensorFlow Serving's clients do; the answer has no types, so those wanted stand in."""
    body = {"signature_name": signature, "inputs": {name: value.tolist() for name, value in inputs.items()}}
    outputs = post(address, f"/v1/models/{model}:predict", body)["outputs"]
    outputs = outputs if len(want) > 1 else {next(iter(want)): outputs}
    tensors = {name: np.array(value) for name, value in outputs.items()}
    return {
        name: {"shape": list(tensor.shape), "datatype": datatype(want[name]), "data": tensor.flatten().tolist()}
        for name, tensor in tensors.items()
    }


def infer(address, model, inputs):
    tensors = [
        {"name": name, "shape": list(value.shape), "datatype": datatype(value), "data": value.flatten().tolist()}
        for name, value in inputs.items()
    ]
    answer = post(address, f"/v2/models/{model}/infer", {"inputs": tensors})
    return {tensor["name"]: tensor for tensor in answer["outputs"]}


def compare(model, name, got, want):
    if got["datatype"] != datatype(want) or list(got["shape"]) != list(want.shape):
        return f"{got['datatype']} {got['shape']}, not {datatype(want)} {list(want.shape)}"
    if (model, name) in BY_CHANCE:
        return None
    if datatype(want) == "BYTES":
        texts = [text.decode() for text in want.flatten().tolist()]
        return None if got["data"] == texts else f"{got['data']}, not {texts}"
    values = np.array(got["data"]).reshape(want.shape)
    close = np.allclose(values, want, rtol=1e-4, atol=1e-6, equal_nan=True)
    return None if close else f"{values.flatten()[:4]}..., not {want.flatten()[:4]}..."


def main():
    address, lineage, *models = sys.argv[1:]
    outputs = wrong = 0
    for argument in models:
        served, rest = argument.split("=")
        model = served.removesuffix("-engine")
        folder, names = rest.split(":")
        for place, name in enumerate(names.split(",")):
            rows = 1 if model in OF_ONE_ROW else ROWS
            inputs, want = computed(os.path.join(lineage, folder), name, rows)
            got = predict(address, served, name, inputs, want) if place else infer(address, served, inputs)
            for key, tensor in sorted(want.items()):
                found = compare(model, key, got[key], tensor)
                outputs += 1
                if found:
                    wrong += 1
                    print(f"{served} {name} {key}: {found}")
    print(f"{outputs} outputs of {len(models)} models, {wrong} of them not TensorFlow's")
    sys.exit(wrong > 0)


main()
