"""Trains the forests of the benchmark with their real trainers, and times the tools that evaluate or compile them.

    . acceptance/lib/python.sh && forebay_forest_bench
    "$FOREST_BENCH_PYTHON" acceptance/lib/forest_bench.py "$FOREBAY_CACHE/bench-forest" [--make-only] [--seconds 1] [NAME...]

In the given directory it makes what is missing; a model that is there is not trained again, a compiled one not compiled again:
- `lgb.txt`: LightGBM, 500 trees of 31 leaves, 28 features; `lgb-missing.txt` with a tenth of all values missing,
  `lgb-categories.txt` with two features of 40 categories;
- `xgb.json`, `xgb-missing.json`, `xgb-categories.json`: XGBoost, 500 trees of depth 6, the same features as float32;
- `rf10.forest`: scikit-learn's random forest, 100 trees of depth 10, three classes; `ten.forest`: ten trees of depth 5, 11 features.
  The arrays of their trees as text: a line `features classes trees`, for each tree the number of its nodes, and a line a node:
  `left right feature threshold value...`, with -1 for the children of a leaf.
Beside each: `NAME.rows`, 10,000 rows that no trainer saw, of the distribution that it learned from, and `NAME.said`, what the trainer
itself answers to them (raw score, margin, probabilities): float64, little-endian, row after row.

Rows are correlated, many are skewed, some are whole numbers, for trees are slower on what their branches do not foresee. It prints one
JSON object: {"lgb": {"lleaves": {"batch_ns": a row and tree of 10,000 rows, "row_us": ..., "cold_us": ..., "rows_that_differ": ...}}}.
"""
import argparse
import json
import os
import pickle
import sys

sys.dont_write_bytecode = True

import numpy as np

TRAINED, ROWS, FEATURES, FEATURES_FEW, CATEGORIES = 50_000, 10_000, 28, 11, 40
NAMES = ["lgb", "lgb-missing", "lgb-categories", "xgb", "xgb-missing", "xgb-categories", "rf10", "ten"]
# Rows of the training tables in which a value is missing, and the categorical features, by the end of a model's name.
MISSING, CATEGORICAL = 0.1, [0, 1]


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("directory")
    args.add_argument("--make-only", action="store_true", help="train and compile, time nothing")
    args.add_argument("--seconds", type=float, default=1.0, help="how long a figure is measured")
    args.add_argument("names", nargs="*", default=NAMES)
    args = args.parse_intermixed_args()
    folder = os.path.abspath(args.directory)
    os.makedirs(folder, exist_ok=True)
    for name in args.names:
        if not os.path.exists(os.path.join(folder, name + ".said")):
            print(f"training {name}", file=sys.stderr)
            train(folder, name)
    from forest_peers import peers
    figures = {}
    for name in args.names:
        x, said = rows(folder, name)
        figures[name] = {}
        for peer in peers(folder, name, x):
            print(f"{'making' if args.make_only else 'timing'} {peer.name} on {name}", file=sys.stderr)
            try:
                peer.ready()
            except Exception as error:  # What a tool does not take is told, not hidden.
                print(f"{peer.name} does not take {name}: {error}", file=sys.stderr)
                figures[name][peer.name] = {"refused": str(error).split("\n")[0][:160]}
                continue
            if not args.make_only:
                figures[name][peer.name] = peer.timed(said, args.seconds)
    if not args.make_only:
        json.dump(figures, sys.stdout)
        print()


def train(folder, name):
    (x, y), path = table(name), os.path.join(folder, name)
    write = lambda end, values: np.ascontiguousarray(values, "<f8").tofile(path + end)
    said = {"lgb": lightgbm, "xgb": xgboost}.get(name[:3], forest)(path, name, x[:TRAINED], y[:TRAINED], x[TRAINED:])
    write(".rows", x[TRAINED:])
    write(".said", said)


def table(name):
    """All rows of a model, trained on or asked, with their labels."""
    random, features = np.random.default_rng(7), FEATURES_FEW if name == "ten" else FEATURES
    rows = TRAINED + ROWS
    hidden = random.normal(size=(rows, 6))
    z = hidden @ random.normal(size=(6, features)) * 0.4 + random.normal(size=(rows, features)) * 0.6
    x = z.copy()
    x[:, 1::4] = np.exp(z[:, 1::4])
    x[:, 2::4] = np.floor(5 * np.exp(0.7 * z[:, 2::4]))
    x[:, 3::4] = z[:, 3::4] ** 3
    score = np.tanh(z) @ random.normal(size=features) + z[:, 0] * z[:, 1] - 0.5 * z[:, 2] * (z[:, 3] > 0) + hidden[:, 0] ** 2
    score += random.normal(size=rows) * score.std() * 0.5
    if name.endswith("-categories"):
        for column in CATEGORICAL:
            ranks = np.clip((z[:, column] / z[:, column].std() + 3) / 6 * CATEGORIES, 0, CATEGORIES - 1).astype(int)
            x[:, column] = random.permutation(CATEGORIES)[ranks]
    if name.endswith("-missing"):
        x[random.random(x.shape) < MISSING] = np.nan
    if not name.startswith("lgb"):
        x = x.astype(np.float32).astype(np.float64)
    classes = [0.5] if name[:3] in ("lgb", "xgb") else [1 / 3, 2 / 3]
    return x, np.searchsorted(np.quantile(score, classes), score)


def lightgbm(path, name, x, y, asked):
    import lightgbm
    categorical = CATEGORICAL if name.endswith("-categories") else []
    data = lightgbm.Dataset(x, y, categorical_feature=categorical, free_raw_data=False)
    how = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.05, "verbose": -1, "seed": 1, "deterministic": True}
    booster = lightgbm.train(how, data, 500)
    booster.save_model(path + ".txt")
    return booster.predict(asked, raw_score=True)


def xgboost(path, name, x, y, asked):
    import xgboost
    how = {"objective": "binary:logistic", "base_score": 0.5, "max_depth": 6, "eta": 0.05, "tree_method": "hist", "seed": 1}
    types = ["c" if name.endswith("-categories") and at in CATEGORICAL else "q" for at in range(x.shape[1])]
    matrix = lambda x, y=None: xgboost.DMatrix(x.astype(np.float32), y, feature_types=types, enable_categorical=True)
    booster = xgboost.train(how, matrix(x, y), 500)
    booster.save_model(path + ".json")
    return booster.predict(matrix(asked), output_margin=True)


def forest(path, name, x, y, asked):
    from sklearn.ensemble import RandomForestClassifier
    trees, depth = (10, 5) if name == "ten" else (100, 10)
    model = RandomForestClassifier(trees, max_depth=depth, random_state=1, n_jobs=2).fit(x.astype(np.float32), y)
    model.n_jobs = 1
    with open(path + ".forest", "w") as out:
        print(x.shape[1], model.n_classes_, trees, file=out)
        for tree in (each.tree_ for each in model.estimators_):
            print(tree.node_count, file=out)
            nodes = zip(tree.children_left, tree.children_right, tree.feature, tree.threshold, tree.value[:, 0, :])
            for left, right, feature, threshold, value in nodes:
                print(left, right, feature, repr(float(threshold)), *(repr(float(v)) for v in value), file=out)
    with open(path + ".pickle", "wb") as out:
        pickle.dump(model, out)
    return model.predict_proba(asked.astype(np.float32))


def rows(folder, name):
    path = os.path.join(folder, name)
    return np.fromfile(path + ".rows", "<f8").reshape(ROWS, -1), np.fromfile(path + ".said", "<f8").reshape(ROWS, -1)


if __name__ == "__main__":
    main()
