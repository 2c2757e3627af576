"""Learners, drawn: classification, regression, clustering, recommendation, frequent patterns, tuning."""
from lab import NotNow
from pyspark.ml import classification as c
from pyspark.ml import clustering as k
from pyspark.ml import evaluation as e
from pyspark.ml import fpm, recommendation, tuning
from pyspark.ml import regression as r


def features(d, large=40):
    column, size = d.vector(large, fresh=0.25)
    return column.name, size


def named(d, stage, *kinds):
    """Names the outputs: sometimes as they are by default, sometimes one is not made at all."""
    defaults = {"prediction": "prediction", "probability": "probability", "raw": "rawPrediction"}
    hints = {}
    plain = d.chance(0.4) and not any(col.name in defaults.values() for col in d.columns)
    for kind in kinds:
        name = defaults[kind] if plain else d.name(kind)
        name = "" if d.chance(0.06) and kind != "prediction" else name
        {"prediction": "setPredictionCol", "probability": "setProbabilityCol", "raw": "setRawPredictionCol"}
        param = {"prediction": "predictionCol", "probability": "probabilityCol", "raw": "rawPredictionCol"}[kind]
        stage._set(**{param: name})
        if kind == "prediction":
            hints[name] = "index"
    return stage, hints


def thresholds(d, stage, classes):
    if d.chance(0.35):
        values = [d.r.choice([0.2, 0.5, 0.5, 0.9, 1.0]) for _ in range(classes)]
        if d.chance(0.25):
            values[d.r.randrange(classes)] = 0.0
        stage._set(thresholds=values)
    return stage


def leaf(d, stage):
    return stage._set(leafCol=d.name("leaf")) if d.chance(0.4) else stage


def logistic(d):
    name, _ = features(d)
    classes = d.r.choice([2, 2, 3, 4])
    stage = c.LogisticRegression(featuresCol=name, labelCol=d.label(classes), maxIter=4, regParam=d.r.choice([0.0, 0.05, 0.3]),
                                 elasticNetParam=d.r.choice([0.0, 0.0, 0.8, 1.0]), fitIntercept=d.chance(0.8), standardization=d.chance(0.7),
                                 family=d.r.choice(["auto", "auto", "multinomial"]))
    if classes == 2 and d.chance(0.3):
        stage._set(threshold=d.r.choice([0.0, 0.3, 0.7, 1.0]))
    else:
        thresholds(d, stage, classes)
    return named(d, stage, "prediction", "probability", "raw")


def tree_classifier(d):
    name, _ = features(d)
    classes = d.r.choice([2, 3])
    more = dict(featuresCol=name, labelCol=d.label(classes), seed=d.r.randrange(99), maxDepth=d.r.choice([0, 2, 3, 5]))
    impurity = d.r.choice(["gini", "entropy"])
    stage = d.r.choice([
        lambda: c.DecisionTreeClassifier(impurity=impurity, **more),
        lambda: c.RandomForestClassifier(impurity=impurity, numTrees=d.r.choice([1, 3, 4]), **more)])()
    return named(d, leaf(d, thresholds(d, stage, classes)), "prediction", "probability", "raw")


def boosted_classifier(d):
    name, _ = features(d)
    stage = c.GBTClassifier(featuresCol=name, labelCol=d.label(2), seed=1, maxDepth=d.r.choice([1, 3]), maxIter=d.r.choice([1, 2, 3]),
                            stepSize=d.r.choice([0.1, 0.5]))
    return named(d, leaf(d, thresholds(d, stage, 2)), "prediction", "probability", "raw")


def support_vectors(d):
    name, _ = features(d)
    stage = c.LinearSVC(featuresCol=name, labelCol=d.label(2), maxIter=3, regParam=d.r.choice([0.0, 0.1]), fitIntercept=d.chance(0.7))
    stage = stage.setThreshold(d.r.choice([-0.3, 0.2])) if d.chance(0.3) else stage
    return named(d, stage, "prediction", "raw")


def naive_bayes(d):
    name, _ = features(d)
    classes = d.r.choice([2, 3])
    stage = c.NaiveBayes(featuresCol=name, labelCol=d.label(classes), smoothing=d.r.choice([1.0, 0.1]),
                         modelType=d.r.choice(["multinomial", "complement", "bernoulli", "gaussian"]))
    return named(d, thresholds(d, stage, classes), "prediction", "probability", "raw")


def perceptron(d):
    name, size = features(d, 20)
    classes = d.r.choice([2, 3])
    hidden = [d.r.choice([2, 3]) for _ in range(d.r.choice([0, 1, 2]))]
    stage = c.MultilayerPerceptronClassifier(featuresCol=name, labelCol=d.label(classes), layers=[size] + hidden + [classes], maxIter=3,
                                             seed=d.r.randrange(99))
    return named(d, thresholds(d, stage, classes), "prediction", "probability", "raw")


def one_vs_rest(d):
    name, _ = features(d)
    label = d.label(3)
    inner = d.r.choice([lambda: c.LogisticRegression(maxIter=2), lambda: c.LinearSVC(maxIter=2), lambda: c.NaiveBayes(modelType="gaussian"),
                        lambda: c.DecisionTreeClassifier(maxDepth=2)])()
    stage = c.OneVsRest(classifier=inner, featuresCol=name, labelCol=label)
    return named(d, stage, "prediction", "raw")


def machines(d):
    name, size = features(d, 20)
    more = dict(featuresCol=name, factorSize=d.r.choice([2, 3]), maxIter=3, fitIntercept=d.chance(0.7), fitLinear=d.chance(0.7),
                seed=d.r.randrange(99), initStd=0.1)
    if d.chance(0.5):
        return named(d, r.FMRegressor(labelCol=d.label(), **more), "prediction")
    return named(d, thresholds(d, c.FMClassifier(labelCol=d.label(2), **more), 2), "prediction", "probability", "raw")


def linear(d):
    name, _ = features(d)
    stage = r.LinearRegression(featuresCol=name, labelCol=d.label(), maxIter=4, regParam=d.r.choice([0.0, 0.1, 0.5]),
                               elasticNetParam=d.r.choice([0.0, 0.9]), fitIntercept=d.chance(0.7))
    if d.chance(0.3):
        stage = stage.setLoss("huber").setElasticNetParam(0.0)
    return number(*named(d, stage, "prediction"))


def number(stage, hints):
    return stage, {name: "number" for name in hints}


LINKS = {"gaussian": ["identity", "log", "inverse"], "binomial": ["logit", "probit", "cloglog"], "poisson": ["log", "identity", "sqrt"],
         "gamma": ["inverse", "identity", "log"]}


def generalised(d):
    name, _ = features(d, 10)
    family = d.r.choice(list(LINKS) + ["tweedie"])
    label = d.label(2) if family == "binomial" else d.label(positive=True)
    stage = r.GeneralizedLinearRegression(featuresCol=name, labelCol=label, family=family, maxIter=3, regParam=0.1, fitIntercept=d.chance(0.8))
    if family == "tweedie":
        stage = stage.setVariancePower(d.r.choice([0.0, 1.0, 1.5, 2.0, 2.5]))
        stage = stage.setLinkPower(d.r.choice([0.0, 1.0, 0.5, -1.0, 2.0])) if d.chance(0.6) else stage
    else:
        stage = stage.setLink(d.r.choice(LINKS[family]))
    stage = stage.setLinkPredictionCol(d.name("link")) if d.chance(0.5) else stage
    if d.chance(0.3):
        stage = stage.setOffsetCol(d.pick("number").name)
    return number(*named(d, stage, "prediction"))


def survival(d):
    name, _ = features(d, 10)
    stage = r.AFTSurvivalRegression(featuresCol=name, labelCol=d.label(positive=True), censorCol=d.label(2), maxIter=3,
                                    fitIntercept=d.chance(0.8))
    if d.chance(0.6):
        stage = stage.setQuantilesCol(d.name("quantiles")).setQuantileProbabilities(d.r.sample([0.01, 0.25, 0.5, 0.75, 0.99], 3))
    return number(*named(d, stage, "prediction"))


def isotonic(d):
    column = d.pick("vector", "number", where=lambda x: x.type in ("double", "vector"))
    if column is None or column.type not in ("double", "vector"):
        raise NotNow("no column for it")
    stage = r.IsotonicRegression(featuresCol=column.name, labelCol=d.label(), isotonic=d.chance(0.7))
    if column.type == "vector":
        stage = stage.setFeatureIndex(d.r.randrange(d.size(column) or 1))
    return number(*named(d, stage, "prediction"))


def tree_regressor(d):
    name, _ = features(d)
    more = dict(featuresCol=name, labelCol=d.label(), seed=d.r.randrange(99), maxDepth=d.r.choice([0, 2, 3, 5]))
    stage = d.r.choice([
        lambda: r.DecisionTreeRegressor(**more).setVarianceCol(d.name("variance")), lambda: r.DecisionTreeRegressor(**more),
        lambda: r.RandomForestRegressor(numTrees=d.r.choice([1, 3, 4]), **more)])()
    return number(*named(d, leaf(d, stage), "prediction"))


def boosted_regressor(d):
    name, _ = features(d)
    stage = r.GBTRegressor(featuresCol=name, labelCol=d.label(), seed=1, maxDepth=d.r.choice([1, 3]), maxIter=d.r.choice([1, 2, 3]),
                           stepSize=d.r.choice([0.1, 0.5]), lossType=d.r.choice(["squared", "absolute"]))
    return number(*named(d, leaf(d, stage), "prediction"))


def clusters(d):
    name, _ = features(d, 20)
    more = dict(featuresCol=name, k=d.r.choice([2, 3]), maxIter=2, seed=d.r.randrange(99))
    measure = d.r.choice(["euclidean", "euclidean", "cosine"])
    stage = d.r.choice([lambda: k.KMeans(distanceMeasure=measure, **more), lambda: k.BisectingKMeans(distanceMeasure=measure, **more)])()
    return named(d, stage, "prediction")


def mixture(d):
    name, _ = features(d, 5)
    return named(d, k.GaussianMixture(featuresCol=name, k=2, maxIter=2, seed=d.r.randrange(99)), "prediction", "probability")


def topics(d):
    name, _ = features(d, 20)
    return k.LDA(featuresCol=name, k=d.r.choice([2, 3]), maxIter=2, seed=d.r.randrange(99), optimizer="online",
                 topicDistributionCol=d.name("topics")), {}


def recommender(d):
    user, item = d.pick("id"), d.pick("id")
    if user is item:
        item = d.raw("id")
    stage = recommendation.ALS(userCol=user.name, itemCol=item.name, ratingCol=d.label(positive=True), rank=d.r.choice([2, 4]), maxIter=1,
                               seed=d.r.randrange(99), nonnegative=d.chance(0.3), implicitPrefs=d.chance(0.3),
                               coldStartStrategy=d.r.choice(["nan", "drop"]), numBlocks=1)
    return number(*named(d, stage, "prediction"))


def baskets(d):
    column = d.pick("words", where=lambda x: x.type in ("array<string>", "array<int>", "array<bigint>"))
    if column is None or column.type not in ("array<string>", "array<int>", "array<bigint>"):
        raise NotNow("no column for it")
    column = distinct(d, column)
    name = d.name("prediction")
    d.sets.append(name)
    return fpm.FPGrowth(itemsCol=column.name, minSupport=0.2, minConfidence=d.r.choice([0.1, 0.4, 0.8]), predictionCol=name), {name: "words"}


def distinct(d, column):
    """FPGrowth wants no item twice in a basket; that is a matter of training alone."""
    if column not in d.inputs:
        raise NotNow("items may be there twice")
    values = d.trained[column.name] = [list(dict.fromkeys(v)) for v in d.trained[column.name]]
    d.lab.add(column, values, None)
    return column


def tuned(d):
    name, _ = features(d, 20)
    label = d.label()
    inner = d.r.choice([lambda: r.LinearRegression(maxIter=2), lambda: r.DecisionTreeRegressor(maxDepth=2)])()
    inner._set(featuresCol=name, labelCol=label)
    inner, hints = number(*named(d, inner, "prediction"))
    param = inner.regParam if isinstance(inner, r.LinearRegression) else inner.minInstancesPerNode
    grid = tuning.ParamGridBuilder().addGrid(param, [0.1, 0.5] if isinstance(inner, r.LinearRegression) else [1, 3]).build()
    judge = e.RegressionEvaluator(labelCol=label, predictionCol=inner.getPredictionCol())
    if d.chance(0.5):
        return tuning.TrainValidationSplit(estimator=inner, estimatorParamMaps=grid, evaluator=judge, seed=3), hints
    return tuning.CrossValidator(estimator=inner, estimatorParamMaps=grid, evaluator=judge, numFolds=2, seed=3), hints


# The stages, as often as they are drawn.
STAGES = [(logistic, 4), (tree_classifier, 3), (boosted_classifier, 1), (support_vectors, 1), (naive_bayes, 3), (perceptron, 1), (one_vs_rest, 1),
          (machines, 1), (linear, 2), (generalised, 3), (survival, 1), (isotonic, 2), (tree_regressor, 2), (boosted_regressor, 1), (clusters, 2),
          (mixture, 1), (topics, 1), (recommender, 1), (baskets, 1), (tuned, 1)]
