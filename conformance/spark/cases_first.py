"""Cases: text, indexes, scalers, linear models, trees, pipelines."""
import random

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import (DecisionTreeClassifier, GBTClassifier, LogisticRegression,
                                       RandomForestClassifier)
from pyspark.ml.feature import (IDF, Bucketizer, CountVectorizer, CountVectorizerModel, HashingTF,
                                IndexToString, MinMaxScaler, NGram, OneHotEncoder, RegexTokenizer,
                                StandardScaler, StopWordsRemover, StringIndexer, StringIndexerModel,
                                Tokenizer, VectorAssembler, VectorSizeHint)
from pyspark.ml.regression import (DecisionTreeRegressor, GBTRegressor, LinearRegression,
                                   RandomForestRegressor)
from pyspark.sql import functions as F

from casebook import ASKED_4, INF, NAN, case, dense, draw, frame, labelled, measured, sparse

# === Text =================================================================================

UNICODE = [
    "İstanbul'da ISPARTA ılık", "STRASSE Straße ẞ", "ΟΔΥΣΣΕΥΣ ΣΑΣ σας", "non\u00a0breaking\u00a0space",
    "thin\u2009space\u3000ideographic", "tab\tand\nnewline\r\nhere", "  two  leading and trailing  ",
    "", " ", "\t", "one", "naïve cafe\u0301 CAFÉ", "emoji 😀😀 𝔘nicode", "ǅ Ǆ ǆ ﬁ ŉ", "\u0085next\u2028line",
    "vertical\x0btab\x0cfeed\x1cunit", "Été À LA CAMPAGNE", "日本語 テキスト 전체", "a,b;c d-e_f", "ÀÉ\u200bzero width",
]


@case("tokenizer-unicode", "lower case of dotted capital I, sharp s and final sigma; which blanks split", s4=True)
def _():
    return Tokenizer(inputCol="line", outputCol="terms"), "line string", [[t] for t in UNICODE] + [[None]]


@case("regextokenizer-gaps", "a pattern of separators, shortest token 2, case kept")
def _():
    stage = RegexTokenizer(inputCol="line", outputCol="terms", pattern=r"\s*[,;_-]\s*|\s", minTokenLength=2,
                           toLowercase=False)
    return stage, "line string", [[t] for t in UNICODE] + [["ab,,cd; ,ef"], [",,"], [None]]


@case("regextokenizer-default-gaps", "the default pattern: empty tokens fall to the shortest length of 1")
def _():
    return RegexTokenizer(inputCol="line", outputCol="terms"), "line string", [[t] for t in UNICODE]


@case("regextokenizer-matches", "a pattern of tokens with classes, alternatives and a look-ahead")
def _():
    stage = RegexTokenizer(inputCol="line", outputCol="terms", gaps=False, minTokenLength=1,
                           pattern=r"\p{L}+(?='|\b)|[0-9]{2,}")
    return stage, "line string", [[t] for t in UNICODE] + [["x1 22 333x 4"], ["it's Anna's"]]


@case("regextokenizer-words", "\\w and \\W are ASCII in Java's regular expressions")
def _():
    stage = RegexTokenizer(inputCol="line", outputCol="terms", pattern=r"\W")
    return stage, "line string", [[t] for t in UNICODE]


@case("stopwordsremover-anycase", "own list, case ignored: Turkish letters, sharp s, empty string, null inside")
def _():
    stage = StopWordsRemover(inputCol="terms", outputCol="kept", locale="en_US",
                             stopWords=["The", "ısı", "straße", "ΣΑΣ", "", "I", "i̇x", "of"])
    rows = [["THE", "the", "tHe", "then"], ["ISI", "ısı", "isi", "İsi"], ["STRASSE", "Straße", "STRAßE", "ẞ"],
            ["σας", "ΣΑΣ", "σασ", "ς"], ["", " ", "x"], ["I", "i", "İ", "ı", "İX", "ix"], [], ["of", None, "off"], None,
            ["the\u00a0", "the "]]
    return stage, "terms array<string>", [[r] for r in rows]


@case("stopwordsremover-case-two", "two columns, case kept", s4=True)
def _():
    stage = StopWordsRemover(inputCols=["a", "b"], outputCols=["ka", "kb"], caseSensitive=True,
                             stopWords=["and", "Or", "ΣΑΣ", "ß"])
    rows = [[["and", "And", "or", "Or"], ["σας", "ΣΑΣ"]], [[], ["ß", "ss", "and"]], [["x"], []],
            [None, ["and"]], [["and"], None]]
    return stage, "a array<string>, b array<string>", rows


@case("ngram-3", "shorter lists give none; empty and blank terms count")
def _():
    rows = [["a", "b", "c", "d"], ["a", "b", "c"], ["a", "b"], ["a"], [], ["", "x", ""], ["a b", "c", "d  e", "f"],
            ["ß", "İ", "日本", "😀"], ["a", None, "c", "d"], None]
    return NGram(n=3, inputCol="terms", outputCol="grams"), "terms array<string>", [[r] for r in rows]


WORDS = [["river", "dam", "dam", "weir"], ["İ", "ß", "ẞ", "ς", "日本語", "😀", "é", "e\u0301"], [""], [], ["", "", "x"],
         ["a", "ab", "abc", "abcd", "abcde", "abcdefgh"], ["ÿ", "\u0080", "\u07ff", "\uffff"], ["river", None], None,
         ["The", "the", "THE"] * 3]


@case("hashingtf-string", "terms of every length modulo 4 and of one to four bytes a letter; null inside", s4=True)
def _():
    return HashingTF(inputCol="x", outputCol="tf", numFeatures=101), "x array<string>", [[r] for r in WORDS]


@case("hashingtf-string-binary", "counts become one")
def _():
    return (HashingTF(inputCol="x", outputCol="tf", numFeatures=7, binary=True), "x array<string>",
            [[r] for r in WORDS])


@case("hashingtf-int", "integers hash as four bytes")
def _():
    rows = [[0, 1, 2, 3], [-1, -1, 2147483647, -2147483648], [], [7] * 5, [1000003], None, [5, None]]
    return HashingTF(inputCol="x", outputCol="tf", numFeatures=64), "x array<int>", [[r] for r in rows]


@case("hashingtf-bigint", "long integers hash as eight bytes: other places than the same integers")
def _():
    rows = [[0, 1, 2, 3], [-1, 2147483647, 2147483648], [], [9007199254740993, -9223372036854775808]]
    return HashingTF(inputCol="x", outputCol="tf", numFeatures=64), "x array<bigint>", [[r] for r in rows]


@case("hashingtf-double", "doubles hash by their bits; zero of either sign, NaN and infinities")
def _():
    rows = [[0.0, 1.0, 2.0, 3.0], [-0.0], [0.0], [NAN], [INF, -INF], [0.1, 0.1, -0.1], [], [1e300, 5e-324], [2.0, None]]
    return HashingTF(inputCol="x", outputCol="tf", numFeatures=64), "x array<double>", [[r] for r in rows]


@case("hashingtf-boolean", "booleans hash as the integers 1 and 0")
def _():
    rows = [[True], [False], [True, False, True], [], None, [False, None]]
    return HashingTF(inputCol="x", outputCol="tf", numFeatures=64), "x array<boolean>", [[r] for r in rows]


DOCUMENTS = [["dam", "weir", "dam", "lock"], ["weir", "ß", "dam"], ["lock", "lock", "ß", "İ"], ["", "dam"],
             ["weir", "weir", "sluice", "gate"], ["gate"], ["dam", "gate", "İ"]]
DOCUMENTS_ASKED = DOCUMENTS + [[], ["unknown"], ["dam"] * 9 + ["weir"] * 2 + ["gate"], ["DAM", "Dam", "dam"], [None, "dam"],
                               None, ["", "", "dam", "x", "y", "z", "z", "z"]]


def vectorizer(**params):
    documents = frame("terms array<string>", [[d] for d in DOCUMENTS])
    return CountVectorizer(inputCol="terms", outputCol="counts", **params).fit(documents)


@case("countvectorizer-mintf-count", "minTF 2: terms with fewer occurrences in the row are left out")
def _():
    return vectorizer(minTF=2.0, vocabSize=6), "terms array<string>", [[d] for d in DOCUMENTS_ASKED]


@case("countvectorizer-mintf-share", "minTF 0.25: a share of all terms of the row, unknown ones included", s4=True)
def _():
    return vectorizer(minTF=0.25), "terms array<string>", [[d] for d in DOCUMENTS_ASKED]


@case("countvectorizer-binary-vocabulary", "a model made from a vocabulary, binary")
def _():
    model = CountVectorizerModel.from_vocabulary(["gate", "ß", "", "dam", "İ"], inputCol="terms", outputCol="counts")
    return model.setBinary(True), "terms array<string>", [[d] for d in DOCUMENTS_ASKED]


@case("idf-mindf", "terms below minDocFreq weigh nothing; dense and sparse rows, and rows of another size")
def _():
    rows = [[dense(1.0, 0.0, 3.0, 1.0, 0.0)], [dense(0.0, 2.0, 1.0, 0.0, 0.0)], [sparse(5, (0, 1.0), (2, 4.0))],
            [sparse(5, (2, 2.0), (4, 1.0))], [sparse(5)]]
    model = IDF(inputCol="tf", outputCol="tfidf", minDocFreq=2).fit(frame("tf vector", rows))
    return model, "tf vector", rows + [[dense(NAN, INF, -1.0, 0.5, 7.0)], [sparse(5, (1, 0.0), (3, 2.5))],
                                       [dense(1.0, 2.0)], [sparse(3, (0, 1.0))], [sparse(9, (0, 1.0), (8, 2.0))], [None]]


# === Indexes and categories ===============================================================

LABELS = ["kiwi", "fig", "fig", "İ", "ß", "ß", "ß", "", "Fig", "kiwi", "é", "z", "Z", "10", "9", "fig", None, "😀", "\uffee"]


def indexer(order, invalid):
    model = StringIndexer(inputCol="fruit", outputCol="i", stringOrderType=order,
                          handleInvalid="skip" if invalid == "error" else invalid).fit(frame("fruit string", [[v] for v in LABELS]))
    model = model.setHandleInvalid(invalid)
    return model, "fruit string", [[v] for v in LABELS[:-1]] + [["\uffee"], ["unseen"], ["FIG"], [" fig"], [None], ["kiwi"]]


@case("stringindexer-frequencydesc-error", "most frequent first, equals by alphabet; unseen and null are refused")
def _():
    return indexer("frequencyDesc", "error")


@case("stringindexer-frequencyasc-skip", "rarest first, equals by alphabet; unseen and null are dropped", s4=True)
def _():
    return indexer("frequencyAsc", "skip")


@case("stringindexer-alphabetdesc-keep", "the alphabet (of UTF-16 units) backwards; unseen and null get the next index")
def _():
    return indexer("alphabetDesc", "keep")


@case("stringindexer-alphabetasc-error", "the alphabet of UTF-16 units")
def _():
    return indexer("alphabetAsc", "error")


TWO = [["x", "p"], ["y", "p"], ["x", "q"], ["z", "r"], ["x", "r"], ["y", "r"]]
TWO_ASKED = TWO + [["w", "p"], ["x", "w"], ["w", "w"], [None, "p"], ["x", None], [None, None]]


@case("stringindexer-two-keep", "two columns in one model; the index for the unknown differs", s4=True)
def _():
    model = StringIndexer(inputCols=["a", "b"], outputCols=["ia", "ib"], handleInvalid="keep",
                          stringOrderType="alphabetDesc").fit(frame("a string, b string", TWO))
    return model, "a string, b string", TWO_ASKED


@case("stringindexer-two-skip", "two columns: a row is dropped when either value is unseen")
def _():
    model = StringIndexer(inputCols=["a", "b"], outputCols=["ia", "ib"], handleInvalid="skip").fit(
        frame("a string, b string", TWO))
    return model, "a string, b string", TWO_ASKED


@case("stringindexer-two-error", "two columns: a row is refused when either value is unseen")
def _():
    model = StringIndexerModel.from_arrays_of_labels([["x", "y"], ["q", "p", "r"]], inputCols=["a", "b"],
                                                     outputCols=["ia", "ib"], handleInvalid="error")
    return model, "a string, b string", TWO_ASKED


@case("stringindexer-numbers", "numbers are indexed by the text that Spark casts them to", s4=True)
def _():
    schema = "d double, f float, n int, l bigint"
    rows = [[1.0, 0.5, 3, 10], [1.0, 0.1, 3, 10], [2.5, 0.1, -7, 11], [1e7, 1e-3, 0, 2 ** 53 + 1],
            [1e-4, 1e10, 3, 11], [-0.0, 0.0, 0, 10], [123456789.125, 3.4e38, 9, -1]]
    columns = [c.split()[0] for c in schema.split(", ")]
    model = StringIndexer(inputCols=columns, outputCols=["i" + c for c in columns], handleInvalid="keep").fit(
        frame(schema, rows))
    return model, schema, rows + [[0.0, 0.0, 1, 0], [NAN, INF, 3, 10], [None, None, None, None],
                                  [1.0000001, 0.1, 3, 10], [10000000.0, 0.001, 3, 9007199254740992]]


@case("indextostring-labels", "labels of the stage's own; an index is cut to an integer, out of range is refused; NaN and null differ between Spark 3 and 4", s4=True)
def _():
    stage = IndexToString(inputCol="i", outputCol="name", labels=["low", "", "ß high", "top"])
    return stage, "i double", [[v] for v in (0.0, 3.0, 1.0, 2.0, 2.9, -0.5, -1.0, 4.0, NAN, INF, -0.0, None, 1e18)]


@case("indextostring-metadata", "labels from the column's ML attribute; the index is a whole number by type")
def _():
    stage = IndexToString(inputCol="i", outputCol="name")
    metadata = {"i": {"ml_attr": {"type": "nominal", "name": "i", "vals": ["no", "perhaps", "yes"]}}}
    return stage, "i int", [[v] for v in (0, 1, 2, 3, -1)] + [[None]], metadata


ENCODED = [[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [1.0, 2.0], [3.0, 0.0]]
ENCODED_ASKED = ENCODED + [[4.0, 0.0], [5.0, 0.0], [0.0, 4.0], [-1.0, 0.0], [0.5, 0.0], [0.0, 1.5], [NAN, 0.0], [0.0, INF], [None, 1.0],
                           [1.0, None], [-0.0, 0.0]]


def encoder(drop, invalid):
    model = OneHotEncoder(inputCols=["a", "b"], outputCols=["va", "vb"], dropLast=drop, handleInvalid=invalid).fit(
        frame("a double, b double", ENCODED))
    return model, "a double, b double", ENCODED_ASKED


@case("onehotencoder-drop-error", "the last category is the zero vector; invalid indexes are refused", s4=True)
def _():
    return encoder(True, "error")


@case("onehotencoder-drop-keep", "an added category for the invalid is the one that is dropped", s4=True)
def _():
    return encoder(True, "keep")


@case("onehotencoder-all-error", "a place for every category; invalid indexes are refused")
def _():
    return encoder(False, "error")


@case("onehotencoder-all-keep", "a place for every category and one for the invalid")
def _():
    return encoder(False, "keep")


@case("onehotencoder-int", "one column of integers")
def _():
    model = OneHotEncoder(inputCol="n", outputCol="v").fit(frame("n int", [[0], [4], [2]]))
    return model, "n int", [[v] for v in (0, 1, 2, 3, 4, 5, -1, None)]


# === Numbers and vectors ==================================================================

ASSEMBLED = "a double, v vector, b boolean, n int, w vector"
# Sizes come from the columns' metadata: without it Spark looks at a table's first row.
SIZES = {"v": {"ml_attr": {"num_attrs": 3}}, "w": {"ml_attr": {"num_attrs": 2}}}
ASSEMBLED_ROWS = [
    [1.5, dense(1.0, 2.0, 3.0), True, 4, dense(5.0, 6.0)],
    [0.0, sparse(3, (1, 2.0)), False, 0, sparse(2)],
    [0.0, dense(0.0, 0.0, 0.0), False, 0, dense(0.0, 7.0)],
    [-1.0, sparse(3, (0, 0.0), (2, -4.0)), True, -2147483648, dense(0.5, 0.0)],
    [NAN, dense(1.0, 2.0, 3.0), True, 1, dense(1.0, 1.0)],
    [1.0, dense(1.0, NAN, 3.0), True, 1, dense(1.0, 1.0)],
    [1.0, sparse(3, (2, NAN)), True, 1, dense(1.0, 1.0)],
    [INF, dense(1.0, -INF, 3.0), True, 1, dense(1.0, 1.0)],
    [None, dense(1.0, 2.0, 3.0), True, 1, dense(1.0, 1.0)],
    [1.0, None, True, 1, dense(1.0, 1.0)],
    [1.0, dense(1.0, 2.0, 3.0), None, 1, sparse(2, (1, 1.0))],
    [1.0, dense(1.0, 2.0, 3.0), True, None, None],
    [None, None, None, None, None],
    [1.0, dense(1.0, 2.0), True, 1, dense(1.0, 1.0)],
    [1.0, sparse(4, (3, 9.0)), False, 1, dense(1.0, 1.0)],
    [0.0, sparse(3), False, 0, sparse(2, (0, 1.0))],
    [-0.0, dense(-0.0, 0.0, 0.0), False, 0, sparse(2)],
]


def assembler(invalid):
    stage = VectorAssembler(inputCols=["a", "v", "b", "n", "w"], outputCol="all", handleInvalid=invalid)
    return stage, ASSEMBLED, ASSEMBLED_ROWS, SIZES


@case("vectorassembler-error", "null and NaN numbers are refused, NaN within a vector is not; sparse is given where it is smaller; a vector of another size is taken as it is", one_by_one=True)
def _():
    return assembler("error")


@case("vectorassembler-skip", "rows with a null or a NaN number are dropped", one_by_one=True)
def _():
    return assembler("skip")


@case("vectorassembler-keep", "null becomes NaN, a missing vector as many as its column's metadata says", one_by_one=True, s4=True)
def _():
    return assembler("keep")


@case("vectorassembler-keep-unsized", "keep over a vector column whose size no metadata tells: the schema is refused")
def _():
    stage = VectorAssembler(inputCols=["x", "v"], outputCol="all", handleInvalid="keep")
    return stage, "x double, v vector", [[1.0, dense(2.0, 3.0)], [None, sparse(2)]]


@case("vectorassembler-keep-numbers", "keep over numbers alone needs no metadata")
def _():
    stage = VectorAssembler(inputCols=["x", "k", "y"], outputCol="all", handleInvalid="keep")
    return stage, "x double, k bigint, y float", [[1.0, 2, 0.5], [None, 2, 0.1], [NAN, None, None], [0.0, 0, 0.0], [0.0, 9007199254740993, 0.0]]


SCALED = [[dense(*r, 4.0)] for r in draw(3, 12, 3)] + [[sparse(4, (1, 2.0), (3, 4.0))]]
SCALED_ASKED = SCALED[:4] + [[sparse(4, (0, 1.0))], [sparse(4)], [dense(NAN, INF, -INF, 4.0)], [dense(0.0, 0.0, 0.0, 0.0)],
                             [sparse(4, (1, 2.0), (3, -4.0))], [dense(1.0, 2.0)], [sparse(6, (5, 1.0))], [None]]


def scaler(mean, std):
    model = StandardScaler(inputCol="v", outputCol="s", withMean=mean, withStd=std).fit(frame("v vector", SCALED))
    return model, "v vector", SCALED_ASKED


@case("standardscaler-std", "deviation alone: sparse stays sparse, a constant column becomes 0")
def _():
    return scaler(False, True)


@case("standardscaler-mean", "mean alone: every answer is dense")
def _():
    return scaler(True, False)


@case("standardscaler-mean-std", "mean and deviation; a constant column becomes 0", s4=True)
def _():
    return scaler(True, True)


@case("standardscaler-neither", "neither: rows pass through")
def _():
    return scaler(False, False)


@case("minmaxscaler-range", "own range, a constant column and values beyond those of training", s4=True)
def _():
    model = MinMaxScaler(inputCol="v", outputCol="s", min=-2.0, max=3.0).fit(frame("v vector", SCALED[:-1]))
    return model, "v vector", SCALED_ASKED + [[dense(99.0, -99.0, 0.0, 5.0)]]


BUCKETED = [[v] for v in (-1e9, -5.0, -4.999999, -0.0, 0.0, 0.1, 2.0, 2.5, 9.99, 10.0, 10.5, INF, -INF, NAN, None)]


def bucketizer(splits, invalid):
    return Bucketizer(inputCol="x", outputCol="bucket", splits=splits, handleInvalid=invalid), "x double", BUCKETED


@case("bucketizer-inf-keep", "open ends; NaN gets a bucket of its own, null stays null", s4=True)
def _():
    return bucketizer([-INF, -5.0, 0.0, 2.5, INF], "keep")


@case("bucketizer-inf-skip", "open ends; NaN and null rows are dropped")
def _():
    return bucketizer([-INF, -5.0, 0.0, 2.5, INF], "skip")


@case("bucketizer-finite-error", "closed ends: the last split belongs to the last bucket, beyond is refused; null stays null")
def _():
    return bucketizer([-5.0, 0.0, 0.1, 2.5, 10.0], "error")


@case("bucketizer-finite-keep", "closed ends: keep is for NaN, beyond the ends is refused all the same; null stays null")
def _():
    return bucketizer([-5.0, 0.0, 2.5, 10.0], "keep")


@case("bucketizer-two", "two columns with splits of their own, one of them of integers")
def _():
    stage = Bucketizer(inputCols=["x", "n"], outputCols=["bx", "bn"], handleInvalid="skip",
                       splitsArray=[[-INF, 0.0, 1.0, INF], [0.0, 10.0, 20.0]])
    return stage, "x double, n int", [[0.5, 3], [0.0, 20], [1.0, 10], [-3.0, 0], [NAN, 3], [0.5, None], [None, 5], [0.5, 21], [0.5, -1],
                                      [INF, 19]]


# === Linear models ========================================================================

@case("logisticregression-binary", "two classes, regularised, no thresholds", s4=True)
def _():
    return LogisticRegression(regParam=0.05).fit(labelled(21, 80, 4, 2)), "features vector", ASKED_4


@case("logisticregression-binary-threshold", "a threshold of 0.8 and coefficients that L1 made sparse")
def _():
    model = LogisticRegression(regParam=0.12, elasticNetParam=1.0, threshold=0.8).fit(labelled(22, 80, 4, 2))
    return model, "features vector", ASKED_4


@case("logisticregression-binary-thresholds", "two thresholds stand for one threshold")
def _():
    model = LogisticRegression(regParam=0.05, thresholds=[0.3, 0.9]).fit(labelled(23, 80, 4, 2))
    return model, "features vector", ASKED_4


@case("logisticregression-multinomial", "four classes", s4=True)
def _():
    return LogisticRegression(regParam=0.02).fit(labelled(24, 120, 4, 4)), "features vector", ASKED_4


@case("logisticregression-multinomial-thresholds", "three classes, thresholds with a zero, sparse coefficients")
def _():
    model = LogisticRegression(regParam=0.1, elasticNetParam=0.9, thresholds=[0.5, 0.0, 0.8]).fit(labelled(25, 120, 4, 3))
    return model, "features vector", ASKED_4


@case("logisticregression-multinomial-two", "family multinomial with two classes: a coefficient row for each class")
def _():
    model = LogisticRegression(regParam=0.05, family="multinomial").fit(labelled(26, 80, 4, 2))
    return model, "features vector", ASKED_4


@case("logisticregression-prediction-only", "empty names of the raw and probability columns: these are not made")
def _():
    model = LogisticRegression(regParam=0.05, rawPredictionCol="", probabilityCol="", predictionCol="class").fit(labelled(27, 80, 4, 3))
    return model, "features vector", ASKED_4


@case("logisticregression-probability-only", "the prediction's name is empty, so probability alone is made")
def _():
    model = LogisticRegression(regParam=0.05, rawPredictionCol="", predictionCol="").fit(labelled(28, 80, 4, 2))
    return model, "features vector", ASKED_4


@case("logisticregression-one-class", "trained on one class alone: an infinite intercept")
def _():
    train = frame("features vector, label double", [[dense(*r), 1.0] for r in draw(5, 8, 4)])
    return LogisticRegression().fit(train), "features vector", ASKED_4


@case("linearregression", "normal solver; dense and sparse rows", s4=True)
def _():
    return LinearRegression(regParam=0.01).fit(measured(31, 60, 4)), "features vector", ASKED_4


@case("linearregression-no-intercept", "elastic net without an intercept, own column names")
def _():
    model = LinearRegression(regParam=0.4, elasticNetParam=0.8, fitIntercept=False, predictionCol="y").fit(measured(32, 60, 4))
    return model, "features vector", ASKED_4


# === Trees ================================================================================

# The first two features are categories by the column's metadata: 3 and 5 of them.
TREE_METADATA = {"ml_attr": {"num_attrs": 5, "attrs": {
    "nominal": [{"idx": 0, "name": "kind", "vals": ["a", "b", "c"]}, {"idx": 1, "name": "zone", "num_vals": 5}],
    "numeric": [{"idx": 2}, {"idx": 3}, {"idx": 4}]}}}


def tree_rows(seed, count):
    r = random.Random(seed)
    for _ in range(count):
        kind, zone = r.randrange(3), r.choice([0, 1, 1, 2, 3, 4])
        x, y, z = round(r.gauss(0, 2), 2), round(r.random() * 10, 1), float(r.random() < 0.3)
        score = {0: 1.0, 1: -1.0, 2: 0.2}[kind] + (zone in (1, 4)) * 1.5 + 0.4 * x - 0.2 * (y > 6) + z * (x > 0) + r.gauss(0, 0.5)
        yield [float(kind), float(zone), x, y, z], score


def tree_frame(seed, count, label):
    train = frame("features vector, label double", [[dense(*v), label(s)] for v, s in tree_rows(seed, count)])
    return train.select(F.col("features").alias("features", metadata=TREE_METADATA), "label")


def three_classes(score):
    return float((score > 0.2) + (score > 1.4))


def two_classes(score):
    return float(score > 0.7)


def measure(score):
    return round(score * 10, 2)


TREE_ASKED = [[dense(*v)] for v, _ in tree_rows(77, 16)] + [
    [sparse(5, (1, 4.0), (3, 6.1))], [sparse(5)], [dense(2.0, 3.0, NAN, 1.0, 0.0)], [dense(1.0, 1.0, INF, -INF, 1.0)],
    [dense(5.0, 1.0, 0.0, 1.0, 0.0)], [dense(0.0, 9.0, 0.0, 1.0, 0.0)], [dense(0.5, 1.7, 0.0, 1.0, 0.0)], [dense(-1.0, 0.0, 0.0, 1.0, 0.0)],
    [dense(NAN, NAN, 0.0, 1.0, 0.0)], [dense(1.0, 2.0)], [dense(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)], [None]]


def tree_case(estimator, label, seed=41, count=220):
    return estimator.fit(tree_frame(seed, count, label)), "features vector", TREE_ASKED


@case("decisiontreeclassifier-categories", "three classes, splits of categories, leaf numbers; a vector's size is not looked at, only the values that the path needs", s4=True)
def _():
    return tree_case(DecisionTreeClassifier(maxDepth=5, leafCol="leaf", seed=1), three_classes)


@case("decisiontreeclassifier-thresholds", "thresholds, entropy; at least 4 rows a leaf")
def _():
    return tree_case(DecisionTreeClassifier(maxDepth=4, impurity="entropy", minInstancesPerNode=4, seed=1)
                     .setThresholds([0.9, 0.4, 0.2]), three_classes)


@case("decisiontreeclassifier-leaf-alone", "a tree that is one leaf looks at nothing: null and any size get its answer")
def _():
    return tree_case(DecisionTreeClassifier(maxDepth=0, leafCol="leaf"), three_classes)


@case("decisiontreeregressor-variance", "variance column and leaf numbers", s4=True)
def _():
    return tree_case(DecisionTreeRegressor(maxDepth=5, varianceCol="spread", leafCol="leaf", seed=1), measure)


@case("randomforestclassifier-leaf-thresholds", "votes are sums of leaf shares; leaf numbers of every tree", s4=True)
def _():
    return tree_case(RandomForestClassifier(numTrees=7, maxDepth=5, leafCol="leaf", seed=2).setThresholds([0.6, 0.3, 0.4]), three_classes)


@case("randomforestclassifier-two-numeric", "two classes; no metadata, so no categories")
def _():
    train = frame("features vector, label double", [[dense(*v), two_classes(s)] for v, s in tree_rows(43, 220)])
    return RandomForestClassifier(numTrees=12, maxDepth=4, seed=3).fit(train), "features vector", TREE_ASKED


@case("randomforestregressor-leaf", "the mean of the trees, leaf numbers")
def _():
    return tree_case(RandomForestRegressor(numTrees=6, maxDepth=5, leafCol="leaf", seed=4), measure)


@case("gbtclassifier-leaf-thresholds", "the margin's logistic of twice its value, thresholds, leaf numbers", s4=True)
def _():
    return tree_case(GBTClassifier(maxIter=8, maxDepth=3, stepSize=0.2, leafCol="leaf", seed=5).setThresholds([0.7, 0.4]), two_classes)


@case("gbtregressor", "the weighted sum of the trees; absolute loss", s4=True)
def _():
    return tree_case(GBTRegressor(maxIter=9, maxDepth=3, lossType="absolute", stepSize=0.3, leafCol="leaf", seed=6), measure)


# === Pipelines ============================================================================

REVIEWS = [
    ("The pump works and works well", "north", 34.0, 12.0, "good"), ("Broken pump, broken valve", "south", 61.0, 3.0, "bad"),
    ("works well in the rain", "north", 22.0, 40.5, "good"), ("the valve leaks", "east", 45.0, 0.0, "bad"),
    ("leaks and leaks and leaks", "south", 38.0, 7.5, "bad"), ("A quiet pump", "east", 29.0, 22.0, "good"),
    ("not so quiet and broken soon", "north", 55.0, 5.0, "bad"), ("well made valve", "south", 19.0, 18.0, "good"),
    ("it is fine", "north", 47.0, 9.0, "fair"), ("fine but leaks", "east", 33.0, 8.0, "fair"), ("fine pump but loud", "south", 70.0, 11.0, "fair"),
]
REVIEWS_ASKED = [
    ["The pump leaks", "north", 40.0, 10.0], ["WELL made and quiet", "south", 18.0, 100.0], ["", "east", 65.0, 0.0], ["Straße İ ΣΑΣ", "north", -5.0, 3.0],
    ["broken", "west", 30.0, 4.0], ["broken", None, 30.0, 4.0], ["fine", "east", NAN, 4.0], ["fine", "east", 33.0, NAN], ["fine", "east", None, 4.0],
    ["fine", "east", 33.0, None], [None, "east", 33.0, 4.0], ["it is fine but leaks", "south", 50.0, 12.5],
]
REVIEW = "text string, region string, age double, hours double"


def reviews():
    return frame(REVIEW + ", verdict string", [list(r) for r in REVIEWS])


@case("pipeline-14-stages", "stage folders are numbered with two digits; the label's indexer is a stage whose column is not given", s4=True)
def _():
    verdict = StringIndexer(inputCol="verdict", outputCol="label").fit(reviews())
    pipeline = Pipeline(stages=[
        verdict,
        Tokenizer(inputCol="text", outputCol="words"),
        StopWordsRemover(inputCol="words", outputCol="kept"),
        NGram(inputCol="kept", outputCol="pairs", n=2),
        HashingTF(inputCol="kept", outputCol="tf", numFeatures=32),
        IDF(inputCol="tf", outputCol="tfidf"),
        StringIndexer(inputCol="region", outputCol="region_index", handleInvalid="keep"),
        OneHotEncoder(inputCols=["region_index"], outputCols=["region_vector"], dropLast=False),
        Bucketizer(inputCol="age", outputCol="age_group", splits=[0.0, 25.0, 40.0, 60.0, 120.0], handleInvalid="keep"),
        VectorAssembler(inputCols=["hours", "age_group"], outputCol="numbers", handleInvalid="keep"),
        MinMaxScaler(inputCol="numbers", outputCol="scaled"),
        VectorAssembler(inputCols=["tfidf", "region_vector", "scaled"], outputCol="features", handleInvalid="keep"),
        LogisticRegression(regParam=0.1),
        IndexToString(inputCol="prediction", outputCol="answer", labels=verdict.labels),
    ])
    return pipeline.fit(reviews()), REVIEW, REVIEWS_ASKED


@case("pipeline-nested", "pipelines in a pipeline, three deep, one of them empty")
def _():
    words = Pipeline(stages=[Tokenizer(inputCol="text", outputCol="words"),
                             Pipeline(stages=[HashingTF(inputCol="words", outputCol="tf", numFeatures=16)])])
    pipeline = Pipeline(stages=[
        words,
        Pipeline(stages=[]),
        Pipeline(stages=[StringIndexer(inputCol="verdict", outputCol="label"),
                         VectorAssembler(inputCols=["tf", "hours"], outputCol="features", handleInvalid="skip")]),
        DecisionTreeClassifier(maxDepth=3, seed=1),
    ])
    return pipeline.fit(reviews()), REVIEW, REVIEWS_ASKED


@case("pipeline-categories-forest", "the indexer tells the trees which features are categories", s4=True)
def _():
    pipeline = Pipeline(stages=[
        StringIndexer(inputCols=["region", "verdict"], outputCols=["region_index", "verdict_index"], handleInvalid="keep"),
        VectorAssembler(inputCols=["region_index", "verdict_index", "age"], outputCol="features"),
        RandomForestRegressor(featuresCol="features", labelCol="hours", numTrees=4, maxDepth=3, seed=9),
    ])
    schema = "region string, verdict string, age double"
    rows = [[r[1], r[4], r[2]] for r in REVIEWS] + [["west", "good", 40.0], ["north", "odd", 40.0], [None, None, 20.0], ["north", "bad", NAN],
                                                    ["north", "bad", None]]
    return pipeline.fit(reviews()), schema, rows


@case("pipeline-skips", "rows that one stage drops do not reach the next, which would refuse them")
def _():
    pipeline = Pipeline(stages=[
        StringIndexer(inputCol="region", outputCol="region_index", handleInvalid="skip"),
        Bucketizer(inputCol="age", outputCol="age_group", splits=[0.0, 30.0, 60.0, 120.0], handleInvalid="skip"),
        OneHotEncoder(inputCols=["region_index", "age_group"], outputCols=["r", "g"]),
        VectorAssembler(inputCols=["r", "g", "hours"], outputCol="features"),
        StandardScaler(inputCol="features", outputCol="scaled", withMean=True),
        LinearRegression(featuresCol="scaled", labelCol="age", regParam=0.1),
    ])
    return pipeline.fit(reviews()), "region string, age double, hours double", [r[1:] for r in REVIEWS_ASKED] + [["west", -9.0, None]]


@case("pipeline-refused-before-skips", "a row that one stage refuses and a later one drops: indexers, assemblers and, before 4.0, size hints see it first",
      s4=True)
def _():
    seen = frame("s string, g string", [["a", "c"], ["b", "d"]])
    pipeline = PipelineModel([
        StringIndexer(inputCol="s", outputCol="i").fit(seen),
        Bucketizer(inputCol="y", outputCol="b", splits=[0.0, 1.0, 5.0]),
        VectorAssembler(inputCols=["x", "y"], outputCol="f"),
        VectorSizeHint(inputCol="v", size=2, handleInvalid="error"),
        StringIndexer(inputCol="g", outputCol="h", handleInvalid="skip").fit(seen),
        VectorAssembler(inputCols=["z", "y"], outputCol="k", handleInvalid="skip"),
    ])
    fine = {"s": "a", "y": 1.0, "x": 2.0, "v": dense(1.0, 2.0), "z": 3.0, "g": "c"}
    refused = [{"s": "zz"}, {"y": 9.0}, {"x": None}, {"v": dense(1.0, 2.0, 3.0)}]
    dropped = [{"z": None}, {"g": None}]
    odd = [{}] + refused + dropped + [one | other for one in refused for other in dropped]
    rows = [list((fine | cells).values()) for cells in odd]
    return pipeline, "s string, y double, x double, v vector, z double, g string", rows
