//! Classify, Regress and MultiInference: examples in, classes or numbers out.
//!
//! The tasks of a MultiInference are checked all before the first is run, and run one after another against one version.
//!
//! Source: TensorFlow Serving's `classifier.cc`, `regressor.cc`, `multi_inference.cc` and `util.cc`.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use codec::tfs::{Examples, Task, classes, regressions};
use gateway::Routed;
use model::{Batch, Kind, Predictor, Signature, Table};
use tokio::time::Instant;
use wire::{
    Message,
    head::RequestHead,
    tensorflow::serving::{
        Class, ClassificationRequest, ClassificationResponse, ClassificationResult, Classifications, InferenceResult,
        InferenceTask, Input, ModelSpec, MultiInferenceRequest, MultiInferenceResponse, Regression, RegressionResponse,
        RegressionResult, inference_result::Result as TaskResult, input::Kind as InputKind,
    },
};

use super::{ask, signature_name, spec_of};
use crate::{
    api::{
        grpc::{
            Called,
            frame::{framed, read},
        },
        tfs::words::{asked_for, bounded, of_examples, signature, worded},
    },
    error::{ServeError, cut},
    metrics::Counted,
    predict::{self, Ask, Decoded, Tally, Wire},
};

/// Answers Classify or Regress.
pub(in crate::api::grpc) async fn one(
    called: &Called<'_>,
    task: Task,
    message: Bytes,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let head: RequestHead = read(&message)?;
    let ask = ask(called, head.model_spec.as_ref(), counted).await?;
    let wire = OfExamples::new(called, &ask, head.model_spec, task, false);
    let result = predict::answer(called.state, called.context, ask, wire, message).await;
    counted.count(&result);
    result.map(|(bytes, _)| bytes)
}

/// Answers MultiInference.
pub(in crate::api::grpc) async fn many(
    called: &Called<'_>,
    message: Bytes,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let request: MultiInferenceRequest = read(&message)?;
    let none = ModelSpec::default();
    // The first task says which version of the model answers all.
    let first = request.tasks.first().and_then(|task| task.model_spec.as_ref()).unwrap_or(&none);
    let Ask { model, timeout, .. } = ask(called, Some(first), counted).await?;
    let until = Instant::now() + timeout;
    let tasks = checked(&model, &request.tasks)?;
    let mut results = Vec::with_capacity(tasks.len());
    let mut tally = Tally::default();
    for (task, asked) in tasks.into_iter().zip(&request.tasks) {
        let mut ask = Ask::new(model.clone(), None, None)?;
        ask.timeout = until.saturating_duration_since(Instant::now());
        let wire = OfExamples::new(called, &ask, asked.model_spec.clone(), task, true);
        let result = predict::answer(called.state, called.context, ask, wire, message.clone()).await;
        let Ok((bytes, rows)) = result else {
            counted.count(&result);
            return result.map(|(bytes, _)| bytes);
        };
        tally = rows;
        results.push(read(&bytes)?);
    }
    counted.count(&Ok(((), tally)));
    Ok(framed(&MultiInferenceResponse { results }))
}

/// Returns what each task does, all of them sound: of one model, of signatures that differ, of one and the same input tensor.
fn checked(model: &Routed, asked: &[InferenceTask]) -> Result<Vec<Task>, ServeError> {
    let invalid = |text: String| worded(Kind::InvalidArgument, text);
    let (mut tasks, mut signatures) = (Vec::with_capacity(asked.len()), BTreeSet::new());
    let (mut first_model, mut first_input) = (None, None);
    for InferenceTask { model_spec, method_name } in asked {
        let spec = model_spec.as_ref().filter(|spec| !spec.name.is_empty());
        let spec = spec.ok_or_else(|| invalid("Found ModelSpec with an empty model name.".to_owned()))?;
        let first = *first_model.get_or_insert(&spec.name);
        if *first != spec.name {
            let text = "All ModelSpecs in a MultiInferenceRequest must access the same model name.";
            return Err(invalid(text.to_owned()));
        }
        let named = signature_name(Some(spec));
        let name = asked_for(named);
        if !signatures.insert(name) {
            return Err(invalid(format!("Duplicate evaluation of signature: {}", cut(name))));
        }
        let signature = signature(model, named)
            .ok_or_else(|| invalid(format!("Requested signature not found in model graph: {}", cut(name))))?;
        let task = [Task::Classify, Task::Regress].into_iter().find(|task| task.method() == method_name);
        let task = task.ok_or_else(|| {
            worded(Kind::Unimplemented, format!("Unsupported signature method_name: {}", cut(method_name)))
        })?;
        task.check(signature)?;
        let input = tensor(signature);
        if *first_input.get_or_insert(input) != input {
            return Err(invalid("Input tensor must be the same for all Signatures.".to_owned()));
        }
        tasks.push(task);
    }
    Ok(tasks)
}

/// Returns the format's own name of a signature's one input.
fn tensor(signature: &Signature) -> Option<&str> {
    let input = signature.inputs.first()?;
    Some(input.declared.as_ref().map_or(&*input.name, |declared| &*declared.tensor))
}

/// One task's examples.
struct OfExamples {
    model: Routed,
    spec: Option<ModelSpec>,
    /// The name of the signature that answers.
    signature: Arc<str>,
    task: Task,
    /// The task is one of several.
    is_part: bool,
    rows_max: usize,
    examples: usize,
}

// === impl OfExamples ===

impl OfExamples {
    fn new(called: &Called<'_>, ask: &Ask, spec: Option<ModelSpec>, task: Task, is_part: bool) -> OfExamples {
        let rows_max = called.state.config.rows_max;
        OfExamples { model: ask.model.clone(), spec, signature: "".into(), task, is_part, rows_max, examples: 0 }
    }
}

impl Wire for OfExamples {
    fn decode(&mut self, body: &Bytes) -> Result<Decoded, ServeError> {
        // A classification's request and a regression's are one message by two names.
        let input = match self.is_part {
            true => read::<MultiInferenceRequest>(body)?.input,
            false => read::<ClassificationRequest>(body)?.input,
        };
        let (decoded, count) = decoded(input, self.spec.as_ref(), &self.model, self.task, self.rows_max)?;
        self.examples = count;
        self.signature.clone_from(decoded.signature.as_ref().unwrap_or(&self.signature.clone()));
        Ok(decoded)
    }

    fn encode(&self, answer: &Batch) -> Result<Vec<u8>, ServeError> {
        let model_spec = Some(spec_of(&self.model, &self.signature));
        let result = match self.task {
            Task::Classify => TaskResult::ClassificationResult(classified(answer, self.examples)?),
            Task::Regress => {
                let regressions = regressions(answer, self.examples)?.iter();
                let regressions = regressions.map(|&value| Regression { value }).collect();
                TaskResult::RegressionResult(RegressionResult { regressions })
            }
        };
        Ok(match result {
            result if self.is_part => InferenceResult { model_spec, result: Some(result) }.encode_to_vec(),
            TaskResult::ClassificationResult(result) => {
                framed(&ClassificationResponse { result: Some(result), model_spec })
            }
            TaskResult::RegressionResult(result) => framed(&RegressionResponse { result: Some(result), model_spec }),
        })
    }

    fn encode_table(&self, _: &dyn Table) -> Result<Vec<u8>, ServeError> {
        unreachable!("whole values are answered as a batch: a table has columns alone")
    }
}

/// Reads examples for a task of a model; returns how many there are, too.
pub(super) fn decoded(
    input: Option<Input>,
    spec: Option<&ModelSpec>,
    model: &dyn Predictor,
    task: Task,
    rows_max: usize,
) -> Result<(Decoded, usize), ServeError> {
    let signature = of_examples(model, signature_name(spec))?;
    task.check(signature)?;
    let examples = examples(input, rows_max)?;
    let count = examples.len();
    let batch = examples.batch(signature, task)?;
    Ok((Decoded { batch, bad: Vec::new(), outputs: None, signature: Some(Arc::clone(&signature.name)) }, count))
}

/// Returns the examples of a request, serialised.
fn examples(input: Option<Input>, rows_max: usize) -> Result<Examples, ServeError> {
    let (context, examples) = match input.and_then(|input| input.kind) {
        Some(InputKind::ExampleList(list)) => (None, list.examples),
        Some(InputKind::ExampleListWithContext(list)) => (list.context, list.examples),
        None => (None, Vec::new()),
    };
    if examples.is_empty() {
        return Err(worded(Kind::InvalidArgument, "Input is empty."));
    }
    bounded(examples.len(), rows_max)?;
    let context = context.map_or(Vec::new(), |context| context.encode_to_vec());
    Ok(Examples::of(&context, examples.iter().map(Message::encode_to_vec))?)
}

fn classified(answer: &Batch, examples: usize) -> Result<ClassificationResult, ServeError> {
    let all = classes(answer, examples)?;
    let class = |example: usize, class: usize| {
        let (label, score) = all.of(example, class);
        Class { label: String::from_utf8_lossy(label).into_owned(), score }
    };
    let of = |example: usize| Classifications { classes: (0..all.classes).map(|at| class(example, at)).collect() };
    Ok(ClassificationResult { classifications: (0..examples).map(of).collect() })
}
