"""Makes the cases of this folder: `python make.py DIR`. Numbers come from a fixed seed."""
import json
import os
import sys

import ml_dtypes  # noqa: F401: numpy's types of few bits
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T, helper as H, numpy_helper as N
from onnx.reference import ReferenceEvaluator

OUT = sys.argv[1]
DATATYPES = {"float32": "FP32", "float64": "FP64", "float16": "FP16", "bool": "BOOL", "object": "BYTES"}
DATATYPES |= {f"{sign}int{bits}": f"{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
HELD = {"int4": np.int8, "uint4": np.uint8, "int2": np.int8, "uint2": np.uint8}
TYPES = {"float32": T.FLOAT, "float64": T.DOUBLE, "int32": T.INT32, "int64": T.INT64, "uint8": T.UINT8, "int8": T.INT8,
         "bool": T.BOOL, "object": T.STRING, "int16": T.INT16, "uint16": T.UINT16}
RANDOM = np.random.default_rng(7)


def numbers(*shape, dtype=np.float32):
    """Numbers that are exact in few bits."""
    kind = np.dtype(dtype).kind
    low, high = (0, 16) if kind == "u" else (-8, 9)
    drawn = RANDOM.integers(low, high, shape)
    return (drawn / 4 if kind == "f" else drawn).astype(dtype)


def one(value, dtype=np.float32):
    return np.array(value, dtype)


def written(name, value):
    """A tensor as the cases write it."""
    value = np.asarray(value)
    kind = str(value.dtype)
    if kind in HELD:
        value = value.astype(HELD[kind])
    elif kind.startswith(("float8", "float4")):
        value = value.astype(np.float32)
    kind = str(value.dtype)
    special = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

    def item(x):
        return special.get(str(x), x)
    return {"name": name, "shape": list(value.shape), "datatype": DATATYPES[kind], "data": [item(x) for x in value.ravel().tolist()]}


def save(name, what, model, runs, tolerance=(1e-5, 1e-6), reference=False):
    """Writes a case: a model and the oracle's answers to some inputs."""
    folder = os.path.join(OUT, name)
    os.makedirs(folder, exist_ok=True)
    data = model.SerializeToString()
    if reference:
        run = ReferenceEvaluator(model).run
    else:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        run = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run
    outputs = [output.name for output in model.graph.output]
    listed = []
    for i, inputs in enumerate(runs):
        end = "" if i == 0 else f"-{i + 1}"
        answers = run(None, inputs)
        files = {"input": f"input{end}.json", "expected": f"expected{end}.json"}
        listed.append(files)
        for key, named in (("input", inputs.items()), ("expected", zip(outputs, answers))):
            with open(os.path.join(folder, files[key]), "w") as file:
                json.dump({"tensors": [written(*pair) for pair in named]}, file)
                file.write("\n")
    with open(os.path.join(folder, "model.onnx"), "wb") as file:
        file.write(data)
    case = {
        "name": name, "family": "onnx", "oracle": "onnx's reference" if reference else "onnxruntime", "what": what,
        "versions": {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
        "outputs": outputs, "runs": listed, "tolerance": {"rel": tolerance[0], "abs": tolerance[1]},
        "source": "made by our own script, conformance/onnx/make.py", "license": "Apache-2.0",
    }
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(case, file, indent=1)
        file.write("\n")


def model(nodes, inputs, outputs, constants=None, opset=17, functions=()):
    """A model of these nodes. Inputs: name to an example; outputs: names."""
    domains = {node.domain for node in nodes} - {""}
    opsets = [H.make_opsetid("", opset)] + [H.make_opsetid(domain, 3 if domain == "ai.onnx.ml" else 1) for domain in domains]
    infos = [H.make_tensor_value_info(name, TYPES[str(value.dtype)], value.shape) for name, value in inputs.items()]
    ends = [H.make_empty_tensor_value_info(name) for name in outputs]
    tensors = [N.from_array(value, name) for name, value in (constants or {}).items()]
    graph = H.make_graph(nodes, "g", infos, ends, tensors)
    return H.make_model(graph, opset_imports=opsets, ir_version=10, functions=functions)


def contrib(name, op, inputs, outputs=("y",), constants=None, tolerance=(1e-5, 1e-6), domain="com.microsoft", what=None, **attributes):
    """A case of one op. Inputs: name to a tensor, or none where it is left out."""
    names = [key if value is not None else "" for key, value in inputs.items()] + list(constants or {})
    node = H.make_node(op, names, list(outputs), domain=domain, **attributes)
    given = {key: value for key, value in inputs.items() if value is not None}
    wanted = [output for output in outputs if output]
    save(name, what or f"{domain}.{op}", model([node], given, wanted, constants), [given], tolerance)


def products():
    contrib("fused-matmul", "FusedMatMul", {"a": numbers(2, 3, 2), "b": numbers(2, 4, 3)}, transA=1, transB=1, alpha=0.5)
    contrib("fused-gemm", "FusedGemm", {"a": numbers(2, 3), "b": numbers(4, 3), "c": numbers(4)}, transB=1, alpha=0.5,
            activation="LeakyRelu", activation_alpha=0.2)
    contrib("fused-conv", "FusedConv", {"x": numbers(1, 2, 4, 4), "w": numbers(3, 2, 3, 3), "b": numbers(3), "z": numbers(1, 3, 2, 2)},
            activation="Clip", activation_params=[0.0, 1.5])
    contrib("matmul-4-bits", "MatMulNBits", {"a": numbers(2, 40)}, K=40, N=3, bits=4, block_size=16, constants={
        "b": RANDOM.integers(0, 256, (3, 3, 8)).astype(np.uint8), "s": numbers(9) + one(3), "z": RANDOM.integers(0, 256, 6).astype(np.uint8)})
    contrib("matmul-integer-to-float", "MatMulIntegerToFloat", {
        "a": numbers(2, 3, dtype=np.uint8), "b": numbers(3, 4, dtype=np.uint8), "as": one(0.5), "bs": numbers(4) + one(3),
        "az": one(3, np.uint8), "bz": one(5, np.uint8), "c": numbers(4)})
    contrib("dynamic-quantize-matmul", "DynamicQuantizeMatMul", {
        "a": numbers(2, 3), "b": numbers(3, 4, dtype=np.uint8), "bs": one(0.25), "bz": one(5, np.uint8), "c": numbers(4)})
    contrib("cdist", "CDist", {"a": numbers(3, 4), "b": numbers(2, 4)}, metric="euclidean", tolerance=(1e-4, 1e-4))
    contrib("inverse", "Inverse", {"x": numbers(2, 3, 3) + 4 * np.eye(3, dtype=np.float32)}, tolerance=(1e-4, 1e-5))


def norms():
    contrib("skip-layer-norm", "SkipLayerNormalization", {
        "x": numbers(2, 3, 4), "k": numbers(2, 3, 4), "g": numbers(4), "b": numbers(4), "p": numbers(4)}, ("y", "", "", "s"), epsilon=0.1)
    contrib("skip-rms-norm", "SkipSimplifiedLayerNormalization", {
        "x": numbers(2, 3, 4), "k": numbers(2, 3, 4), "g": numbers(4)}, ("y", "", "", "s"), epsilon=0.1)
    contrib("embed-layer-norm", "EmbedLayerNormalization", {
        "ids": RANDOM.integers(0, 5, (2, 3)).astype(np.int32), "seg": RANDOM.integers(0, 2, (2, 3)).astype(np.int32),
        "words": numbers(5, 4), "places": numbers(6, 4), "segments": numbers(2, 4), "g": numbers(4), "b": numbers(4),
        "mask": np.array([[1, 1, 0], [1, 1, 1]], np.int32)}, ("y", "m"), tolerance=(1e-4, 1e-5))
    for op, inputs in (("Gelu", 1), ("FastGelu", 2), ("BiasGelu", 2), ("QuickGelu", 1)):
        given = {"x": numbers(2, 3, 4), "b": numbers(4)}
        contrib(op.lower(), op, dict(list(given.items())[:inputs]), tolerance=(1e-4, 1e-5))


def attentions():
    x, w, b = numbers(2, 3, 4), numbers(4, 12) / 4, numbers(12)
    masks = {"lengths": np.array([2, 3], np.int32), "keys": np.array([[1, 1, 0], [1, 0, 1]], np.int32)}
    for name, mask in masks.items():
        contrib(f"attention-{name}", "Attention", {"x": x, "w": w, "b": b, "m": mask}, num_heads=2, tolerance=(1e-4, 1e-5))
    contrib("attention-past", "Attention", {"x": x, "w": w, "b": b, "m": None, "past": numbers(2, 2, 2, 2, 2)}, ("y", "present"),
            num_heads=2, unidirectional=1, tolerance=(1e-4, 1e-5))
    contrib("many-heads", "MultiHeadAttention", {
        "q": numbers(2, 3, 4), "k": numbers(2, 2, 4), "v": numbers(2, 2, 4), "b": numbers(12), "m": np.array([[1, 1], [1, 0]], np.int32),
        "a": numbers(1, 2, 3, 2)}, num_heads=2, tolerance=(1e-4, 1e-5))
    contrib("rotary-offset", "RotaryEmbedding", {
        "x": numbers(2, 3, 8), "p": np.array([2], np.int64), "c": numbers(8, 2), "s": numbers(8, 2)}, interleaved=1)


def quantised():
    bytes_of = lambda *shape: numbers(*shape, dtype=np.uint8)  # noqa: E731
    pair = {"a": bytes_of(2, 3), "as": one(0.5), "az": one(3, np.uint8), "b": bytes_of(3), "bs": one(0.25), "bz": one(7, np.uint8)}
    end = {"ys": one(0.7), "yz": one(100, np.uint8)}
    for op in ("QLinearAdd", "QLinearMul"):
        contrib(op.lower(), op, pair | end, tolerance=(0, 1))
    first = dict(list(pair.items())[:3])
    contrib("qlinear-sigmoid", "QLinearSigmoid", first | {"ys": one(1 / 256), "yz": one(0, np.uint8)}, tolerance=(0, 1))
    contrib("qlinear-softmax", "QLinearSoftmax", first | {"ys": one(1 / 256), "yz": one(0, np.uint8)}, tolerance=(0, 1), axis=-1, opset=13)
    contrib("qlinear-concat", "QLinearConcat", end | first | {"b": bytes_of(2, 2), "bs": one(0.25), "bz": one(7, np.uint8)},
            tolerance=(0, 1), axis=1)
    contrib("qgemm", "QGemm", first | {"b": bytes_of(4, 3), "bs": one(0.25), "bz": one(7, np.uint8), "c": numbers(4, dtype=np.int32)} | end,
            tolerance=(0, 1), transB=1, alpha=0.5)


def others():
    contrib("murmur-texts", "MurmurHash3", {"x": np.array(["a", "abc", "", "forebay"], object)}, seed=42, positive=0)
    contrib("murmur-numbers", "MurmurHash3", {"x": numbers(4, dtype=np.int64)})
    contrib("expand-dims", "ExpandDims", {"x": numbers(2, 3), "a": one(-1, np.int32)})
    contrib("unique-as-they-come", "Unique", {"x": np.array([3, 1, 3, 2, 1], np.float32)}, ("y", "places", "counts"))
    contrib("tokens-marked", "Tokenizer", {"x": np.array(["a bc", "d", ""], object)}, mark=1, mincharnum=1, pad_value="#", separators=[" "])
    grams = {"ngram_counts": [0, 3], "ngram_indexes": [5, 3, 2, 1, 4, 0], "pool_int64s": [1, 2, 3, 1, 2, 2, 3, 3, 1]}
    contrib("tfidf-weights-of-the-pool", "TfIdfVectorizer", {"x": RANDOM.integers(0, 5, (2, 6)).astype(np.int64)}, domain="", mode="TFIDF",
            min_gram_length=1, max_gram_length=2, max_skip_count=1, weights=[0.75, 0.5, 0.25, 1.5, 1.25, 2.0], what="TfIdfVectorizer", **grams)


def graphs():
    x, bias = numbers(2, 3), numbers(3)
    with_default = model([H.make_node("Add", ["x", "bias"], ["y"])], {"x": x, "bias": bias}, ["y"], {"bias": bias})
    save("input-with-a-default", "an input that is an initialiser too may be brought", with_default, [{"x": x}, {"x": x, "bias": numbers(3)}])
    body = H.make_graph(
        [H.make_node("Identity", ["go"], ["go_on"]), H.make_node("Add", ["v", "step"], ["next"]), H.make_node("Identity", ["v"], ["seen"])],
        "body", [H.make_tensor_value_info("i", T.INT64, []), H.make_tensor_value_info("go", T.BOOL, []), H.make_tensor_value_info("v", T.FLOAT, [])],
        [H.make_tensor_value_info("go_on", T.BOOL, []), H.make_tensor_value_info("next", T.FLOAT, []),
         H.make_tensor_value_info("seen", T.FLOAT, [])])
    loop = H.make_node("Loop", ["trips", "", "start"], ["last", "all"], body=body)
    inputs = {"trips": one(3, np.int64), "start": one(1.5), "step": one(2)}
    save("loop-stacks-what-came-in", "a loop that stacks its carried value as it was before the step", model([loop], inputs, ["last", "all"]), [inputs])


def few_bits():
    x = np.array([0.3, -0.3, 1.06, 17, 19, 464, 1e6, -1e6, 1e-9, -7.6, 3.5, np.nan], np.float32)
    for kind in ("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT4E2M1"):
        nodes = [H.make_node("Cast", ["x"], ["few"], to=getattr(T, kind)), H.make_node("Cast", ["few"], ["y"], to=T.FLOAT)]
        given = x[:-1] if kind == "FLOAT4E2M1" else x
        save(f"cast-{kind.lower()}", f"to {kind} and back", model(nodes, {"x": given}, ["y"], opset=23), [{"x": given}], reference=True)
    for kind in ("INT4", "UINT4"):
        x, scale = numbers(2, 6) * 4, numbers(2, 3) + one(3)
        zero = H.make_tensor("zero", getattr(T, kind), [2, 3], [1, 2, 3, 0, 1, 2])
        nodes = [H.make_node("QuantizeLinear", ["x", "scale", "zero"], ["few"], axis=1, block_size=2),
                 H.make_node("DequantizeLinear", ["few", "scale", "zero"], ["y"], axis=1, block_size=2)]
        made = model(nodes, {"x": x, "scale": scale}, ["y"], opset=21)
        made.graph.initializer.append(zero)
        save(f"blocks-{kind.lower()}", f"numbers quantised to {kind} by blocks", made, [{"x": x, "scale": scale}])


def exported():
    """What exports of transformers hold: heads that share keys, and attention of integers."""
    integers = lambda *shape, dtype=np.uint8: numbers(*shape, dtype=dtype)  # noqa: E731
    near = {"tolerance": (1e-4, 1e-5)}
    x, w = integers(2, 3, 4), integers(4, 12, dtype=np.int8)
    qkv = {"x": x, "w": w, "b": numbers(12), "xs": one(0.1), "ws": numbers(12) / 20 + one(0.2)}
    contrib("qattention", "QAttention", qkv | {"m": np.array([2, 3], np.int32), "xz": one(5, np.uint8), "wz": one(0, np.int8)}, num_heads=2, **near)
    contrib("qattention-past", "QAttention", qkv | {"ws": one(0.1), "m": None, "xz": None, "wz": None, "past": numbers(2, 2, 2, 2, 2)},
            ("y", "present"), num_heads=2, unidirectional=1, **near)
    whole = {"q": numbers(2, 3, 64), "k": numbers(2, 3, 32), "v": numbers(2, 3, 32)}
    turns = {"c": np.cos(numbers(8, 8)), "s": np.sin(numbers(8, 8))}
    lengths = lambda last, total: {"last": np.array(last, np.int32), "total": one(total, np.int32)}  # noqa: E731
    three = ("y", "keys", "values")
    heads = {"num_heads": 4, "kv_num_heads": 2}
    none = {"pk": None, "pv": None}
    past = {"pk": numbers(2, 2, 4, 16), "pv": numbers(2, 2, 4, 16)}
    contrib("grouped-first", "GroupQueryAttention", whole | none | lengths([2, 1], 3) | turns, three, do_rotary=1, **heads, **near)
    contrib("grouped-past", "GroupQueryAttention", {key: value[:, :1] for key, value in whole.items()} | past | lengths([4, 4], 5) | turns, three,
            do_rotary=1, rotary_interleaved=1, scale=0.7, **heads, **near)
    contrib("grouped-packed", "GroupQueryAttention", {"q": numbers(1, 3, 128), "k": None, "v": None} | {key: value[:1] for key, value in past.items()}
            | lengths([6], 7), three, softcap=2.0, local_window_size=2, **heads, **near)


for make in (products, norms, attentions, quantised, others, graphs, few_bits, exported):
    make()
