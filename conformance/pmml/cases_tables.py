"""What comes before a learner: imputation, encodings, scales, bins, texts, dates, expressions, domains.

No value is left out before functions: JPMML-Evaluator refuses a missing argument of most, the standard has the result missing.
"""
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (Binarizer, FunctionTransformer, KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, OneHotEncoder,
                                   OrdinalEncoder, PolynomialFeatures, StandardScaler, TargetEncoder)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn2pmml.decoration import Alias, CategoricalDomain, ContinuousDomain, DateDomain
from sklearn2pmml.feature_extraction.text import Splitter
from sklearn2pmml.preprocessing import (AggregateTransformer, ConcatTransformer, CutTransformer, DaysSinceYearTransformer,
                                        ExpressionTransformer, LookupTransformer, MatchesTransformer, ReplaceTransformer,
                                        StringNormalizer, SubstringTransformer)
from sklearn2pmml.ruleset import RuleSetClassifier

import numpy as np

from casebook import cancer, case, clinic, diabetes, fitted, holed, iris, sentences, wine

TEXTS, NUMBERS = ["sex", "blood pressure", "ward"], ["bmi", "glucose", "lipids"]


def columns(texts, numbers):
    return ColumnTransformer([("texts", texts, TEXTS), ("numbers", numbers, NUMBERS)])


def filled(*steps):
    """Steps behind an imputer, which hands them arrays as they want them."""
    return make_pipeline(SimpleImputer(strategy="most_frequent"), *steps)


@case("clinic-logistic", "missing values filled in, texts as indicators, numbers scaled", keep=True, missing=12)
def _():
    x, y, _ = clinic()
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return fitted(x, y, columns(texts, numbers), LogisticRegression(max_iter=500))


@case("clinic-indicators", "what is missing is a feature of its own", missing=12)
def _():
    x, _, y = clinic()
    texts = make_pipeline(SimpleImputer(strategy="constant", fill_value="unknown"), OneHotEncoder(drop="first"))
    return fitted(x, y, columns(texts, SimpleImputer(strategy="mean", add_indicator=True)), Ridge())


@case("clinic-ordinal", "texts by their places, one place for those that are new", missing=6)
def _():
    x, y, _ = clinic(holes=False)
    texts = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return fitted(x, y, columns(texts, MinMaxScaler()), DecisionTreeClassifier(max_depth=5, random_state=1))


@case("clinic-targets", "texts as means of the target")
def _():
    x, _, y = clinic(holes=False)
    return fitted(x, y, columns(TargetEncoder(target_type="continuous", random_state=1), "passthrough"), LinearRegression())


@case("missing-indicator", "a tree over values and over what is missing", missing=10)
def _():
    x, y = cancer()
    union = FeatureUnion([("values", SimpleImputer()), ("missing", MissingIndicator(features="all"))])
    return fitted(holed(x), y, union, DecisionTreeClassifier(max_depth=5, random_state=1))


@case("bins-ridge", "indicators of bins", keep=True)
def _():
    x, y = diabetes()
    return fitted(x.drop(columns="sex"), y, KBinsDiscretizer(4, encode="onehot", strategy="quantile"), Ridge())


@case("bins-tree", "the places of bins of equal width")
def _():
    return fitted(*wine(), KBinsDiscretizer(5, encode="ordinal", strategy="uniform"), DecisionTreeClassifier(max_depth=4, random_state=1))


@case("polynomial-lasso", "products of columns")
def _():
    return fitted(*diabetes(), MaxAbsScaler(), PolynomialFeatures(2, include_bias=False), Lasso(alpha=0.1, max_iter=5000))


@case("components", "principal components")
def _():
    return fitted(*wine(), StandardScaler(), PCA(3, random_state=1), LogisticRegression())


@case("best-columns", "the columns that tell most, as truths")
def _():
    return fitted(*cancer(), MinMaxScaler(), SelectKBest(k=4), Binarizer(threshold=0.4), LogisticRegression())


@case("logarithms", "a function of numpy's")
def _():
    return fitted(*diabetes(), FunctionTransformer(np.log1p), LinearRegression())


@case("tfidf", "weights of words, a logistic regression of three classes", keep=True)
def _():
    x, y = sentences()
    words = TfidfVectorizer(analyzer="word", token_pattern=None, tokenizer=Splitter(), norm=None, max_features=40)
    return fitted(x, y, words, LogisticRegression(max_iter=500), verify=0)


@case("word-pairs", "counts of words and of neighbours, a tree")
def _():
    x, y = sentences()
    words = CountVectorizer(analyzer="word", token_pattern=None, tokenizer=Splitter(), ngram_range=(1, 2), stop_words=["the", "a"], min_df=3)
    return fitted(x, y, words, DecisionTreeClassifier(max_depth=6, random_state=1), verify=0)


@case("expressions", "expressions over columns", keep=True)
def _():
    x, y = diabetes()
    parts = ColumnTransformer([
        ("ratio", ExpressionTransformer("X[0] / X[1]"), ["s1", "s3"]),
        ("band", ExpressionTransformer("1 if X[0] > 60 else (0.5 if X[0] > 40 and X[1] == 2 else 0)"), ["age", "sex"]),
        ("power", ExpressionTransformer("numpy.log(X[0]) + X[1] ** 2 / 1000"), ["bmi", "s5"]),
        ("most", AggregateTransformer("max"), ["s1", "s2"]),
        ("mean", AggregateTransformer("mean"), ["s2", "s4", "s6"]),
    ])
    return fitted(x, y, parts, LinearRegression())


@case("texts", "texts trimmed, cut, joined, matched and looked up", keep=True, missing=4)
def _():
    x, y, _ = clinic(holes=False)
    # The domains say that the columns are texts.
    parts = ColumnTransformer([
        ("replaced", make_pipeline(CategoricalDomain(), filled(ReplaceTransformer("[C-E]", "other"), OneHotEncoder())), ["ward"]),
        ("first", make_pipeline(CategoricalDomain(), filled(SubstringTransformer(0, 1), OneHotEncoder())), ["blood pressure"]),
        ("upper", filled(StringNormalizer("uppercase"), OneHotEncoder()), ["sex"]),
        ("joined", filled(ConcatTransformer("-"), OneHotEncoder(handle_unknown="ignore")), ["sex", "ward"]),
        ("matched", filled(MatchesTransformer("[AB]")), ["ward"]),
        ("looked up", filled(LookupTransformer({"low": 1.0, "normal": 2.5, "high": 4.0}, 0.0)), ["blood pressure"]),
    ])
    return fitted(x, y, parts, LogisticRegression(max_iter=500))


@case("cuts", "bins by given edges, with names")
def _():
    x, _, y = clinic(holes=False)
    parts = ColumnTransformer([
        ("bmi", filled(CutTransformer([0, 20, 25, 30, 100], labels=["a", "b", "c", "d"]), OneHotEncoder()), ["bmi"]),
        ("glucose", filled(CutTransformer([0, 80, 90, 100, 1000], labels=False, right=False)), ["glucose"]),
    ])
    return fitted(x, y, parts, LinearRegression())


@case("dates", "days since a year", keep=True)
def _():
    x, y = diabetes()
    days = pd.to_timedelta((x["s6"] * 37 + x["s1"]).astype(int), unit="D")
    table = pd.DataFrame({"born": pd.Timestamp("1950-02-27") + days, "bmi": x["bmi"]})
    parts = ColumnTransformer([
        ("born", make_pipeline(DateDomain(), DaysSinceYearTransformer(1960)), ["born"]), ("bmi", "passthrough", ["bmi"])])
    pipeline, _ = fitted(table, y, parts, LinearRegression(), verify=0)
    return pipeline, table.assign(born=table["born"].dt.strftime("%Y-%m-%d"))


@case("domains", "what is missing, out of bounds or unknown is replaced", keep=True, missing=12)
def _():
    x, y, _ = clinic()
    x = x.assign(bmi=x["bmi"].fillna(-999.0))
    parts = ColumnTransformer([
        ("sex", make_pipeline(CategoricalDomain(missing_value_replacement="female", invalid_value_treatment="as_missing"), OneHotEncoder()), ["sex"]),
        ("bmi", make_pipeline(ContinuousDomain(missing_values=-999.0, missing_value_replacement=26.0), StandardScaler()), ["bmi"]),
        ("glucose", make_pipeline(ContinuousDomain(missing_value_replacement=90.0, outlier_treatment="as_extreme_values", low_value=75.0,
                                                   high_value=110.0, invalid_value_treatment="as_is"), StandardScaler()), ["glucose"]),
        ("lipids", ContinuousDomain(missing_value_treatment="as_mean", missing_value_replacement=4.6, outlier_treatment="as_missing_values",
                                    low_value=3.8, high_value=5.6), ["lipids"]),
    ])
    return fitted(x, y, parts, LogisticRegression(max_iter=500), verify=0)


@case("decisions", "what follows from the prediction", missing=2)
def _():
    x, y = iris()
    pipeline, table = fitted(x, y, DecisionTreeClassifier(max_depth=2, random_state=1))
    pipeline.predict_transformer = Alias(LookupTransformer({"setosa": "low", "versicolor": "tall", "virginica": "tall"}, "none"),
                                         "height", prefit=True)
    return pipeline, table


@case("rules", "rules written by hand")
def _():
    x, y = iris()
    learner = RuleSetClassifier([("X['petal length (cm)'] < 2.45", "setosa"), ("X['petal width (cm)'] < 1.75", "versicolor")], default_score="virginica")
    return fitted(x, y, learner)


@case("tree-scaled", "a tree of numbers behind scaled columns", missing=2)
def _():
    return fitted(*diabetes(), StandardScaler(), DecisionTreeRegressor(max_depth=4, random_state=1))
