//! gRPC on the port of REST, with a client that is not ours.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use codec::coding::Coding;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use server::{Config, Drained, MistConfig};
use tonic::{Code, Status, transport::Channel};
use wire::{
    grpc::{
        health::v1::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient},
        reflection::v1::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        },
    },
    inference::{
        InferTensorContents, ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelReadyRequest,
        ServerReadyRequest,
        grpc_inference_service_client::GrpcInferenceServiceClient as Client,
        model_infer_request::{InferInputTensor, InferRequestedOutputTensor},
    },
};

use wire::{
    Message,
    tensorflow::{
        DataType, TensorProto, TensorShapeProto,
        serving::{
            GetModelMetadataRequest, GetModelStatusRequest, ModelSpec, PredictRequest, PredictResponse,
            ReloadConfigRequest, SignatureDefMap, model_service_client::ModelServiceClient, model_spec::VersionChoice,
            model_version_status::State, prediction_service_client::PredictionServiceClient,
        },
        tensor_shape_proto::Dim,
    },
};

use crate::{limits::until, world::World};

fn world() -> World {
    World::new(Config::default(), MistConfig::default())
}

pub fn channel(world: &World) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", world.addr)).unwrap();
    let _entered = world.runtime.enter();
    endpoint.connect_lazy()
}

fn input(name: &str, datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor { name: name.into(), datatype: datatype.into(), shape: shape.into(), ..Default::default() }
}

fn request(model: &str, inputs: Vec<InferInputTensor>) -> ModelInferRequest {
    ModelInferRequest { model_name: model.into(), id: "a-1".into(), inputs, ..ModelInferRequest::default() }
}

/// Asks for `x` with typed contents.
pub fn floats(model: &str, x: &[f64]) -> ModelInferRequest {
    let contents = InferTensorContents { fp64_contents: x.into(), ..Default::default() };
    let input = InferInputTensor { contents: Some(contents), ..input("x", "FP64", &[x.len() as i64]) };
    request(model, vec![input])
}

/// Asks with raw contents.
fn raw(model: &str, datatype: &str, shape: &[i64], bytes: &[u8]) -> ModelInferRequest {
    let raw_input_contents = vec![bytes.into()];
    ModelInferRequest { raw_input_contents, ..request(model, vec![input("x", datatype, shape)]) }
}

fn infer(world: &World, request: ModelInferRequest) -> Result<ModelInferResponse, Status> {
    let mut client = Client::new(channel(world));
    world.runtime.block_on(client.model_infer(request)).map(tonic::Response::into_inner)
}

fn refused(world: &World, request: ModelInferRequest, code: Code, part: &str) {
    let status = infer(world, request).unwrap_err();
    assert_eq!(status.code(), code, "{status:?}");
    assert!(status.message().contains(part), "{status:?}");
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn an_answer_is_typed_or_raw_as_its_request_was() {
    let world = world();
    let answer = infer(&world, floats("double", &[1.5, -2.0])).unwrap();
    assert_eq!((&*answer.model_name, &*answer.model_version, &*answer.id), ("double", "1", "a-1"));
    let [y] = &answer.outputs[..] else { panic!("{answer:?}") };
    assert_eq!((&*y.name, &*y.datatype, &y.shape[..]), ("y", "FP64", &[2][..]));
    assert_eq!(y.contents.as_ref().unwrap().fp64_contents, [3.0, -4.0]);
    assert!(answer.raw_output_contents.is_empty());

    let answer = infer(&world, raw("double", "FP64", &[2, 1], &doubles(&[1.5, 14.0]))).unwrap();
    assert_eq!(answer.outputs[0].shape, [1], "the row 14 is dropped");
    assert!(answer.outputs[0].contents.is_none());
    assert_eq!(answer.raw_output_contents, [doubles(&[3.0])]);

    // Narrower numbers, and all outputs by their names.
    let contents = InferTensorContents { int_contents: vec![-3, 4], ..Default::default() };
    let narrow = InferInputTensor { contents: Some(contents), ..input("x", "INT8", &[2]) };
    let output = |name: &str| InferRequestedOutputTensor { name: name.into(), ..Default::default() };
    let asked = ModelInferRequest { outputs: vec![output("x"), output("y")], ..request("double", vec![narrow]) };
    let answer = infer(&world, asked).unwrap();
    let contents: Vec<_> = answer.outputs.iter().map(|o| o.contents.clone().unwrap().fp64_contents).collect();
    assert_eq!(contents, [vec![-3.0, 4.0], vec![-6.0, 8.0]]);
}

#[test]
fn tensors_texts_and_vectors() {
    let world = world();
    let half: Vec<u8> = [0x3c00u16, 0xc000].iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let answer = infer(&world, raw("echo", "FP16", &[1, 2], &half)).unwrap();
    let floats: Vec<u8> = [1f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!((&*answer.outputs[0].datatype, &answer.raw_output_contents[0]), ("FP32", &floats));
    assert_eq!(answer.outputs[0].shape, [1, 2]);

    let text = |text: &[u8]| [&(text.len() as u32).to_le_bytes()[..], text].concat();
    let answer = infer(&world, raw("who", "BYTES", &[2], &[text(b"a"), text(b"")].concat())).unwrap();
    let (name, contents) = (&*answer.outputs[0].datatype, &answer.raw_output_contents[0]);
    assert_eq!(name, "BYTES");
    assert_eq!(contents.len() % 2, 0, "two texts of one length: {contents:?}");

    let answer = infer(&world, floats_of_vectors()).unwrap();
    let by_name = |name: &str| answer.outputs.iter().find(|output| output.name == name).unwrap();
    assert_eq!(by_name("dense").shape, [1, 2]);
    assert_eq!(by_name("sparse").contents.as_ref().unwrap().fp64_contents, [0.0, 7.0, 0.0, 0.0, 1.0]);
}

fn floats_of_vectors() -> ModelInferRequest {
    floats("vectors", &[7.0])
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let world = world();
    let invalid = Code::InvalidArgument;
    refused(&world, raw("double", "FP64", &[2], &doubles(&[1.0])), invalid, "2 elements of FP64");
    refused(
        &world,
        raw("double", "FP64", &[i64::MAX, i64::MAX], &[]),
        invalid,
        "as many elements as the shape says, which no tensor has",
    );
    refused(&world, raw("double", "FP64", &[1 << 40], &[]), invalid, "elements of FP64, got 0 bytes");
    refused(&world, raw("double", "FP64", &[-1], &[]), invalid, "none below 0");
    refused(&world, raw("double", "FP64", &[1; 40], &doubles(&[1.0])), invalid, "at most 16 dimensions");
    refused(&world, raw("double", "FP7", &[1], &[]), invalid, "a datatype, one of");
    refused(&world, raw("who", "BYTES", &[1], &[255, 255, 255, 255, 1]), invalid, "a length beyond the data");
    refused(&world, raw("who", "BYTES", &[1], &[1, 0, 0, 0, b'a', 1]), invalid, "1 bytes more");
    assert_eq!(infer(&world, raw("double", "INT64", &[0], &[])).unwrap().outputs[0].shape, [0], "no rows are rows");
}

#[test]
fn statuses_and_limits() {
    let config = Config { rows_max: 3, body_bytes_max: 4096, ..Config::default() };
    let world = World::new(config, MistConfig::default());
    refused(&world, floats("nobody", &[1.0]), Code::NotFound, "model `nobody`");
    refused(&world, floats("broken", &[1.0]), Code::FailedPrecondition, "no such class");
    refused(&world, floats("fail", &[1.0]), Code::Unavailable, "the worker is gone");
    refused(&world, floats("panic", &[1.0]), Code::Internal, "panicked");
    refused(&world, floats("panic-dear", &[1.0]), Code::Internal, "panicked");
    refused(&world, floats("double", &[13.0]), Code::InvalidArgument, "13");
    refused(&world, floats("double", &[0.0; 4]), Code::ResourceExhausted, "rows_max");
    refused(&world, floats("double", &[0.0; 4096]), Code::ResourceExhausted, "body_bytes_max");
    let version = |version: &str| ModelInferRequest { model_version: version.into(), ..floats("double", &[1.0]) };
    assert!(infer(&world, version("1")).is_ok());
    refused(&world, version("2"), Code::NotFound, "version 2");
    refused(&world, version("a b"), Code::InvalidArgument, "a whole number above 0, or a label");
    let name = InferRequestedOutputTensor { name: "z".into(), ..Default::default() };
    refused(
        &world,
        ModelInferRequest { outputs: vec![name], ..floats("double", &[1.0]) },
        Code::InvalidArgument,
        "one of y, x",
    );
}

#[test]
fn times_ids_and_traces() {
    let world = world();
    let mut client = Client::new(channel(&world));
    let mut late = tonic::Request::new(floats("spin", &[1.0]));
    late.set_timeout(Duration::from_millis(50));
    let status = world.runtime.block_on(client.model_infer(late)).unwrap_err();
    // The server's word, or the client's own, whichever is first.
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
    until("the call is cancelled or out of time", || world.seen.begun.load(Ordering::SeqCst) == 1);

    let mut asked = tonic::Request::new(floats("who", &[1.0]));
    asked.metadata_mut().insert("x-request-id", "order-17".parse().unwrap());
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    asked.metadata_mut().insert("traceparent", parent.parse().unwrap());
    let answer = world.runtime.block_on(client.model_infer(asked)).unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "order-17");
    let text = &answer.get_ref().outputs[0].contents.as_ref().unwrap().bytes_contents[0];
    assert!(String::from_utf8_lossy(text).starts_with(&format!("order-17 {parent}")), "{text:?}");
}

#[test]
fn a_stream_answers_each_request_in_its_order() {
    let world = world();
    let mut client = Client::new(channel(&world));
    let requests: Vec<_> = [1.0, 13.0, 3.0].iter().map(|&x| floats("double", &[x])).collect();
    let answers = world.runtime.block_on(async {
        let mut stream = client.model_stream_infer(wire_stream(requests)).await.unwrap().into_inner();
        let mut answers = Vec::new();
        while let Some(answer) = stream.message().await.unwrap() {
            answers.push(answer);
        }
        answers
    });
    let of = |at: usize| answers[at].infer_response.as_ref().unwrap().outputs[0].contents.clone().unwrap();
    assert_eq!(answers.len(), 3);
    assert_eq!((of(0).fp64_contents, of(2).fp64_contents), (vec![2.0], vec![6.0]));
    assert!(answers[1].error_message.contains("13") && answers[1].infer_response.is_none(), "{:?}", answers[1]);
}

/// A stream of these messages that then ends.
fn wire_stream<T: Send + 'static>(items: Vec<T>) -> impl tonic::IntoStreamingRequest<Message = T> {
    tonic::Request::new(tokio_stream::iter(items))
}

#[test]
fn an_open_stream_does_not_hold_up_the_end() {
    let mut world = world();
    let mut client = Client::new(channel(&world));
    let (asking, requests) = tokio::sync::mpsc::channel(1);
    let mut stream = world.runtime.block_on(async {
        asking.send(floats("double", &[1.0])).await.unwrap();
        let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
        client.model_stream_infer(requests).await.unwrap().into_inner()
    });
    assert!(world.runtime.block_on(stream.message()).unwrap().is_some());
    world.stop();
    let status = world.runtime.block_on(stream.message()).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    drop((asking, stream, client));
    assert_eq!(world.stopped(), Drained { cut: 0 });
}

#[test]
fn readiness_metadata_and_health() {
    let world = world();
    let (mut client, mut health) = (Client::new(channel(&world)), HealthClient::new(channel(&world)));
    world.runtime.block_on(async {
        assert!(client.server_ready(ServerReadyRequest {}).await.unwrap().into_inner().ready);
        let of = |name: &str| ModelReadyRequest { name: name.into(), version: String::new() };
        for (name, ready) in [("double", true), ("broken", false), ("nobody", false)] {
            assert_eq!(client.model_ready(of(name)).await.unwrap().into_inner().ready, ready, "{name}");
        }
        let asked = ModelMetadataRequest { name: "echo".into(), version: String::new() };
        let about = client.model_metadata(asked).await.unwrap().into_inner();
        assert_eq!((&about.versions[..], &*about.platform), (&["1".to_owned()][..], "forebay_fake"));
        assert_eq!((&*about.inputs[0].datatype, &about.inputs[0].shape[..]), ("FP32", &[-1, 2][..]));
        let of = |service: &str| HealthCheckRequest { service: service.into() };
        for (service, status) in [
            ("", ServingStatus::Serving),
            ("inference.GRPCInferenceService", ServingStatus::Serving),
            ("double", ServingStatus::Serving),
            ("broken", ServingStatus::NotServing),
        ] {
            assert_eq!(health.check(of(service)).await.unwrap().into_inner().status(), status, "{service}");
        }
        assert_eq!(health.check(of("nobody")).await.unwrap_err().code(), Code::NotFound);
        let mut watch = health.watch(of("nobody")).await.unwrap().into_inner();
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    });
}

#[test]
fn reflection_lists_the_services() {
    let world = world();
    let mut client = ServerReflectionClient::new(channel(&world));
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let asked = ServerReflectionRequest { host: String::new(), message_request };
    let answer = world.runtime.block_on(async {
        let mut stream = client.server_reflection_info(wire_stream(vec![asked])).await.unwrap().into_inner();
        stream.message().await.unwrap().unwrap()
    });
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else { panic!("a list") };
    let names: Vec<&str> = list.service.iter().map(|service| &*service.name).collect();
    assert!(names.contains(&"inference.GRPCInferenceService") && names.contains(&"grpc.health.v1.Health"), "{names:?}");
}

/// Sends these bytes as the body of a call; returns the head and the trailers of the answer, which hold the status.
fn bytes(world: &World, path: &str, encoding: &str, body: &[u8]) -> HeaderMap {
    world.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(world.addr).await.unwrap();
        let (mut sender, connection) =
            handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post(format!("http://x{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-encoding", encoding)
            .body(Full::from(Bytes::copy_from_slice(body)))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200, "an error is told in its status alone");
        let mut headers = response.headers().clone();
        headers.extend(response.into_body().collect().await.unwrap().trailers().cloned().unwrap_or_default());
        headers
    })
}

#[test]
fn broken_frames_and_messages_are_refused() {
    let world = world();
    let infer = "/inference.GRPCInferenceService/ModelInfer";
    let stream = "/inference.GRPCInferenceService/ModelStreamInfer";
    let check = |path: &str, body: &[u8], code: &str| {
        let headers = bytes(&world, path, "identity", body);
        assert_eq!(headers.get("grpc-status").unwrap(), code, "{path} {body:?}: {headers:?}");
        assert!(headers.contains_key("x-request-id"), "{headers:?}");
    };
    check(infer, b"", "3");
    check(infer, &[0, 0, 0, 0], "3");
    check(infer, &[0, 0xff, 0xff, 0xff, 0xff], "3");
    check(infer, &[1, 0, 0, 0, 0], "3");
    check(infer, &[2, 0, 0, 0, 0], "3");
    check(infer, &[0, 0, 0, 0, 2, 0xff, 0xff], "3");
    // A field that states a length beyond the message, and groups within groups.
    check(infer, &[0, 0, 0, 0, 7, 0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x61], "3");
    let mut deep = vec![0, 0, 0, 0x80, 0];
    deep.resize(5 + 0x8000, 0x2b);
    check(infer, &deep, "3");
    check(stream, &[0, 0xff, 0xff, 0xff, 0xff], "8");
    check(stream, &[0, 0, 0, 0, 9, 1], "3");
    check("/inference.GRPCInferenceService/Nothing", b"", "12");
    check("/", b"", "12");
    let page = world.get("/metrics").body;
    assert!(page.contains(r#"forebay_requests_total{dialect="v2-grpc",model="",code="400"}"#), "{page}");
}

#[test]
fn compressed_messages_are_read() {
    let world = World::new(Config { expanded_bytes_max: 1 << 20, ..Config::default() }, MistConfig::default());
    let infer = "/inference.GRPCInferenceService/ModelInfer";
    let stream = "/inference.GRPCInferenceService/ModelStreamInfer";
    let frame = |packed: &[u8]| [&[1], &(packed.len() as u32).to_be_bytes()[..], packed].concat();
    let check = |path: &str, encoding: &str, frames: &[u8], code: &str| {
        let headers = bytes(&world, path, encoding, frames);
        assert_eq!(headers["grpc-status"], code, "{path} {encoding}: {headers:?}");
        headers
    };
    let message = floats("double", &vec![1.5; 1000]).encode_to_vec();
    for coding in Coding::ALL {
        let packed = frame(&coding.pack(&message).unwrap());
        check(infer, coding.name(), &packed, "0");
        check(stream, coding.name(), &packed.repeat(3), "0");
        let bomb = frame(&coding.pack(&vec![0; 32 << 20]).unwrap());
        for path in [infer, stream] {
            let headers = check(path, coding.name(), &bomb, "8");
            assert!(headers["grpc-message"].to_str().unwrap().contains("server.expanded_bytes_max"), "{headers:?}");
            check(path, coding.name(), &frame(b"not packed"), "3");
        }
    }
    let headers = check(infer, "snappy", &frame(&message), "12");
    assert_eq!(headers["grpc-accept-encoding"], "identity,deflate,gzip,zstd");
    // What no frame says to be compressed is not.
    let plain = [&[0], &(message.len() as u32).to_be_bytes()[..], &message].concat();
    check(infer, "snappy", &plain, "0");
}

/// Asks REST for an answer in binary; the answer's JSON and what follows it.
#[test]
fn rest_answers_in_binary_too() {
    let world = world();
    world.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(world.addr).await.unwrap();
        let (mut sender, connection) = handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let body = r#"{"inputs":[{"name":"x","shape":[2],"datatype":"FP64","data":[1,2]}],
            "parameters":{"binary_data_output":true},"outputs":[{"name":"y"},{"name":"x","parameters":{"binary_data":false}}]}"#;
        let request = Request::post("http://x/v2/models/double/infer").body(Full::from(body)).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.headers().get("content-type").unwrap(), "application/octet-stream");
        let at: usize = response.headers()["inference-header-content-length"].to_str().unwrap().parse().unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let (json, binary) = bytes.split_at(at);
        let json: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], 16, "{json}");
        assert_eq!(json["outputs"][1]["data"], serde_json::json!([1.0, 2.0]));
        assert_eq!(binary, doubles(&[2.0, 4.0]));
    });
}

fn tensor_proto(dtype: DataType, shape: &[i64], fill: impl FnOnce(&mut TensorProto)) -> TensorProto {
    let dim = shape.iter().map(|&size| Dim { size, name: String::new() }).collect();
    let tensor_shape = Some(TensorShapeProto { dim, unknown_rank: false });
    let mut tensor = TensorProto { dtype: dtype.into(), tensor_shape, ..TensorProto::default() };
    fill(&mut tensor);
    tensor
}

fn predict(world: &World, model: &str, signature: &str, x: TensorProto) -> Result<PredictResponse, Status> {
    let mut client = PredictionServiceClient::new(channel(world));
    let spec = ModelSpec { name: model.into(), signature_name: signature.into(), version_choice: None };
    let request =
        PredictRequest { model_spec: Some(spec), inputs: [("x".to_owned(), x)].into(), output_filter: Vec::new() };
    world.runtime.block_on(client.predict(request)).map(tonic::Response::into_inner)
}

#[test]
fn tensorflow_serving_predicts() {
    let world = world();
    let floats = || tensor_proto(DataType::DtFloat, &[2, 2], |t| t.float_val = vec![1.5]);
    let answer = predict(&world, "echo", "", floats()).unwrap();
    assert_eq!(answer.outputs["y"].float_val, [1.5; 4], "one value goes on to the end");
    let spec = answer.model_spec.unwrap();
    assert_eq!((&*spec.signature_name, spec.version_choice), ("serving_default", Some(VersionChoice::Version(1))));
    let texts = tensor_proto(DataType::DtString, &[2], |t| t.string_val = vec![b"a".to_vec(), vec![0xff]]);
    assert_eq!(predict(&world, "echo", "texts", texts.clone()).unwrap().outputs["y"].string_val, texts.string_val);
    // A model of rows: a column, and a value each.
    let rows = tensor_proto(DataType::DtDouble, &[2, 1], |t| t.tensor_content = doubles(&[1.0, 2.0]));
    for signature in ["", "serving_default"] {
        let answer = predict(&world, "double", signature, rows.clone()).unwrap();
        assert_eq!(answer.outputs["y"].double_val, [2.0, 4.0], "{signature:?}");
    }

    let check = |result: Result<PredictResponse, Status>, code: Code, part: &str| {
        let status = result.unwrap_err();
        assert!(status.code() == code && status.message().contains(part), "{status:?}");
    };
    check(predict(&world, "nobody", "", floats()), Code::NotFound, "Servable not found for request: Latest(nobody)");
    check(predict(&world, "echo", "zzz", floats()), Code::InvalidArgument, "Serving signature name: \"zzz\" not found");
    let huge = tensor_proto(DataType::DtFloat, &[1 << 30, 4], |t| t.float_val = vec![1.0]);
    check(predict(&world, "echo", "", huge), Code::InvalidArgument, "more elements than a request may have");
    let negative = tensor_proto(DataType::DtFloat, &[-1], |t| t.float_val = vec![1.0]);
    check(predict(&world, "echo", "", negative), Code::InvalidArgument, "a shape that no tensor has");
    let short = tensor_proto(DataType::DtFloat, &[2], |t| t.tensor_content = vec![1, 2, 3]);
    check(predict(&world, "echo", "", short), Code::InvalidArgument, "3 bytes");

    let mut client = PredictionServiceClient::new(channel(&world));
    let of = |name: &str| Some(ModelSpec { name: name.into(), ..ModelSpec::default() });
    let asked =
        PredictRequest { model_spec: of("echo"), inputs: [("z".to_owned(), floats())].into(), ..Default::default() };
    let status = world.runtime.block_on(client.predict(asked)).unwrap_err();
    assert!(status.message().contains("Sent extra: {z}. Missing but required: {x}."), "{status:?}");
    let asked = GetModelMetadataRequest { model_spec: of("echo"), metadata_field: vec!["signature_def".into()] };
    let about = world.runtime.block_on(client.get_model_metadata(asked)).unwrap().into_inner();
    let map = SignatureDefMap::decode(&about.metadata["signature_def"].value[..]).unwrap();
    let default = &map.signature_def["serving_default"];
    assert_eq!((default.inputs["x"].dtype(), default.inputs.len()), (DataType::DtFloat, 1));

    let mut models = ModelServiceClient::new(channel(&world));
    let status = |name: &str| GetModelStatusRequest { model_spec: of(name) };
    let versions = world.runtime.block_on(models.get_model_status(status("broken"))).unwrap().into_inner();
    let version = &versions.model_version_status[0];
    assert_eq!((version.state(), version.status.as_ref().unwrap().error_code), (State::End, 9));
    let refused = world.runtime.block_on(models.get_model_status(status("nobody"))).unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    // Labels, before one stands and after.
    let labelled = |label: &str| {
        let spec = ModelSpec { version_choice: Some(VersionChoice::VersionLabel(label.into())), ..of("echo").unwrap() };
        GetModelStatusRequest { model_spec: Some(spec) }
    };
    let refused = world.runtime.block_on(models.get_model_status(labelled("stable"))).unwrap_err();
    let text = "Unrecognized servable version label: stable";
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, text));
    assert_eq!(world.send("PUT", "/api/v1/models/echo/labels/stable", &[], r#"{"version": 1}"#).status, 200);
    let one = world.runtime.block_on(models.get_model_status(labelled("stable"))).unwrap().into_inner();
    assert_eq!(one.model_version_status[0].version, 1);
    let mut asked = PredictRequest { inputs: [("x".to_owned(), floats())].into(), ..Default::default() };
    asked.model_spec = labelled("stable").model_spec;
    let answer = world.runtime.block_on(client.predict(asked.clone())).unwrap().into_inner();
    assert_eq!(answer.model_spec.unwrap().version_choice, Some(VersionChoice::Version(1)));
    asked.model_spec = labelled("canary").model_spec;
    let refused = world.runtime.block_on(client.predict(asked)).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    let refused = world.runtime.block_on(models.handle_reload_config_request(ReloadConfigRequest {})).unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
