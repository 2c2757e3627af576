"""One row of Open Inference V2 scored by LightGBM behind LitServe: a peer for `cargo xtask bench wire`.

    wire_peer.py PORT

Trains 500 trees of 31 leaves over 28 numbers (random, always the same), then serves them at /predict.
"""

import sys

sys.dont_write_bytecode = True

import lightgbm
import litserve
import numpy

FIELDS, TREES, LEAVES = 28, 500, 31


def train():
    numbers = numpy.random.default_rng(1)
    x = numbers.random((20_000, FIELDS))
    y = x[:, 0] * x[:, 1] + numpy.sin(6 * x[:, 2]) + numbers.normal(0, 0.1, len(x))
    params = {"objective": "regression", "num_leaves": LEAVES, "verbose": -1, "num_threads": 1, "seed": 1}
    return lightgbm.train(params, lightgbm.Dataset(x, y), TREES).model_to_string()


class Forest(litserve.LitAPI):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def setup(self, device):
        self.booster = lightgbm.Booster(model_str=self.model)

    def decode_request(self, request):
        return numpy.array([[tensor["data"][0] for tensor in request["inputs"]]])

    def predict(self, row):
        return self.booster.predict(row, num_threads=1)

    def encode_response(self, y):
        data = [float(v) for v in y]
        return {"outputs": [{"name": "y", "shape": [len(data)], "datatype": "FP64", "data": data}]}


if __name__ == "__main__":
    server = litserve.LitServer(Forest(train()), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="info")
