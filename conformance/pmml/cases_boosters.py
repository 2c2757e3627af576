"""LightGBM and XGBoost."""
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder
from sklearn2pmml.preprocessing import PMMLLabelEncoder
from xgboost import XGBClassifier, XGBRegressor

from casebook import cancer, case, clinic, diabetes, fitted, holed, iris

QUIET = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True}
TEXTS, NUMBERS = ["sex", "blood pressure", "ward"], ["bmi", "glucose", "lipids"]


@case("lightgbm-cancer", "LightGBM, two classes", keep=True, missing=6)
def _():
    return fitted(*cancer(), LGBMClassifier(n_estimators=10, num_leaves=7, **QUIET))


@case("lightgbm-iris", "LightGBM, three classes")
def _():
    return fitted(*iris(), LGBMClassifier(n_estimators=6, num_leaves=5, **QUIET))


@case("lightgbm-missing", "LightGBM, numbers with missing values", missing=6)
def _():
    x, y = diabetes()
    return fitted(holed(x), y, LGBMRegressor(n_estimators=25, num_leaves=9, **QUIET))


@case("lightgbm-poisson", "LightGBM with a logarithmic link")
def _():
    return fitted(*diabetes(), LGBMRegressor(n_estimators=12, num_leaves=9, objective="poisson", **QUIET))


@case("lightgbm-forest", "LightGBM as a random forest")
def _():
    return fitted(*diabetes(), LGBMRegressor(boosting_type="rf", n_estimators=8, num_leaves=9, bagging_freq=1, bagging_fraction=0.7,
                                             random_state=1, **QUIET))


@case("lightgbm-categories", "LightGBM over sets of categories", keep=True, missing=12)
def _():
    x, y, _ = clinic()
    columns = ColumnTransformer([(name, PMMLLabelEncoder(missing_values=-1), [name]) for name in TEXTS] + [("rest", "passthrough", NUMBERS)])
    learner = LGBMClassifier(n_estimators=10, num_leaves=7, min_data_per_group=5, cat_smooth=1.0, **QUIET)
    pipeline, table = fitted(x, y, columns, learner, verify=0)
    pipeline.fit(x, y, step1__categorical_feature=[0, 1, 2])
    return pipeline, table


@case("xgboost-cancer", "XGBoost, two classes", keep=True, missing=6)
def _():
    x, y = cancer()
    return fitted(x, coded(y), XGBClassifier(n_estimators=10, max_depth=3, n_jobs=1))


@case("xgboost-iris", "XGBoost, three classes")
def _():
    x, y = iris()
    return fitted(x, coded(y), XGBClassifier(n_estimators=6, max_depth=2, n_jobs=1))


@case("xgboost-missing", "XGBoost, numbers with missing values", missing=6)
def _():
    x, y = diabetes()
    return fitted(holed(x), y, XGBRegressor(n_estimators=25, max_depth=4, n_jobs=1))


@case("xgboost-gamma", "XGBoost with a logarithmic link")
def _():
    return fitted(*diabetes(), XGBRegressor(n_estimators=10, max_depth=3, objective="reg:gamma", n_jobs=1))


@case("xgboost-one-hot", "XGBoost over indicators of categories")
def _():
    x, _, y = clinic(holes=False)
    columns = ColumnTransformer([("texts", OneHotEncoder(sparse_output=False), TEXTS), ("rest", "passthrough", NUMBERS)])
    return fitted(x, y, columns, XGBRegressor(n_estimators=10, max_depth=3, n_jobs=1))


def coded(y):
    """Classes by their places, which is how XGBoost takes them."""
    return y.map({label: place for place, label in enumerate(sorted(y.unique()))})
