"""Times ONNX Runtime on the networks of the benchmark, and makes the networks and their rows.

    . acceptance/lib/python.sh && forebay_forest_bench
    "$FOREST_BENCH_PYTHON" acceptance/lib/tensor_bench.py "$FOREBAY_CACHE/bench-tensors" [--shared DIR] [--make-only] [--seconds 1]

In the given directory it makes what is missing, each `NAME.onnx` with `NAME.jsonl`, rows for us, and `NAME.rows`, the same as float32:
- `wine`: the network of lightbend's model serving tutorial, `cnn`, `depthwise`, `lstm`: networks of the corpus, where `--shared` names
  its folder; `wine-saved.jsonl` are rows for what TensorFlow saved;
- `mlp`: 64 inputs, two layers of 256, 10 outputs; `digits`: an image of 28 x 28, convolutions of 32 and 64 channels, layers of 128 and 10;
  `mobile`: an image of 64 x 64 in colours, three pairs of a depthwise and a pointwise convolution; `series`: an LSTM with 64 numbers of state
  over 32 steps of 16. Their weights are random.

ONNX Runtime has one thread and is called from C (`tensor_bench.c`), its inputs and outputs made before. It prints one JSON object:
{"wine": {"1": microseconds of a call with one row, "1000": with a thousand}, ...}.
"""
import argparse
import ctypes
import glob
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = {"wine": "wine", "cnn": "tf2onnx_frozen_conv_bn_maxpool", "depthwise": "tf2onnx_frozen_conv_depthwise_avgpool",
          "lstm": "tf2onnx_saved_lstm_keras3"}
# Rows of the larger of two calls.
ROWS = {"wine": 1000, "mlp": 1000}
ROWS_ELSE = 100
# Inputs of what TensorFlow saved.
SAVED = {"wine-saved": "inputs"}
# What ONNX Runtime's table of functions has at these places, whatever its version.
CREATE_ENV, CREATE_SESSION, RUN, CREATE_OPTIONS, OPTIMISE, THREADS, CREATE_TENSOR, CPU_MEMORY, MESSAGE = 3, 7, 9, 10, 23, 24, 49, 69, 2
API_VERSION, FLOAT, WARNING, ALL = 17, 1, 2, 99


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("directory")
    args.add_argument("--shared", help="the folder with `conformance`")
    args.add_argument("--make-only", action="store_true", help="make networks and rows, time nothing")
    args.add_argument("--seconds", type=float, default=1.0, help="how long a figure is measured")
    args = args.parse_args()
    folder = os.path.abspath(args.directory)
    os.makedirs(folder, exist_ok=True)
    make(folder, args.shared)
    if args.make_only:
        return
    runtime, figures = Runtime(folder), {}
    for name in sorted(made(folder)):
        print(f"timing ONNX Runtime on {name}", file=sys.stderr)
        sizes = [1, ROWS.get(name, ROWS_ELSE)]
        figures[name] = {str(rows): round(runtime.timed(folder, name, rows, args.seconds) * 1e6, 3) for rows in sizes}
    json.dump(figures, sys.stdout)
    print()


def made(folder):
    return [os.path.basename(path)[:-len(".onnx")] for path in glob.glob(os.path.join(folder, "*.onnx"))]


def make(folder, shared):
    path = lambda name: os.path.join(folder, name)
    for name, case in CORPUS.items() if shared else []:
        if not os.path.exists(path(name + ".onnx")):
            shutil.copy(os.path.join(shared, "conformance", "onnx", case, "model.onnx"), path(name + ".onnx"))
    for name, network in {"mlp": mlp, "digits": digits, "mobile": mobile, "series": series}.items():
        if not os.path.exists(path(name + ".onnx")):
            onnx.save(Network().finish(*network), path(name + ".onnx"))
    for name in made(folder):
        x = sizes(onnx.load(path(name + ".onnx")).graph.input[0])
        if os.path.exists(path(name + ".jsonl")):
            continue
        rows = np.random.default_rng(11).normal(size=[ROWS.get(name, ROWS_ELSE), *x[1][1:]]).astype(np.float32)
        rows.astype("<f4").tofile(path(name + ".rows"))
        write(path(name + ".jsonl"), x[0], rows)
        if name == "wine":
            for saved, of in SAVED.items():
                write(path(saved + ".jsonl"), of, rows)


def write(path, name, rows):
    with open(path, "w") as out:
        for row in rows:
            print(json.dumps({name: row.tolist()}), file=out)


def sizes(value):
    return value.name, [dim.dim_value for dim in value.type.tensor_type.shape.dim]


class Network:
    """A graph in which each node takes what the one before it made."""

    def __init__(self):
        self.random, self.nodes, self.weights, self.last = np.random.default_rng(5), [], [], "x"

    def weight(self, *shape):
        fan = int(np.prod(shape[1:])) or 1
        return self.constant(self.random.normal(size=shape, scale=1 / np.sqrt(fan)).astype(np.float32))

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, op, *inputs, outputs=1, takes=0, **attributes):
        names = [f"{op.lower()}{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, [self.last, *inputs], names, **attributes))
        self.last = names[takes]

    def dense(self, inputs, outputs, end=None):
        self.node("Gemm", self.weight(outputs, inputs), self.weight(outputs), transB=1)
        if end:
            self.node(end)

    def conv(self, inputs, outputs, size, groups=1, **attributes):
        self.node("Conv", self.weight(outputs, inputs // groups, size, size), self.weight(outputs), group=groups, **attributes)

    def finish(self, layers, x, y):
        layers(self)
        self.nodes[-1].output[0] = "y"
        of = lambda name, dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        graph = helper.make_graph(self.nodes, "network", [of("x", ["n", *x])], [of("y", ["n", *y])], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def mlp_layers(net):
    net.dense(64, 256, "Relu")
    net.dense(256, 256, "Tanh")
    net.dense(256, 10, "Softmax")


def digits_layers(net):
    net.conv(1, 32, 3)
    net.node("Relu")
    net.conv(32, 64, 3)
    net.node("Relu")
    net.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    net.node("Flatten")
    net.dense(64 * 12 * 12, 128, "Relu")
    net.dense(128, 10, "Softmax")


def mobile_layers(net):
    net.conv(3, 16, 3, strides=[2, 2], pads=[1, 1, 1, 1])
    net.node("Relu")
    for inputs, outputs, stride in [(16, 32, 1), (32, 64, 2), (64, 64, 1)]:
        net.conv(inputs, inputs, 3, inputs, strides=[stride, stride], pads=[1, 1, 1, 1])
        net.node("Clip", net.constant(np.float32(0)), net.constant(np.float32(6)))
        net.conv(inputs, outputs, 1)
        net.node("Relu")
    net.node("GlobalAveragePool")
    net.node("Flatten")
    net.dense(64, 10, "Softmax")


def series_layers(net):
    net.node("Transpose", perm=[1, 0, 2])
    weights = net.weight(1, 256, 16), net.weight(1, 256, 64), net.weight(1, 512)
    net.node("LSTM", *weights, outputs=2, takes=1, hidden_size=64)
    net.node("Squeeze", net.constant(np.array([0])))
    net.dense(64, 4)


mlp, digits = (mlp_layers, [64], [10]), (digits_layers, [1, 28, 28], [10])
mobile, series = (mobile_layers, [3, 64, 64], [10]), (series_layers, [32, 16], [4])


class Call(ctypes.Structure):
    """`struct call` of tensor_bench.c."""
    _fields_ = [("run", ctypes.c_void_p), ("session", ctypes.c_void_p), ("input_name", ctypes.c_char_p), ("input", ctypes.c_void_p),
                ("output_name", ctypes.c_char_p), ("output", ctypes.c_void_p)]


class Runtime:
    """ONNX Runtime behind its C interface, as its wheel brings it."""

    def __init__(self, folder):
        found = [at for at in sys.path for at in glob.glob(os.path.join(at, "onnxruntime", "capi", "libonnxruntime.so*"))]
        base = ctypes.CDLL(found[0]).OrtGetApiBase
        base.restype = ctypes.POINTER(ctypes.c_void_p)
        table = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)(base()[0])(API_VERSION)
        self.table = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))
        self.env, self.options, self.memory = (ctypes.c_void_p() for _ in range(3))
        self(CREATE_ENV, ctypes.c_int(WARNING), b"bench", ctypes.byref(self.env))
        self(CREATE_OPTIONS, ctypes.byref(self.options))
        self(THREADS, self.options, ctypes.c_int(1))
        self(OPTIMISE, self.options, ctypes.c_int(ALL))
        self(CPU_MEMORY, ctypes.c_int(0), ctypes.c_int(0), ctypes.byref(self.memory))
        source, library = os.path.join(HERE, "tensor_bench.c"), os.path.join(folder, "tensor_bench.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", source, "-o", library], check=True)
        self.least = ctypes.CDLL(library).least
        self.least.restype = ctypes.c_double
        self.least.argtypes = [ctypes.POINTER(Call), ctypes.c_long, ctypes.c_double]

    def __call__(self, place, *args):
        status = ctypes.CFUNCTYPE(ctypes.c_void_p)(self.table[place])(*args)
        if status:
            raise RuntimeError(ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(self.table[MESSAGE])(status).decode())

    def tensor(self, values):
        shape, value = (ctypes.c_int64 * values.ndim)(*values.shape), ctypes.c_void_p()
        self(CREATE_TENSOR, self.memory, ctypes.c_void_p(values.ctypes.data), ctypes.c_size_t(values.nbytes), shape,
             ctypes.c_size_t(values.ndim), ctypes.c_int(FLOAT), ctypes.byref(value))
        return value

    def timed(self, folder, name, rows, seconds):
        """The seconds of a call with so many rows, after its answer was seen to be one."""
        path, session = os.path.join(folder, name + ".onnx"), ctypes.c_void_p()
        self(CREATE_SESSION, self.env, path.encode(), self.options, ctypes.byref(session))
        graph = onnx.load(path).graph
        (x, of_x), (y, of_y) = sizes(graph.input[0]), sizes(graph.output[0])
        given = np.fromfile(os.path.join(folder, name + ".rows"), "<f4").reshape(-1, *of_x[1:])[:rows].copy()
        said = np.full([rows, *of_y[1:]], np.nan, np.float32)
        call = Call(self.table[RUN], session, x.encode(), self.tensor(given), y.encode(), self.tensor(said))
        once = self.least(ctypes.byref(call), 1, 0.05)
        if once < 0 or np.isnan(said).any():
            raise RuntimeError(f"ONNX Runtime does not answer {name}")
        said.astype("<f4").tofile(os.path.join(folder, f"{name}.said"))
        return self.least(ctypes.byref(call), max(1, int(0.005 / once)), seconds)


if __name__ == "__main__":
    main()
