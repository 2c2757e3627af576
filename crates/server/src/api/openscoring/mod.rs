//! Openscoring: `/openscoring/model`, a model's schema, one request, a batch of them, a table of CSV.
//!
//! A model of any format is asked so; where it is no PMML its inputs and outputs are shown as PMML would have them. Bodies are
//! [`codec::openscoring`]'s. A failure is `{"message": "..."}`.
//!
//! Source: Openscoring's README.

mod evaluate;
mod manage;
mod schema;

use hyper::body::Incoming;

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
    let message = error.whole_text();
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
    Deploy,
    Undeploy,
    Pmml,
}

pub(super) async fn answer(
    asked: &Asked<'_>,
    wanted: Wanted,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Answer {
    let answered = match wanted {
        Wanted::List => schema::list(asked).map(Answer::json),
        Wanted::Model => schema::one(asked, counted).await.map(Answer::json),
        Wanted::Evaluate | Wanted::Batch => evaluate::answer(asked, wanted, body, counted).await.map(Answer::json),
        Wanted::Csv => {
            let bytes = evaluate::answer(asked, wanted, body, counted).await;
            bytes.map(|bytes| Answer { content_type: Media::Plain.name(), ..Answer::json(bytes) })
        }
        Wanted::Deploy => manage::deploy(asked, body, counted).await,
        Wanted::Undeploy => manage::undeploy(asked, counted).await,
        Wanted::Pmml => manage::download(asked, counted).await,
    };
    answered.unwrap_or_else(failure)
}

/// Paths of this protocol take no query, but for CSV, whose delimiter is told by its header.
fn no_query(asked: &Asked<'_>) -> Result<(), ServeError> {
    match query::pairs(asked.query())?.first() {
        Some((key, _)) => Err(query::unknown(key, &[])),
        None => Ok(()),
    }
}
