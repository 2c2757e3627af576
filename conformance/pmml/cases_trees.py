"""Trees and ensembles of trees, and ensembles of other things."""
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (AdaBoostRegressor, BaggingClassifier, BaggingRegressor, ExtraTreesClassifier, ExtraTreesRegressor,
                              GradientBoostingClassifier, GradientBoostingRegressor, HistGradientBoostingClassifier,
                              HistGradientBoostingRegressor, IsolationForest, RandomForestClassifier, RandomForestRegressor,
                              StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from casebook import cancer, case, clinic, diabetes, fitted, holed, iris, wine


@case("tree-iris", "a classification tree, field names with blanks", keep=True, missing=4)
def _():
    return fitted(*iris(), DecisionTreeClassifier(max_depth=4, random_state=1))


@case("tree-missing", "a regression tree that learnt where missing values go", missing=10)
def _():
    x, y = diabetes()
    return fitted(holed(x), y, DecisionTreeRegressor(max_depth=5, random_state=1))


@case("forest-wine", "a random forest", keep=True)
def _():
    return fitted(*wine(), RandomForestClassifier(7, max_depth=4, random_state=2))


@case("forest-regression", "a random forest of numbers", missing=3)
def _():
    return fitted(*diabetes(), RandomForestRegressor(9, max_depth=5, random_state=2))


@case("extra-trees", "extremely randomised trees of classes")
def _():
    return fitted(*cancer(), ExtraTreesClassifier(9, max_depth=5, random_state=2))


@case("extra-trees-regression", "extremely randomised trees of numbers")
def _():
    return fitted(*diabetes(), ExtraTreesRegressor(6, max_depth=4, random_state=2))


@case("gbm-cancer", "gradient boosting, two classes", keep=True)
def _():
    return fitted(*cancer(), GradientBoostingClassifier(n_estimators=10, max_depth=3, random_state=3))


@case("gbm-iris", "gradient boosting, three classes")
def _():
    return fitted(*iris(), GradientBoostingClassifier(n_estimators=8, max_depth=2, random_state=3))


@case("gbm-regression", "gradient boosting of numbers")
def _():
    return fitted(*diabetes(), GradientBoostingRegressor(n_estimators=25, max_depth=3, random_state=3))


@case("hist-gbm-cancer", "histogram boosting with missing values", keep=True, missing=8)
def _():
    x, y = cancer()
    return fitted(holed(x), y, HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=7, random_state=4))


@case("hist-gbm-iris", "histogram boosting, three classes")
def _():
    return fitted(*iris(), HistGradientBoostingClassifier(max_iter=6, max_leaf_nodes=6, random_state=4))


@case("hist-gbm-categories", "histogram boosting over categories", missing=6)
def _():
    x, _, y = clinic(holes=False)
    texts = ["sex", "blood pressure", "ward"]
    encoded = ColumnTransformer([("texts", OrdinalEncoder(), texts), ("rest", "passthrough", ["bmi", "glucose", "lipids"])])
    return fitted(x, y, encoded, HistGradientBoostingRegressor(max_iter=10, max_leaf_nodes=8, categorical_features=[0, 1, 2], random_state=4))


@case("adaboost", "the weighted median of trees")
def _():
    return fitted(*diabetes(), AdaBoostRegressor(DecisionTreeRegressor(max_depth=3), n_estimators=9, random_state=5))


@case("bagging", "trees over draws of rows")
def _():
    return fitted(*iris(), BaggingClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=7, random_state=5))


@case("bagging-linear", "linear models over draws of rows and columns")
def _():
    return fitted(*diabetes(), BaggingRegressor(LinearRegression(), n_estimators=5, max_features=4, random_state=5))


@case("isolation-forest", "how alone a row is")
def _():
    return fitted(iris()[0], None, IsolationForest(n_estimators=12, max_samples=32, random_state=6), verify=0)


@case("voting", "the mean of three learners' probabilities")
def _():
    learners = [("a", LogisticRegression(max_iter=500)), ("b", GaussianNB()), ("c", DecisionTreeClassifier(max_depth=3, random_state=1))]
    return fitted(*iris(), VotingClassifier(learners, voting="soft", weights=[1, 2, 1]))


@case("voting-hard", "the class that most of three learners name")
def _():
    learners = [("a", LogisticRegression(max_iter=500)), ("b", GaussianNB()), ("c", DecisionTreeClassifier(max_depth=3, random_state=1))]
    return fitted(*iris(), VotingClassifier(learners, voting="hard"))


@case("voting-regression", "the weighted mean of two learners")
def _():
    return fitted(*diabetes(), VotingRegressor([("a", LinearRegression()), ("b", DecisionTreeRegressor(max_depth=4, random_state=1))], weights=[2, 1]))


@case("stacking", "a learner over the answers of others", keep=True)
def _():
    learners = [("a", DecisionTreeClassifier(max_depth=3, random_state=1)), ("b", GaussianNB())]
    return fitted(*iris(), StackingClassifier(learners, LogisticRegression(max_iter=500), cv=3))


@case("stacking-regression", "a linear model over two others")
def _():
    learners = [("a", DecisionTreeRegressor(max_depth=3, random_state=1)), ("b", LinearRegression())]
    return fitted(*diabetes(), StackingRegressor(learners, LinearRegression(), cv=3))
