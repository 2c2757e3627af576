//! Taking a version in.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use model::{Kind, Name, PredictError, Version};
use registry::{
    Event, EventKind, Publisher, State,
    archive::{self, Files},
};
use tokio::sync::SemaphorePermit;

use super::{
    answered, check_up, name, on_disk, publisher, seen,
    trial::{self, Trial},
    until, version, worded,
};
use crate::{
    answer::Answer,
    api::{Asked, native::models::put_version},
    error::{ServeError, asked as wrong, cut},
    metrics::Counted,
    query,
};

const KEYS: [&str; 3] = ["file", "wait", "dry_run"];

/// What archives and files of models are sent as. None of them is a type that a web page may send to another origin without
/// that one's consent.
const TYPES: [&str; 7] = [
    "application/x-tar",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "application/octet-stream",
    "application/xml",
    "application/x-compressed-tar",
];

/// What the query asks.
struct Wish {
    /// The name of the one file that the body is.
    file: String,
    /// Whether the answer waits until the version answers.
    wait: bool,
    /// Whether it is only tried.
    dry_run: bool,
}

impl Wish {
    fn parse(text: &str) -> Result<Wish, ServeError> {
        let truth = |key: &str, value: &str| match value {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(wrong(key, other, "true or false")),
        };
        let mut wish = Wish { file: String::new(), wait: true, dry_run: false };
        for (key, value) in query::pairs(text)? {
            match &*key {
                "file" if value.is_empty() => return Err(wrong("file", "", "the name of a file")),
                "file" => wish.file = value.into_owned(),
                "wait" => wish.wait = truth("wait", &value)?,
                "dry_run" => wish.dry_run = truth("dry_run", &value)?,
                _ => return Err(query::unknown(&key, &KEYS)),
            }
        }
        Ok(wish)
    }
}

/// `POST /api/v1/models/{model}/versions`.
pub(in crate::api) async fn publish(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    answered(asked, take(asked, None, body, counted).await)
}

/// `PUT /api/v1/models/{model}/versions/{version}`.
pub(in crate::api) async fn publish_as(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    let result = match version(asked) {
        Ok(version) => take(asked, Some(version), body, counted).await,
        Err(error) => Err(error),
    };
    answered(asked, result)
}

async fn take(
    asked: &Asked<'_>,
    number: Option<Version>,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Result<Answer, ServeError> {
    let wish = Wish::parse(asked.query())?;
    let name = name(asked)?;
    if wish.dry_run {
        let Received { publisher, files, _one } = received(asked, &name, &wish.file, &TYPES, body).await?;
        return trial::run(&asked.state.admin, Trial { name, number, publisher }, files).await;
    }
    let version = taken(asked, &name, number, &wish.file, &TYPES, body).await?;
    counted.set_model(asked.state.models.of(name.as_str()));
    let is_loaded = wish.wait && loaded(asked, &name, version).await?;
    let status = if is_loaded { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    Ok(Answer { status, ..Answer::json(shown(asked, &name, version)) })
}

/// Takes a body of one of these types in as a version, where `file` names it as a single file; returns its number.
pub(in crate::api) async fn taken(
    asked: &Asked<'_>,
    name: &Name,
    number: Option<Version>,
    file: &str,
    types: &[&str],
    body: &mut Incoming,
) -> Result<Version, ServeError> {
    let Received { publisher, files, _one } = received(asked, name, file, types, body).await?;
    let of = name.clone();
    let version = on_disk(asked, move || Ok(publisher.publish(&of, number, &files()?)?)).await?;
    asked.state.catalogue.add_event(Event::new(EventKind::Published, name.as_str()).version(version));
    Ok(version)
}

/// A body that lies in memory, one at a time.
struct Received<'a> {
    publisher: Arc<Publisher>,
    /// Unpacks it.
    files: Box<dyn FnOnce() -> Result<Files, ServeError> + Send>,
    _one: SemaphorePermit<'a>,
}

/// Takes a body in, where it may be published under the name.
async fn received<'a>(
    asked: &'a Asked<'_>,
    name: &Name,
    file: &str,
    types: &[&str],
    body: &mut Incoming,
) -> Result<Received<'a>, ServeError> {
    let admin = &asked.state.admin;
    let publisher = publisher(asked)?;
    check_up(asked)?;
    let full = || PredictError::Overloaded { message: "another upload is under way".to_owned(), retry_after: None };
    let _one = admin.uploads.try_acquire().map_err(|_| full())?;
    let bytes = receive(asked, types, body).await?;
    let (of, file, source, at) = (name.clone(), file.to_owned(), admin.source.clone(), publisher.clone());
    let serving = asked.state.gateway.registry().status(name.as_str()).ok().and_then(|status| {
        status.versions.into_iter().find(|version| version.state == State::Available).map(|version| version.path)
    });
    let files = move || {
        // A name belongs to one source.
        serving.map_or(Ok(()), |path| at.claim(&of, &path))?;
        let refused = |error: archive::ArchiveError| worded(Kind::InvalidArgument, error.to_string());
        archive::unpack(&bytes, &file, &source).map_err(refused)
    };
    Ok(Received { publisher, files: Box::new(files), _one })
}

/// Waits for what becomes of the version; returns whether it answers. One that does not load is taken out again.
pub(in crate::api) async fn loaded(asked: &Asked<'_>, name: &Name, version: Version) -> Result<bool, ServeError> {
    let ended = |state| matches!(state, State::Available | State::End);
    let is_there = until(asked, || seen(asked, name, version).is_some_and(|v| ended(v.state))).await;
    let status = seen(asked, name, version);
    if !is_there {
        return Ok(false);
    }
    if let Some(failed) = status.filter(|v| v.state == State::End) {
        let (of, publisher) = (name.clone(), publisher(asked)?);
        on_disk(asked, move || Ok(publisher.remove(&of, Some(version))?)).await?;
        let health = failed.health.as_deref().unwrap_or("it was replaced").to_owned();
        let message = format!("version {version} of model `{name}` does not load and was taken out again: {health}");
        return Err(worded(Kind::FailedPrecondition, message));
    }
    Ok(true)
}

fn shown(asked: &Asked<'_>, name: &Name, version: Version) -> String {
    let mut body = String::new();
    match seen(asked, name, version) {
        Some(status) => put_version(&mut body, &status),
        // Published, and not looked at yet.
        None => body = format!(r#"{{"version":{version},"state":"start"}}"#),
    }
    body
}

async fn receive(asked: &Asked<'_>, types: &[&str], body: &mut Incoming) -> Result<Bytes, ServeError> {
    let config = &asked.state.admin.config;
    let (limit, ms) = (config.upload_bytes_max, config.upload_timeout_ms);
    let too_large =
        || worded(Kind::TooLarge, format!("the upload is over the limit of {limit} bytes (admin.upload_bytes_max)"));
    let headers = &asked.head.headers;
    let essence = |value: &http::HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    };
    let ty = headers.get(header::CONTENT_TYPE).map(essence).unwrap_or_default();
    if !types.contains(&&*ty) {
        return Err(wrong("content-type", &cut(&ty), format!("one of {}", types.join(", "))));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(Duration::from_millis(ms), Limited::new(body, limit).collect());
    match collected.await {
        Err(_) => Err(worded(
            Kind::DeadlineExceeded,
            format!("the upload did not arrive within {ms} ms (admin.upload_timeout_ms)"),
        )),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(ServeError::BodyBroken { reason: error.to_string() }),
    }
}
