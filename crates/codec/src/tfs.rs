//! TensorFlow Serving's API as JSON: named tensors by rows (`instances`) or by columns (`inputs`), and examples to classify
//! and to regress ([`Examples`], [`Task`]).
//!
//! Values go straight from the text into tensors of the signature's types; there is no tree in between. Beyond JSON the
//! tokens `NaN`, `Infinity` and `-Infinity` are numbers, as there. What does not fit is refused in the words of the original,
//! which clients look for.
//!
//! Source: TensorFlow Serving's `util/json_tensor.cc` and the page "RESTful API".

mod answer;
mod examples;
mod request;
mod result;
mod rows;
mod scan;
#[cfg(test)]
mod tests;

pub use answer::encode;
pub use examples::Examples;
pub use request::{Form, Request};
pub use result::{Classes, Task, classes, regressions};
pub use rows::encode_table;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TfsError {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Unimplemented(String),
}

fn invalid(text: impl Into<String>) -> TfsError {
    TfsError::Invalid(text.into())
}
