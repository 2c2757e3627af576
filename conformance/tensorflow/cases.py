"""The cases: each builds a graph and returns its outputs, its runs and, where it needs one, its tolerance."""

import numpy as np
import tensorflow as tf

ALL = {}
ops = tf.raw_ops
v1 = tf.compat.v1
f32 = np.float32


def case(function):
    ALL[function.__name__] = function
    return function


def place(name, dtype, shape=None):
    return v1.placeholder(dtype, shape, name)


def numbers(*shape, seed=1, dtype=f32, scale=1.0):
    return (np.random.RandomState(seed).randn(*shape) * scale).astype(dtype)


@case
def random_seeded():
    """Generators of ops with seeds, which go on from call to call."""
    n = place("n", tf.int32, [1])
    logits = place("logits", tf.float32)
    draw = {"shape": n, "seed": 5}
    return {
        "outputs": {
            "uniform": ops.RandomUniform(dtype=tf.float32, seed2=7, **draw),
            "uniform64": ops.RandomUniform(dtype=tf.float64, seed2=8, **draw),
            "uniform16": ops.RandomUniform(dtype=tf.float16, seed2=9, **draw),
            "normal": ops.RandomStandardNormal(dtype=tf.float32, seed2=10, **draw),
            "normal64": ops.RandomStandardNormal(dtype=tf.float64, seed2=11, **draw),
            "normal16": ops.RandomStandardNormal(dtype=tf.float16, seed2=12, **draw),
            "truncated": ops.TruncatedNormal(dtype=tf.float32, seed2=13, **draw),
            "truncated64": ops.TruncatedNormal(dtype=tf.float64, seed2=14, **draw),
            "int32s": ops.RandomUniformInt(minval=tf.constant(-3), maxval=tf.constant(1000), seed2=15, **draw),
            "int64s": ops.RandomUniformInt(
                minval=tf.constant(-3, tf.int64), maxval=tf.constant(1 << 40, tf.int64), seed2=16, **draw),
            "classes": ops.Multinomial(logits=logits, num_samples=7, seed=-1, seed2=17),
            "classes32": ops.Multinomial(logits=logits, num_samples=3, seed=3, seed2=0, output_dtype=tf.int32),
            # What depends on no input is drawn anew for each call too.
            "fixed": ops.RandomUniform(shape=[3], dtype=tf.float32, seed=1),
            "shuffled": ops.RandomShuffle(value=tf.range(n[0]), seed=2, seed2=2),
            "rows": ops.RandomShuffle(value=tf.reshape(tf.range(2 * n[0]), [-1, 2]), seed=2, seed2=3),
        },
        "runs": [
            {"n": np.array([9], np.int32), "logits": numbers(2, 5)},
            {"n": np.array([13], np.int32), "logits": np.array([[0, -np.inf, 3, 1]], f32)},
            {"n": np.array([6], np.int32), "logits": numbers(3, 4, seed=2)},
        ],
    }


@case
def signature_defaults():
    """Inputs that the signature has a default for, brought or left out."""
    x = place("x", tf.float32, [None, 2])
    scale, names = place("scale", tf.float32, []), place("names", tf.string, [None])
    return {
        "outputs": {"y": x * scale, "joined": tf.strings.reduce_join(names, separator="+")},
        "defaults": {"scale": np.array(2.5, f32), "names": np.array([b"a", b"b"], object)},
        "runs": [
            {"x": numbers(3, 2)},
            {"x": numbers(2, 2), "scale": np.array(-1.0, f32)},
            {"x": numbers(1, 2), "names": np.array([b"c"], object)},
            {"scale": np.array(4.0, f32), "names": np.array([], object), "x": numbers(0, 2)},
        ],
    }


@case
def random_stateless():
    """Numbers of seeds that are inputs, by both versions of the ops."""
    seed = place("seed", tf.int64, [2])
    shape = tf.constant([2, 5])
    pair = {"shape": shape, "seed": seed}
    key, counter = ops.StatelessRandomGetKeyCounter(seed=seed)
    state = {"shape": shape, "key": key, "counter": counter, "alg": ops.StatelessRandomGetAlg()}
    return {
        "outputs": {
            "uniform": ops.StatelessRandomUniform(dtype=tf.float32, **pair),
            "normal": ops.StatelessRandomNormal(dtype=tf.float64, **pair),
            "truncated": ops.StatelessTruncatedNormal(dtype=tf.float32, **pair),
            "ints": ops.StatelessRandomUniformInt(minval=tf.constant(5), maxval=tf.constant(25), **pair),
            "whole": ops.StatelessRandomUniformFullInt(dtype=tf.int64, **pair),
            "uniform2": ops.StatelessRandomUniformV2(dtype=tf.float16, **state),
            "normal2": ops.StatelessRandomNormalV2(dtype=tf.float32, **state),
            "truncated2": ops.StatelessTruncatedNormalV2(dtype=tf.float64, **state),
            "ints2": ops.StatelessRandomUniformIntV2(
                minval=tf.constant(-9, tf.int64), maxval=tf.constant(9, tf.int64), **state),
            "whole2": ops.StatelessRandomUniformFullIntV2(dtype=tf.uint32, **state),
            "classes": ops.StatelessMultinomial(logits=[[0.0, 1.0, 2.0]], num_samples=6, seed=seed),
        },
        "runs": [{"seed": np.array([1, 2], np.int64)}, {"seed": np.array([-5, 1 << 50], np.int64)}],
    }


@case
def csv_records():
    """Records of CSV: quotes, missing fields with and without a default, fields that are asked for."""
    records = place("records", tf.string, [None])
    defaults = [tf.constant([7], tf.int32), tf.constant([], tf.float32), tf.constant(["none"]), tf.constant([1], tf.int64)]
    all_ = ops.DecodeCSV(records=records, record_defaults=defaults, na_value="NA")
    some = ops.DecodeCSV(records=records, record_defaults=defaults[2:3], select_cols=[2])
    outputs = {"field%d" % i: value for i, value in enumerate(all_)}
    outputs["third"] = some[0]
    return {"outputs": outputs, "runs": [{"records": np.array(lines, object)} for lines in [
        [b'1,2.5,abc,9', b',1e-3,"a ""b"", c",', b'NA,4,NA,-5', b'8, 2 ,,3'], [b"1,,a,2"], [b"1,2,3"], [b'1,2,a"b,3'], [b"x,2,3,4"],
        [b'1,2,"open,3'],
    ]]}


@case
def resized():
    """Images in other sizes: cubic and by area, with corners and centres."""
    image, size = place("image", tf.float32, [None, None, None, None]), place("size", tf.int32, [2])
    bytes_ = tf.cast(image * 10.0, tf.uint8)
    return {
        "outputs": {
            "cubic": ops.ResizeBicubic(images=image, size=size),
            "cubic_corners": ops.ResizeBicubic(images=image, size=size, align_corners=True),
            "cubic_centres": ops.ResizeBicubic(images=image, size=size, half_pixel_centers=True),
            "cubic_bytes": ops.ResizeBicubic(images=bytes_, size=size, half_pixel_centers=True),
            "area": ops.ResizeArea(images=image, size=size),
            "area_corners": ops.ResizeArea(images=image, size=size, align_corners=True),
            "area_bytes": ops.ResizeArea(images=bytes_, size=size),
        },
        "runs": [
            {"image": np.abs(numbers(1, 4, 5, 3)), "size": np.array([7, 3], np.int32)},
            {"image": np.abs(numbers(2, 3, 3, 1)), "size": np.array([2, 6], np.int32)},
            {"image": np.abs(numbers(1, 5, 4, 2)), "size": np.array([1, 1], np.int32)},
        ],
    }


@case
def boxes():
    """Boxes of the best scores, softly and by class."""
    boxes, scores = place("boxes", tf.float32, [None, 4]), place("scores", tf.float32, [None])
    most = tf.constant(4)
    plain = {"boxes": boxes, "scores": scores, "max_output_size": most, "iou_threshold": 0.3, "score_threshold": 0.1}
    of4 = ops.NonMaxSuppressionV4(pad_to_max_output_size=True, **plain)
    hard = ops.NonMaxSuppressionV5(soft_nms_sigma=0.0, **plain)
    soft = ops.NonMaxSuppressionV5(soft_nms_sigma=0.4, pad_to_max_output_size=True, **plain)
    several, many = place("several", tf.float32, [None, None, None, 4]), place("many", tf.float32, [None, None, None])
    combined = {"boxes": several, "scores": many, "max_output_size_per_class": 2, "max_total_size": 5,
                "iou_threshold": 0.3, "score_threshold": 0.2}
    clipped = ops.CombinedNonMaxSuppression(**combined)
    padded = ops.CombinedNonMaxSuppression(pad_per_class=True, clip_boxes=False, **combined)
    outputs = {}
    for name, result in [("four", of4), ("hard", hard), ("soft", soft), ("clipped", clipped), ("padded", padded)]:
        for i, value in enumerate(result):
            outputs["%s_%d" % (name, i)] = value

    def corners(seed, *shape):
        random = np.random.RandomState(seed)
        low, size = random.rand(*shape, 2), random.rand(*shape, 2)
        return np.concatenate([low, low + size * 0.7], -1).astype(f32)

    def run(seed, n, q, classes):
        random = np.random.RandomState(seed)
        return {"boxes": corners(seed, n), "scores": random.rand(n).astype(f32),
                "several": corners(seed + 1, 2, n, q), "many": random.rand(2, n, classes).astype(f32)}

    return {"outputs": outputs, "runs": [run(1, 8, 1, 3), run(2, 6, 2, 2), run(3, 1, 1, 1)]}


@case
def crosses():
    """Crosses of features, sparse and dense, as texts and as numbers."""
    rows, texts, shape = place("rows", tf.int64, [None, 2]), place("texts", tf.string, [None]), place("of", tf.int64, [2])
    ints, words = place("ints", tf.int64, [None, None]), place("words", tf.string, [None, None])
    columns = {"indices": [rows], "values": [texts], "shapes": [shape], "dense_inputs": [ints, words]}
    kinds = {"out_type": tf.int64, "hash_key": 956888297470}
    outputs = {}
    results = {
        "texts": ops.SparseCross(hashed_output=False, num_buckets=0, hash_key=1, out_type=tf.string,
                                 internal_type=tf.int64, **columns),
        "hashed": ops.SparseCross(hashed_output=True, num_buckets=100, internal_type=tf.int64, **kinds, **columns),
        "open": ops.SparseCross(hashed_output=True, num_buckets=0, internal_type=tf.int64, **kinds, **columns),
        "second": ops.SparseCrossV2(sep=tf.constant("*"), **columns),
        "fast": ops.SparseCrossHashed(num_buckets=tf.constant(50, tf.int64), strong_hash=False,
                                      salt=tf.constant([1, 2], tf.int64), **columns),
        "strong": ops.SparseCrossHashed(num_buckets=tf.constant(0, tf.int64), strong_hash=True,
                                        salt=tf.constant([1, -2], tf.int64),
                                        # Of integers it is no answer: TensorFlow 2.21 dies.
                                        indices=[rows], values=[texts], shapes=[shape], dense_inputs=[words]),
    }
    for name, result in results.items():
        for part, value in zip(["at", "values", "of"], result):
            outputs["%s_%s" % (name, part)] = value
    return {
        "outputs": outputs,
        "runs": [
            {"rows": np.array([[0, 0], [0, 1], [2, 0]], np.int64), "texts": np.array([b"a", b"bb", b"c"], object),
             "of": np.array([3, 2], np.int64), "ints": np.array([[1, -2], [3, 4], [5, 1 << 40]], np.int64),
             "words": np.array([[b"x"], [b"y"], [b"a longer word than sixteen"]], object)},
            {"rows": np.zeros([0, 2], np.int64), "texts": np.array([], object), "of": np.array([1, 0], np.int64),
             "ints": np.array([[7]], np.int64), "words": np.array([[b"z"]], object)},
        ],
    }


@case
def sparse_parts():
    """Sparse tensors joined, cut, added, counted, and with dense ones."""
    rows, values, of = place("rows", tf.int64, [None, 2]), place("values", tf.float32, [None]), place("of", tf.int64, [2])
    one, other = (rows, values, of), (tf.constant([[0, 1], [1, 0]], tf.int64), tf.constant([1.5, -2.0]), of)
    dense = place("dense", tf.float32)
    three = lambda name, result: {name + "_" + part: v for part, v in zip(["at", "values", "of"], result)}
    weights = tf.constant([], tf.float32)
    counted = {"dense_shape": of, "indices": rows, "size": tf.constant(5, tf.int64)}
    whole = tf.cast(tf.abs(values), tf.int64)
    outputs = {
        "times": ops.SparseDenseCwiseMul(sp_indices=rows, sp_values=values, sp_shape=of, dense=dense),
        "over": ops.SparseDenseCwiseDiv(sp_indices=rows, sp_values=values, sp_shape=of, dense=dense),
        "plus": ops.SparseTensorDenseAdd(a_indices=rows, a_values=values, a_shape=of, b=tf.ones(of)),
        "counts": ops.SparseBincount(values=whole, weights=weights, **counted),
        "there": ops.SparseBincount(values=whole, weights=weights, binary_output=True, **counted),
        "weighed": ops.SparseBincount(values=whole, weights=values, **counted),
    }
    for axis in [0, 1, -1]:
        joined = ops.SparseConcat(indices=[rows, other[0]], values=[values, other[1]], shapes=[of, of], concat_dim=axis)
        outputs.update(three("joined%d" % (axis % 3), joined))
    outputs.update(three("part", ops.SparseSlice(indices=rows, values=values, shape=of,
                                                 start=tf.constant([0, 1], tf.int64), size=tf.constant([2, 9], tf.int64))))
    outputs.update(three("sum", ops.SparseAdd(a_indices=rows, a_values=values, a_shape=of, b_indices=other[0],
                                              b_values=other[1], b_shape=of, thresh=tf.constant(0.75))))
    return {
        "outputs": outputs,
        "runs": [
            {"rows": np.array([[0, 0], [0, 1], [2, 1]], np.int64), "values": np.array([1, -1.5, 0.5], f32),
             "of": np.array([3, 2], np.int64), "dense": np.array([[2.0, 4.0]], f32)},
            {"rows": np.array([[0, 2], [1, 0], [1, 2]], np.int64), "values": np.array([4, 2, 9], f32),
             "of": np.array([2, 3], np.int64), "dense": np.array([[2], [5]], f32)},
        ],
    }


@case
def ragged_rows():
    """Ranges, rows and counts of ragged tensors."""
    splits, values = place("splits", tf.int64, [None]), place("values", tf.int64, [None])
    at = place("at", tf.int32)
    outer = tf.constant([0, 1, 3], tf.int64)
    taken = ops.RaggedGather(params_nested_splits=[splits], params_dense_values=values, indices=at, OUTPUT_RAGGED_RANK=2)
    deep = ops.RaggedGather(params_nested_splits=[outer, splits], params_dense_values=values,
                            indices=tf.constant([1, 0, 1]), OUTPUT_RAGGED_RANK=2)
    spread = ops.RaggedTensorToSparse(rt_nested_splits=[splits], rt_dense_values=values)
    deeper = ops.RaggedTensorToSparse(rt_nested_splits=[outer, splits], rt_dense_values=tf.stack([values, values], 1))
    ranges = ops.RaggedRange(starts=values[:2], limits=values[-2:], deltas=tf.constant(2, tf.int64))
    parts = ops.RaggedRange(starts=0.5, limits=tf.cast(values[:3], tf.float32), deltas=0.75, Tsplits=tf.int32)
    outputs = {
        "taken_0": taken[0][0], "taken_1": taken[0][1], "taken_2": taken[1],
        "deep_0": deep[0][0], "deep_1": deep[0][1], "deep_2": deep[1],
        "ranges_0": ranges[0], "ranges_1": ranges[1], "parts_0": parts[0], "parts_1": parts[1],
        "counts": ops.RaggedBincount(splits=splits, values=values, size=tf.constant(6, tf.int64),
                                     weights=tf.constant([], tf.float32)),
        "weighed": ops.RaggedBincount(splits=splits, values=values, size=tf.constant(6, tf.int64),
                                      weights=tf.cast(values, tf.float64)),
    }
    for name, result in [("spread", spread), ("deeper", deeper)]:
        outputs.update({name + "_" + part: v for part, v in zip(["at", "values", "of"], result)})
    return {
        "outputs": outputs,
        "runs": [
            {"splits": np.array([0, 2, 2, 5], np.int64), "values": np.array([1, 3, 0, 5, 9], np.int64),
             "at": np.array([[2, 0], [1, 2]], np.int32)},
            {"splits": np.array([0, 1, 4, 5], np.int64), "values": np.array([4, 2, 2, 1, 3], np.int64),
             "at": np.array([[0, 1]], np.int32)},
        ],
    }


@case
def matrices():
    """Inverses, equations, determinants and decompositions of matrices; diagonals of tensors."""
    a, b = place("a", tf.float32, [None, None, None]), place("b", tf.float32, [None, None, None])
    positive = tf.matmul(a, a, transpose_b=True) + tf.eye(tf.shape(a)[-1])
    wide = tf.cast(a, tf.float64)
    outputs = {
        "inverse": ops.MatrixInverse(input=a), "turned": ops.MatrixInverse(input=wide, adjoint=True),
        "solved": ops.MatrixSolve(matrix=a, rhs=b), "solved_turned": ops.MatrixSolve(matrix=a, rhs=b, adjoint=True),
        "cholesky": ops.Cholesky(input=positive), "det": ops.MatrixDeterminant(input=wide),
        "diag": ops.Diag(diagonal=a[0]), "part": ops.DiagPart(input=ops.Diag(diagonal=b[0])),
    }
    for lower in [True, False]:
        for adjoint in [True, False]:
            outputs["triangle_%d%d" % (lower, adjoint)] = ops.MatrixTriangularSolve(
                matrix=positive, rhs=b, lower=lower, adjoint=adjoint)
    return {
        "outputs": outputs, "tolerance": {"rel": 1e-4, "abs": 1e-5},
        "runs": [{"a": numbers(2, 3, 3), "b": numbers(2, 3, 2)}, {"a": numbers(1, 1, 1), "b": numbers(1, 1, 4)},
                 {"a": np.zeros([1, 2, 2], f32), "b": numbers(1, 2, 1)}],
    }


@case
def guarded():
    """Guarded products, checks, contrast, spectra of more dimensions, pools of other versions, batch statistics."""
    x, y = place("x", tf.float32), place("y", tf.float32)
    images = place("images", tf.float32, [None, None, None, None])
    pooled = ops.MaxPoolWithArgmax(input=images, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
    batch = ops.MaxPoolWithArgmax(input=images, ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="VALID",
                                  include_batch_in_index=True, Targmax=tf.int32)
    complex_ = tf.complex(images[..., 0], images[..., 1])
    parts = lambda v: tf.stack([tf.math.real(v), tf.math.imag(v)], -1)
    norm = ops.FusedBatchNormV3(x=images, scale=tf.constant([1.0, 2.0]), offset=tf.constant([0.5, 0.0]),
                                mean=tf.constant([], tf.float32), variance=tf.constant([], tf.float32), is_training=True)
    moving = ops.FusedBatchNormV3(x=images, scale=tf.constant([1.0, 2.0]), offset=tf.constant([0.5, 0.0]),
                                  mean=tf.constant([0.1, 0.2]), variance=tf.constant([1.0, 3.0]), is_training=True,
                                  exponential_avg_factor=0.25)
    volume = tf.reshape(images, [1, 2, 4, 4, 2])
    outputs = {
        "mul": ops.MulNoNan(x=x, y=y), "xlog1py": ops.Xlog1py(x=x, y=y),
        "near": ops.ApproximateEqual(x=x, y=y, tolerance=0.5), "l2": ops.L2Loss(t=y),
        "checked": ops.CheckNumerics(tensor=y, message="y"), "contrast": ops.AdjustContrastv2(images=images, contrast_factor=1.5),
        "max2": ops.MaxPoolV2(input=images, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME"),
        "pooled": pooled[0], "places": pooled[1], "batch": batch[0], "batch_places": batch[1],
        "ifft2": parts(ops.IFFT2D(input=complex_)), "fft3": parts(ops.FFT3D(input=complex_)),
        "ifft3": parts(ops.IFFT3D(input=complex_)),
        "rfft3": parts(ops.RFFT3D(input=images[..., 0], fft_length=[2, 4, 4])),
        "irfft2": ops.IRFFT2D(input=complex_, fft_length=[4, 6]),
        "norm": norm[0], "norm_mean": norm[1], "norm_variance": norm[2],
        "moving": moving[0], "moving_mean": moving[1], "moving_variance": moving[2],
        "spread": ops.Conv3DBackpropInputV2(input_sizes=[1, 4, 8, 8, 1], filter=tf.reshape(tf.range(16.0), [2, 2, 2, 1, 2]),
                                            out_backprop=volume, strides=[1, 2, 2, 2, 1], padding="SAME"),
        "patches": ops.ExtractImagePatches(images=images, ksizes=[1, 2, 3, 1], strides=[1, 1, 2, 1], rates=[1, 2, 1, 1],
                                           padding="SAME"),
        "patches_valid": ops.ExtractImagePatches(images=images, ksizes=[1, 2, 2, 1], strides=[1, 2, 1, 1],
                                                 rates=[1, 1, 1, 1], padding="VALID"),
        "turned": ops.ConjugateTranspose(x=images, perm=[3, 1, 0, 2]),
    }
    inf, nan = np.inf, np.nan
    return {
        "outputs": outputs,
        "runs": [
            {"x": np.array([1, inf, nan, 0, -1.5], f32), "y": np.array([2, 0, 0, 3, 0.25], f32), "images": numbers(2, 4, 4, 2)},
            {"x": np.array([1], f32), "y": np.array([nan], f32), "images": numbers(2, 4, 4, 2)},
        ],
    }


@case
def cells():
    """Cells that are one op: a step of them, and the steps of sequences."""
    x, h, c = place("x", tf.float32, [None, 2]), place("h", tf.float32, [None, 3]), place("c", tf.float32, [None, 3])
    weights = lambda seed, *shape: tf.constant(numbers(*shape, seed=seed))
    gru = ops.GRUBlockCell(x=x, h_prev=h, w_ru=weights(1, 5, 6), w_c=weights(2, 5, 3), b_ru=weights(3, 6), b_c=weights(4, 3))
    lstm = {"w": weights(5, 5, 12), "wci": weights(6, 3), "wcf": weights(7, 3), "wco": weights(8, 3), "b": weights(9, 12)}
    peep = ops.LSTMBlockCell(x=x, cs_prev=c, h_prev=h, forget_bias=0.5, cell_clip=0.8, use_peephole=True, **lstm)
    plain = ops.LSTMBlockCell(x=x, cs_prev=c, h_prev=h, cell_clip=-1.0, **lstm)
    sequence, steps = place("sequence", tf.float32, [None, None, 2]), place("steps", tf.int64, [])
    whole = {"seq_len_max": steps, "x": sequence, "cs_prev": c, "h_prev": h}
    first = ops.BlockLSTM(use_peephole=True, forget_bias=0.25, **whole, **lstm)
    second = ops.BlockLSTMV2(**whole, **lstm)
    outputs = {"gru_%d" % i: value for i, value in enumerate(gru)}
    outputs.update({"first_%d" % i: value for i, value in enumerate(first)})
    outputs.update({"second_%d" % i: value for i, value in enumerate(second)})
    outputs.update({"peep_%d" % i: value for i, value in enumerate(peep)})
    outputs.update({"plain_%d" % i: value for i, value in enumerate(plain)})
    return {"outputs": outputs, "runs": [
        {"x": numbers(2, 2), "h": numbers(2, 3), "c": numbers(2, 3, seed=3), "sequence": numbers(4, 2, 2), "steps": np.int64(3)},
        {"x": numbers(1, 2), "h": numbers(1, 3), "c": numbers(1, 3), "sequence": numbers(2, 1, 2), "steps": np.int64(2)},
    ]}


def feature(*values):
    """A feature; without values one that holds no list."""
    made = tf.train.Feature()
    if values and isinstance(values[0], bytes):
        made.bytes_list.value.extend(values)
    elif values and isinstance(values[0], float):
        made.float_list.value.extend(values)
    else:
        made.int64_list.value.extend(values) if values else None
    return made


def sequence(context, lists):
    made = tf.train.SequenceExample()
    for name, values in context.items():
        made.context.feature[name].CopyFrom(feature(*values))
    for name, steps in lists.items():
        made.feature_lists.feature_list[name].CopyFrom(tf.train.FeatureList(feature=[feature(*step) for step in steps]))
    return made.SerializeToString(deterministic=True)


SEQUENCES = [
    sequence({"label": [3], "size": [0.5, -1.0], "tags": [b"a", b"b"], "kinds": [7]},
             {"x": [[1.0, 2.0], [3.0, 4.0]], "words": [[b"one"], [], [b"two", b"three"]], "ids": [[1, 2], [3]], "spare": [[5]]}),
    sequence({"label": [1], "size": [1.5, 2.0], "other": [1]},
             {"x": [[-1.0, 0.25]], "words": [], "ids": [[], [], [9]], "more": [[1]]}),
    sequence({"label": [2], "tags": [b"c"], "kinds": [1, 2, 3]}, {"x": [], "ids": [[4]], "spare": [[1], [2], [3]]}),
]
FAULTY = [
    sequence({}, {"x": [[1.0, 2.0]]}), sequence({"label": [1]}, {}), sequence({"label": [1, 2]}, {"x": []}),
    sequence({"label": [1]}, {"x": [[1.0]]}), sequence({"label": [0.5]}, {"x": []}), sequence({"label": [1]}, {"x": [[1, 2]]}),
    sequence({"label": [1], "tags": [1]}, {"x": []}), sequence({"label": [1]}, {"x": [], "ids": [[b"no"]]}),
    sequence({"label": []}, {"x": []}), b"\x0a\xff", SEQUENCES[0][:40],
]


@case
def sequences():
    """Sequences of examples, many and one alone: dense, sparse and ragged, of the context and of each step; faulty ones."""
    serialized = place("serialized", tf.string, [None])
    context = {"label": tf.io.FixedLenFeature([], tf.int64), "size": tf.io.FixedLenFeature([2], tf.float32, [9.0, 8.0]),
               "tags": tf.io.VarLenFeature(tf.string), "kinds": tf.io.RaggedFeature(tf.int64)}
    lists = {"x": tf.io.FixedLenSequenceFeature([2], tf.float32), "words": tf.io.VarLenFeature(tf.string),
             "ids": tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
             "spare": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)}
    outputs = {}

    def add(prefix, parts):
        for part in parts:
            for name, value in part.items():
                if isinstance(value, tf.SparseTensor):
                    kept = {"at": value.indices, "values": value.values, "of": value.dense_shape}
                elif isinstance(value, tf.RaggedTensor):
                    kept = {"flat": value.flat_values, **{"splits%d" % i: splits for i, splits in enumerate(value.nested_row_splits)}}
                else:
                    kept = {"": value}
                # A name may stand for a value and for how long it is.
                for end, kept_value in kept.items():
                    key = "_".join(x for x in [prefix, name, end] if x)
                    outputs[key if key not in outputs else key + "_length"] = kept_value

    add("many", tf.io.parse_sequence_example(serialized, context, lists))
    add("one", tf.io.parse_sequence_example(serialized[0], context, lists)[:2])
    plain = {key: value for key, value in context.items() if key != "kinds"}
    plain_lists = {key: value for key, value in lists.items() if key != "ids"}
    add("single", tf.io.parse_single_sequence_example(serialized[0], plain, plain_lists))
    first = ops.ParseSequenceExample(
        serialized=serialized, debug_name=tf.constant([], tf.string), context_dense_defaults=[tf.constant([], tf.int64)],
        feature_list_dense_missing_assumed_empty=["spare"], context_sparse_keys=["tags"], context_dense_keys=["label"],
        feature_list_sparse_keys=["words"], feature_list_dense_keys=["x", "spare"], Ncontext_sparse=1, Ncontext_dense=1,
        Nfeature_list_sparse=1, Nfeature_list_dense=2, context_sparse_types=[tf.string], context_dense_shapes=[[]],
        feature_list_sparse_types=[tf.string], feature_list_dense_types=[tf.float32, tf.int64], feature_list_dense_shapes=[[2], []])
    for part in first._fields:
        for i, value in enumerate(getattr(first, part)):
            outputs["first_%s%d" % (part, i)] = value
    runs = [SEQUENCES, SEQUENCES[1:2], SEQUENCES[::-1]] + [[faulty] for faulty in FAULTY]
    return {"outputs": outputs, "runs": [{"serialized": np.array(run, object)} for run in runs]}


@case
def sequences_faulty():
    """Examples that are sequences, what of them is faulty seen by one op alone."""
    serialized = place("serialized", tf.string, [])
    context = {"label": tf.io.FixedLenFeature([], tf.int64), "tags": tf.io.VarLenFeature(tf.string)}
    lists = {"x": tf.io.FixedLenSequenceFeature([2], tf.float32), "ids": tf.io.VarLenFeature(tf.int64)}
    single = tf.io.parse_single_sequence_example(serialized, context, lists)
    outputs = {"label": single[0]["label"], "tags": single[0]["tags"].values, "x": single[1]["x"], "ids": single[1]["ids"].indices}
    return {"outputs": outputs, "runs": [{"serialized": value} for value in SEQUENCES[:1] + FAULTY]}


@case
def complex_numbers():
    """Arithmetic and functions of complex numbers, sums of them, cosine transforms that are made of them."""
    re, im = place("re", tf.float32, [None]), place("im", tf.float32, [None])
    z = tf.complex(re, im)
    w = tf.complex(im, re)
    outputs = {"product": z * w, "quotient": z / w, "exp": tf.exp(z), "log": tf.math.log(z), "sqrt": tf.sqrt(z), "square": tf.square(z),
               "sin": tf.sin(z), "cos": tf.cos(z), "sum": tf.reduce_sum(z), "mean": tf.reduce_mean(z), "wide": tf.cast(re, tf.complex64),
               "same": tf.where(tf.equal(z, w), z, tf.math.conj(z)), "reciprocal": tf.math.reciprocal(z)}
    outputs = {key + part: take(value) for key, value in outputs.items() for part, take in [("_re", tf.math.real), ("_im", tf.math.imag)]}
    outputs["dct"] = tf.signal.dct(re)
    outputs["idct"] = tf.signal.idct(re, norm="ortho")
    return {"outputs": outputs, "runs": [
        {"re": numbers(6), "im": numbers(6, seed=2)}, {"re": np.array([-4, 3, 0.5, -1], f32), "im": np.array([0, -4, 2, -0.25], f32)},
    ]}


@case
def special():
    """Special functions, of float32 and float64."""
    x, p = place("x", tf.float32, [None]), place("p", tf.float64, [None])
    outputs = {"erfinv": tf.math.erfinv(x), "erfinv64": tf.math.erfinv(p), "ndtri": tf.math.ndtri(p)}
    for name in ["bessel_i0", "bessel_i0e", "bessel_i1", "bessel_i1e"]:
        outputs[name] = getattr(tf.math, name)(x * 20.0)
        outputs[name + "64"] = getattr(tf.math, name)(p * 50.0)
    return {"outputs": outputs, "runs": [
        {"x": np.array([-1, -0.99, -0.3, -1e-6, 0, 1e-3, 0.5, 1, 1.5], f32), "p": np.array([0, 1e-12, 0.01, 0.3, 0.5, 0.975, 1])},
    ]}


@case
def colours():
    """Colours: hue, saturation, value and back."""
    x = place("x", tf.float32, [None, None, 3])
    turned = tf.image.adjust_hue(x, 0.2)
    return {"outputs": {"hsv": tf.image.rgb_to_hsv(x), "rgb": tf.image.hsv_to_rgb(x), "hue": turned, "less": tf.image.adjust_saturation(x, 0.4),
                        "more": tf.image.adjust_saturation(x, 3.0)},
            "runs": [{"x": np.abs(numbers(4, 5, 3)) / 3}, {"x": np.array([[[0, 0, 0], [1, 1, 1], [1, 0, 0], [0.2, 0.2, 0.7]]], f32)}]}


@case
def filtered():
    """Images in other sizes by filters, with and without those elements beneath."""
    x, size = place("x", tf.float32, [None, None, None, None]), place("size", tf.int32, [2])
    outputs = {}
    for kernel in ["lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic"]:
        for antialias in [False, True]:
            outputs[kernel + ("_all" if antialias else "")] = ops.ScaleAndTranslate(
                images=x, size=size, scale=[0.5, 1.7], translation=[0.25, -0.5], kernel_type=kernel, antialias=antialias)
    outputs["bytes"] = tf.image.resize(tf.cast(x * 30.0, tf.uint8), size, "lanczos3", antialias=True)
    return {"outputs": outputs, "tolerance": {"rel": 1e-4, "abs": 1e-5}, "runs": [
        {"x": np.abs(numbers(2, 7, 6, 3)), "size": np.array([4, 9], np.int32)}, {"x": np.abs(numbers(1, 3, 2, 1)), "size": np.array([5, 5], np.int32)},
    ]}


@case
def decomposed():
    """Decompositions whose result is one: pivots, reflections, values in order, determinants by their logarithm."""
    x, wide = place("x", tf.float32, [None, 3, 3]), place("wide", tf.float64, [None, None])
    lu, rows = tf.linalg.lu(x)
    q, r = tf.linalg.qr(wide)
    whole, upper = tf.linalg.qr(wide, full_matrices=True)
    sign, log = tf.linalg.slogdet(x)
    return {"outputs": {"lu": lu, "rows": rows, "q": q, "r": r, "whole": whole, "upper": upper, "sign": sign, "log": log,
                        "values": tf.linalg.eigvalsh(x), "singular": tf.linalg.svd(wide, compute_uv=False)},
            "tolerance": {"rel": 1e-4, "abs": 1e-5},
            "runs": [{"x": numbers(2, 3, 3), "wide": numbers(4, 3, dtype=np.float64)}, {"x": numbers(1, 3, 3, seed=4), "wide": numbers(2, 5, dtype=np.float64)}]}


@case
def lists():
    """Differences of lists, histograms, products of vectors, axes that are computed, filters of groups."""
    x, y, v = place("x", tf.int32, [None]), place("y", tf.int32, [None]), place("v", tf.float32, [None, 3])
    images = place("images", tf.float32, [None, None, None, None])
    left = ops.ListDiff(x=x, y=y)
    axis = tf.rank(v) - 1
    return {"outputs": {"left": left.out, "places": left.idx, "histogram": tf.histogram_fixed_width(v, [-1.0, 1.0], 5),
                        "cross": tf.linalg.cross(v, v[::-1]), "joined": tf.concat([v, v], axis), "steps": tf.linspace(v, v + 1.0, 3),
                        "groups": tf.nn.conv2d(images, tf.constant(numbers(2, 2, 2, 6)), 1, "SAME")},
            "runs": [{"x": np.array([3, 1, 4, 1, 5, 9], np.int32), "y": np.array([1, 9, 2], np.int32), "v": numbers(4, 3), "images": numbers(1, 3, 4, 6)},
                     {"x": np.array([], np.int32), "y": np.array([2], np.int32), "v": numbers(1, 3), "images": numbers(1, 2, 2, 2)}]}


def photo(height, width):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 9 + y, 200 - 5 * y, 40 + 3 * x + 2 * y], -1).clip(0, 255).astype(np.uint8)


def eager(make):
    with tf.init_scope():
        return make().numpy()


@case
def decoded():
    """Pictures without loss: PNG of all kinds, GIF, BMP."""
    file = place("file", tf.string, [])
    outputs = {
        "any": ops.DecodeImage(contents=file), "three": ops.DecodeImage(contents=file, channels=3, expand_animations=False),
        "floats": ops.DecodeImage(contents=file, dtype=tf.float32), "wide": ops.DecodeImage(contents=file, dtype=tf.uint16),
    }
    return {"outputs": outputs, "runs": [{"file": data} for data in PICTURES]}


@case
def decoded_png():
    """PNG with one, three and four channels, of 8 and 16 bits; frames of pictures that do not move."""
    file = place("file", tf.string, [])
    outputs = {"own": ops.DecodePng(contents=file), "frames": ops.DecodeGif(contents=file)}
    for channels in [1, 3, 4]:
        for dtype in [tf.uint8, tf.uint16]:
            outputs["of%d_%s" % (channels, dtype.name)] = ops.DecodePng(contents=file, channels=channels, dtype=dtype)
    return {"outputs": outputs, "runs": [{"file": data} for data in PNGS]}


@case
def decoded_bmp():
    """Bitmaps of one, three and four bytes a pixel."""
    file = place("file", tf.string, [])
    outputs = {"own": ops.DecodeBmp(contents=file), "four": ops.DecodeBmp(contents=file, channels=4)}
    return {"outputs": outputs, "runs": [{"file": data} for data in BMPS] + [{"file": PNGS[0]}]}


def jpeg_outputs(more):
    file = place("file", tf.string, [])
    whole = lambda value: tf.cast(value, tf.float32)
    return {
        "own": whole(ops.DecodeJpeg(contents=file, **more)), "grey": whole(ops.DecodeJpeg(contents=file, channels=1, **more)),
        "part": whole(ops.DecodeAndCropJpeg(contents=file, crop_window=[3, 2, 5, 7], **more)),
        "of": ops.ExtractJpegShape(contents=file),
    }


@case
def decoded_jpeg():
    """Photographs by the accurate transform: a sample may be three off."""
    return {"outputs": jpeg_outputs({"dct_method": "INTEGER_ACCURATE"}), "runs": [{"file": data} for data in JPEGS],
            "tolerance": {"rel": 0, "abs": 3.0}}


@case
def decoded_jpeg_fast():
    """Photographs by the fast transform, which is TensorFlow's default: ours is the accurate one."""
    return {"outputs": jpeg_outputs({}), "runs": [{"file": JPEGS[0]}], "tolerance": {"rel": 0, "abs": 6.0}}


def chunk(kind, data):
    import struct
    import zlib
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, bits, color, rows, more=()):
    """A PNG written by hand: what encoders do not write."""
    import struct
    import zlib
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0))
    body = b"".join(b"\0" + row for row in rows)
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(*c) for c in more) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def bmp(width, height, bits, data, top_down=False):
    import struct
    stride = (width * bits // 8 + 3) // 4 * 4
    head = struct.pack("<IiiHHIIiiII", 40, width, -height if top_down else height, 1, bits, 0, stride * height, 0, 0, 0, 0)
    rows = [data[i * width * bits // 8:(i + 1) * width * bits // 8].ljust(stride, b"\0") for i in range(height)]
    return b"BM" + struct.pack("<IHHI", 54 + stride * height, 0, 0, 54) + head + b"".join(rows)


def lzw(places, bits):
    """The codes of a GIF's picture, none of which stands for more than one place."""
    clear, codes = 1 << bits, []
    for i, value in enumerate(places):
        if i % (clear - 2) == 0:
            codes.append(clear)
        codes.append(value)
    codes.append(clear + 1)
    out, have, count = bytearray(), 0, 0
    for code in codes:
        have |= code << count
        count += bits + 1
        while count >= 8:
            out.append(have & 255)
            have >>= 8
            count -= 8
    out.append(have & 255)
    return bytes([bits, len(out)]) + bytes(out) + b"\0"


def gif(width, height, palette, frames):
    import struct
    data = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80 | 1, 0, 0) + palette
    for left, top, w, h, clear, places in frames:
        data += b"\x21\xf9\x04" + struct.pack("<BHB", 1 if clear is not None else 0, 5, clear or 0) + b"\0"
        data += b"\x2c" + struct.pack("<HHHHB", left, top, w, h, 0) + lzw(places, 2)
    return data + b"\x3b"


def pictures():
    small = photo(3, 5)
    grey, alpha = small[..., :1], np.concatenate([small, small[..., 1:2]], -1)
    wide = small.astype(np.uint16) * 251
    encode = lambda value: eager(lambda: tf.io.encode_png(value))
    pngs = [encode(small), encode(grey), encode(alpha), encode(np.concatenate([grey, grey // 2], -1)), encode(wide),
            encode(wide[..., :1])]
    palette = (b"PLTE", bytes(range(10, 22)))
    pngs.append(png(3, 2, 2, 3, [b"\x18", b"\xe4"], [palette]))
    pngs.append(png(3, 2, 8, 3, [b"\0\1\2", b"\3\2\1"], [palette, (b"tRNS", b"\x80\x40")]))
    pngs.append(png(5, 2, 1, 0, [b"\xa8", b"\x50"]))
    pngs.append(png(3, 2, 4, 0, [b"\x1f\x80", b"\x03\x70"], [(b"tRNS", b"\0\1")]))
    pngs.append(png(2, 1, 8, 2, [b"\1\2\3\4\5\6"], [(b"tRNS", b"\0\1\0\2\0\3")]))
    bmps = [bmp(2, 2, 24, bytes(range(12))), bmp(3, 2, 8, bytes(range(6)), True), bmp(1, 3, 32, bytes(range(12)))]
    colors = bytes([0, 0, 0, 255, 0, 0, 0, 255, 0, 9, 8, 7])
    moving = gif(3, 2, colors, [(0, 0, 3, 2, None, [0, 1, 2, 3, 2, 1]), (1, 0, 2, 1, 3, [3, 1]), (0, 0, 3, 2, 0, [0, 0, 1, 1, 0, 2])])
    still = gif(2, 2, colors, [(0, 0, 2, 2, None, [1, 2, 3, 0])])
    large = photo(11, 13)
    jpeg = lambda **more: eager(lambda: tf.io.encode_jpeg(large, **more))
    jpegs = [jpeg(quality=95), jpeg(quality=80, progressive=True), jpeg(quality=90, chroma_downsampling=False),
             eager(lambda: tf.io.encode_jpeg(large[..., :1], quality=90))]
    return pngs, bmps, [moving, still], jpegs


PNGS, BMPS, GIFS, JPEGS = pictures()
PICTURES = [PNGS[0], PNGS[4], PNGS[7]] + GIFS + [BMPS[0], PNGS[0][:40], b"no picture"]
