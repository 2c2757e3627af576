//! What TensorFlow Serving logged of its requests, as calls: the records of a warm-up file.
//!
//! A record stands for the call that its request would be now; who answered it then does not matter. What a log may hold besides
//! (sessions, streams) is refused by name.

use codec::tfs::Task;
use model::{Call, Kind, Predictor};
use wire::tensorflow::serving::{Input, ModelSpec, PredictionLog, prediction_log::LogType};

use super::{examples, predict};
use crate::{
    api::{grpc::frame::read, tfs::words::worded},
    error::ServeError,
    predict::Decoded,
};

/// Rows and bytes that one record may stand for; the record itself lies in memory.
const ROWS_MAX: usize = 65_536;
const BYTES_MAX: usize = 256 << 20;

/// Returns the calls that a record asks of a model, or why it asks none that it can answer.
pub fn logged(record: &[u8], model: &dyn Predictor) -> Result<Vec<Call>, ServeError> {
    let refused = |what: &str| worded(Kind::Unimplemented, format!("a warm-up record of {what}"));
    let empty = || worded(Kind::InvalidArgument, "a warm-up record without a request");
    let with = |input: Option<Input>, spec: Option<&ModelSpec>, task| {
        examples::decoded(input, spec, model, task, ROWS_MAX).map(|(decoded, _)| decoded)
    };
    let log: PredictionLog = read(record)?;
    let decoded = match log.log_type.ok_or_else(empty)? {
        LogType::PredictLog(log) => {
            vec![predict::decoded(&log.request.ok_or_else(empty)?, model, ROWS_MAX, BYTES_MAX)?]
        }
        LogType::ClassifyLog(log) => {
            let request = log.request.ok_or_else(empty)?;
            vec![with(request.input, request.model_spec.as_ref(), Task::Classify)?]
        }
        LogType::RegressLog(log) => {
            let request = log.request.ok_or_else(empty)?;
            vec![with(request.input, request.model_spec.as_ref(), Task::Regress)?]
        }
        LogType::MultiInferenceLog(log) => {
            let request = log.request.ok_or_else(empty)?;
            let each = request.tasks.iter().map(|asked| {
                let task = [Task::Classify, Task::Regress].into_iter().find(|task| task.method() == asked.method_name);
                let task = task.ok_or_else(|| refused("a method that is neither classify nor regress"))?;
                with(request.input.clone(), asked.model_spec.as_ref(), task)
            });
            each.collect::<Result<_, _>>()?
        }
        LogType::SessionRunLog(_) => return Err(refused("a session's run")),
        LogType::PredictStreamedLog(_) => return Err(refused("a stream")),
    };
    let call = |Decoded { batch, outputs, signature, .. }: Decoded| Call { outputs, signature, ..Call::new(batch) };
    Ok(decoded.into_iter().map(call).collect())
}
