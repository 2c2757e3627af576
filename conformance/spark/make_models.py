"""Makes more of the cases of this folder: models that are no trees, what tuning leaves, and the layouts of Spark 2.

It is run as make.py is, and takes the same arguments. One-vs-rest is scored by Spark's own class, not by PySpark's copy of it in
Python. For the layouts of Spark 2 (names that begin with `spark2-`) a model of Spark 3.5 is rewritten as Spark 2 laid it out; Spark
3.5 loads it back and scores it.
"""
import glob
import json
import os
import shutil

from pyspark.ml import Pipeline
from pyspark.ml.classification import (DecisionTreeClassifier, FMClassifier, GBTClassifier, LinearSVC, LogisticRegression,
                                       LogisticRegressionModel, MultilayerPerceptronClassificationModel,
                                       MultilayerPerceptronClassifier, NaiveBayes, NaiveBayesModel, OneVsRest,
                                       RandomForestClassifier)
from pyspark.ml.evaluation import MulticlassClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.regression import (AFTSurvivalRegression, DecisionTreeRegressionModel, DecisionTreeRegressor, FMRegressor, GBTRegressionModel,
                                   GBTRegressor, GeneralizedLinearRegression, IsotonicRegression, LinearRegression,
                                   LinearRegressionModel, RandomForestRegressor)
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder, TrainValidationSplit
from pyspark.sql import DataFrame

import make
from make import (ASKED_4, INF, NAN, TREE_ASKED, case, dense, draw, frame, labelled, measure, measured, sparse, tree_frame,
                  two_classes, three_classes)

make.CASES.clear()


# === Support vectors ======================================================================

@case("linearsvc-threshold", "a threshold below 0, own names of the columns", s4=True)
def _():
    model = LinearSVC(regParam=0.05, maxIter=20, threshold=-0.4, rawPredictionCol="raw", predictionCol="class").fit(labelled(101, 80, 4, 2))
    return model, "features vector", ASKED_4


@case("linearsvc-prediction-only", "no scores are shown")
def _():
    model = LinearSVC(regParam=0.05, maxIter=20, threshold=0.3, rawPredictionCol="").fit(labelled(102, 80, 4, 2))
    return model, "features vector", ASKED_4


# === Naive Bayes ==========================================================================

COUNTED = [[dense(*(abs(round(x)) for x in r))] for r in draw(111, 8, 4)] + [
    [sparse(4, (0, 1.0), (3, 2.5))], [sparse(4)], [sparse(4, (1, 0.0), (2, -0.0))], [dense(-0.0, 0.0, 0.5, 1e300)],
    [dense(INF, 0.0, 0.0, 0.0)], [dense(0.0, NAN, 0.0, 0.0)], [dense(1.0, -1e-9, 0.0, 0.0)], [sparse(4, (2, -3.0))],
    [dense(1.0, 2.0)], [dense(1.0, 2.0, 3.0, 4.0, 5.0)], [None]]
MARKED = [[dense(*(float(x > 0) for x in r))] for r in draw(112, 8, 4)] + [
    [sparse(4, (0, 1.0), (3, 1.0))], [sparse(4)], [sparse(4, (1, 0.0), (2, -0.0))], [dense(-0.0, 1.0, 0.0, 1.0)],
    [dense(0.5, 0.0, 0.0, 0.0)], [dense(0.0, NAN, 0.0, 0.0)], [dense(1.0, 2.0, 0.0, 0.0)], [sparse(4, (2, -1.0))], [dense(1.0, 0.0)],
    [sparse(5, (4, 1.0))], [None]]


def counted(seed, classes, marks=False):
    rows = [[dense(*(float(x > 0) if marks else abs(round(2 * x + i % classes)) for x in r)), float(i % classes)]
            for i, r in enumerate(draw(seed, 60, 4))]
    return frame("features vector, label double", rows)


@case("naivebayes-multinomial", "counts of three classes; thresholds with a zero", s4=True)
def _():
    model = NaiveBayes(smoothing=0.3, thresholds=[0.4, 0.0, 0.7]).fit(counted(113, 3))
    return model, "features vector", COUNTED


@case("naivebayes-complement", "complement, probabilities alone are shown", s4=True)
def _():
    model = NaiveBayes(modelType="complement", rawPredictionCol="").fit(counted(114, 3))
    return model, "features vector", COUNTED


@case("naivebayes-bernoulli", "marks of two classes, scores alone are shown beside the class", s4=True)
def _():
    model = NaiveBayes(modelType="bernoulli", probabilityCol="", thresholds=[0.9, 0.3]).fit(counted(115, 2, marks=True))
    return model, "features vector", MARKED


@case("naivebayes-gaussian", "means and variances: a longer vector is read as far as they go", s4=True)
def _():
    return NaiveBayes(modelType="gaussian").fit(labelled(116, 90, 4, 3)), "features vector", ASKED_4


@case("naivebayes-prediction-only", "the class alone, weighed by thresholds")
def _():
    model = NaiveBayes(rawPredictionCol="", probabilityCol="", thresholds=[0.2, 0.9]).fit(counted(117, 2))
    return model, "features vector", COUNTED


# === Perceptrons, factorization machines ==================================================

@case("multilayerperceptron", "two hidden layers, three classes, thresholds", s4=True)
def _():
    model = MultilayerPerceptronClassifier(layers=[4, 5, 3, 3], seed=3, maxIter=25).fit(labelled(121, 90, 4, 3))
    return model.setThresholds([0.3, 0.9, 0.5]), "features vector", ASKED_4


@case("multilayerperceptron-two-layers", "no hidden layer, two classes; probabilities alone", s4=True)
def _():
    model = MultilayerPerceptronClassifier(layers=[4, 2], seed=3, maxIter=8, rawPredictionCol="").fit(labelled(122, 90, 4, 2))
    return model, "features vector", ASKED_4


@case("multilayerperceptron-prediction-only", "the class alone: Spark leaves the thresholds out then")
def _():
    model = MultilayerPerceptronClassifier(layers=[4, 3, 3], seed=3, maxIter=25, rawPredictionCol="",
                                           probabilityCol="").fit(labelled(123, 90, 4, 3))
    return model.setThresholds([0.9, 0.1, 0.9]), "features vector", ASKED_4


@case("fmclassifier-thresholds", "thresholds on a factorization machine", s4=True)
def _():
    model = FMClassifier(factorSize=3, seed=5, maxIter=20, stepSize=0.05).fit(labelled(124, 80, 4, 2))
    return model.setThresholds([0.9, 0.2]), "features vector", ASKED_4


@case("fmclassifier-prediction-only", "without linear part and intercept, the class alone")
def _():
    model = FMClassifier(factorSize=2, seed=5, maxIter=20, stepSize=0.05, fitLinear=False, fitIntercept=False, rawPredictionCol="",
                         probabilityCol="").fit(labelled(125, 80, 4, 2))
    return model, "features vector", ASKED_4


@case("fmregressor", "a factorization machine for numbers, own name of the column", s4=True)
def _():
    model = FMRegressor(factorSize=5, seed=5, maxIter=20, stepSize=0.05, predictionCol="y").fit(measured(126, 60, 4))
    return model, "features vector", ASKED_4


# === One against the rest =================================================================

def jvm():
    return make.spark._jvm.org.apache.spark.ml.classification.OneVsRestModel


class SparksOneVsRest:
    """Spark's own class: PySpark has another implementation of the transform."""

    def __init__(self, java):
        self.java = java

    def save(self, path):
        self.java.write().save(path)

    @staticmethod
    def load(path):
        return SparksOneVsRest(jvm().load(path))

    def transform(self, table):
        return DataFrame(self.java.transform(table._jdf), make.spark)


def one_vs_rest(classifier, seed, train=None, **columns):
    """Trained by PySpark, its columns set by Spark's class."""
    estimator = OneVsRest(classifier=classifier, **{k: v for k, v in columns.items() if k == "featuresCol"})
    model = estimator.fit(train if train is not None else labelled(seed, 90, 4, 3))
    java = model._to_java()
    for name, value in columns.items():
        if name == "featuresCol":
            java.setFeaturesCol(value)
        elif name == "rawPredictionCol":
            java.setRawPredictionCol(value)
        elif name == "predictionCol":
            java.setPredictionCol(value)
    return SparksOneVsRest(java), f"{columns.get('featuresCol', 'features')} vector", ASKED_4


@case("onevsrest-logistic", "logistic regressions; a NaN score is passed over by Spark 4 only", s4=True)
def _():
    return one_vs_rest(LogisticRegression(regParam=0.05, maxIter=20), 131)


@case("onevsrest-logistic-l1", "sparse coefficients: a NaN reaches some of the models only", s4=True)
def _():
    return one_vs_rest(LogisticRegression(regParam=0.15, elasticNetParam=1.0, thresholds=[0.2, 0.8], maxIter=20), 132)


@case("onevsrest-naivebayes-no-raw", "naive Bayes below; no scores are shown")
def _():
    model, schema, _ = one_vs_rest(NaiveBayes(), 0, counted(133, 3), rawPredictionCol="")
    return model, schema, COUNTED


@case("onevsrest-perceptron-raw-only", "perceptrons below; the class is not shown")
def _():
    return one_vs_rest(MultilayerPerceptronClassifier(layers=[4, 2], seed=2, maxIter=10), 134, predictionCol="")


@case("onevsrest-forest", "forests below, leaf numbers of theirs are not shown", s4=True)
def _():
    return one_vs_rest(RandomForestClassifier(numTrees=2, maxDepth=2, seed=1, leafCol="leaf"), 135)


@case("onevsrest-boosted", "boosted trees below")
def _():
    return one_vs_rest(GBTClassifier(maxIter=2, maxDepth=2, seed=1), 136)


@case("onevsrest-machines", "factorization machines below")
def _():
    return one_vs_rest(FMClassifier(factorSize=2, maxIter=10, seed=1, stepSize=0.1), 137)


@case("onevsrest-tree", "trees below: a tree of a single leaf reads no features")
def _():
    return one_vs_rest(DecisionTreeClassifier(maxDepth=1, minInfoGain=0.1), 138)


# === Regression ===========================================================================

OFFSET = "features vector, off double"
ASKED_OFFSET = [[row[0], float(i % 5) / 4 - 0.5] for i, row in enumerate(ASKED_4)] + [
    [dense(0.1, 0.2, 0.3, 0.4), None], [None, None], [dense(1.0), None], [dense(0.1, 0.2, 0.3, 0.4), NAN], [dense(0.1, 0.2, 0.3, 0.4), INF],
    [dense(0.0, 0.0, 0.0, 0.0), -1e9]]


def responses(seed, family):
    """Rows whose label fits a family; small coefficients keep every link at work."""
    rows = []
    for i, v in enumerate(draw(seed, 60, 4)):
        score = 0.3 + sum(x / (20 * (j + 1)) for j, x in enumerate(v))
        label = {"binomial": float(score > 0.3), "poisson": float(max(0, round(3 * score + i % 3))), "gaussian": 2 + score + i % 3 / 5}
        rows.append([dense(*v), label.get(family, max(0.05, 2 + score + i % 3 / 5)), 0.1 * (i % 4), 1.0 + i % 2])
    return frame("features vector, label double, off double, w double", rows)


def glm(seed, family, **params):
    return GeneralizedLinearRegression(family=family, maxIter=8, regParam=0.1, **params).fit(responses(seed, family))


for number, (family, link) in enumerate([
        ("gaussian", None), ("gaussian", "log"), ("gaussian", "inverse"), ("binomial", "logit"), ("binomial", "probit"), ("binomial", "cloglog"),
        ("poisson", "log"), ("poisson", "identity"), ("poisson", "sqrt"), ("gamma", "inverse"), ("gamma", "identity"), ("gamma", "log")]):
    @case(f"glm-{family}-{link or 'default'}", "the linear score is shown too", s4=number % 3 == 0)
    def _(number=number, family=family, link=link):
        named = {"link": link} if link else {}
        return glm(141 + number, family, linkPredictionCol="eta", **named), "features vector", ASKED_4


for variance, power in [(0.0, None), (1.0, None), (2.0, None), (1.5, None), (1.3, 0.0), (1.7, 1.0), (1.2, -1.0), (1.6, 0.5), (1.4, 0.3), (2.5, -0.7)]:
    @case(f"glm-tweedie-{variance}-{power}", "a power of the variance and one of the link", s4=variance in (1.5, 1.4))
    def _(variance=variance, power=power):
        named = {} if power is None else {"linkPower": power}
        return glm(161, "tweedie", variancePower=variance, predictionCol="mean", **named), "features vector", ASKED_4


@case("glm-offset", "an offset: where it is null so is the answer, whatever the features", s4=True)
def _():
    return glm(162, "poisson", offsetCol="off", weightCol="w", linkPredictionCol="eta"), OFFSET, ASKED_OFFSET


@case("glm-offset-link-only", "the linear score alone, without an intercept")
def _():
    model = glm(163, "Poisson", link="LOG", offsetCol="off", linkPredictionCol="eta", predictionCol="", fitIntercept=False)
    return model, "features vector, off float", ASKED_OFFSET


STEPS = [[x] for x in (-9.0, -1.5, -1.0, -0.5, -0.0, 0.0, 0.25, 0.5, 1.0, 1.25, 2.0, 2.5, 3.0, 99.0, NAN, INF, -INF, None)]


def steps(values):
    return frame("features double, label double, w double", [[x, y, 1.0 + i % 2] for i, (x, y) in enumerate(values)])


STAIRS = [(-1.0, 1.0), (-1.0, 2.0), (0.0, 1.5), (0.5, 4.0), (0.5, 2.0), (1.0, 3.0), (2.0, 2.5), (2.0, 7.0), (3.0, 9.0), (2.5, 6.0)]


@case("isotonic-rising", "several labels at one place; weights", s4=True)
def _():
    return IsotonicRegression(weightCol="w").fit(steps(STAIRS)), "features double", STEPS


@case("isotonic-falling", "falling, own names", s4=True)
def _():
    model = IsotonicRegression(isotonic=False, predictionCol="y").fit(steps([(x, -y + x * x) for x, y in STAIRS]))
    return model, "features double", STEPS


@case("isotonic-one-point", "trained on one row")
def _():
    return IsotonicRegression().fit(steps([(1.0, 2.0)])), "features double", STEPS


@case("isotonic-element", "an element of a vector: one that is not there is refused", s4=True)
def _():
    model = IsotonicRegression(featureIndex=2).fit(measured(171, 40, 4))
    return model, "features vector", ASKED_4 + [[sparse(2, (1, 1.0))], [sparse(9, (2, 0.4))], [dense(0.0, 0.0, -9.9)]]


def survived(seed):
    rows = [[dense(*v), abs(2 + v[0] - v[1] / 2) + 0.1, float(i % 3 > 0)] for i, v in enumerate(draw(seed, 60, 4))]
    return frame("features vector, label double, censor double", rows)


@case("aft-quantiles", "quantiles of own probabilities", s4=True)
def _():
    model = AFTSurvivalRegression(maxIter=8, quantilesCol="q", quantileProbabilities=[0.001, 0.5, 0.999]).fit(survived(172))
    return model, "features vector", ASKED_4


@case("aft-quantiles-alone", "the prediction is not shown; nine probabilities by default", s4=True)
def _():
    model = AFTSurvivalRegression(maxIter=8, quantilesCol="q", predictionCol="", fitIntercept=False).fit(survived(173))
    return model, "features vector", ASKED_4


@case("linearregression-huber", "a loss that outliers move less", s4=True)
def _():
    return LinearRegression(loss="huber", epsilon=1.2, maxIter=10).fit(measured(174, 60, 4)), "features vector", ASKED_4


# === Which columns are shown ==============================================================

@case("decisiontreeclassifier-prediction-only", "the class alone: Spark leaves the thresholds out then", s4=True)
def _():
    model = DecisionTreeClassifier(maxDepth=3, rawPredictionCol="", probabilityCol="",
                                   leafCol="leaf").fit(tree_frame(181, 150, three_classes))
    return model.setThresholds([0.9, 0.05, 0.9]), "features vector", TREE_ASKED


@case("randomforestclassifier-prediction-only", "the class alone, weighed by thresholds")
def _():
    model = RandomForestClassifier(numTrees=3, maxDepth=3, seed=1, rawPredictionCol="",
                                   probabilityCol="").fit(tree_frame(182, 150, three_classes))
    return model.setThresholds([0.9, 0.05, 0.9]), "features vector", TREE_ASKED


@case("randomforestclassifier-leaf-only", "the numbers of the leaves alone")
def _():
    model = RandomForestClassifier(numTrees=2, maxDepth=2, seed=1, rawPredictionCol="", probabilityCol="", predictionCol="",
                                   leafCol="leaf").fit(tree_frame(183, 150, two_classes))
    return model, "features vector", TREE_ASKED


@case("gbtclassifier-probability-only", "probabilities and the class, no scores", s4=True)
def _():
    model = GBTClassifier(maxIter=3, maxDepth=2, seed=1, rawPredictionCol="").fit(tree_frame(184, 150, two_classes))
    return model.setThresholds([0.8, 0.3]), "features vector", TREE_ASKED


@case("gbtclassifier-prediction-only", "the class alone")
def _():
    model = GBTClassifier(maxIter=3, maxDepth=2, seed=1, rawPredictionCol="", probabilityCol="").fit(tree_frame(185, 150, two_classes))
    return model, "features vector", TREE_ASKED


@case("decisiontreeregressor-variance-only", "the variance and the leaf, no prediction")
def _():
    model = DecisionTreeRegressor(maxDepth=3, predictionCol="", varianceCol="var", leafCol="leaf").fit(tree_frame(186, 150, measure))
    return model, "features vector", TREE_ASKED


@case("randomforestregressor-leaf-only", "the numbers of the leaves alone", s4=True)
def _():
    model = RandomForestRegressor(numTrees=2, maxDepth=2, seed=1, predictionCol="", leafCol="leaf").fit(tree_frame(187, 150, measure))
    return model, "features vector", TREE_ASKED


@case("logisticregression-raw-only", "scores and the class: a threshold is moved to the scores")
def _():
    model = LogisticRegression(regParam=0.05, threshold=0.7, probabilityCol="").fit(labelled(188, 80, 4, 2))
    return model, "features vector", ASKED_4


@case("logisticregression-thresholds-probability", "thresholds of three classes, no scores")
def _():
    model = LogisticRegression(regParam=0.05, thresholds=[0.9, 0.3, 0.5], rawPredictionCol="").fit(labelled(189, 80, 4, 3))
    return model, "features vector", ASKED_4


# === Tuning ===============================================================================

@case("crossvalidator-in-pipeline", "a search within a pipeline, over a pipeline of its own; sub-models are saved", s4=True)
def _():
    inner = Pipeline(stages=[StandardScaler(inputCol="all", outputCol="features"), NaiveBayes(modelType="gaussian")])
    grid = ParamGridBuilder().addGrid(inner.getStages()[1].thresholds, [[0.5, 0.5], [0.2, 0.9]]).build()
    search = CrossValidator(estimator=inner, estimatorParamMaps=grid, numFolds=2, seed=1, collectSubModels=True,
                            evaluator=MulticlassClassificationEvaluator())
    pipeline = Pipeline(stages=[VectorAssembler(inputCols=["x", "y"], outputCol="all"), search])
    rows = [[x, y, float(x + y > 0)] for x, y in draw(191, 40, 2)]
    model = pipeline.fit(frame("x double, y double, label double", rows))
    return model, "x double, y double", [r[:2] for r in rows[:6]] + [[NAN, 1.0], [None, 1.0], [INF, 1.0]]


@case("trainvalidationsplit-linear", "the better of two linear regressions", s4=True)
def _():
    estimator = LinearRegression(maxIter=5)
    grid = ParamGridBuilder().addGrid(estimator.regParam, [0.01, 5.0]).build()
    search = TrainValidationSplit(estimator=estimator, estimatorParamMaps=grid, trainRatio=0.7, seed=1, evaluator=RegressionEvaluator())
    return search.fit(measured(192, 60, 4)), "features vector", ASKED_4


# === The layouts of Spark 2 ===============================================================

def old(model, version, change=None, params=None, ensemble=False):
    """The model as Spark `version` saved it: `change` makes its rows, `params` were not there; before 2.4 what was set and the defaults
    stood together."""

    def save(path):
        model.save(path)
        folder = path.removeprefix("file://")
        if change is not None:
            table = change(make.spark.read.parquet(path + "/data")).coalesce(1).persist()
            table.count()
            shutil.rmtree(folder + "/data")
            table.write.parquet(path + "/data")
        [part] = glob.glob(folder + "/metadata/part-*")
        with open(part, encoding="utf-8") as text:
            document = json.load(text)
        document["sparkVersion"] = version
        for name in params or []:
            document["paramMap"].pop(name, None)
            document["defaultParamMap"].pop(name, None)
        if version < "2.4":
            document["paramMap"] = {**document.pop("defaultParamMap"), **document["paramMap"]}
        with open(part, "w", encoding="utf-8") as text:
            text.write(json.dumps(document, separators=(",", ":")) + "\n")

    def load(path):
        return type(model).load(path)

    return type("Old", (), {"save": staticmethod(save), "load": staticmethod(load)})()


@case("spark2-logisticregression", "2.0: one vector of coefficients and a number; sparse ones are filled up when they are read")
def _():
    model = LogisticRegression(regParam=0.12, elasticNetParam=1.0, threshold=0.6, maxIter=20).fit(labelled(201, 80, 4, 2))
    coefficients, intercept = model.coefficients, model.intercept

    def change(table):
        return frame("numClasses int, numFeatures int, intercept double, coefficients vector", [[2, 4, intercept, sparse(4, *[
            (i, float(v)) for i, v in enumerate(coefficients.toArray()) if v != 0])]])
    return old(model, "2.0.2", change, ["family", "lowerBoundsOnCoefficients"][:1] + ["maxBlockSizeInMB"]), "features vector", ASKED_4


@case("spark2-linearregression", "2.2: no scale")
def _():
    model = LinearRegression(regParam=0.1).fit(measured(202, 60, 4))
    return old(model, "2.2.3", lambda t: t.drop("scale"), ["loss", "epsilon", "maxBlockSizeInMB"]), "features vector", ASKED_4


@case("spark2-naivebayes", "2.4: no variances")
def _():
    return old(NaiveBayes(modelType="bernoulli").fit(counted(203, 2, marks=True)), "2.4.8", lambda t: t.drop("sigma")), "features vector", MARKED


@case("spark2-multilayerperceptron", "2.4: the sizes of the layers stand beside the weights")
def _():
    model = MultilayerPerceptronClassifier(layers=[4, 3, 3], seed=3, maxIter=25).fit(labelled(204, 90, 4, 3))

    def change(table):
        from pyspark.sql import functions as F
        return table.select(F.array(F.lit(4), F.lit(3), F.lit(3)).alias("layers"), "weights")
    return old(model, "2.4.8", change, ["layers"]), "features vector", ASKED_4


@case("spark2-gbtregressor", "2.4: nodes without the number of rows")
def _():
    from pyspark.sql import functions as F
    model = GBTRegressor(maxIter=3, maxDepth=2, seed=1).fit(tree_frame(205, 150, measure))
    fields = ["id", "prediction", "impurity", "impurityStats", "gain", "leftChild", "rightChild", "split"]

    def change(table):
        return table.select("treeID", F.struct(*[F.col("nodeData." + f).alias(f) for f in fields]).alias("nodeData"))
    return old(model, "2.4.8", change, ["leafCol", "minWeightFractionPerNode"]), "features vector", TREE_ASKED


@case("spark2-decisiontreeregressor", "2.1: nodes without the number of rows")
def _():
    model = DecisionTreeRegressor(maxDepth=3, varianceCol="var").fit(tree_frame(206, 150, measure))
    return old(model, "2.1.3", lambda t: t.drop("rawCount"), ["leafCol", "minWeightFractionPerNode"]), "features vector", TREE_ASKED


if __name__ == "__main__":
    make.main()
