"""Stages of `pyspark.ml.feature`, drawn: a function each that returns a stage and what its new columns are good for."""
from lab import NotNow
from pyspark.ml import feature as f
from pyspark.ml.linalg import Vectors

INF = float("inf")
PATTERNS = [r"\s+", r"\W", r"\W+", r"[,;]\s*", r"\p{Punct}|\s", r"(?<=\w)-|\s", r"[^\p{L}\p{N}]+", r"(?i)AND|or|\s", r"\t|\n|\x0B| ",
            r"\s*", r"", r"\b", r"(?=[A-Z])", r"\h+|\R", r"[\s&&[^\n]]+", r"\p{IsGreek}+|\s"]
TOKENS = [r"\p{L}+", r"\w+", r"[a-z]{2,}", r"\d+|[A-Z]\w*", r"[\p{Lu}&&[^A]]\w*", r"(\w)\1", r"\p{javaLowerCase}+", r".", r"\S+?\b",
          r"(?U)\w+", r"[^\s]*", r"(?:a|e|i)+.?", r"\p{Alpha}{1,3}", r"'?[\w]+'?$", r"^\S+"]


def invalid(d, *ways):
    return d.r.choice(ways or ("error", "skip", "keep"))


def needed(column):
    if column is None:
        raise NotNow("no column for it")
    return column


def tokenizer(d):
    column = needed(d.pick("text", "category"))
    return f.Tokenizer(inputCol=column.name, outputCol=d.name("words")), {}


def regex_tokenizer(d):
    column, gaps = needed(d.pick("text", "category")), d.chance(0.6)
    return f.RegexTokenizer(inputCol=column.name, outputCol=d.name("words"), gaps=gaps, toLowercase=d.chance(0.5),
                            pattern=d.r.choice(PATTERNS if gaps else TOKENS), minTokenLength=d.r.choice([0, 1, 1, 2, 3])), {}


def stop_words(d):
    terms = lambda c: c.type == "array<string>"
    lists = [["and", "The", "ß", "İ", "ΣΑΣ", ""], f.StopWordsRemover.loadDefaultStopWords("english"),
             f.StopWordsRemover.loadDefaultStopWords("turkish"), ["gate"], []]
    more = dict(caseSensitive=d.chance(0.4), locale=d.r.choice(["en_US", "tr_TR", "de_DE", "lt", "en"]))
    columns = d.several(d.r.choice([1, 1, 2]), "words", where=terms, fresh=0.3)
    columns = [c for c in columns if terms(c)] or [needed(None)]
    stage = f.StopWordsRemover(stopWords=d.r.choice(lists), **more)
    return io(d, stage, columns, "kept", d.chance(0.3)), {}


def io(d, stage, columns, stem, many):
    """Sets the columns of a stage that takes one or several."""
    if len(columns) == 1 and not many:
        return stage.setInputCol(columns[0].name).setOutputCol(d.name(stem))
    return stage.setInputCols([c.name for c in columns]).setOutputCols([d.name(stem) for _ in columns])


def n_gram(d):
    column = needed(d.pick("words", where=lambda c: c.type == "array<string>"))
    return f.NGram(n=d.r.choice([1, 2, 2, 3, 5]), inputCol=column.name, outputCol=d.name("grams")), {}


def hashing_tf(d):
    column = needed(d.pick("words"))
    return f.HashingTF(inputCol=column.name, outputCol=d.name("tf"), binary=d.chance(0.3),
                       numFeatures=d.r.choice([1, 5, 16, 16, 64, 1000, 262144])), {}


def count_vectorizer(d):
    column = needed(d.pick("words", where=lambda c: c.type == "array<string>"))
    more = dict(inputCol=column.name, outputCol=d.name("counts"))
    if d.chance(0.25):
        stage = f.CountVectorizerModel.from_vocabulary(["gate", "ß", "", "dam", "İ", "and"], **more)
        return stage.setBinary(d.chance(0.4)).setMinTF(d.r.choice([1.0, 0.3, 2.0])), {}
    return f.CountVectorizer(minTF=d.r.choice([1.0, 1.0, 2.0, 0.0, 0.2, 0.5]), minDF=d.r.choice([1.0, 2.0, 0.1]), binary=d.chance(0.3),
                             maxDF=d.r.choice([2.0 ** 63, 0.9]), vocabSize=d.r.choice([3, 8, 262144]), **more), {}


def idf(d):
    column = needed(d.pick("vector"))
    return f.IDF(inputCol=column.name, outputCol=d.name("idf"), minDocFreq=d.r.choice([0, 0, 2, 10])), {}


def word2vec(d):
    column = needed(d.pick("words", where=lambda c: c.type == "array<string>"))
    return f.Word2Vec(inputCol=column.name, outputCol=d.name("w2v"), vectorSize=d.r.choice([2, 3, 5]), minCount=d.r.choice([0, 1, 4]),
                      maxIter=1, seed=d.r.randrange(99), windowSize=d.r.choice([2, 5]), maxSentenceLength=d.r.choice([3, 1000])), {}


def feature_hasher(d):
    columns = d.several(d.r.choice([1, 2, 4]), "number", "category", "flag", "code")
    stage = f.FeatureHasher(inputCols=[c.name for c in columns], outputCol=d.name("hashed"), numFeatures=d.r.choice([4, 32, 1024, 262144]))
    numbers = [c.name for c in columns if c.role in ("number", "code", "flag")]
    return stage.setCategoricalCols(d.r.sample(numbers, 1)) if numbers and d.chance(0.5) else stage, {}


def string_indexer(d):
    if d.chance(0.2):
        labels = [d.r.sample(["kiwi", "fig", "ß", "", "10", "z z"], d.r.randrange(1, 5)) for _ in range(d.r.choice([1, 2]))]
        columns = [needed(d.pick("category")) for _ in labels]
        stage = f.StringIndexerModel.from_arrays_of_labels(labels, [c.name for c in columns], [d.name("i") for _ in columns],
                                                           handleInvalid=invalid(d))
        return stage, {name: "index" for name in stage.getOutputCols()}
    columns = d.several(d.r.choice([1, 1, 2, 3]), "category", "category", "category", "number", "flag", "text")
    stage = f.StringIndexer(handleInvalid=invalid(d), stringOrderType=d.r.choice(
        ["frequencyDesc", "frequencyDesc", "frequencyAsc", "alphabetDesc", "alphabetAsc"]))
    stage = io(d, stage, columns, "i", d.chance(0.3))
    return stage, indexes(stage)


def indexes(stage):
    names = stage.getOutputCols() if stage.isSet("outputCols") else [stage.getOutputCol()]
    return {name: "index" for name in names}


def index_to_string(d):
    column = needed(d.pick("index", "code", "code"))
    stage = f.IndexToString(inputCol=column.name, outputCol=d.name("name"))
    if column.role == "code" or d.chance(0.4):
        stage = stage.setLabels(["low", "", "ß high", "top", "more", "last"][:d.r.randrange(2, 7)])
    return stage, {stage.getOutputCol(): "category"}


def one_hot(d):
    columns = [c for c in d.several(d.r.choice([1, 1, 2]), "index", "code", fresh=0.2)]
    stage = f.OneHotEncoder(dropLast=d.chance(0.5), handleInvalid=invalid(d, "error", "keep"))
    return io(d, stage, columns or [needed(None)], "hot", d.chance(0.3)), {}


def vector_indexer(d):
    column, _ = d.vector()
    return f.VectorIndexer(inputCol=column.name, outputCol=d.name("vi"), maxCategories=d.r.choice([2, 4, 8, 20]), handleInvalid=invalid(d)), {}


def splits(d, column):
    values = sorted({float(v) for v in d.values(column) if v is not None and v == v and abs(v) < 1e9}) or [0.0]
    inner = sorted(d.r.sample(values, min(len(values), d.r.randrange(1, 5))) + ([0.0] if d.chance(0.3) else []))
    inner = sorted(set(inner))
    if d.chance(0.6):
        return [-INF] + inner + [INF]
    return [values[0] - 2] + [v for v in inner if values[0] - 2 < v < values[-1] + 1] + [values[-1] + 1]


def bucketizer(d):
    columns = d.several(d.r.choice([1, 1, 2]), "number", "number", "index")
    stage = f.Bucketizer(handleInvalid=invalid(d))
    every = [splits(d, c) for c in columns]
    stage = io(d, stage, columns, "bucket", d.chance(0.3))
    stage = stage.setSplitsArray(every) if stage.isSet("inputCols") else stage.setSplits(every[0])
    return stage, indexes(stage)


def quantiles(d):
    columns = d.several(d.r.choice([1, 1, 2]), "number")
    stage = f.QuantileDiscretizer(handleInvalid=invalid(d), relativeError=d.r.choice([0.0, 0.01]))
    stage = io(d, stage, columns, "quantile", d.chance(0.3))
    if stage.isSet("inputCols") and d.chance(0.6):
        stage = stage.setNumBucketsArray([d.r.choice([2, 3, 6]) for _ in columns])
    else:
        stage = stage.setNumBuckets(d.r.choice([2, 3, 6]))
    return stage, indexes(stage)


def binarizer(d):
    columns = d.several(d.r.choice([1, 1, 2]), "number", "vector", "index", where=lambda c: c.type in ("double", "vector"))
    columns = [c for c in columns if c.type in ("double", "vector")] or [needed(None)]
    stage = io(d, f.Binarizer(), columns, "flag", d.chance(0.3))
    draw = lambda: d.r.choice([0.0, 0.5, -0.5, 1.0, -1.0, 2.5])
    if stage.isSet("inputCols") and d.chance(0.6):
        stage = stage.setThresholds([draw() for _ in columns])
    else:
        stage = stage.setThreshold(draw())
    return stage, {}


def imputer(d):
    columns = d.several(d.r.choice([1, 2, 3]), "number")
    stage = f.Imputer(strategy=d.r.choice(["mean", "median", "mode"]), relativeError=0.001)
    stage = stage.setMissingValue(d.r.choice([-1.0, 0.0, 2.0])) if d.chance(0.4) else stage
    return io(d, stage, columns, "imputed", d.chance(0.3)), {}


def scaled(d):
    column = needed(d.pick("vector", where=lambda c: (d.size(c) or 999) < 300))
    cols = dict(inputCol=column.name, outputCol=d.name("scaled"))
    return d.r.choice([
        lambda: f.StandardScaler(withMean=d.chance(0.5), withStd=d.chance(0.7), **cols),
        lambda: f.StandardScaler(withMean=d.chance(0.5), withStd=d.chance(0.7), **cols),
        lambda: f.MinMaxScaler(min=d.r.choice([0.0, -2.0]), max=d.r.choice([1.0, 3.0]), **cols),
        lambda: f.MaxAbsScaler(**cols),
        lambda: f.RobustScaler(withCentering=d.chance(0.5), withScaling=d.chance(0.7), lower=d.r.choice([0.25, 0.1]),
                               upper=d.r.choice([0.75, 0.9]), relativeError=0.001, **cols),
        lambda: f.Normalizer(p=d.r.choice([1.0, 2.0, 3.0, 1.5, INF]), **cols),
        lambda: f.Normalizer(p=d.r.choice([1.0, 2.0, 3.0, 1.5, INF]), **cols),
    ])(), {}


def pca(d):
    column, size = d.vector(16)
    return f.PCA(k=d.r.randrange(1, size + 1), inputCol=column.name, outputCol=d.name("pca")), {}


def polynomial(d):
    column, size = d.vector(8)
    return f.PolynomialExpansion(degree=d.r.choice([1, 2, 3] if size > 4 else [1, 2, 3, 4]), inputCol=column.name, outputCol=d.name("poly")), {}


def dct(d):
    column, _ = d.vector()
    return f.DCT(inverse=d.chance(0.5), inputCol=column.name, outputCol=d.name("dct")), {}


def elementwise(d):
    column, size = d.vector()
    values = [d.r.choice([0.0, 1.0, -2.5, 0.1]) for _ in range(size)]
    weight = Vectors.dense(values) if d.chance(0.6) else Vectors.sparse(size, [(i, v) for i, v in enumerate(values) if v])
    return f.ElementwiseProduct(scalingVec=weight, inputCol=column.name, outputCol=d.name("product")), {}


def interaction(d):
    small = lambda c: c.type != "vector" or (d.size(c) or 99) <= 8
    columns = [c for c in d.several(d.r.choice([2, 2, 3]), "vector", "number", "index", "code", "flag", where=small) if small(c)]
    if len(columns) < 2:
        raise NotNow("one column")
    return f.Interaction(inputCols=[c.name for c in columns], outputCol=d.name("cross")), {}


def slicer(d):
    column, size = d.vector()
    places = d.r.sample(range(size), d.r.randrange(1, size + 1))
    return f.VectorSlicer(indices=places, inputCol=column.name, outputCol=d.name("slice")), {}


def size_hint(d):
    column, size = d.vector()
    return f.VectorSizeHint(size=size, handleInvalid=invalid(d, "error", "skip", "optimistic"), inputCol=column.name), {}


def assembler(d):
    small = lambda c: c.type != "vector" or (d.size(c) or 9999) <= 2000
    columns = d.several(d.r.choice([2, 3, 4]), "vector", "number", "index", "code", "flag", fresh=0.3, where=small)
    return f.VectorAssembler(inputCols=[c.name for c in columns if small(c)], outputCol=d.name("all"), handleInvalid=invalid(d)), {}


def projection_lsh(d):
    column, _ = d.vector()
    return f.BucketedRandomProjectionLSH(bucketLength=d.r.choice([0.5, 2.0]), numHashTables=d.r.choice([1, 3]), seed=d.r.randrange(99),
                                         inputCol=column.name, outputCol=d.name("lsh")), {}


def min_hash(d):
    column, _ = d.vector()
    return f.MinHashLSH(numHashTables=d.r.choice([1, 3]), seed=d.r.randrange(99), inputCol=column.name, outputCol=d.name("lsh")), {}


def selector(d):
    column, size = d.vector()
    cols = dict(featuresCol=column.name, outputCol=d.name("chosen"))
    label, kind = d.label(2), d.r.choice(["chi", "f", "anova", "continuous"])
    amount = d.r.randrange(1, size + 1)
    if d.chance(0.3):
        return f.VarianceThresholdSelector(varianceThreshold=d.r.choice([0.0, 0.5, 3.0]), **cols), {}
    if kind == "chi" and d.chance(0.6):
        return f.ChiSqSelector(numTopFeatures=amount, labelCol=label, **cols), {}
    feature, target = {"chi": ("categorical", "categorical"), "anova": ("continuous", "categorical")}.get(kind, ("continuous", "continuous"))
    stage = f.UnivariateFeatureSelector(labelCol=label, **cols).setFeatureType(feature).setLabelType(target)
    mode = d.r.choice(["numTopFeatures", "percentile", "fpr"])
    return stage.setSelectionMode(mode).setSelectionThreshold({"numTopFeatures": amount, "percentile": 0.5, "fpr": 0.9}[mode]), {}


def formula(d):
    columns = [c.name for c in d.several(d.r.choice([2, 3]), "number", "category", "category", "vector", "flag",
                                         where=lambda c: c.type != "vector" or (d.size(c) or 99) <= 8)]
    way, label = invalid(d), d.raw(d.r.choice(["number", "category"])).name
    if d.chance(0.4):
        # To drop rows by a label that is not there is more than Spark can do.
        label = d.label(2, text=way != "skip" and d.chance(0.4))
    terms = [d.r.choice(["{}", "{}", "{}", "({} + {}):{}", "{}:{}", "{} * {}", "{} ^ 2"]) for _ in range(d.r.choice([1, 2, 2]))]
    text = d.r.choice([" + ", " + ", " + ", " - "]).join(t.format(*(d.r.choice(columns) for _ in range(3))) for t in terms)
    text = d.r.choice([text, text, text + " - 1", text + " + 0"])
    features, target = d.name("rf"), d.name("rl")
    return f.RFormula(formula=f"{label} ~ {text}", featuresCol=features, labelCol=target, handleInvalid=way,
                      forceIndexLabel=way != "skip" and d.chance(0.2), stringIndexerOrderType=d.r.choice(
                          ["frequencyDesc", "frequencyAsc", "alphabetDesc", "alphabetAsc"])), {}


def target_encoder(d):
    if not hasattr(f, "TargetEncoder"):
        raise NotNow("Spark 4 has it")
    columns, binary = d.several(d.r.choice([1, 2]), "index", "code", fresh=0.4), d.chance(0.5)
    stage = f.TargetEncoder(handleInvalid=invalid(d, "error", "keep"), targetType="binary" if binary else "continuous",
                            labelCol=d.label(2) if binary else d.label(), smoothing=d.r.choice([0.0, 1.0, 0.3]))
    return io(d, stage, columns or [needed(None)], "target", d.chance(0.3)), {}


# The stages, as often as they are drawn.
STAGES = [(tokenizer, 3), (regex_tokenizer, 3), (stop_words, 2), (n_gram, 2), (hashing_tf, 3), (count_vectorizer, 3), (idf, 2), (word2vec, 1),
          (feature_hasher, 2), (string_indexer, 5), (index_to_string, 2), (one_hot, 4), (vector_indexer, 2), (bucketizer, 3),
          (quantiles, 1), (binarizer, 2), (imputer, 2), (scaled, 6), (pca, 1), (polynomial, 1), (dct, 1), (elementwise, 1), (interaction, 2),
          (slicer, 1), (size_hint, 1), (assembler, 8), (projection_lsh, 1), (min_hash, 1), (selector, 2), (formula, 3), (target_encoder, 2)]
