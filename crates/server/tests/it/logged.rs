//! Records of TensorFlow Serving's warm-up files, as calls.

use std::sync::Arc;

use model::{ModelFiles, Name, Predictor, Reply, Version};
use registry::{Loader, ModelConfig};
use wire::{
    Message,
    tensorflow::{
        DataType, TensorProto, TensorShapeProto,
        serving::{
            ClassificationRequest, ClassifyLog, PredictLog, PredictRequest, PredictionLog, SessionRunLog,
            prediction_log::LogType,
        },
        tensor_shape_proto::Dim,
    },
};

use crate::fakes::Fakes;

fn model(name: &str) -> Arc<dyn Predictor> {
    let (name, files) = (Name::new(name).unwrap(), ModelFiles::new([]));
    Fakes(Arc::default()).load(&name, Version(1), &files, &ModelConfig::default()).unwrap().predictor
}

fn record(log: LogType) -> Vec<u8> {
    PredictionLog { log_type: Some(log) }.encode_to_vec()
}

fn predict(input: &str) -> LogType {
    let dim = |size| Dim { size, name: String::new() };
    let tensor = TensorProto {
        dtype: DataType::DtFloat.into(),
        tensor_shape: Some(TensorShapeProto { dim: vec![dim(1), dim(2)], unknown_rank: false }),
        float_val: vec![1.5, 2.5],
        ..TensorProto::default()
    };
    let request = PredictRequest { inputs: [(input.to_owned(), tensor)].into(), ..PredictRequest::default() };
    LogType::PredictLog(PredictLog { request: Some(request) })
}

#[test]
fn a_request_that_was_logged_is_a_call() {
    let model = model("echo");
    let mut calls = server::logged(&record(predict("x")), &*model).unwrap();
    let Reply::Now(Ok(answer)) = model.call(calls.remove(0)) else { panic!("it is answered at once") };
    assert!(calls.is_empty() && answer.whole("y").is_some(), "{answer:?}");
}

#[test]
fn what_is_no_call_of_the_model_is_refused() {
    let classify = ClassifyLog { request: Some(ClassificationRequest::default()) };
    for (record, part) in [
        (record(predict("z")), "Sent extra: {z}"),
        (record(LogType::ClassifyLog(classify)), ""),
        (record(LogType::PredictLog(PredictLog::default())), "without a request"),
        (record(LogType::SessionRunLog(SessionRunLog::default())), "a session's run"),
        (Vec::new(), "without a request"),
        (vec![0xff; 20], ""),
    ] {
        let error = server::logged(&record, &*model("echo")).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
