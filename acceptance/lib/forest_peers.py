"""The tools beside which forests are measured: each makes itself ready from a trained model, and is timed over its rows.

What can be called from C is (`forest_bench.c`): lleaves, TL2cgen, LightGBM's prediction of one row, XGBoost's. ONNX Runtime and
scikit-learn are called from Python, whose part of a batch is nothing and of a lone row some microseconds. All have one thread. A
batch is the least of many passes over 10,000 rows; lone rows are timed in ten blocks of rows, and the mean of the blocks' least times
counts, so that no row is chosen and none is left out; with cold caches, the median of 400 calls, 12 MB read before each.
What was compiled is kept beside the model.
"""
import ctypes
import gc
import glob
import os
import pickle
import statistics
import subprocess
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
BLOCKS, COLD_CALLS, COLD_BYTES, PASSES_MIN = 10, 400, 12_000_000, 3
LLEAVES, TL2CGEN_F32, TL2CGEN_F64, LIGHTGBM, XGBOOST = range(5)
# TL2cgen's C takes gcc minutes; where it takes longer than this the pair is left out.
COMPILE_SECONDS_MAX = 1800
# Many units: gcc's time grows faster than a unit does.
UNITS = 100


def peers(folder, name, x):
    """The tools that are measured on a model, its trainer last."""
    path = os.path.join(folder, name)
    kind = name[:3] if name[:3] in ("lgb", "xgb") else "forest"
    tools = {"lgb": [Lleaves, Tl2cgen, Onnx, LightGbm], "xgb": [Tl2cgen, Onnx, XgBoost], "forest": [Tl2cgen, Onnx, ScikitLearn]}
    return [tool(path, kind, x) for tool in tools[kind]]


class Peer:
    # Lone rows of a block: fewer where a call takes long.
    block = 1000

    def __init__(self, path, kind, x):
        self.path, self.kind, self.x = path, kind, np.ascontiguousarray(x)
        self.trees = {"ten": 10, "rf10": 100}.get(os.path.basename(path), 500)

    def timed(self, said, seconds):
        gc.disable()
        answers = self.answers(said.shape)
        off = np.abs(answers - said)
        batch = least(self.batch, seconds)
        singles = least_of_blocks(self.singles, self.block, seconds)
        figures = {"batch_ns": round(batch / len(self.x) / self.trees * 1e9, 3), "row_us": round(singles * 1e6, 3)}
        cold = self.cold()
        if cold is not None:
            figures["cold_us"] = round(cold * 1e6, 2)
        gc.enable()
        return figures | {"rows_that_differ": int((answers != said).any(axis=1).sum()), "differ_at_most": float(off.max())}

    def cold(self):
        return None


class Called(Peer):
    """A tool that is called from C."""

    def prepare(self, tool, function, handle=None, floats=False, width=1):
        self.rows = np.ascontiguousarray(self.x, np.float32 if floats else np.float64)
        self.out = np.zeros((len(self.x), width))
        self.c = Native(tool, self.x.shape[1], width, ctypes.cast(function, ctypes.c_void_p), handle,
                        self.rows.ctypes.data, self.out.ctypes.data)
        self.timer = timer(os.path.dirname(self.path))

    def answers(self, shape):
        self.batch()
        return self.out.reshape(shape).copy()

    def batch(self):
        return self.timer.batch(ctypes.byref(self.c), len(self.x))

    def singles(self, start, end):
        return self.timer.singles(ctypes.byref(self.c), start, end)

    def cold(self):
        other, seconds = np.ones(COLD_BYTES, np.int8), np.zeros(COLD_CALLS)
        self.timer.cold(ctypes.byref(self.c), ctypes.c_void_p(other.ctypes.data), COLD_BYTES, COLD_CALLS,
                        ctypes.c_void_p(seconds.ctypes.data))
        return statistics.median(seconds.tolist())


class Lleaves(Called):
    name = "lleaves"

    def ready(self):
        self.models = [self.compiled(".lleaves.o")]
        if os.path.basename(self.path) == "lgb":  # As its documentation has it for lone rows; this compiles for minutes.
            self.models.append(self.compiled(".lleaves-lone.o", fblocksize=self.trees))
        self.prepare(LLEAVES, self.models[0]._c_entry_func)

    def compiled(self, end, **how):
        import lleaves
        model = lleaves.Model(model_file=self.path + ".txt")
        model.compile(cache=self.path + end, raw_score=True, **how)
        return model

    def takes(self, model):
        self.c.function = ctypes.cast(model._c_entry_func, ctypes.c_void_p)

    def batch(self):
        self.takes(self.models[0])
        return super().batch()

    def singles(self, start, end):
        self.takes(self.models[-1])
        return super().singles(start, end)


class Tl2cgen(Called):
    name = "tl2cgen"

    def ready(self):
        library = self.path + ".tl2cgen.so"
        if os.path.exists(library + ".late"):
            raise TimeoutError(f"gcc took more than {COMPILE_SECONDS_MAX} s")
        if not os.path.exists(library):
            self.compile(library)
        self.library = ctypes.CDLL(library)
        width = {"ten": 3, "rf10": 3}.get(os.path.basename(self.path), 1)
        floats = self.kind == "xgb"
        self.prepare(TL2CGEN_F32 if floats else TL2CGEN_F64, self.library.predict, floats=floats, width=width)
        if self.kind == "forest":
            self.rows[:] = self.rows.astype(np.float32)

    def compile(self, library):
        import tl2cgen
        import treelite
        load = {"lgb": lambda: treelite.frontend.load_lightgbm_model(self.path + ".txt"),
                "xgb": lambda: treelite.frontend.load_xgboost_model(self.path + ".json"),
                "forest": lambda: treelite.sklearn.import_model(unpickled(self.path))}
        source = self.path + ".tl2cgen"
        tl2cgen.generate_c_code(load[self.kind](), dirpath=source, params={"parallel_comp": min(UNITS, self.trees)})
        units = sorted(glob.glob(os.path.join(source, "*.c")))
        command = ["gcc", "-shared", "-fPIC", "-O3", "-std=c99", *units, "-o", library + ".part", "-lm"]
        try:
            subprocess.run(command, check=True, timeout=COMPILE_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            open(library + ".late", "w").close()
            raise TimeoutError(f"gcc took more than {COMPILE_SECONDS_MAX} s")
        os.rename(library + ".part", library)


class LightGbm(Called):
    name = "lightgbm"

    def ready(self):
        import lightgbm
        self.booster = lightgbm.Booster(model_file=self.path + ".txt")
        self.library, fast = lightgbm.basic._LIB, ctypes.c_void_p()
        raw_score, float64 = 1, 1
        failed = self.library.LGBM_BoosterPredictForMatSingleRowFastInit(
            self.booster._handle, raw_score, 0, -1, float64, self.x.shape[1], b"num_threads=1", ctypes.byref(fast))
        if failed:
            raise RuntimeError("LightGBM's configuration for one row")
        self.prepare(LIGHTGBM, self.library.LGBM_BoosterPredictForMatSingleRowFast, fast)

    def answers(self, shape):
        return self.booster.predict(self.x, raw_score=True, num_threads=1).reshape(shape)

    def batch(self):
        return spent(lambda: self.booster.predict(self.x, raw_score=True, num_threads=1))


class XgBoost(Called):
    name = "xgboost"

    def ready(self):
        import xgboost
        self.booster = xgboost.Booster({"nthread": 1}, model_file=self.path + ".json")
        self.prepare(XGBOOST, xgboost.core._LIB.XGBoosterPredictFromDense, self.booster.handle, floats=True)


class Onnx(Peer):
    name, block = "onnx", 100

    def ready(self):
        if not os.path.exists(self.path + ".onnx"):
            converted = {"lgb": self.of_lightgbm, "xgb": self.of_xgboost, "forest": self.of_forest}[self.kind]()
            with open(self.path + ".onnx", "wb") as out:
                out.write(converted.SerializeToString())
        import onnxruntime
        how = onnxruntime.SessionOptions()
        how.intra_op_num_threads = how.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.path + ".onnx", how, providers=["CPUExecutionProvider"])
        self.input, self.output = self.session.get_inputs()[0].name, self.session.get_outputs()[-1].name
        self.rows = self.x.astype(np.float32)
        self.ask(0, 1)

    def of_lightgbm(self):
        import lightgbm
        import onnxmltools
        return onnxmltools.convert_lightgbm(lightgbm.Booster(model_file=self.path + ".txt"), initial_types=self.types(onnxmltools),
                                            zipmap=False)

    def of_xgboost(self):
        import onnxmltools
        import xgboost
        return onnxmltools.convert_xgboost(xgboost.Booster(model_file=self.path + ".json"), initial_types=self.types(onnxmltools))

    def types(self, onnxmltools):
        return [("x", onnxmltools.convert.common.data_types.FloatTensorType([None, self.x.shape[1]]))]

    def of_forest(self):
        import skl2onnx
        model = unpickled(self.path)
        return skl2onnx.to_onnx(model, self.x[:1].astype(np.float32), options={id(model): {"zipmap": False}})

    def ask(self, start, end):
        return self.session.run([self.output], {self.input: self.rows[start:end]})[0]

    def answers(self, shape):
        said = self.ask(0, len(self.x)).astype(np.float64)
        if self.kind != "forest":  # It gives probabilities of two classes, the trainers' witness is before that.
            said = np.log(said[:, 1:] / said[:, :1])
        return said.reshape(shape)

    def batch(self):
        return spent(lambda: self.ask(0, len(self.x)))

    def singles(self, start, end):
        return spent(lambda: [self.ask(row, row + 1) for row in range(start, end)])


class ScikitLearn(Peer):
    name, block = "sklearn", 10

    def ready(self):
        self.model, self.rows = unpickled(self.path), self.x.astype(np.float32)

    def answers(self, shape):
        return self.model.predict_proba(self.rows).reshape(shape)

    def batch(self):
        return spent(lambda: self.model.predict_proba(self.rows))

    def singles(self, start, end):
        return spent(lambda: [self.model.predict_proba(self.rows[row:row + 1]) for row in range(start, end)])


class Native(ctypes.Structure):
    """`struct peer` of forest_bench.c."""
    _fields_ = [("tool", ctypes.c_int32), ("features", ctypes.c_int32), ("width", ctypes.c_int32), ("function", ctypes.c_void_p),
                ("handle", ctypes.c_void_p), ("rows", ctypes.c_void_p), ("out", ctypes.c_void_p)]


def timer(folder):
    source, library = os.path.join(HERE, "forest_bench.c"), os.path.join(folder, "forest_bench.so")
    if not os.path.exists(library) or os.path.getmtime(library) < os.path.getmtime(source):
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", source, "-o", library, "-lm"], check=True)
    timer = ctypes.CDLL(library)
    for function, takes in [("batch", 1), ("singles", 2)]:
        getattr(timer, function).restype = ctypes.c_double
        getattr(timer, function).argtypes = [ctypes.POINTER(Native)] + [ctypes.c_long] * takes
    timer.cold.restype = ctypes.c_long
    timer.cold.argtypes = [ctypes.POINTER(Native), ctypes.c_void_p, ctypes.c_long, ctypes.c_long, ctypes.c_void_p]
    return timer


def unpickled(path):
    with open(path + ".pickle", "rb") as model:
        return pickle.load(model)


def spent(run):
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def least(run, seconds):
    """The least seconds of passes, after one that does not count."""
    run()
    passes, end = [], time.perf_counter() + seconds
    while len(passes) < PASSES_MIN or time.perf_counter() < end:
        passes.append(run())
    return min(passes)


def least_of_blocks(run, block, seconds):
    """Seconds of a row: the mean over blocks of rows of each one's least."""
    best, end, passes = [float("inf")] * BLOCKS, time.perf_counter() + seconds, 0
    run(0, block)
    while passes < PASSES_MIN or time.perf_counter() < end:
        best = [min(old, run(at * block, (at + 1) * block)) for at, old in enumerate(best)]
        passes += 1
    return statistics.mean(best) / block
