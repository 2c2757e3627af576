"""Clients that others wrote, unmodified, against a running server; what was said stands in docs/clients.md.

    python clients.py HOST:PORT GUARDED SECRET PAGE [write]

Each function below is one exchange: its lines are what a caller writes, what it returns is what came back. Without `write` the
page has to be what it was. GUARDED is the address of a server that asks for tokens, which SECRET signs.
"""

import inspect
import json
import os
import queue
import re
import subprocess
import sys
import textwrap
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grpc
import jwt
import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

address, guarded, secret, page = sys.argv[1:5]
http = triton_http.InferenceServerClient(address)
rpc = triton_grpc.InferenceServerClient(address)
channel = grpc.insecure_channel(address)
prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
models = model_service_pb2_grpc.ModelServiceStub(channel)


def refused(call):
    """Returns what a call is refused with."""
    try:
        return f"not refused: {call()}"
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"
    except triton_http.InferenceServerException as error:
        return f"{error.status()}: {error.message()}"


# === tritonclient ===


def triton_looks_around():
    """Health and metadata, over HTTP and over gRPC."""
    for client in (http, rpc):
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("iris")
        assert not client.is_model_ready("no-such-model")
    metadata = http.get_model_metadata("iris")
    over_grpc = rpc.get_model_metadata("iris", as_json=True)
    assert [i["name"] for i in metadata["inputs"]] == [i["name"] for i in over_grpc["inputs"]]
    return {"server": http.get_server_metadata(), "inputs": metadata["inputs"]}


def triton_asks_pmml_over_http():
    """Numbers in binary (the extension `binary_tensor_data`), as the client sends them of itself."""
    inputs = []
    for name, value in {"sepal length (cm)": 5.7, "sepal width (cm)": 3.8, "petal length (cm)": 1.7, "petal width (cm)": 0.3}.items():
        tensor = triton_http.InferInput(name, [1], "FP64")
        tensor.set_data_from_numpy(np.array([value]))
        inputs.append(tensor)
    result = http.infer("iris", inputs, request_id="flower-1")
    return {name: result.as_numpy(name).tolist() for name in ("species", "probability(setosa)")}


def triton_asks_spark_over_grpc():
    """Texts as BYTES, and a vector as the answer."""
    text = triton_grpc.InferInput("text", [2], "BYTES")
    text.set_data_from_numpy(np.array([b"mist makes spark better", b"l m n"], dtype=np.object_))
    result = rpc.infer("text", [text], outputs=[triton_grpc.InferRequestedOutput("probability")])
    return result.as_numpy("probability").tolist()


def triton_asks_json_binary_and_grpc_alike():
    """JSON, binary and gRPC: the same numbers, digit for digit."""
    row = {"city": "Graz", "plan": "pro", "age": 37.0, "income": 50585.77, "visits": 6}
    types = {str: ("BYTES", np.object_), float: ("FP64", np.float64), int: ("INT64", np.int64)}
    answers = []
    for module, client, how in ((triton_http, http, {"binary_data": False}), (triton_http, http, {"binary_data": True}), (triton_grpc, rpc, {})):
        inputs = []
        for name, value in row.items():
            datatype, dtype = types[type(value)]
            tensor = module.InferInput(name, [1], datatype)
            tensor.set_data_from_numpy(np.array([value.encode() if dtype is np.object_ else value], dtype=dtype), **how)
            inputs.append(tensor)
        outputs = [module.InferRequestedOutput("probability", **how)]
        answers.append(client.infer("mixed", inputs, outputs=outputs).as_numpy("probability").tolist())
    assert answers[0] == answers[1] == answers[2], answers
    return answers[0]


def triton_asks_for_classes():
    """The extension `classification`: the largest values with their places, as `value:index`."""
    text = triton_http.InferInput("text", [1], "BYTES")
    text.set_data_from_numpy(np.array([b"mist makes spark better"], dtype=np.object_))
    outputs = [triton_http.InferRequestedOutput("probability", class_count=1)]
    return http.infer("text", [text], outputs=outputs).as_numpy("probability").tolist()


def triton_compresses():
    """Requests in gzip and deflate, over HTTP and over gRPC; answers over HTTP too."""
    text = b"mist makes spark better " * 200
    answers = []
    for module, client in ((triton_http, http), (triton_grpc, rpc)):
        tensor = module.InferInput("text", [1], "BYTES")
        tensor.set_data_from_numpy(np.array([text], dtype=np.object_))
        for algorithm in (None, "gzip", "deflate"):
            if module is triton_http:
                how = {"request_compression_algorithm": algorithm, "response_compression_algorithm": algorithm}
            else:
                how = {"compression_algorithm": algorithm}
            answers.append(client.infer("text", [tensor], **how).as_numpy("probability").tolist())
    assert all(answer == answers[0] for answer in answers), answers
    return answers[0]


def triton_asks_tensorflow():
    """A tensor of TensorFlow's, in single precision."""
    x = triton_grpc.InferInput("x", [3, 1], "FP32")
    x.set_data_from_numpy(np.array([[1.0], [2.0], [5.0]], dtype=np.float32))
    answer = rpc.infer("half_plus_two", [x]).as_numpy("y").tolist()
    assert answer == [[2.5], [3.0], [4.5]]
    return answer


def triton_streams():
    """A stream of gRPC: answers in the order of the requests, an error in its place."""
    answers = queue.Queue()
    stream = triton_grpc.InferenceServerClient(address)
    stream.start_stream(lambda result, error: answers.put((result, error)))
    for number, text in enumerate(("spark i j k", "l m n")):
        tensor = triton_grpc.InferInput("text", [1], "BYTES")
        tensor.set_data_from_numpy(np.array([text.encode()], dtype=np.object_))
        stream.async_stream_infer("text", [tensor], request_id=f"line-{number}")
    stream.async_stream_infer("no-such-model", [tensor])
    found = [answers.get(timeout=20) for _ in range(3)]
    stream.stop_stream()
    stream.close()
    said = [(result.get_response().id, result.as_numpy("prediction").tolist()) for result, _ in found[:2]]
    return {"answers": said, "error": found[2][1].message()}


def triton_asks_the_repository():
    """The repository: what is there, loading what is loaded, unloading refused by name."""
    index = http.get_model_repository_index()
    assert [m["name"] for m in index] == [m.name for m in rpc.get_model_repository_index().models]
    http.load_model("iris")
    rpc.load_model("iris")
    return {"index": index, "unload": refused(lambda: rpc.unload_model("iris"))}


def triton_counts():
    """Statistics: the calls so far, over both ways alike."""
    over_http = http.get_inference_statistics("iris")["model_stats"][0]
    over_grpc = rpc.get_inference_statistics("iris").model_stats[0]
    assert over_http["inference_stats"]["success"]["count"] == over_grpc.inference_stats.success.count
    return {"name": over_http["name"], "success": over_http["inference_stats"]["success"]["count"]}


def triton_is_refused():
    """Errors, as the client raises them."""
    tensor = triton_grpc.InferInput("text", [1], "FP64")
    tensor.set_data_from_numpy(np.array([1.0]))
    return [refused(lambda: rpc.infer("no-such-model", [tensor])), refused(lambda: http.get_model_metadata("no-such-model"))]


# === tensorflow-serving-api ===


def examples(*values):
    """Returns examples with the feature `x`."""
    made = [example_pb2.Example() for _ in values]
    for example, value in zip(made, values):
        example.features.feature["x"].float_list.value.append(value)
    return made


def serving_predicts():
    """Predict: a tensor by its name."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "half_plus_two"
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=n) for n in (3, 1)])
    request.inputs["x"].CopyFrom(tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_shape=shape, float_val=[1.0, 2.0, 5.0]))
    answer = prediction.Predict(request, timeout=20)
    assert list(answer.outputs["y"].float_val) == [2.5, 3.0, 4.5]
    return MessageToDict(answer)


def serving_predicts_with_spark():
    """Predict with a model of rows: a column, and a value each."""
    request = predict_pb2.PredictRequest(output_filter=["probability"])
    request.model_spec.name = "text"
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    request.inputs["text"].CopyFrom(tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=shape, string_val=[b"spark i j k"]))
    return list(prediction.Predict(request, timeout=20).outputs["probability"].double_val)


def serving_classifies():
    """Classify: examples in, labels and scores out."""
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "half_plus_two"
    request.model_spec.signature_name = "classify_x_to_y"
    request.input.example_list.examples.extend(examples(1.0, 2.0))
    answer = prediction.Classify(request, timeout=20)
    return MessageToDict(answer, always_print_fields_with_no_presence=True)


def serving_regresses():
    """Regress: examples with a context that all share."""
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "half_plus_two"
    request.model_spec.signature_name = "regress_x_to_y"
    request.input.example_list_with_context.examples.extend(examples(1.0) + [example_pb2.Example()])
    request.input.example_list_with_context.context.CopyFrom(examples(10.0)[0])
    answer = prediction.Regress(request, timeout=20)
    assert [found.value for found in answer.result.regressions] == [2.5, 7.0]
    return MessageToDict(answer)


def serving_does_both():
    """MultiInference: several signatures over the same examples."""
    request = inference_pb2.MultiInferenceRequest()
    for signature, method in (("regress_x_to_y", "regress"), ("classify_x_to_y", "classify")):
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = "half_plus_two", signature
    request.input.example_list.examples.extend(examples(4.0))
    both = MessageToDict(prediction.MultiInference(request, timeout=20))
    request.tasks.append(request.tasks[0])
    return both, refused(lambda: prediction.MultiInference(request, timeout=20))


def serving_reads_metadata():
    """GetModelMetadata: the signatures, in the graph's own names."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "half_plus_two"
    answer = prediction.GetModelMetadata(request, timeout=20)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(signatures)
    return {name: definition.method_name for name, definition in sorted(signatures.signature_def.items())}


def serving_reads_states():
    """GetModelStatus; another configuration is refused by name, for the models directory says what is served."""
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "half_plus_two"
    reload = model_management_pb2.ReloadConfigRequest()
    reload.config.model_config_list.config.add(name="m", base_path="/models/m", model_platform="tensorflow")
    return MessageToDict(models.GetModelStatus(request)), refused(lambda: models.HandleReloadConfigRequest(reload))


def serving_is_refused():
    """Errors, in the words that clients look for."""
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "half_plus_two"
    no_version = predict_pb2.PredictRequest()
    no_version.model_spec.name = "half_plus_two"
    no_version.model_spec.version.value = 7
    return [refused(lambda: prediction.Regress(request)), refused(lambda: prediction.Predict(no_version))]


# === reflection and health ===


def reflection_and_health():
    """The services, the file of a message, and the health of a model."""
    reflected = ProtoReflectionDescriptorDatabase(channel)
    assert reflected.FindFileContainingSymbol("tensorflow.serving.MultiInferenceRequest").package == "tensorflow.serving"
    check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="iris"))
    return sorted(reflected.get_services()), MessageToDict(check)


# === tokens ===


def token_of(**claims):
    """Returns a token by pyjwt."""
    return jwt.encode({"aud": "forebay", "exp": time.time() + 300, **claims}, secret, algorithm="HS256")


def token_of_a_scorer():
    """A token with the role `predict`: tritonclient over HTTP and gRPC, the stubs of TensorFlow Serving."""
    token = {"authorization": f"Bearer {token_of(sub='alice', roles=['predict'])}"}
    answers = []
    for module in (triton_http, triton_grpc):
        tensor = module.InferInput("text", [1], "BYTES")
        tensor.set_data_from_numpy(np.array([b"l m n"], dtype=np.object_))
        client = module.InferenceServerClient(guarded)
        answers.append(client.infer("text", [tensor], headers=dict(token)).as_numpy("prediction").tolist())
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "text"
    stub = model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel(guarded))
    answers.append(MessageToDict(stub.GetModelStatus(request, metadata=list(token.items()))))
    return answers


def token_that_does_not_hold():
    """No token, one that is over, one without the role: 401, 401 and 403, over gRPC as well."""
    over_http, over_grpc = triton_http.InferenceServerClient(guarded), triton_grpc.InferenceServerClient(guarded)
    said = []
    for claims in (None, {"roles": ["predict"], "exp": time.time() - 600}, {"roles": ["predict"]}):
        headers = {"authorization": f"Bearer {token_of(sub='bob', **claims)}"} if claims else {}
        said.append(refused(lambda: over_http.get_model_repository_index(headers=headers)))
        said.append(refused(lambda: over_grpc.get_model_repository_index(headers=headers)))
    return said


# === curl ===

CURL = [
    ("MLflow's scoring server: `dataframe_split`.", "invocations", "application/json", '{"dataframe_split": {"columns": ["text"], "data": [["mist makes spark better"], ["l m n"]]}}'),
    ("`dataframe_records`.", "invocations", "application/json", '{"dataframe_records": [{"text": "mist makes spark better"}]}'),
    ("`instances`.", "invocations", "application/json", '{"instances": [{"text": "mist makes spark better"}]}'),
    ("`inputs`.", "invocations", "application/json", '{"inputs": {"text": ["mist makes spark better"]}}'),
    ("CSV, as SageMaker sends it.", "invocations", "text/csv", "text\\nmist makes spark better\\n"),
    ("What is none of these.", "invocations", "application/json", '{"rows": []}'),
    ("Openscoring.", "openscoring/model/iris", "application/json", '{"id": "flower-1", "arguments": {"sepal length (cm)": 5.7, "sepal width (cm)": 3.8, "petal length (cm)": 1.7, "petal width (cm)": 0.3}}'),
    ("TensorFlow Serving's tutorial.", "v1/models/half_plus_two:predict", "application/json", '{"instances": [1.0, 2.0, 5.0]}'),
]


def curl(path, content_type, body):
    """Returns the command and its answer."""
    command = f"curl -s http://{address}/{path} -H 'content-type: {content_type}' --data-binary $'{body}'"
    return command, subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True).stdout


# === the page ===

PARTS = [
    ("tritonclient", "`tritonclient` (HTTP: `http`, gRPC: `rpc`)", "triton_"),
    ("tensorflow-serving-api", "`tensorflow-serving-api` with `grpcio`", "serving_"),
    ("pyjwt", "Tokens by `pyjwt`", "token_"),
    ("grpcio-reflection", "Reflection and health, as `grpcurl` asks", "reflection_"),
]


def normalised(text):
    """Takes out what differs from run to run."""
    text = text.replace(address, "localhost:8080").replace(guarded, "localhost:8080")
    return re.sub(r'("(?:request_id|version|modelVersion)": ")[^"]*[-.][^"]*"', r'\1..."', text)


def written():
    """Returns the page; every exchange is made on the way."""
    out = [
        "# Clients of others",
        "",
        "Exchanges of clients that others wrote, unmodified, with one running server: `acceptance/clients.sh` makes them all, asserts what they",
        "say, and wrote this page. `text` and `mixed` are Spark pipelines (`examples/models`), `iris` is PMML (`conformance/pmml/logistic-iris`),",
        "`half_plus_two` is TensorFlow Serving's own test model.",
        "",
    ]
    for _, title, prefix in PARTS:
        out += [f"## {title}", ""]
        for name, exchange in list(globals().items()):
            if not name.startswith(prefix) or not inspect.isfunction(exchange) or name == "token_of":
                continue
            print(name, flush=True)
            source = inspect.getsource(exchange).split('"""\n', 1)[1]
            answer = json.dumps(exchange(), indent=2, default=lambda value: value.decode())
            answer = re.sub(r"\[\s+([^\[\]{}]{0,300}?)\s+\]", lambda m: "[" + re.sub(r"\s*\n\s*", " ", m[1]) + "]", answer)
            out += [inspect.getdoc(exchange), "", "```python", textwrap.dedent(source).rstrip(), "```", "", "```json", answer, "```", ""]
    out += ["## `curl`: MLflow, SageMaker, Openscoring, TensorFlow Serving", ""]
    for title, *asked in CURL:
        command, answer = curl(*asked)
        print(title, flush=True)
        out += [title, "", "```", command, answer.rstrip(), "```", ""]
    return normalised("\n".join(out))


now = written()
if sys.argv[5:] == ["write"]:
    with open(page, "w") as file:
        file.write(now)
elif open(page).read() != now:
    with open(page + ".now", "w") as file:
        file.write(now)
    subprocess.run(["diff", "-u", page, page + ".now"])
    os.remove(page + ".now")
    sys.exit("the exchanges are no longer those of the page; with REFRESH=1 they are written anew")
