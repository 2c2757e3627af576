//! Predict: named tensors in, named tensors out; of models of rows, a column each.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use codec::v2::{Output, Request, outputs, outputs_of};
use gateway::Routed;
use model::{Batch, Kind, Predictor, Signature, Table};
use wire::{
    head::RequestHead,
    tensorflow::serving::{PredictRequest, PredictResponse},
};

use super::{ask, signature_name, spec_of, tensor};
use crate::{
    api::{
        grpc::{
            Called,
            frame::{framed, read},
        },
        tfs::words::{to_predict, worded},
    },
    error::{ServeError, cut},
    metrics::Counted,
    predict::{self, Decoded, Wire},
};

pub(in crate::api::grpc) async fn predict(
    called: &Called<'_>,
    message: Bytes,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let head: RequestHead = read(&message)?;
    let ask = ask(called, head.model_spec.as_ref(), counted).await?;
    let config = &called.state.config;
    let tensors = Tensors {
        model: ask.model.clone(),
        signature: "".into(),
        rows_max: config.rows_max,
        bytes_max: config.body_bytes_max,
    };
    let result = predict::answer(called.state, called.context, ask, tensors, message).await;
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

/// One call's tensors.
struct Tensors {
    model: Routed,
    /// The name of the signature that answers.
    signature: Arc<str>,
    rows_max: usize,
    bytes_max: usize,
}

impl Wire for Tensors {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        let decoded = decoded(&read(body)?, &self.model, self.rows_max, self.bytes_max)?;
        self.signature.clone_from(decoded.signature.as_ref().unwrap_or(&self.signature.clone()));
        Ok(decoded)
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        Ok(self.framed(&outputs(answer)?))
    }

    fn encode_table(&self, answer: &dyn Table) -> Result<Vec<u8>, ServeError> {
        Ok(self.framed(&outputs_of(answer)?))
    }
}

/// Reads a request to a model.
pub(super) fn decoded(
    message: &PredictRequest,
    model: &dyn Predictor,
    rows_max: usize,
    bytes_max: usize,
) -> Result<Decoded, ServeError> {
    let signature = to_predict(model, signature_name(message.model_spec.as_ref()))?;
    let outputs = filtered(signature, &message.output_filter)?;
    let fields = signature.fields(outputs.as_deref());
    let required = fields.iter().filter(|field| !field.optional).map(|field| &*field.name).collect();
    check_names(signature, &required, message.inputs.keys().map(String::as_str).collect())?;
    let mut request = Request::new(None);
    for (name, proto) in &message.inputs {
        tensor::push(&mut request, name, proto, bytes_max)?;
    }
    let batch = request.batch(&fields, &signature.inputs, rows_max)?;
    Ok(Decoded { batch, bad: Vec::new(), outputs, signature: Some(Arc::clone(&signature.name)) })
}

impl Tensors {
    fn framed(&self, outputs: &[Output]) -> Vec<u8> {
        framed(&PredictResponse {
            outputs: outputs.iter().map(|output| (output.name.clone(), tensor::tensor(output))).collect(),
            model_spec: Some(spec_of(&self.model, &self.signature)),
        })
    }
}

/// Refuses inputs that are too few or others than the signature has, in the words of the original.
fn check_names(signature: &Signature, required: &BTreeSet<&str>, sent: BTreeSet<&str>) -> Result<(), ServeError> {
    let known: BTreeSet<&str> = signature.inputs.iter().map(|field| &*field.name).collect();
    let list = |names: &mut dyn Iterator<Item = &&str>| cut(&names.copied().collect::<Vec<_>>().join(","));
    if sent.is_superset(required) && sent.is_subset(&known) {
        return Ok(());
    }
    let text = format!(
        "input size does not match signature: {}!={} len({{{}}}) != len({{{}}}). Sent extra: {{{}}}. Missing but required: {{{}}}.",
        sent.len(),
        required.len(),
        list(&mut sent.iter()),
        list(&mut required.iter()),
        list(&mut sent.difference(&known)),
        list(&mut required.difference(&sent)),
    );
    Err(worded(Kind::InvalidArgument, text))
}

/// Returns the outputs that a request asks for, where it does.
fn filtered(signature: &Signature, filter: &[String]) -> Result<Option<Arc<[Arc<str>]>>, ServeError> {
    if filter.is_empty() {
        return Ok(None);
    }
    let mut chosen: Vec<Arc<str>> = Vec::new();
    for name in filter {
        let Some((_, field)) = signature.output(name) else {
            let known: Vec<&str> = signature.outputs.iter().map(|field| &*field.name).collect();
            let text = format!(
                "output tensor alias not found in signature: {} Outputs expected to be in the set {{{}}}.",
                cut(name),
                known.join(",")
            );
            return Err(worded(Kind::InvalidArgument, text));
        };
        if chosen.contains(&field.name) {
            return Err(worded(Kind::InvalidArgument, format!("duplicate output tensor alias: {}", cut(name))));
        }
        chosen.push(field.name.clone());
    }
    Ok(Some(chosen.into()))
}
