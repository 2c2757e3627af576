"""Learners other than trees."""
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (ElasticNet, GammaRegressor, LinearRegression, LogisticRegression, PoissonRegressor,
                                  SGDClassifier)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR, OneClassSVM

from casebook import cancer, case, diabetes, fitted, iris, wine


@case("logistic-iris", "logistic regression, three classes", keep=True, missing=2)
def _():
    return fitted(*iris(), LogisticRegression(max_iter=1000))


@case("logistic-cancer", "logistic regression, two classes, scaled", missing=2)
def _():
    return fitted(*cancer(), StandardScaler(), LogisticRegression())


@case("logistic-one-against-rest", "a logistic regression a class")
def _():
    return fitted(*wine(), StandardScaler(), OneVsRestClassifier(LogisticRegression()))


@case("linear-diabetes", "linear regression", missing=2)
def _():
    return fitted(*diabetes(), LinearRegression())


@case("elastic-net", "elastic net behind a robust scaler")
def _():
    return fitted(*diabetes(), RobustScaler(), ElasticNet(alpha=0.3))


@case("gamma", "gamma regression", keep=True)
def _():
    return fitted(*diabetes(), StandardScaler(), GammaRegressor(alpha=0.1))


@case("poisson", "Poisson regression")
def _():
    return fitted(*diabetes(), StandardScaler(), PoissonRegressor())


@case("sgd", "a linear classifier by stochastic gradient")
def _():
    return fitted(*cancer(), StandardScaler(), SGDClassifier(loss="log_loss", random_state=1))


@case("discriminant", "linear discriminant analysis")
def _():
    return fitted(*wine(), LinearDiscriminantAnalysis())


@case("svc-iris", "support vectors, radial kernel", keep=True)
def _():
    return fitted(*iris(), SVC(C=2.0))


@case("svc-polynomial", "support vectors, polynomial kernel, two classes")
def _():
    return fitted(*cancer(), StandardScaler(), SVC(kernel="poly", degree=2, coef0=1.0))


@case("svc-sigmoid", "support vectors, sigmoid kernel")
def _():
    return fitted(*wine(), MinMaxScaler(), NuSVC(nu=0.3, kernel="sigmoid", gamma=0.1))


@case("svr", "support vectors of numbers")
def _():
    return fitted(*diabetes(), StandardScaler(), SVR(C=30.0))


@case("nu-svr", "support vectors of numbers, linear kernel")
def _():
    return fitted(*diabetes(), StandardScaler(), NuSVR(kernel="linear"))


@case("linear-svc", "a linear support vector classifier")
def _():
    return fitted(*iris(), StandardScaler(), LinearSVC(random_state=1))


@case("linear-svr", "linear support vector regression")
def _():
    return fitted(*diabetes(), StandardScaler(), LinearSVR(C=10.0, random_state=1, max_iter=5000))


@case("one-class", "whether a row belongs")
def _():
    return fitted(iris()[0], None, OneClassSVM(nu=0.2), verify=0)


@case("mlp-iris", "a network with two hidden layers", keep=True)
def _():
    return fitted(*iris(), StandardScaler(), MLPClassifier((6, 4), activation="tanh", max_iter=300, random_state=1))


@case("mlp-cancer", "a network of two classes")
def _():
    return fitted(*cancer(), StandardScaler(), MLPClassifier((7,), activation="logistic", max_iter=300, random_state=1))


@case("mlp-regression", "a network of numbers")
def _():
    return fitted(*diabetes(), StandardScaler(), MLPRegressor((8, 3), activation="relu", max_iter=300, random_state=1))


@case("kmeans-iris", "clusters", keep=True, missing=3)
def _():
    return fitted(iris()[0], None, KMeans(4, n_init=2, random_state=1), verify=0)


@case("kmeans-scaled", "clusters of scaled columns, trained in small batches")
def _():
    return fitted(wine()[0], None, StandardScaler(), MiniBatchKMeans(5, n_init=2, random_state=1), verify=0)


@case("neighbours", "the five nearest rows", keep=True, missing=2)
def _():
    x, y = wine()
    return fitted(x.iloc[::2], y.iloc[::2], StandardScaler(), KNeighborsClassifier(5))


@case("neighbours-regression", "the nearest rows by distance along the axes")
def _():
    x, y = diabetes()
    return fitted(x.iloc[::4], y.iloc[::4], MinMaxScaler(), KNeighborsRegressor(4, metric="manhattan"))


@case("naive-bayes", "naive Bayes with normal densities", keep=True, missing=6)
def _():
    return fitted(*wine(), GaussianNB())
