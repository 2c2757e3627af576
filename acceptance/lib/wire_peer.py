"""LightGBM behind MLServer: a peer for `cargo xtask bench wire`.

    wire_peer.py DIR PORT

Trains 500 trees of 31 leaves over 28 numbers (random, always the same) into the directory, then serves them as `forest` in Open
Inference V2.
"""

import sys

sys.dont_write_bytecode = True

import json
import os

import lightgbm
import numpy

FIELDS, TREES, LEAVES = 28, 500, 31


def train():
    numbers = numpy.random.default_rng(1)
    x = numbers.random((20_000, FIELDS))
    y = x[:, 0] * x[:, 1] + numpy.sin(6 * x[:, 2]) + numbers.normal(0, 0.1, len(x))
    params = {"objective": "regression", "num_leaves": LEAVES, "verbose": -1, "num_threads": 1, "seed": 1}
    return lightgbm.train(params, lightgbm.Dataset(x, y), TREES)


if __name__ == "__main__":
    folder, port = os.path.join(sys.argv[1], "forest"), int(sys.argv[2])
    os.makedirs(folder, exist_ok=True)
    train().save_model(os.path.join(folder, "model.bst"))
    model = {"name": "forest", "implementation": "mlserver_lightgbm.LightGBMModel", "parameters": {"uri": "./model.bst"}}
    # One process, which costs the least: no worker that requests go through, no metrics.
    server = {"host": "127.0.0.1", "http_port": port, "grpc_port": 0, "parallel_workers": 0, "metrics_endpoint": None, "debug": False}
    for name, settings in (("model-settings.json", model), ("settings.json", server)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(settings, file)
    program = os.path.join(os.path.dirname(sys.executable), "mlserver")
    # The address is looked for on standard error.
    os.dup2(2, 1)
    os.execv(program, [program, "start", folder])
