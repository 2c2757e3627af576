//! The carriers of tensors and tables that are no text: V2 in binary, V2 and TensorFlow Serving over gRPC, Arrow. Each takes the rows
//! that JSON would have, and returns the rows that were answered.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::TcpStream,
};

use codec::{
    arrow::{ArrowSink, ArrowSource},
    json::{Decoder, EncodeOptions, encode},
    table::{ReadOptions, Sink, Source, WriteOptions},
};
use model::{DType, Field, Reading, Takes, Type};
use serde_json::{Value, json};
use tonic::transport::Channel;
use wire::{
    inference::{
        ModelInferRequest, grpc_inference_service_client::GrpcInferenceServiceClient,
        model_infer_request::InferInputTensor,
    },
    tensorflow::{
        DataType, TensorProto, TensorShapeProto,
        serving::{ModelSpec, PredictRequest, prediction_service_client::PredictionServiceClient},
        tensor_shape_proto::Dim,
    },
};

use crate::{dialects::Row, serve::Server};

/// One input of a request: all rows of it.
pub struct Tensor {
    pub name: String,
    pub datatype: &'static str,
    pub shape: Vec<usize>,
    pub data: Vec<Value>,
}

impl Tensor {
    /// Returns the elements little-endian; null is NaN.
    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for value in &self.data {
            match self.datatype {
                "BYTES" => {
                    let text = value.as_str().unwrap().as_bytes();
                    out.extend((text.len() as u32).to_le_bytes());
                    out.extend(text);
                }
                "INT64" => out.extend(value.as_i64().unwrap().to_le_bytes()),
                "BOOL" => out.push(value.as_bool().unwrap().into()),
                "FP32" => out.extend((value.as_f64().unwrap_or(f64::NAN) as f32).to_le_bytes()),
                _ => out.extend(value.as_f64().unwrap_or(f64::NAN).to_le_bytes()),
            }
        }
        out
    }

    /// Returns whether bytes can say it: they have no null but NaN.
    pub fn is_plain(&self) -> bool {
        ["FP32", "FP64"].contains(&self.datatype) || !self.data.contains(&Value::Null)
    }
}

/// Returns what stands in the bytes of an output.
fn elements(datatype: &str, bytes: &[u8]) -> Vec<Value> {
    fn each<const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> Value) -> Vec<Value> {
        bytes.as_chunks().0.iter().map(|&chunk| of(chunk)).collect()
    }
    match datatype {
        "FP64" => each(bytes, |b| json!(f64::from_le_bytes(b))),
        "FP32" => each(bytes, |b| json!(f32::from_le_bytes(b))),
        "INT64" => each(bytes, |b| json!(i64::from_le_bytes(b))),
        "INT32" => each(bytes, |b| json!(i32::from_le_bytes(b))),
        "BOOL" => each(bytes, |[b]: [u8; 1]| json!(b != 0)),
        "BYTES" => {
            let (mut rest, mut texts) = (bytes, Vec::new());
            while let Some((length, tail)) = rest.split_first_chunk::<4>() {
                let (text, tail) = tail.split_at(u32::from_le_bytes(*length) as usize);
                texts.push(json!(String::from_utf8_lossy(text)));
                rest = tail;
            }
            texts
        }
        other => panic!("an output of {other}"),
    }
}

/// Puts an output into its rows: a value each, or the tensor that a row has.
pub fn part(out: &mut [Row], name: &str, shape: &[usize], data: Vec<Value>) {
    let rows = out.len();
    assert_eq!(shape.first(), Some(&rows), "{name}");
    fn nested(shape: &[usize], data: &[Value]) -> Value {
        match shape {
            [] => data[0].clone(),
            [_, rest @ ..] => {
                let size = rest.iter().product::<usize>().max(1);
                Value::Array(data.chunks(size).map(|part| nested(rest, part)).collect())
            }
        }
    }
    let size = data.len() / rows;
    for (row, part) in out.iter_mut().zip(data.chunks(size.max(1))) {
        row.insert(name.to_owned(), nested(&shape[1..], part));
    }
}

/// Sends bytes with these headers; returns the head and the body of the answer.
fn send(server: &Server, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut head =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    stream.write_all((head + "\r\n").as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&body));
    (head, body)
}

/// Open Inference V2 with the extension `binary_tensor_data`, both ways.
pub fn binary(server: &Server, model: &str, rows: usize, tensors: &[Tensor]) -> Vec<Row> {
    let (mut inputs, mut bytes) = (Vec::new(), Vec::new());
    for tensor in tensors {
        let own = tensor.bytes();
        inputs.push(json!({"name": tensor.name, "shape": tensor.shape, "datatype": tensor.datatype,
            "parameters": {"binary_data_size": own.len()}}));
        bytes.extend(own);
    }
    let head = json!({"inputs": inputs, "parameters": {"binary_data_output": true}}).to_string();
    let headers =
        [("inference-header-content-length", &*head.len().to_string()), ("content-type", "application/octet-stream")];
    let (said, body) =
        send(server, &format!("/v2/models/{model}/infer"), &headers, &[head.as_bytes(), &bytes].concat());
    let said = said.lines().find_map(|line| line.strip_prefix("inference-header-content-length: ")).unwrap();
    let (head, mut rest) = body.split_at(said.trim().parse().unwrap());
    let head: Value = serde_json::from_slice(head).unwrap();
    let mut out = vec![Row::new(); rows];
    for output in head["outputs"].as_array().unwrap() {
        let size = output["parameters"]["binary_data_size"].as_u64().unwrap() as usize;
        let (own, tail) = rest.split_at(size);
        rest = tail;
        let shape: Vec<usize> = serde_json::from_value(output["shape"].clone()).unwrap();
        let data = elements(output["datatype"].as_str().unwrap(), own);
        part(&mut out, output["name"].as_str().unwrap(), &shape, data);
    }
    out
}

/// A client of gRPC, not ours.
struct Calls {
    runtime: tokio::runtime::Runtime,
    channel: Channel,
}

impl Calls {
    fn new(server: &Server) -> Calls {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Channel::from_shared(format!("http://{}", server.address())).unwrap();
        let channel = runtime.block_on(async { endpoint.connect_lazy() });
        Calls { runtime, channel }
    }
}

/// Open Inference V2 over gRPC, raw contents both ways.
pub fn v2_grpc(server: &Server, model: &str, rows: usize, tensors: &[Tensor]) -> Vec<Row> {
    let calls = Calls::new(server);
    let input = |tensor: &Tensor| InferInputTensor {
        name: tensor.name.clone(),
        datatype: tensor.datatype.to_owned(),
        shape: tensor.shape.iter().map(|&size| size as i64).collect(),
        ..Default::default()
    };
    let request = ModelInferRequest {
        model_name: model.to_owned(),
        inputs: tensors.iter().map(input).collect(),
        raw_input_contents: tensors.iter().map(|tensor| tensor.bytes()).collect(),
        ..Default::default()
    };
    let mut client = GrpcInferenceServiceClient::new(calls.channel.clone());
    let answer = calls.runtime.block_on(client.model_infer(request)).unwrap().into_inner();
    let mut out = vec![Row::new(); rows];
    for (output, bytes) in answer.outputs.iter().zip(&answer.raw_output_contents) {
        let shape: Vec<usize> = output.shape.iter().map(|&size| size as usize).collect();
        part(&mut out, &output.name, &shape, elements(&output.datatype, bytes));
    }
    out
}

/// TensorFlow Serving's Predict over gRPC.
pub fn tfs_grpc(server: &Server, model: &str, rows: usize, tensors: &[Tensor]) -> Vec<Row> {
    let calls = Calls::new(server);
    let proto = |tensor: &Tensor| {
        let dim = tensor.shape.iter().map(|&size| Dim { size: size as i64, name: String::new() }).collect();
        let dtype = match tensor.datatype {
            "BYTES" => DataType::DtString,
            "INT64" => DataType::DtInt64,
            "BOOL" => DataType::DtBool,
            "FP32" => DataType::DtFloat,
            _ => DataType::DtDouble,
        };
        let tensor_shape = Some(TensorShapeProto { dim, unknown_rank: false });
        let mut proto = TensorProto { dtype: dtype.into(), tensor_shape, ..TensorProto::default() };
        match dtype {
            DataType::DtString => {
                proto.string_val = tensor.data.iter().map(|text| text.as_str().unwrap().into()).collect();
            }
            _ => proto.tensor_content = tensor.bytes(),
        }
        (tensor.name.clone(), proto)
    };
    let model_spec = Some(ModelSpec { name: model.to_owned(), ..ModelSpec::default() });
    let request = PredictRequest { model_spec, inputs: tensors.iter().map(proto).collect(), output_filter: Vec::new() };
    let mut client = PredictionServiceClient::new(calls.channel.clone());
    let answer = calls.runtime.block_on(client.predict(request)).unwrap().into_inner();
    let mut out = vec![Row::new(); rows];
    for (name, tensor) in &answer.outputs {
        let shape = tensor.tensor_shape.as_ref().unwrap().dim.iter().map(|dim| dim.size as usize);
        let data: Vec<Value> = match tensor.dtype() {
            DataType::DtFloat => tensor.float_val.iter().map(|value| json!(value)).collect(),
            DataType::DtDouble => tensor.double_val.iter().map(|value| json!(value)).collect(),
            DataType::DtInt64 => tensor.int64_val.iter().map(|value| json!(value)).collect(),
            DataType::DtString => tensor.string_val.iter().map(|text| json!(String::from_utf8_lossy(text))).collect(),
            DataType::DtBool => tensor.bool_val.iter().map(|value| json!(value)).collect(),
            _ => tensor.int_val.iter().map(|value| json!(value)).collect(),
        };
        part(&mut out, name, &shape.collect::<Vec<_>>(), data);
    }
    out
}

fn field(name: &str, ty: Type) -> Field {
    Field {
        name: name.into(),
        takes: Takes::One(ty),
        nullable: true,
        whole: false,
        default: true,
        optional: true,
        gates: false,
        reading: Reading::Strict,
        needs: Vec::new(),
        has_default: false,
        declared: None,
    }
}

/// Returns the types of a model's inputs and outputs, as its metadata say them.
fn declared(server: &Server, model: &str) -> HashMap<String, String> {
    let (_, metadata) = server.send("GET", &format!("/api/v1/models/{model}"), "");
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let signature = &metadata["signatures"][0];
    let fields = ["inputs", "outputs"].map(|part| signature[part].as_array().unwrap().clone()).concat();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    fields.iter().map(|field| (text(&field["name"]), text(&field["type"]))).collect()
}

/// Returns the type of a column: of times the declared one, of others by the values.
fn ty<'a>(declared: Option<&String>, values: impl Iterator<Item = &'a Value> + Clone) -> Type {
    let texts = |value: &Value| value.as_array().is_some_and(|items| items.iter().any(Value::is_string));
    if values.clone().any(texts) {
        return Type::list(Type::Text);
    }
    match (declared.map(String::as_str), values.into_iter().find(|value| !value.is_null())) {
        // An input may take either.
        (Some("date" | "timestamp"), Some(Value::String(text))) if text.len() > 10 => Type::scalar(DType::Timestamp),
        (Some("date"), _) => Type::scalar(DType::Date),
        (Some("timestamp"), _) => Type::scalar(DType::Timestamp),
        (_, Some(Value::String(_))) => Type::Text,
        (_, Some(Value::Bool(_))) => Type::scalar(DType::Bool),
        (_, Some(Value::Number(number))) if number.is_f64() => Type::F64,
        (_, Some(Value::Number(_))) => Type::I64,
        (Some("array<string>"), _) => Type::list(Type::Text),
        (Some(ty), _) if ty.starts_with("array<") => Type::list(Type::F64),
        (_, Some(_)) => Type::VECTOR,
        (_, None) => Type::Text,
    }
}

/// Arrow both ways: a stream of the rows, and what the answer's stream holds.
pub fn arrow(server: &Server, model: &str, rows: &[Row], want: &[Row]) -> Vec<Row> {
    const ARROW: &str = "application/vnd.apache.arrow.stream";
    let declared = declared(server, model);
    let fields = |rows: &[Row]| -> Vec<Field> {
        let of = |name: &String| field(name, ty(declared.get(name), rows.iter().map(|row| &row[name])));
        rows[0].keys().map(of).collect()
    };
    let decoder = Decoder::new(&fields(rows), &[], Default::default()).unwrap();
    let batch = decoder.rows(json!(rows).to_string().as_bytes(), false).unwrap().batch;
    let mut bytes = Vec::new();
    let mut sink = Box::new(ArrowSink::stream(&mut bytes, &WriteOptions::default()));
    sink.write(&batch).unwrap();
    sink.finish().unwrap();
    let (_, answer) = send(server, &format!("/api/v1/serve/{model}"), &[("content-type", ARROW)], &bytes);
    let options = ReadOptions::new(fields(want));
    let mut source = ArrowSource::open(&answer[..], options, &Default::default()).unwrap();
    let mut out = Vec::new();
    while let Some(chunk) = source.next_chunk().unwrap() {
        let mut text = Vec::new();
        encode(&chunk.batch, EncodeOptions::default(), &mut text).unwrap();
        let Value::Array(rows) = serde_json::from_slice(&text).unwrap() else { panic!("no rows") };
        out.extend(rows.into_iter().map(|row| row.as_object().unwrap().clone()));
    }
    out
}
