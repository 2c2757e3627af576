"""Cases: the other learners."""
from pyspark.ml import Pipeline
from pyspark.ml import classification as c
from pyspark.ml import clustering as k
from pyspark.ml import fpm, recommendation, tuning
from pyspark.ml import regression as r
from pyspark.ml.evaluation import BinaryClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import VectorAssembler

from casebook import ASKED_4, INF, NAN, case, dense, draw, frame, labelled, measured, sparse

LOOSE = {"rel": 1e-6, "abs": 1e-6}


def classes(model, seed, count=2):
    return model.fit(labelled(seed, 60, 4, count)), "features vector", ASKED_4


def counts(model, limit=4):
    """Counts of words, and their classes."""
    rows = [[dense(*(float(min(limit, abs(int(x)))) for x in v)), float(i % 3 == 0)] for i, v in enumerate(draw(51, 40, 4))]
    asked = [[v] for v, _ in rows[:6]] + [[sparse(4, (1, 1.0), (3, 1.0))], [sparse(4)], [dense(0.0, 0.0, 0.0, 0.0)], [dense(-1.0, 0.0, 0.0, 1.0)],
                                          [dense(0.5, 0.0, 1.0, 1.0)], [dense(NAN, 0.0, 1.0, 0.0)], [dense(INF, 0.0, 0.0, 1.0)], [dense(1.0, 1.0)], [None]]
    return model.fit(frame("features vector, label double", rows)), "features vector", asked


@case("linearsvc", "the sign of the margin, no probabilities", s4=True)
def _():
    return classes(c.LinearSVC(maxIter=8, regParam=0.05), 61)


@case("linearsvc-threshold", "a threshold of its own, no intercept")
def _():
    return classes(c.LinearSVC(maxIter=8, threshold=0.4, fitIntercept=False), 62)


@case("naivebayes-multinomial", "counts; what is below zero is refused", s4=True)
def _():
    return counts(c.NaiveBayes(smoothing=0.7))


@case("naivebayes-complement", "counts of the other classes")
def _():
    return counts(c.NaiveBayes(modelType="complement"))


@case("naivebayes-bernoulli", "zeros and ones; anything else is refused; thresholds")
def _():
    return counts(c.NaiveBayes(modelType="bernoulli", thresholds=[0.4, 0.9]), limit=1)


@case("naivebayes-gaussian", "numbers", s4=True)
def _():
    return classes(c.NaiveBayes(modelType="gaussian"), 63, 3)


@case("multilayerperceptronclassifier", "one hidden layer", s4=True)
def _():
    return classes(c.MultilayerPerceptronClassifier(layers=[4, 3, 3], maxIter=6, seed=3), 64, 3)


@case("multilayerperceptronclassifier-deep", "two hidden layers, thresholds")
def _():
    return classes(c.MultilayerPerceptronClassifier(layers=[4, 3, 2, 2], maxIter=6, seed=4)._set(thresholds=[0.3, 0.6]), 65)


@case("onevsrest-logisticregression", "the class whose own model is surest", s4=True)
def _():
    return classes(c.OneVsRest(classifier=c.LogisticRegression(maxIter=5)), 66, 3)


@case("onevsrest-linearsvc", "margins, no column of them")
def _():
    return classes(c.OneVsRest(classifier=c.LinearSVC(maxIter=4), rawPredictionCol=""), 67, 3)


@case("fmclassifier", "pairs of features too", s4=True)
def _():
    return classes(c.FMClassifier(factorSize=2, maxIter=8, seed=3, thresholds=[0.6, 0.4]), 68)


@case("fmregressor", "pairs of features alone")
def _():
    return r.FMRegressor(factorSize=2, maxIter=8, seed=3, fitLinear=False, fitIntercept=False).fit(measured(69, 50, 4)), "features vector", ASKED_4


@case("linearregression-huber", "a loss that outliers do not sway")
def _():
    return r.LinearRegression(loss="huber", maxIter=10).fit(measured(70, 50, 4)), "features vector", ASKED_4


@case("decisiontreeclassifier-four", "four classes, gini")
def _():
    return classes(c.DecisionTreeClassifier(maxDepth=4), 71, 4)


def general(family, link=None, offset=False, **params):
    model = r.GeneralizedLinearRegression(family=family, maxIter=6, regParam=0.05, linkPredictionCol="eta", **params)
    model = model.setLink(link) if link else model
    rows = [[row.features, abs(row.label) + 0.1 if family != "binomial" else float(row.label > 3), 0.1 * (i % 5)]
            for i, row in enumerate(measured(72, 50, 4).collect())]
    asked = [row + [float(i) / 4] for i, row in enumerate(ASKED_4)]
    if offset:
        model = model.setOffsetCol("off")
        asked = asked + [[dense(1.0, 2.0, 0.0, 1.0), None], [dense(1.0, 2.0, 0.0, 1.0), NAN]]
    return model.fit(frame("features vector, label double, off double", rows)), "features vector, off double", asked


for FAMILY, LINK, NEW in [("gaussian", "identity", True), ("gaussian", "log", False), ("gaussian", "inverse", False), ("binomial", "logit", True),
                          ("binomial", "probit", False), ("binomial", "cloglog", False), ("poisson", "log", True), ("poisson", "identity", False),
                          ("poisson", "sqrt", False), ("gamma", "inverse", True), ("gamma", "log", False), ("gamma", "identity", False)]:
    @case(f"generalizedlinearregression-{FAMILY}-{LINK}", f"{FAMILY} errors, the link {LINK}; the link's own value too", s4=NEW)
    def _(family=FAMILY, link=LINK):
        return general(family, link)


@case("generalizedlinearregression-tweedie", "variance power 1.5, the link's power 0.5", s4=True)
def _():
    return general("tweedie", variancePower=1.5, linkPower=0.5)


@case("generalizedlinearregression-tweedie-log", "variance power 1.2, the link's power 0")
def _():
    return general("tweedie", variancePower=1.2, linkPower=0.0)


@case("generalizedlinearregression-offset", "an offset column; a null in it makes null")
def _():
    return general("poisson", "log", offset=True, fitIntercept=False)


def survival(model):
    rows = [[row.features, abs(row.label) + 0.1, float(i % 3 > 0)] for i, row in enumerate(measured(73, 40, 4).collect())]
    return model.fit(frame("features vector, label double, censor double", rows)), "features vector", ASKED_4


@case("aftsurvivalregression", "the expected time")
def _():
    return survival(r.AFTSurvivalRegression(maxIter=6))


@case("aftsurvivalregression-quantiles", "quantiles of the time, without an intercept", s4=True)
def _():
    return survival(r.AFTSurvivalRegression(maxIter=6, quantilesCol="q", quantileProbabilities=[0.05, 0.5, 0.95], fitIntercept=False))


STEPS = [[float(i % 9), float((i * 7) % 11)] for i in range(30)]
STEPS_ASKED = [[v] for v in (-1.0, 0.0, -0.0, 0.5, 3.25, 8.0, 9.0, NAN, INF, -INF, None)]


@case("isotonicregression", "a rising curve, straight between its points, flat beyond", s4=True)
def _():
    return r.IsotonicRegression(featuresCol="x", labelCol="y").fit(frame("x double, y double", STEPS)), "x double", STEPS_ASKED


@case("isotonicregression-falling-vector", "a falling curve of one of a vector's numbers")
def _():
    rows = [[dense(0.0, x), y] for x, y in STEPS]
    model = r.IsotonicRegression(featuresCol="v", labelCol="y", isotonic=False, featureIndex=1).fit(frame("v vector, y double", rows))
    return model, "v vector", [[dense(0.0, x[0])] for x in STEPS_ASKED if x[0] is not None] + [[sparse(2)], [dense(1.0)], [None]]


def clusters(model, seed=74):
    rows = [[dense(*v)] for v in draw(seed, 40, 4)]
    return model.fit(frame("features vector", rows)), "features vector", ASKED_4


@case("kmeans", "the nearest centre", s4=True)
def _():
    return clusters(k.KMeans(k=3, seed=1, maxIter=4))


@case("kmeans-cosine", "the centre of the nearest direction")
def _():
    return clusters(k.KMeans(k=3, seed=1, maxIter=4, distanceMeasure="cosine"))


@case("bisectingkmeans", "down a tree of centres", s4=True)
def _():
    return clusters(k.BisectingKMeans(k=4, seed=1, maxIter=4))


@case("bisectingkmeans-cosine", "down a tree of directions")
def _():
    return clusters(k.BisectingKMeans(k=3, seed=1, maxIter=4, distanceMeasure="cosine"))


@case("gaussianmixture", "shares of the bells", s4=True, tolerance=LOOSE)
def _():
    return clusters(k.GaussianMixture(k=2, seed=1, maxIter=4))


TOPICS = [[dense(*(float(abs(int(2 * x))) for x in v))] for v in draw(75, 24, 6)]


@case("lda-online", "topics of counts of words", s4=True, tolerance=LOOSE)
def _():
    model = k.LDA(k=3, maxIter=3, seed=1, optimizer="online").fit(frame("features vector", TOPICS))
    return model, "features vector", TOPICS[:8] + [[sparse(6, (1, 2.0), (4, 1.0))], [sparse(6)], [dense(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)], [None]]


@case("lda-em", "a model that Spark asks with chance: near is enough", tolerance={"rel": 5e-3, "abs": 5e-3})
def _():
    model = k.LDA(k=2, maxIter=3, seed=1, optimizer="em").fit(frame("features vector", TOPICS))
    return model, "features vector", TOPICS[:6] + [[sparse(6, (1, 2.0), (4, 1.0))], [sparse(6)]]


def recommended(cold, **params):
    rows = [[u, 10 + i, float((u * i) % 5 + 1)] for u in range(5) for i in range(6) if (u + i) % 3]
    model = recommendation.ALS(userCol="u", itemCol="i", ratingCol="stars", rank=3, maxIter=2, seed=1, coldStartStrategy=cold, **params)
    asked = [[0, 11], [4, 15], [2, 12], [9, 11], [0, 99], [9, 99], [None, 11], [-1, 11]]
    return model.fit(frame("u int, i int, stars double", rows)), "u int, i int", asked


@case("als-nan", "who or what is unknown gets NaN", s4=True, tolerance=LOOSE)
def _():
    return recommended("nan")


@case("als-drop", "who or what is unknown is dropped; ratings of trust", tolerance=LOOSE)
def _():
    return recommended("drop", implicitPrefs=True, nonnegative=True)


@case("fpgrowth", "what rules of baskets add; an order is not promised", s4=True)
def _():
    rows = [[["a", "b", "c"]], [["a", "b"]], [["a", "c", "d"]], [["b", "c"]], [["a", "b", "d"]], [["a"]]] * 2
    model = fpm.FPGrowth(itemsCol="items", minSupport=0.2, minConfidence=0.5).fit(frame("items array<string>", rows))
    return model, "items array<string>", [[["a"]], [["b"]], [["c", "d"]], [["x"]], [[]], [None], [["a", "b", "c", "d"]], [["a", None]]]


@case("crossvalidator", "the best model of a grid answers", s4=True)
def _():
    model = c.LogisticRegression(maxIter=3)
    grid = tuning.ParamGridBuilder().addGrid(model.regParam, [0.01, 0.3]).build()
    search = tuning.CrossValidator(estimator=model, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator(), numFolds=2, seed=1)
    return search.fit(labelled(76, 50, 4, 2)), "features vector", ASKED_4


@case("trainvalidationsplit-pipeline", "the best pipeline of a grid answers")
def _():
    model = r.DecisionTreeRegressor(labelCol="y", maxDepth=3)
    pipeline = Pipeline(stages=[VectorAssembler(inputCols=["a", "b"], outputCol="features", handleInvalid="keep"), model])
    grid = tuning.ParamGridBuilder().addGrid(model.minInstancesPerNode, [1, 4]).build()
    search = tuning.TrainValidationSplit(estimator=pipeline, estimatorParamMaps=grid, evaluator=RegressionEvaluator(labelCol="y"), seed=1)
    rows = [[a, b, a * 2 - b] for a, b in draw(77, 40, 2)]
    return search.fit(frame("a double, b double, y double", rows)), "a double, b double", [r[:2] for r in rows[:8]] + [[None, 1.0], [NAN, INF]]
