//! The admin API, beside the native dialect or at a listener of its own: versions are put in, taken out and read back.
//!
//! `POST /api/v1/models/{model}/versions` takes the next version, `PUT .../versions/{version}` one under its number: a tar, a tar.gz
//! or a zip, or one file with `?file=NAME`. The answer comes when the version answers (201), or when it did not load: then it
//! is taken out again and the health text is the error. `GET` shows a version, `GET .../artifact` gives its files as a tar, `DELETE` takes it out.
//! With `?dry_run=true` a body is read, compiled and verified, and the answer says what it is; nothing is stored.
//! All is done in the models directory, so what another hand puts there is the same.
//!
//! Whoever may change models may run what they compute, so changes are open on loopback addresses alone unless
//! `admin.open` says otherwise. Bodies of archives have types that no page of another origin may send unasked.

pub(super) mod labels;
mod trial;
mod upload;

pub(super) use upload::{loaded, publish, publish_as, taken};

use std::{sync::Arc, time::Duration};

use model::{Kind, Name, PredictError, Version};
use registry::{Event, EventKind, Loader, PublishError, Publisher, VersionStatus, archive};
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    answer::{Answer, Object},
    api::{Asked, native},
    error::{ServeError, asked as wrong},
    metrics::Counted,
    predict::not_run,
    query,
};

/// The table `[admin]`. Needs a restart to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Take changes of models on addresses that others reach, too.
    pub open: bool,
    /// Bytes of one upload, before it is unpacked.
    pub upload_bytes_max: usize,
    /// Time to receive one upload.
    pub upload_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config { open: false, upload_bytes_max: 512 << 20, upload_timeout_ms: 600_000 }
    }
}

/// What changes models, where there is a directory to change.
pub(crate) struct Admin {
    config: Config,
    publisher: Option<Arc<Publisher>>,
    /// What tries a model that is not published.
    loader: Option<Arc<dyn Loader>>,
    source: registry::Config,
    /// Whether callers from elsewhere reach us.
    is_public: bool,
    /// Uploads lie whole in memory: one at a time.
    uploads: Semaphore,
}

impl Admin {
    pub fn new(config: Config, source: registry::Config, publisher: Option<Publisher>, is_public: bool) -> Admin {
        let (publisher, uploads) = (publisher.map(Arc::new), Semaphore::new(1));
        Admin { config, publisher, loader: None, source, is_public, uploads }
    }

    pub fn set_loader(&mut self, loader: Arc<dyn Loader>) {
        self.loader = Some(loader);
    }

    /// Refuses changes where they are not open. Where callers have roles, the route has asked for the one it takes.
    pub fn check_open(&self, has_roles: bool) -> Result<(), ServeError> {
        if self.is_public && !self.config.open && !has_roles {
            let message = "models are changed on loopback addresses alone; give callers keys with roles ([auth]), or say \
                           admin.open = true, which opens it for all who reach this one";
            return Err(worded(Kind::PermissionDenied, message));
        }
        Ok(())
    }

    /// Returns what makes changes, where they are open.
    pub fn publisher(&self, has_roles: bool) -> Result<Arc<Publisher>, ServeError> {
        self.check_open(has_roles)?;
        let none = || {
            worded(
                Kind::FailedPrecondition,
                "models are published into the one models directory of a server, and this one was given none, or several; start it with \
                 `forebay serve DIRECTORY`",
            )
        };
        self.publisher.clone().ok_or_else(none)
    }
}

/// Returns what makes changes for this caller.
fn publisher(asked: &Asked<'_>) -> Result<Arc<Publisher>, ServeError> {
    asked.state.admin.publisher(asked.state.guard.is_on())
}

pub(super) fn worded(kind: Kind, message: impl Into<String>) -> ServeError {
    ServeError::Worded { kind, message: message.into() }
}

impl From<PublishError> for ServeError {
    fn from(error: PublishError) -> ServeError {
        let kind = match &error {
            PublishError::AlreadyExists { .. } | PublishError::Elsewhere { .. } => Kind::AlreadyExists,
            PublishError::NotFound { .. } => Kind::NotFound,
            PublishError::Unnumbered { .. } | PublishError::OneModel => Kind::FailedPrecondition,
            PublishError::Digits { .. } => Kind::InvalidArgument,
            PublishError::Io { .. } => Kind::Unavailable,
            PublishError::Source(_) => Kind::FailedPrecondition,
        };
        worded(kind, error.to_string())
    }
}

/// Runs what touches the disk on a compute thread.
async fn on_disk<T: Send + 'static>(
    asked: &Asked<'_>,
    run: impl FnOnce() -> Result<T, ServeError> + Send + 'static,
) -> Result<T, ServeError> {
    match asked.state.compute.run(run).await {
        Ok(result) => result,
        Err(why) => Err(not_run(asked.state, why)),
    }
}

/// Refuses a change that the catalogue could not keep.
fn check_up(asked: &Asked<'_>) -> Result<(), ServeError> {
    asked.state.catalogue.check_up().map_err(|error| worded(Kind::Unavailable, error.to_string()))
}

/// Returns the name in the path, which a model may have.
pub(super) fn name(asked: &Asked<'_>) -> Result<Name, ServeError> {
    Name::new(asked.name).map_err(|error| worded(Kind::InvalidArgument, error.to_string()))
}

fn version(asked: &Asked<'_>) -> Result<Version, ServeError> {
    let text = asked.version.unwrap_or_default();
    match text.parse().ok().filter(|&number| number > 0) {
        Some(number) => Ok(Version(number)),
        None => Err(wrong("version", text, "a whole number above 0")),
    }
}

/// Returns the state of a version, where it is known.
fn seen(asked: &Asked<'_>, name: &Name, version: Version) -> Option<VersionStatus> {
    let status = asked.state.gateway.registry().status(name.as_str()).ok()?;
    status.versions.into_iter().find(|v| v.version == version)
}

/// Waits until it is so, as long as the caller does.
async fn until(asked: &Asked<'_>, mut so: impl FnMut() -> bool) -> bool {
    const LOOK: Duration = Duration::from_millis(20);
    let over = Instant::from_std(asked.context.begun) + Duration::from_millis(asked.state.config.timeout_ms);
    while !so() {
        if Instant::now() + LOOK > over {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    true
}

fn answered(asked: &Asked<'_>, result: Result<Answer, ServeError>) -> Answer {
    result.unwrap_or_else(|error| native::failure(error, asked.context))
}

/// `GET /api/v1/models/{model}/versions/{version}`.
pub(super) fn one(asked: &Asked<'_>) -> Answer {
    let look = || {
        query::none(asked.query())?;
        let (name, version) = (name(asked)?, version(asked)?);
        let seen = seen(asked, &name, version).ok_or_else(|| unknown(&name, version))?;
        let mut body = String::new();
        native::models::put_version(&mut body, &seen);
        Ok(Answer::json(body))
    };
    answered(asked, look())
}

/// `GET /api/v1/models/{model}/versions/{version}/artifact`: its files, as a tar.
pub(super) async fn artifact(asked: &Asked<'_>) -> Answer {
    let read = async || {
        query::none(asked.query())?;
        let files = files(asked, &name(asked)?, version(asked)?).await?;
        let packed =
            on_disk(asked, move || archive::pack(&files).map_err(|error| worded(Kind::Unavailable, error.to_string())));
        Ok(Answer { content_type: "application/x-tar", ..Answer::json(packed.await?) })
    };
    answered(asked, read().await)
}

/// Returns the files of a version: of one that answers wherever it lies, of another where it lies in the models directory.
pub(super) async fn files(asked: &Asked<'_>, name: &Name, version: Version) -> Result<archive::Files, ServeError> {
    let admin = &asked.state.admin;
    admin.check_open(asked.state.guard.is_on())?;
    let stored = asked.state.gateway.registry().stored(name.as_str(), version);
    let (name, publisher) = (name.clone(), admin.publisher.clone());
    on_disk(asked, move || {
        if let Some(stored) = stored {
            return Ok(stored.files().map_err(PublishError::from)?);
        }
        match publisher.map(|publisher| publisher.read(&name, version)) {
            Some(Err(PublishError::Unnumbered { .. } | PublishError::OneModel)) | None => Err(unknown(&name, version)),
            Some(read) => Ok(read?),
        }
    })
    .await
}

fn unknown(name: &Name, version: Version) -> ServeError {
    PredictError::NotFound { what: format!("version {version} of model `{name}`") }.into()
}

/// `DELETE /api/v1/models/{model}[/versions/{version}]`: taken out of the directory, then unloaded when its last answer is given.
pub(super) async fn delete(asked: &Asked<'_>, counted: &mut Counted<'_>) -> Answer {
    let result = remove(asked).await;
    if let Ok(name) = name(asked).as_ref()
        && result.is_ok()
    {
        counted.set_model(asked.state.models.of(name.as_str()));
    }
    answered(asked, result)
}

async fn remove(asked: &Asked<'_>) -> Result<Answer, ServeError> {
    let forced = forced(asked.query())?;
    let name = name(asked)?;
    let number = asked.version.map(|_| version(asked)).transpose()?;
    // Whether it may be is said before whether it can.
    publisher(asked)?;
    let answers = asked.state.gateway.registry().status(name.as_str()).ok().and_then(|s| s.default_version());
    if let (Some(number), false) = (number.filter(|number| answers == Some(*number)), forced) {
        let message = format!(
            "version {number} answers the calls of model `{name}`; publish the next one first, take out the whole model, or \
             say ?force=true"
        );
        return Err(worded(Kind::InUse, message));
    }
    check_up(asked)?;
    labels::release(asked, &name, number, forced).await?;
    let is_gone = removed(asked, &name, number).await?;
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("name", name.as_str());
    if let Some(number) = number {
        object.plain("version", number);
    }
    object.plain("unloaded", is_gone);
    object.end();
    Ok(Answer::json(body))
}

/// Takes a version out, or all of a model; returns whether it is unloaded by now.
pub(super) async fn removed(asked: &Asked<'_>, name: &Name, number: Option<Version>) -> Result<bool, ServeError> {
    let (of, publisher) = (name.clone(), publisher(asked)?);
    check_up(asked)?;
    on_disk(asked, move || Ok(publisher.remove(&of, number)?)).await?;
    let event = Event::new(EventKind::Removed, name.as_str());
    asked.state.catalogue.add_event(Event { version: number, ..event });
    let gone = || match number {
        Some(number) => seen(asked, name, number).is_none(),
        None => asked.state.gateway.registry().status(name.as_str()).is_err(),
    };
    Ok(until(asked, gone).await)
}

fn forced(text: &str) -> Result<bool, ServeError> {
    let mut forced = false;
    for (key, value) in query::pairs(text)? {
        match (&*key, &*value) {
            ("force", "true") => forced = true,
            ("force", "false") => {}
            ("force", other) => return Err(wrong("force", other, "true or false")),
            _ => return Err(query::unknown(&key, &["force"])),
        }
    }
    Ok(forced)
}
