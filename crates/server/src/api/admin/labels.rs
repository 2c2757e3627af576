//! Labels of models: `GET /api/v1/models/{model}/labels`, `GET`, `PUT` and `DELETE .../labels/{label}`.
//!
//! A body is `{"version": 3}`. A label moves to a version that answers and to no other, so that what is called `stable` is there.

use std::sync::Arc;

use hyper::body::Incoming;
use model::{Kind, Name, Version};
use registry::{Catalogue, LabelError, StoreError};
use serde::Deserialize;

use super::{answered, name, on_disk, worded};
use crate::{
    answer::{Answer, Object},
    api::Asked,
    body,
    error::{ServeError, asked as wrong},
    query,
};

impl From<LabelError> for ServeError {
    fn from(error: LabelError) -> ServeError {
        let kind = match &error {
            LabelError::Number { .. } => Kind::InvalidArgument,
            LabelError::NoModel { .. } | LabelError::NoLabel { .. } | LabelError::NoVersion { .. } => {
                return worded(Kind::NotFound, format!("{error} not found"));
            }
            LabelError::NotServed { .. } | LabelError::NotAvailable { .. } | LabelError::OfFile { .. } => {
                Kind::FailedPrecondition
            }
            LabelError::Many { .. } => Kind::TooLarge,
            LabelError::Store(StoreError::Unavailable { .. }) => Kind::Unavailable,
            LabelError::Store(_) => Kind::Internal,
        };
        worded(kind, error.to_string())
    }
}

/// What a body says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moved {
    version: u64,
}

/// `GET /api/v1/models/{model}/labels`.
pub(in crate::api) fn list(asked: &Asked<'_>) -> Answer {
    let look = || {
        query::none(asked.query())?;
        let name = name(asked)?;
        // One that is not there has no labels to show.
        asked.state.gateway.registry().status(name.as_str())?;
        let mut body = String::new();
        let mut object = Object::new(&mut body);
        object.text("name", name.as_str());
        object.list("labels", asked.state.catalogue.labels(&name, None), put);
        object.end();
        Ok(Answer::json(body))
    };
    answered(asked, look())
}

fn put(out: &mut String, (label, version, of_file): (Arc<str>, Version, bool)) {
    let mut object = Object::new(out);
    object.text("label", &label);
    object.plain("version", version);
    if of_file {
        object.text("source", "forebay.toml");
    }
    object.end();
}

/// `GET /api/v1/models/{model}/labels/{label}`.
pub(in crate::api) fn one(asked: &Asked<'_>) -> Answer {
    let look = || {
        query::none(asked.query())?;
        let (name, label) = (name(asked)?, label(asked)?);
        let all = asked.state.catalogue.labels(&name, None);
        let found = all.into_iter().find(|(known, ..)| **known == *label.as_str());
        let mut body = String::new();
        put(&mut body, found.ok_or(LabelError::NoLabel { name, label })?);
        Ok(Answer::json(body))
    };
    answered(asked, look())
}

/// `PUT /api/v1/models/{model}/labels/{label}`.
pub(in crate::api) async fn set(asked: &Asked<'_>, body: &mut Incoming) -> Answer {
    answered(asked, moved(asked, body).await)
}

async fn moved(asked: &Asked<'_>, body: &mut Incoming) -> Result<Answer, ServeError> {
    query::none(asked.query())?;
    let (name, label, catalogue) = (name(asked)?, label(asked)?, open(asked)?);
    let received = body::receive(asked.state, &asked.head.headers, body).await?;
    let wanted: Moved = serde_json::from_slice(&received.bytes)
        .map_err(|error| wrong("body", &error.to_string(), r#"an object such as {"version": 3}"#))?;
    if wanted.version == 0 {
        return Err(wrong("version", "0", "a whole number above 0"));
    }
    let version = Version(wanted.version);
    let of = label.clone();
    let old = on_disk(asked, move || Ok(catalogue.set_label(&name, &of, version)?)).await?;
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("label", label.as_str());
    object.plain("version", version);
    if let Some(old) = old {
        object.plain("previous", old);
    }
    object.end();
    Ok(Answer::json(body))
}

/// `DELETE /api/v1/models/{model}/labels/{label}`.
pub(in crate::api) async fn delete(asked: &Asked<'_>) -> Answer {
    answered(asked, removed(asked).await)
}

async fn removed(asked: &Asked<'_>) -> Result<Answer, ServeError> {
    query::none(asked.query())?;
    let (name, label, catalogue) = (name(asked)?, label(asked)?, open(asked)?);
    let of = label.clone();
    let old = on_disk(asked, move || Ok(catalogue.remove_label(&name, &of)?)).await?;
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("label", label.as_str());
    object.plain("previous", old);
    object.end();
    Ok(Answer::json(body))
}

/// Takes the labels off what is to be removed, where the caller insists; else refuses, and says which they are.
pub(in crate::api) async fn release(
    asked: &Asked<'_>,
    name: &Name,
    number: Option<Version>,
    forced: bool,
) -> Result<(), ServeError> {
    let standing = asked.state.catalogue.labels(name, number);
    let Some((first, at, _)) = standing.first() else { return Ok(()) };
    if let (Some(number), Some((label, ..))) = (number, standing.iter().find(|(.., of_file)| *of_file)) {
        let message = format!(
            "version {number} of model `{name}` has the label `{label}` by the model's forebay.toml; change it there first"
        );
        return Err(worded(Kind::InUse, message));
    }
    if !forced {
        let message = format!(
            "version {at} of model `{name}` has the label `{first}`; move or remove the label first, or say ?force=true"
        );
        return Err(worded(Kind::InUse, message));
    }
    let labels: Vec<Arc<str>> =
        standing.into_iter().filter(|(.., of_file)| !of_file).map(|(label, ..)| label).collect();
    let (name, catalogue) = (name.clone(), asked.state.catalogue.clone());
    on_disk(asked, move || {
        for label in labels {
            if let Ok(label) = Name::new(&label) {
                catalogue.remove_label(&name, &label)?;
            }
        }
        Ok(())
    })
    .await
}

/// Returns what changes labels, where changes are open.
fn open(asked: &Asked<'_>) -> Result<Arc<Catalogue>, ServeError> {
    asked.state.admin.check_open(asked.state.guard.is_on())?;
    Ok(asked.state.catalogue.clone())
}

fn label(asked: &Asked<'_>) -> Result<Name, ServeError> {
    let text = query::decode(asked.version.unwrap_or_default(), false).unwrap_or_default();
    Name::new(&text).map_err(|error| worded(Kind::InvalidArgument, error.to_string()))
}
