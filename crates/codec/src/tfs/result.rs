//! What signatures that classify or regress take and give, and their answers as JSON.
//!
//! Source: TensorFlow Serving's `servables/tensorflow/classifier.cc` and `regressor.cc`.

use model::{Batch, Data, Signature, Tensor, Value, Whole, tensor::Bytes};

use super::{TfsError, answer::float32, invalid};
use crate::json::encode::write_text;

/// A way of asking with examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Classify,
    Regress,
}

/// The classes of each example: as many for each, with labels, scores or both.
#[derive(Clone, Copy, Debug)]
pub struct Classes<'a> {
    /// Classes of one example.
    pub classes: usize,
    pub labels: Option<&'a [Bytes]>,
    pub scores: Option<&'a [f32]>,
}

// === impl Task ===

impl Task {
    /// The name of the way in a signature.
    pub const fn method(self) -> &'static str {
        match self {
            Task::Classify => "tensorflow/serving/classify",
            Task::Regress => "tensorflow/serving/regress",
        }
    }

    /// Refuses a signature that is asked in another way.
    pub fn check(self, signature: &Signature) -> Result<(), TfsError> {
        let word = match self {
            Task::Classify => "classification",
            Task::Regress => "regression",
        };
        // A format that names no ways is asked to predict.
        let was = signature.method.as_deref().unwrap_or("tensorflow/serving/predict");
        if was != self.method() {
            let expected = self.method();
            return Err(invalid(format!("Expected {word} signature method_name to be {expected}. Was: {was}")));
        }
        let [input] = &signature.inputs[..] else { return Err(invalid("Expected one input Tensor.")) };
        if &*input.name != "inputs" || !input.whole {
            return Err(invalid(format!("No {word} inputs found in SignatureDef: {}", signature.name)));
        }
        let has = |name: &str| signature.output(name).is_some();
        match (self, signature.outputs.len()) {
            (Task::Classify, 1 | 2) if has("classes") || has("scores") => Ok(()),
            (Task::Classify, 1 | 2) => Err(invalid(
                "Expected classification signature outputs to contain at least one of \"classes\" or \"scores\".",
            )),
            (Task::Classify, found) => Err(invalid(format!("Expected one or two output Tensors, found {found}"))),
            (Task::Regress, 1) if has("outputs") => Ok(()),
            (Task::Regress, 1) => {
                Err(invalid(format!("No regression outputs found in SignatureDef: {}", signature.name)))
            }
            (Task::Regress, _) => Err(invalid("Expected one output Tensor.")),
        }
    }

    /// Appends the answer about so many examples.
    pub fn encode(self, batch: &Batch, examples: usize, out: &mut Vec<u8>) -> Result<(), TfsError> {
        out.extend_from_slice(b"{\"results\":[");
        match self {
            Task::Classify => classes(batch, examples)?.write(examples, out),
            Task::Regress => {
                for (i, &value) in regressions(batch, examples)?.iter().enumerate() {
                    separate(i, out);
                    float32(value, out);
                }
            }
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }
}

// === impl Classes ===

impl<'a> Classes<'a> {
    /// Returns the label and the score of a class; an empty text and zero stand for what the model does not give.
    pub fn of(&self, example: usize, class: usize) -> (&'a [u8], f32) {
        let at = example * self.classes + class;
        (self.labels.map_or(&[][..], |labels| &labels[at]), self.scores.map_or(0.0, |scores| scores[at]))
    }

    fn write(&self, examples: usize, out: &mut Vec<u8>) {
        for example in 0..examples {
            separate(example, out);
            out.push(b'[');
            for class in 0..self.classes {
                separate(class, out);
                let (label, score) = self.of(example, class);
                out.push(b'[');
                write_text(String::from_utf8_lossy(label).as_bytes(), out);
                out.push(b',');
                float32(score, out);
                out.push(b']');
            }
            out.push(b']');
        }
    }
}

fn separate(i: usize, out: &mut Vec<u8>) {
    if i > 0 {
        out.push(b',');
    }
}

/// Returns the classes that a model gave for so many examples.
pub fn classes(batch: &Batch, examples: usize) -> Result<Classes<'_>, TfsError> {
    let matrix = |name: &str| -> Result<Option<&Tensor>, TfsError> {
        let Some(tensor) = tensor(batch, name) else { return Ok(None) };
        match tensor.shape()[..] {
            [rows, _] if rows == examples => Ok(Some(tensor)),
            [rows, _] => Err(invalid(format!("Expected {name} output batch size of {examples}. Got: {rows}"))),
            _ => {
                let got = tensor.shape();
                Err(invalid(format!("Expected Tensor shape: [batch_size num_classes] but got {got}")))
            }
        }
    };
    let (labels, scores) = (matrix("classes")?, matrix("scores")?);
    let width = |tensor: &Tensor| tensor.shape()[1];
    if let (Some(labels), Some(scores)) = (labels, scores)
        && width(labels) != width(scores)
    {
        let (of, and) = (width(labels), width(scores));
        return Err(invalid(format!("Tensors class and score should match in dim_size(1). Got {of} vs. {and}")));
    }
    let classes = labels.or(scores).map_or(0, width);
    let labels = labels.map(|tensor| match tensor.data() {
        Data::Bytes(labels) => Ok(&labels[..]),
        _ => Err(invalid("Expected classes Tensor of DT_STRING.")),
    });
    let scores = scores.map(|tensor| floats(tensor, "scores"));
    Ok(Classes { classes, labels: labels.transpose()?, scores: scores.transpose()? })
}

/// Returns the numbers that a model gave for so many examples.
pub fn regressions(batch: &Batch, examples: usize) -> Result<&[f32], TfsError> {
    let tensor = tensor(batch, "outputs").ok_or_else(|| invalid("Could not find output tensor 'outputs'"))?;
    match tensor.shape()[..] {
        [rows] | [rows, 1] if rows == examples => floats(tensor, "output"),
        [rows] | [rows, 1] => {
            Err(invalid(format!("Input batch size did not match output batch size: {examples} vs. {rows}")))
        }
        _ => {
            let text = "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got";
            Err(invalid(format!("{text} {}", tensor.shape())))
        }
    }
}

fn tensor<'a>(batch: &'a Batch, name: &str) -> Option<&'a Tensor> {
    let (_, value) = batch.values().iter().find(|(known, _)| **known == *name)?;
    match value {
        Value::Whole(Whole::Tensor(tensor)) => Some(tensor),
        _ => None,
    }
}

fn floats<'a>(tensor: &'a Tensor, what: &str) -> Result<&'a [f32], TfsError> {
    match tensor.data() {
        Data::F32(values) => Ok(values),
        _ => Err(invalid(format!("Expected {what} Tensor of DT_FLOAT."))),
    }
}
