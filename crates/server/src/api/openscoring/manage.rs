//! `PUT`, `DELETE /openscoring/model/{id}` and `GET .../pmml`: models are put in, taken out and shown, as the admin API does it.
//!
//! A model is put in as its next version, and the answer comes when that answers; what stood before answers until then. Taking one out
//! takes all of its versions. Who may do so is the admin API's to say.
//!
//! Source: Openscoring's `ModelResource`.

use http::{HeaderValue, StatusCode, header};
use hyper::body::Incoming;
use model::Kind;

use super::{no_query, schema};
use crate::{
    answer::Answer,
    api::{
        Asked,
        admin::{self, worded},
    },
    error::{ServeError, cut},
    metrics::Counted,
};

/// What a document of PMML is sent as.
const TYPES: [&str; 2] = ["application/xml", "text/xml"];

/// The name of the one file of a version.
const FILE: &str = "model.pmml";

/// `PUT /openscoring/model/{id}`: 201 for a new model, 200 for one that was there.
pub(super) async fn deploy(
    asked: &Asked<'_>,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Result<Answer, ServeError> {
    no_query(asked)?;
    let was_there = is_there(asked);
    let name = admin::name(asked)?;
    let version = admin::taken(asked, &name, None, FILE, &TYPES, body).await?;
    counted.set_model(asked.state.models.of(name.as_str()));
    if !admin::loaded(asked, &name, version).await? {
        let message = format!("Model \"{name}\" is not loaded yet; it will answer when it is");
        return Err(worded(Kind::DeadlineExceeded, message));
    }
    let answer = Answer::json(schema::one(asked, counted).await?);
    if was_there {
        return Ok(answer);
    }
    // A name of a model needs no escape.
    let location = HeaderValue::from_str(&format!("/openscoring/model/{name}"));
    let location = location.map_err(|error| worded(Kind::Internal, error.to_string()))?;
    Ok(Answer { status: StatusCode::CREATED, headers: vec![(header::LOCATION, location)], ..answer })
}

/// `DELETE /openscoring/model/{id}`: an empty object.
pub(super) async fn undeploy(asked: &Asked<'_>, counted: &mut Counted<'_>) -> Result<Answer, ServeError> {
    no_query(asked)?;
    if !is_there(asked) {
        return Err(not_found(asked));
    }
    let name = admin::name(asked)?;
    admin::labels::release(asked, &name, None, false).await?;
    admin::removed(asked, &name, None).await?;
    counted.set_model(asked.state.models.of(name.as_str()));
    Ok(Answer::json("{}"))
}

/// `GET /openscoring/model/{id}/pmml`: the document that answers.
pub(super) async fn download(asked: &Asked<'_>, counted: &mut Counted<'_>) -> Result<Answer, ServeError> {
    no_query(asked)?;
    let model = asked.model(asked.name, None).await.map_err(|error| match error.kind() {
        Kind::NotFound => not_found(asked),
        _ => error.into(),
    })?;
    counted.set_model(asked.state.models.of(model.name()));
    let format = &*model.handle().about().format;
    if format != "pmml" {
        let message = format!("Model \"{}\" has no PMML: it is of {format}", model.name());
        return Err(worded(Kind::FailedPrecondition, message));
    }
    let files = admin::files(asked, model.name(), model.version()).await?;
    let documents = files.into_iter().filter(|(path, _)| path != "forebay.toml");
    let found = documents.max_by_key(|(path, _)| path.ends_with(".pmml") || path.ends_with(".xml"));
    let (_, bytes) = found.ok_or_else(|| not_found(asked))?;
    Ok(Answer { content_type: TYPES[0], ..Answer::json(bytes) })
}

/// Returns whether the model has a version, in whatever state.
fn is_there(asked: &Asked<'_>) -> bool {
    asked.state.gateway.registry().status(asked.name).is_ok()
}

fn not_found(asked: &Asked<'_>) -> ServeError {
    worded(Kind::NotFound, format!("Model \"{}\" not found", cut(asked.name)))
}
