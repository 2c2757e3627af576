//! Openscoring: `/openscoring/model`, a model's schema, one request, a batch of them, a table of CSV.
//!
//! A model of any format is asked so; where it is no PMML its inputs and outputs are shown as PMML would have them. Bodies are
//! [`codec::openscoring`]'s. A failure is `{"message": "..."}`. Deploying and removing models are refused by name.
//!
//! Source: Openscoring's README.

mod evaluate;
mod schema;

use hyper::body::Incoming;
use model::PredictError;

use crate::{
    answer::{Answer, Object},
    api::Asked,
    body::Media,
    error::ServeError,
    metrics::Counted,
    query,
};

/// Returns the error as this protocol writes it.
pub(super) fn failure(error: ServeError) -> Answer {
    let mut message = error.to_string();
    for violation in error.violations().iter().skip(1) {
        message.push_str("; ");
        message.push_str(&violation.to_string());
    }
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("message", &message);
    object.end();
    Answer::failure(error, body)
}

/// What a path asks of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    List,
    Model,
    Evaluate,
    Batch,
    Csv,
    /// What changes models, or shows their files.
    Manage,
}

pub(super) async fn answer(
    asked: &Asked<'_>,
    wanted: Wanted,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Answer {
    let answered = match wanted {
        Wanted::List => schema::list(asked),
        Wanted::Model => schema::one(asked, counted),
        Wanted::Evaluate | Wanted::Batch | Wanted::Csv => evaluate::answer(asked, wanted, body, counted).await,
        Wanted::Manage => {
            let what = format!("{} of a model by Openscoring's API", asked.head.method);
            Err(PredictError::Unimplemented { what }.into())
        }
    };
    match answered {
        Ok(bytes) if wanted == Wanted::Csv => Answer { content_type: Media::Plain.name(), ..Answer::json(bytes) },
        Ok(bytes) => Answer::json(bytes),
        Err(error) => failure(error),
    }
}

/// Paths of this protocol take no query, but for CSV, whose delimiter is told by its header.
fn no_query(asked: &Asked<'_>) -> Result<(), ServeError> {
    match query::pairs(asked.query())?.first() {
        Some((key, _)) => Err(query::unknown(key, &[])),
        None => Ok(()),
    }
}
