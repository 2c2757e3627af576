//! Trying a model before it is published: read, compiled, verified by the rows that it carries, and forgotten.
//!
//! A trial may take as long as a load does, so it has a thread to itself; there is one at a time, as there is one upload.

use std::sync::Arc;

use model::{Kind, Name, PredictError, Version};
use registry::{Change, Content, Loaded, Publisher, archive::Files};

use super::{Admin, worded};
use crate::{
    answer::{Answer, Object, put_text},
    api::native::models::put_signature,
    error::ServeError,
};

/// What is to be tried, under which name and number.
pub(super) struct Trial {
    pub name: Name,
    pub number: Option<Version>,
    pub publisher: Arc<Publisher>,
}

/// What came of it.
struct Tried {
    version: Version,
    change: Change,
    digest: String,
    loaded: Loaded,
}

/// Answers what publishing these files would do.
pub(super) async fn run(
    admin: &Admin,
    trial: Trial,
    files: impl FnOnce() -> Result<Files, ServeError> + Send + 'static,
) -> Result<Answer, ServeError> {
    let Some(loader) = admin.loader.clone() else {
        return Err(worded(Kind::Unimplemented, "this server cannot try a model; leave `dry_run` out"));
    };
    let name = trial.name.clone();
    let tried = tokio::task::spawn_blocking(move || -> Result<Tried, ServeError> {
        let files = files()?;
        let (version, change) = trial.publisher.compare(&trial.name, trial.number, &files)?;
        let refused = |error: &dyn std::fmt::Display| {
            worded(Kind::FailedPrecondition, format!("model `{}` would not load: {error}", trial.name))
        };
        let content = Content::of(files).map_err(|error| refused(&error))?;
        let loaded = loader.load(&trial.name, version, &content.files, &content.config);
        let loaded = loaded.map_err(|error| refused(&error))?;
        Ok(Tried { version, change, digest: content.digest().to_string(), loaded })
    });
    let tried = tried.await.unwrap_or_else(|_| {
        // The panic was reported when it happened.
        Err(PredictError::Internal { message: "the trial panicked".to_owned() }.into())
    });
    Ok(Answer::json(shown(&name, &tried?)))
}

fn shown(name: &Name, tried: &Tried) -> String {
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.plain("dry_run", true);
    object.text("name", name.as_str());
    object.plain("version", tried.version);
    object.text("change", change(tried.change));
    let about = &tried.loaded.about;
    object.text("format", &about.format);
    object.some_text("class", about.class.as_deref());
    object.some_text("tool", about.tool.as_deref());
    object.plain("bytes", about.bytes);
    object.plain("nodes", about.nodes);
    object.text("digest", &tried.digest);
    object.list("warnings", about.warnings.iter(), |out, warning| put_text(out, warning));
    object.list("signatures", tried.loaded.predictor.signatures(), put_signature);
    object.end();
    body
}

fn change(change: Change) -> &'static str {
    match change {
        Change::Created => "created",
        Change::Updated => "updated",
        Change::Unchanged => "unchanged",
    }
}
