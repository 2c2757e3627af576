"""Cases: the other classes of `pyspark.ml.feature`."""
from pyspark.ml import PipelineModel, feature as f
from pyspark.ml.linalg import Vectors

from casebook import INF, NAN, case, dense, draw, frame, sparse

VECTORS = [[dense(*r)] for r in draw(11, 14, 4)] + [[sparse(4, (1, 2.0), (3, 0.5))]]
ASKED = VECTORS[:5] + [[sparse(4)], [sparse(4, (0, 0.0), (2, -3.0))], [dense(NAN, INF, -INF, -0.0)], [dense(0.0, 0.0, 0.0, 0.0)],
                       [dense(1e300, -1e300, 5e-324, 1.0)], [dense(1.0, 2.0)], [dense(1.0, 2.0, 3.0, 4.0, 5.0)], [sparse(6, (5, 1.0))], [None]]
NUMBERS = [[v] for v in (-3.0, -0.5, -0.0, 0.0, 0.5, 0.500001, 2.0, 1e300, NAN, INF, -INF, None)]


def vectors(model, rows=ASKED):
    """A model fitted on the vectors (or as it is) and asked the odd ones."""
    fitted = model.fit(frame("v vector", VECTORS)) if hasattr(model, "fit") else model
    return fitted, "v vector", rows


IN_OUT = {"inputCol": "v", "outputCol": "o"}


@case("binarizer", "above the threshold is 1; NaN is not, null stays null")
def _():
    return f.Binarizer(inputCol="x", outputCol="o", threshold=0.5), "x double", NUMBERS


@case("binarizer-vector", "a vector, threshold not negative: what is not stored stays 0", s4=True)
def _():
    return vectors(f.Binarizer(threshold=0.5, **IN_OUT))


@case("binarizer-vector-negative", "a vector, threshold negative: what is not stored becomes 1, and so does NaN")
def _():
    return vectors(f.Binarizer(threshold=-0.5, **IN_OUT))


@case("binarizer-two", "two columns with thresholds of their own, one of them of vectors")
def _():
    stage = f.Binarizer(inputCols=["x", "v"], outputCols=["bx", "bv"], thresholds=[0.0, 1.0])
    return stage, "x double, v vector", [a + b for a, b in zip(NUMBERS, ASKED)]


@case("bucketedrandomprojectionlsh", "one number a table, in vectors of one", s4=True)
def _():
    return vectors(f.BucketedRandomProjectionLSH(bucketLength=0.5, numHashTables=3, seed=5, **IN_OUT))


@case("minhashlsh", "the smallest hash of the places that are not zero; a vector without any is refused", s4=True)
def _():
    model = f.MinHashLSH(numHashTables=3, seed=5, inputCol="v", outputCol="o")
    return vectors(model)


LABELLED = "v vector, label double"


def chosen(model, labels, rows=ASKED, counts=False):
    table = [[dense(*(float(abs(int(x))) for x in v[0].toArray())) if counts else v[0], labels(i)] for i, v in enumerate(VECTORS)]
    return model.fit(frame(LABELLED, table)), "v vector", rows


@case("chisqselector", "the best two features; sparse rows stay sparse")
def _():
    return chosen(f.ChiSqSelector(numTopFeatures=2, featuresCol="v", outputCol="o"), lambda i: float(i % 2), counts=True)


@case("univariatefeatureselector-anova", "numbers against classes, the best two", s4=True)
def _():
    model = f.UnivariateFeatureSelector(featuresCol="v", outputCol="o").setFeatureType("continuous").setLabelType("categorical")
    return chosen(model.setSelectionThreshold(2), lambda i: float(i % 2))


@case("univariatefeatureselector-percentile", "numbers against numbers, a share of them")
def _():
    model = f.UnivariateFeatureSelector(featuresCol="v", outputCol="o", selectionMode="percentile").setFeatureType("continuous")
    return chosen(model.setLabelType("continuous").setSelectionThreshold(0.8), lambda i: i * 0.7)


@case("univariatefeatureselector-chi", "categories against categories, by false positives")
def _():
    model = f.UnivariateFeatureSelector(featuresCol="v", outputCol="o", selectionMode="fpr").setFeatureType("categorical")
    return chosen(model.setLabelType("categorical").setSelectionThreshold(0.9), lambda i: float(i % 2), counts=True)


@case("variancethresholdselector", "features that vary more than 1.5", s4=True)
def _():
    return vectors(f.VarianceThresholdSelector(featuresCol="v", outputCol="o", varianceThreshold=1.5))


@case("dct", "the cosine transform, of vectors of any size", s4=True)
def _():
    return vectors(f.DCT(**IN_OUT))


@case("dct-inverse", "the inverse cosine transform")
def _():
    return vectors(f.DCT(inverse=True, **IN_OUT))


def spoiled():
    """Vectors of 2 to 128 elements, one or two of which are not finite, or huge."""
    rows = []
    for n in [*range(2, 41), 42, 49, 64, 77, 97, 100, 127, 128]:
        for row, special in enumerate([INF, -INF, NAN, 1e300] if n < 20 else [INF, 1e300]):
            values = draw(1000 * n + row, 1, n)[0]
            values[(7 * row + n // 3) % n] = special
            if row % 2:
                values[(5 * row) % n] = -INF
            rows.append([dense(*values)])
    return rows


@case("dct-not-finite", "where infinities meet and become NaN is the order of JTransforms' sums", s4=True)
def _():
    return vectors(f.DCT(**IN_OUT), spoiled())


@case("dct-not-finite-inverse", "the inverse cosine transform of vectors with infinities")
def _():
    return vectors(f.DCT(inverse=True, **IN_OUT), spoiled())


@case("elementwiseproduct-dense", "dense weights: sparse rows stay sparse")
def _():
    return vectors(f.ElementwiseProduct(scalingVec=Vectors.dense([2.0, -0.5, 0.0, 1e10]), **IN_OUT))


@case("elementwiseproduct-sparse", "sparse weights")
def _():
    return vectors(f.ElementwiseProduct(scalingVec=Vectors.sparse(4, [(1, 3.0), (2, 0.25)]), **IN_OUT))


@case("featurehasher", "numbers keep their value, texts, truths and the columns named as categories are counted", s4=True)
def _():
    stage = f.FeatureHasher(inputCols=["x", "n", "s", "b", "c"], categoricalCols=["c"], numFeatures=64, outputCol="o")
    rows = [[1.5, 3, "fig", True, 1.0], [0.0, 0, "", False, 1e10], [NAN, -1, "ß", True, NAN], [None, None, None, None, None],
            [-0.0, 7, "unseen", None, -0.0], [INF, 2147483647, "a=b", False, 0.1]]
    return stage, "x double, n int, s string, b boolean, c double", rows


GAPS = [[1.0, 2, 0.5], [3.0, 2, 0.25], [None, 7, 0.5], [NAN, None, None], [5.0, -1, 2.0], [-1.0, 2, float("nan")]]


def imputed(**params):
    model = f.Imputer(inputCols=["x", "n", "y"], outputCols=["ox", "on", "oy"], **params)
    return model.fit(frame("x double, n int, y float", GAPS)), "x double, n int, y float", GAPS + [[INF, 0, -0.0], [None, None, None]]


@case("imputer-mean", "null and NaN become the mean, cut to the column's type", s4=True)
def _():
    return imputed()


@case("imputer-median-missing", "a value of its own stands for what is missing: NaN stays")
def _():
    return imputed(strategy="median", missingValue=-1.0)


@case("imputer-mode", "the most frequent value, the smallest of equals")
def _():
    return imputed(strategy="mode")


@case("interaction", "numbers and vectors multiplied out")
def _():
    stage = f.Interaction(inputCols=["x", "v", "w"], outputCol="o")
    sizes = {"v": {"ml_attr": {"num_attrs": 2, "attrs": {"numeric": [{"idx": 0, "name": "a"}, {"idx": 1, "name": "b"}]}}},
             "w": {"ml_attr": {"num_attrs": 3, "attrs": {"numeric": [{"idx": 0}, {"idx": 1}, {"idx": 2}]}}}}
    rows = [[2.0, dense(1.0, 3.0), dense(0.5, 0.0, 2.0)], [-1.0, sparse(2, (1, 4.0)), sparse(3, (2, 1.0))], [0.0, dense(1.0, 1.0), dense(1.0, 1.0, 1.0)],
            [NAN, dense(1.0, 0.0), dense(0.0, 1.0, 0.0)], [None, dense(1.0, 1.0), dense(1.0, 1.0, 1.0)], [1.0, None, dense(1.0, 1.0, 1.0)]]
    return stage, "x double, v vector, w vector", rows, sizes


@case("interaction-nominal", "a column of categories counts as one place for each", s4=True)
def _():
    kinds = {"c": {"ml_attr": {"type": "nominal", "name": "c", "vals": ["p", "q", "r"]}},
             "v": {"ml_attr": {"num_attrs": 2, "attrs": {"numeric": [{"idx": 0}], "nominal": [{"idx": 1, "num_vals": 2}]}}}}
    rows = [[0.0, dense(1.5, 1.0)], [2.0, dense(-2.0, 0.0)], [1.0, sparse(2, (0, 3.0))], [3.0, dense(1.0, 0.0)], [0.5, dense(1.0, 0.0)],
            [-1.0, dense(1.0, 0.0)], [1.0, dense(1.0, 2.0)], [None, dense(1.0, 0.0)], [1.0, dense(NAN, 1.0)]]
    return f.Interaction(inputCols=["c", "v"], outputCol="o"), "c double, v vector", rows, kinds


@case("maxabsscaler", "the largest size becomes 1; sparse stays sparse", s4=True)
def _():
    return vectors(f.MaxAbsScaler(**IN_OUT))


@case("minmaxscaler", "between 0 and 1")
def _():
    return vectors(f.MinMaxScaler(**IN_OUT))


@case("robustscaler", "by the range between quartiles", s4=True)
def _():
    return vectors(f.RobustScaler(**IN_OUT))


@case("robustscaler-centering", "less the median too, by quantiles of its own")
def _():
    return vectors(f.RobustScaler(withCentering=True, lower=0.1, upper=0.8, **IN_OUT))


@case("robustscaler-centering-only", "less the median alone")
def _():
    return vectors(f.RobustScaler(withCentering=True, withScaling=False, **IN_OUT))


@case("normalizer-1", "by the sum of sizes", s4=True)
def _():
    return vectors(f.Normalizer(p=1.0, **IN_OUT))


@case("normalizer-2", "by the length")
def _():
    return vectors(f.Normalizer(**IN_OUT))


@case("normalizer-3", "by the third norm")
def _():
    return vectors(f.Normalizer(p=3.0, **IN_OUT))


@case("normalizer-inf", "by the largest size")
def _():
    return vectors(f.Normalizer(p=INF, **IN_OUT))


@case("pca", "two main axes", s4=True)
def _():
    return vectors(f.PCA(k=2, **IN_OUT))


@case("polynomialexpansion", "all products up to the third degree")
def _():
    return vectors(f.PolynomialExpansion(degree=3, **IN_OUT))


@case("quantilediscretizer-keep", "buckets of equal shares; NaN gets one of its own", s4=True)
def _():
    model = f.QuantileDiscretizer(inputCol="x", outputCol="o", numBuckets=4, handleInvalid="keep")
    return model.fit(frame("x double", [[float(i % 7)] for i in range(30)])), "x double", NUMBERS


@case("quantilediscretizer-two-skip", "two columns with numbers of buckets of their own")
def _():
    model = f.QuantileDiscretizer(inputCols=["x", "n"], outputCols=["ox", "on"], numBucketsArray=[3, 5], handleInvalid="skip")
    rows = [[float(i % 7), i % 11] for i in range(30)]
    return model.fit(frame("x double, n int", rows)), "x double, n int", [[v[0], i] for i, v in enumerate(NUMBERS)] + [[1.0, None]]


FORMULA = "y double, t string, s string, x double, b boolean, v vector"
FORMULA_ROWS = [[1.0, "no", "a", 1.5, True, dense(1.0, 2.0)], [0.0, "yes", "b", -2.0, False, dense(0.0, 0.5)], [1.0, "no", "c", 0.0, True, sparse(2)],
                [0.0, "yes", "a", 3.0, False, dense(4.0, -1.0)], [1.0, "yes", "b", 0.25, True, dense(1.0, 1.0)],
                [0.0, "no", "a", 9.0, False, sparse(2, (1, 2.0))]]
FORMULA_ASKED = FORMULA_ROWS + [[2.0, "maybe", "d", 1.0, True, dense(1.0, 1.0)], [None, None, "a", 1.0, True, dense(1.0, 1.0)],
                                [1.0, "no", None, 1.0, True, dense(1.0, 1.0)], [1.0, "no", "a", NAN, True, dense(1.0, 1.0)],
                                [1.0, "no", "a", None, True, dense(1.0, 1.0)], [1.0, "no", "a", 1.0, None, dense(1.0, 1.0)],
                                [1.0, "no", "a", 1.0, True, None]]
# Without the sizes Spark looks at the first row.
PAIR = {"v": {"ml_attr": {"num_attrs": 2, "attrs": {"numeric": [{"idx": 0}, {"idx": 1}]}}}}


def formula(text, invalid="error", **params):
    model = f.RFormula(formula=text, handleInvalid=invalid, **params).fit(frame(FORMULA, FORMULA_ROWS))
    return model, FORMULA, FORMULA_ASKED, PAIR


@case("rformula", "texts become places, all but one; unseen texts are refused", s4=True)
def _():
    return formula("y ~ s + x + b")


@case("rformula-keep-dot", "all columns; the unseen get a place of their own")
def _():
    return formula("y ~ . - v", "keep")


@case("rformula-skip-interaction", "products of texts and numbers; rows with the unseen are dropped")
def _():
    return formula("y ~ s:x + s:b", "skip")


@case("rformula-star", "x * s is x and s and their product", s4=True)
def _():
    return formula("y ~ x * s", "keep")


@case("rformula-no-intercept", "without an intercept the first text has all its places; order of the alphabet")
def _():
    return formula("y ~ s + x - 1", "keep", stringIndexerOrderType="alphabetDesc")


@case("rformula-text-label", "a label of texts is indexed too; a vector among the terms")
def _():
    return formula("t ~ v + x", "keep", featuresCol="f", labelCol="l")


@case("rformula-forced-label", "numbers of the label are indexed where asked")
def _():
    return formula("y ~ x", "keep", forceIndexLabel=True)


ENCODED = [[0.0, 1, 1.0], [1.0, 0, 0.0], [2.0, 1, 1.0], [1.0, 2, 1.0], [0.0, 0, 0.0], [1.0, 1, 1.0], [0.0, 2, 0.0]]


def targets(invalid, kind, smoothing):
    model = f.TargetEncoder(inputCols=["a", "n"], outputCols=["ta", "tn"], labelCol="label", handleInvalid=invalid, targetType=kind,
                            smoothing=smoothing)
    rows = [r[:2] for r in ENCODED] + [[3.0, 0], [0.0, 9], [-1.0, 0], [0.5, 0], [NAN, 0], [None, 0], [0.0, None]]
    return model.fit(frame("a double, n int, label double", ENCODED)), "a double, n int", rows


@case("targetencoder-binary-keep", "the share of each category, smoothed; the unseen get the share of all", s4=True, s35=False)
def _():
    return targets("keep", "binary", 1.0)


@case("targetencoder-continuous-error", "the mean of each category; the unseen are refused", s4=True, s35=False)
def _():
    return targets("error", "continuous", 0.0)


KINDS = [[dense(float(i % 3), float(i), -float(i % 2), 5.0)] for i in range(8)]
KINDS_ASKED = KINDS[:3] + [[dense(3.0, 1.0, 0.0, 5.0)], [dense(0.0, 99.5, -1.0, 6.0)], [sparse(4, (1, 2.0))], [sparse(4, (0, 2.0), (3, 5.0))],
                           [dense(-0.0, 1.0, -0.0, 5.0)], [dense(NAN, 1.0, 0.0, 5.0)], [dense(1.0, 2.0)], [None]]


def kinds(invalid):
    model = f.VectorIndexer(inputCol="v", outputCol="o", maxCategories=3, handleInvalid=invalid)
    return model.fit(frame("v vector", KINDS)), "v vector", KINDS_ASKED


PAIRS = [[t] for t in ("", "a", "😀", "a😀b", "😀😀", "a 😀x b😀", "é😀𝒳ab", "Ab😀É", "ẞ😀", None)]


@case("regextokenizer-nothing", "a pattern that matches nothing cuts characters above U+FFFF in two", s4=True)
def _():
    return f.RegexTokenizer(pattern="", toLowercase=False, minTokenLength=0, inputCol="t", outputCol="o"), "t string", PAIRS


@case("regextokenizer-nothing-or-x", "as it, lower-cased first, tokens of two units at least")
def _():
    return f.RegexTokenizer(pattern="x*", minTokenLength=2, inputCol="t", outputCol="o"), "t string", PAIRS


@case("regextokenizer-matches-of-nothing", "as it, the matches themselves")
def _():
    return f.RegexTokenizer(pattern="b*", gaps=False, minTokenLength=0, inputCol="t", outputCol="o"), "t string", PAIRS


FIVES = [[dense(*(float(i in places) for i in range(5)))] for places in ([], [4], [0, 4], [0, 1, 2])]
FIVES += [[dense(1.0, 0.0, -0.0, 0.0, -2.0)], [sparse(5, (1, 3.0), (2, -0.0))], [sparse(5, (1, 3.0), (2, 0.5))]]


@case("forms-of-five", "dense or sparse by bytes: Spark 4.1 counts the headers of arrays too", s4=True)
def _():
    return PipelineModel([
        f.VectorAssembler(inputCols=["v"], outputCol="a"),
        f.Binarizer(threshold=0.25, inputCol="v", outputCol="b"),
        f.MinMaxScaler(inputCol="v", outputCol="m").fit(frame("v vector", [[dense(*[0.0] * 5)], [dense(*[2.0] * 5)]])),
    ]), "v vector", FIVES


@case("vectorindexer-error", "features of few values become indexes; the unseen are refused")
def _():
    return kinds("error")


@case("vectorindexer-keep", "the unseen get the next index", s4=True)
def _():
    return kinds("keep")


@case("vectorindexer-skip", "rows with the unseen are dropped")
def _():
    return kinds("skip")


@case("vectorsizehint-error", "vectors of another size are refused")
def _():
    return vectors(f.VectorSizeHint(inputCol="v", size=4, handleInvalid="error"))


@case("vectorsizehint-skip", "rows with vectors of another size are dropped")
def _():
    return vectors(f.VectorSizeHint(inputCol="v", size=4, handleInvalid="skip"))


@case("vectorsizehint-optimistic", "the size is believed")
def _():
    return vectors(f.VectorSizeHint(inputCol="v", size=4, handleInvalid="optimistic"))


@case("vectorslicer-indices", "places in an order of their own", s4=True)
def _():
    return vectors(f.VectorSlicer(indices=[3, 0, 1], **IN_OUT))


@case("vectorslicer-names", "places by name, after those by number")
def _():
    names = {"v": {"ml_attr": {"num_attrs": 4, "attrs": {"numeric": [{"idx": i, "name": n} for i, n in enumerate("abcd")]}}}}
    return f.VectorSlicer(indices=[1], names=["d", "a"], **IN_OUT), "v vector", ASKED[:9] + [[None]], names


@case("word2vec", "the mean of the words' vectors over all words, known or not", s4=True, tolerance={"rel": 1e-6, "abs": 1e-6})
def _():
    table = frame("w array<string>", [[["dam", "weir", "lock"]], [["dam", "gate"]], [["weir", "gate", "dam", "ß"]]] * 3)
    model = f.Word2Vec(vectorSize=3, minCount=1, seed=7, maxIter=1, inputCol="w", outputCol="o").fit(table)
    return model, "w array<string>", [[["dam"]], [["weir", "unknown", "gate"]], [[]], [["unknown"]], [["ß", "ß", "dam"]], [[None, "dam"]], [None]]
