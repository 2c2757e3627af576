//! Every path that is served, in one table, and the way of a request through it.
//!
//! A dialect is a folder here and its rows in [`TABLE`]. Fixed segments win over names; a test fails where two rows could
//! answer the same request. Names are matched and looked up, never joined to a path. What no row takes is answered in the
//! words of the dialect whose path it is ([`missed`]), else in the native ones. Calls of gRPC have a table of their own, in
//! [`grpc`].

pub(crate) mod admin;
pub(crate) mod grpc;
mod health;
mod missed;
pub(crate) mod mist;
mod mlflow;
pub(crate) mod native;
mod openapi;
mod openscoring;
mod tfs;
mod traces;
mod v2;

use std::{
    borrow::Cow,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use gateway::Routed;
use http::{HeaderMap, Method, Request, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use missed::Missed;
use model::PredictError;
use registry::Which;
use serde::{Deserialize, Serialize};
use tracing::{debug, error};

use crate::{
    answer::{Answer, JSON},
    auth::{Caller, Need},
    body,
    context::Context,
    cors,
    error::{ServeError, cut},
    listen::Peer,
    metrics::Counted,
    outgoing::Outgoing,
    pack, query,
    state::State,
    trace::Ended,
};

/// A client's protocol; the label of its requests in `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    Native,
    /// What changes models: versions in and out, labels, their files, events.
    Admin,
    Mist,
    /// The Open Inference Protocol V2.
    V2,
    /// TensorFlow Serving's REST API.
    Tfs,
    /// The Open Inference Protocol V2 over gRPC.
    #[serde(rename = "v2-grpc")]
    V2Grpc,
    /// TensorFlow Serving over gRPC.
    #[serde(rename = "tfs-grpc")]
    TfsGrpc,
    /// MLflow's scoring server, and SageMaker's containers.
    Mlflow,
    Openscoring,
    /// Health, metrics and reflection: asked by machinery, not by clients of models.
    Ops,
}

impl Dialect {
    pub const ALL: [Dialect; 10] = [
        Dialect::Native,
        Dialect::Admin,
        Dialect::Mist,
        Dialect::V2,
        Dialect::Tfs,
        Dialect::V2Grpc,
        Dialect::TfsGrpc,
        Dialect::Mlflow,
        Dialect::Openscoring,
        Dialect::Ops,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Dialect::Native => "native",
            Dialect::Admin => "admin",
            Dialect::Mist => "mist",
            Dialect::V2 => "v2",
            Dialect::Tfs => "tfs",
            Dialect::V2Grpc => "v2-grpc",
            Dialect::TfsGrpc => "tfs-grpc",
            Dialect::Mlflow => "mlflow",
            Dialect::Openscoring => "openscoring",
            Dialect::Ops => "ops",
        }
    }
}

/// The protocols that a listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialects(u32);

/// Stands for the routes of other dialects that change models.
const CHANGES: u32 = 1 << 31;

impl Dialects {
    pub const ALL: Dialects = Dialects(u32::MAX);

    pub fn of(dialects: &[Dialect]) -> Dialects {
        Dialects(dialects.iter().fold(CHANGES, |set, dialect| set | 1 << *dialect as u32))
    }

    /// Returns the set of a listener that leaves all changes of models to another.
    pub const fn without_changes(self) -> Dialects {
        Dialects(self.0 & !(CHANGES | 1 << Dialect::Admin as u32))
    }

    /// Returns whether models are changed there, where the protocol can.
    pub const fn change_models(self) -> bool {
        self.0 & CHANGES != 0
    }

    pub const fn has(self, dialect: Dialect) -> bool {
        self.0 & 1 << dialect as u32 != 0
    }
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    NativeServe,
    NativeModels,
    NativeSources,
    NativeModel,
    MistRun,
    V2Infer,
    V2Model,
    V2ModelReady,
    V2Server,
    V2Live,
    V2Ready,
    V2Stats,
    V2Config,
    V2Index,
    V2Load,
    V2Unload,
    Tfs,
    Publish,
    PublishAs,
    Version,
    Artifact,
    Delete,
    Labels,
    Label,
    SetLabel,
    RemoveLabel,
    Events,
    Traces,
    Trace,
    TraceServices,
    TraceSpans,
    MlflowInvoke,
    MlflowPing,
    MlflowVersion,
    Openscoring(openscoring::Wanted),
    Live,
    Ready,
    Metrics,
    OpenApi,
    Swagger,
}

impl Endpoint {
    /// Returns whether an `accept` header that leaves JSON out is refused before anything is done.
    fn is_json(self) -> bool {
        use openscoring::Wanted::{Csv, Pmml};
        !matches!(
            self,
            Endpoint::Metrics
                | Endpoint::Events
                | Endpoint::Swagger
                | Endpoint::Artifact
                | Endpoint::NativeServe
                | Endpoint::MlflowPing
                | Endpoint::MlflowVersion
                | Endpoint::Openscoring(Csv | Pmml)
        )
    }
}

impl Endpoint {
    /// Returns what a caller must be allowed. Every route says it; nothing is open that is not named here.
    fn need(self, method: &Method) -> Need {
        use openscoring::Wanted;
        match self {
            Endpoint::NativeServe
            | Endpoint::MistRun
            | Endpoint::V2Infer
            | Endpoint::MlflowInvoke
            | Endpoint::Openscoring(Wanted::Evaluate | Wanted::Batch | Wanted::Csv) => Need::Predict,
            // A row takes several: what is sent is to be answered, what is fetched says how to ask.
            Endpoint::Tfs if *method == Method::GET || *method == Method::HEAD => Need::Ask,
            Endpoint::Tfs => Need::Predict,
            Endpoint::NativeModel
            | Endpoint::V2Model
            | Endpoint::V2ModelReady
            | Endpoint::V2Config
            | Endpoint::Openscoring(Wanted::Model) => Need::Ask,
            Endpoint::NativeModels
            | Endpoint::NativeSources
            | Endpoint::V2Stats
            | Endpoint::V2Index
            | Endpoint::Version
            | Endpoint::Labels
            | Endpoint::Label
            | Endpoint::Events
            | Endpoint::Traces
            | Endpoint::Trace
            | Endpoint::TraceServices
            | Endpoint::TraceSpans
            | Endpoint::Openscoring(Wanted::List) => Need::Read,
            Endpoint::V2Load
            | Endpoint::V2Unload
            | Endpoint::Publish
            | Endpoint::PublishAs
            | Endpoint::Artifact
            | Endpoint::Delete
            | Endpoint::SetLabel
            | Endpoint::RemoveLabel
            | Endpoint::Openscoring(Wanted::Deploy | Wanted::Undeploy | Wanted::Pmml) => Need::Admin,
            Endpoint::Metrics => Need::Metrics,
            Endpoint::V2Server
            | Endpoint::V2Live
            | Endpoint::V2Ready
            | Endpoint::MlflowPing
            | Endpoint::MlflowVersion
            | Endpoint::Live
            | Endpoint::Ready
            | Endpoint::OpenApi
            | Endpoint::Swagger => Need::Open,
        }
    }
}

struct Route {
    method: &'static str,
    /// Segments; `{...}` takes any one.
    path: &'static [&'static str],
    endpoint: Endpoint,
    dialect: Dialect,
}

const fn route(method: &'static str, path: &'static [&'static str], endpoint: Endpoint, dialect: Dialect) -> Route {
    Route { method, path, endpoint, dialect }
}

const fn openscoring(method: &'static str, path: &'static [&'static str], wanted: openscoring::Wanted) -> Route {
    route(method, path, Endpoint::Openscoring(wanted), Dialect::Openscoring)
}

/// A row that takes every method: its dialect has an answer of its own to the wrong one.
const ANY: &str = "*";

/// Every path, busiest first. A row with names stands after those whose fixed segments it would take.
const TABLE: &[Route] = &[
    route("POST", &["api", "v1", "serve", "{model}"], Endpoint::NativeServe, Dialect::Native),
    route("POST", &["v2", "models", "{model}", "infer"], Endpoint::V2Infer, Dialect::V2),
    route("POST", &["v2", "models", "{model}", "versions", "{version}", "infer"], Endpoint::V2Infer, Dialect::V2),
    route("GET", &["api", "v1", "models"], Endpoint::NativeModels, Dialect::Native),
    route("GET", &["api", "v1", "sources"], Endpoint::NativeSources, Dialect::Native),
    route("GET", &["api", "v1", "models", "{model}"], Endpoint::NativeModel, Dialect::Native),
    route("DELETE", &["api", "v1", "models", "{model}"], Endpoint::Delete, Dialect::Admin),
    route("POST", &["api", "v1", "models", "{model}", "versions"], Endpoint::Publish, Dialect::Admin),
    route("GET", &["api", "v1", "models", "{model}", "versions", "{version}"], Endpoint::Version, Dialect::Native),
    route("PUT", &["api", "v1", "models", "{model}", "versions", "{version}"], Endpoint::PublishAs, Dialect::Admin),
    route("DELETE", &["api", "v1", "models", "{model}", "versions", "{version}"], Endpoint::Delete, Dialect::Admin),
    route(
        "GET",
        &["api", "v1", "models", "{model}", "versions", "{version}", "artifact"],
        Endpoint::Artifact,
        Dialect::Admin,
    ),
    route("GET", &["api", "v1", "models", "{model}", "labels"], Endpoint::Labels, Dialect::Native),
    route("GET", &["api", "v1", "models", "{model}", "labels", "{label}"], Endpoint::Label, Dialect::Native),
    route("PUT", &["api", "v1", "models", "{model}", "labels", "{label}"], Endpoint::SetLabel, Dialect::Admin),
    route("DELETE", &["api", "v1", "models", "{model}", "labels", "{label}"], Endpoint::RemoveLabel, Dialect::Admin),
    route("GET", &["api", "v1", "events"], Endpoint::Events, Dialect::Admin),
    route("POST", &["api", "{route}"], Endpoint::MistRun, Dialect::Mist),
    route("GET", &["v2"], Endpoint::V2Server, Dialect::V2),
    route("GET", &["v2", "health", "live"], Endpoint::V2Live, Dialect::V2),
    route("GET", &["v2", "health", "ready"], Endpoint::V2Ready, Dialect::V2),
    route("GET", &["v2", "models", "stats"], Endpoint::V2Stats, Dialect::V2),
    route("GET", &["v2", "models", "{model}"], Endpoint::V2Model, Dialect::V2),
    route("GET", &["v2", "models", "{model}", "stats"], Endpoint::V2Stats, Dialect::V2),
    route("GET", &["v2", "models", "{model}", "config"], Endpoint::V2Config, Dialect::V2),
    route("GET", &["v2", "models", "{model}", "versions", "{version}", "stats"], Endpoint::V2Stats, Dialect::V2),
    route("GET", &["v2", "models", "{model}", "versions", "{version}", "config"], Endpoint::V2Config, Dialect::V2),
    route("POST", &["v2", "repository", "index"], Endpoint::V2Index, Dialect::V2),
    route("POST", &["v2", "repository", "models", "{model}", "load"], Endpoint::V2Load, Dialect::V2),
    route("POST", &["v2", "repository", "models", "{model}", "unload"], Endpoint::V2Unload, Dialect::V2),
    route("GET", &["v2", "models", "{model}", "ready"], Endpoint::V2ModelReady, Dialect::V2),
    route("GET", &["v2", "models", "{model}", "versions", "{version}"], Endpoint::V2Model, Dialect::V2),
    route("GET", &["v2", "models", "{model}", "versions", "{version}", "ready"], Endpoint::V2ModelReady, Dialect::V2),
    route(ANY, &["v1", "models"], Endpoint::Tfs, Dialect::Tfs),
    route(ANY, &["v1", "models", "{model}"], Endpoint::Tfs, Dialect::Tfs),
    route(ANY, &["v1", "models", "{model}", "metadata"], Endpoint::Tfs, Dialect::Tfs),
    route(ANY, &["v1", "models", "{model}", "versions", "{version}"], Endpoint::Tfs, Dialect::Tfs),
    route(ANY, &["v1", "models", "{model}", "versions", "{version}", "metadata"], Endpoint::Tfs, Dialect::Tfs),
    route(ANY, &["v1", "models", "{model}", "labels", "{label}"], Endpoint::Tfs, Dialect::Tfs),
    route(ANY, &["v1", "models", "{model}", "labels", "{label}", "metadata"], Endpoint::Tfs, Dialect::Tfs),
    route("GET", &["api", "v2", "traces"], Endpoint::Traces, Dialect::Ops),
    route("GET", &["api", "v2", "trace", "{trace}"], Endpoint::Trace, Dialect::Ops),
    route("GET", &["api", "v2", "services"], Endpoint::TraceServices, Dialect::Ops),
    route("GET", &["api", "v2", "spans"], Endpoint::TraceSpans, Dialect::Ops),
    route("POST", &["invocations"], Endpoint::MlflowInvoke, Dialect::Mlflow),
    route("GET", &["ping"], Endpoint::MlflowPing, Dialect::Mlflow),
    route("GET", &["health"], Endpoint::MlflowPing, Dialect::Mlflow),
    route("GET", &["version"], Endpoint::MlflowVersion, Dialect::Mlflow),
    openscoring("GET", &["openscoring", "model"], openscoring::Wanted::List),
    openscoring("GET", &["openscoring", "model", "{model}"], openscoring::Wanted::Model),
    openscoring("POST", &["openscoring", "model", "{model}"], openscoring::Wanted::Evaluate),
    openscoring("PUT", &["openscoring", "model", "{model}"], openscoring::Wanted::Deploy),
    openscoring("DELETE", &["openscoring", "model", "{model}"], openscoring::Wanted::Undeploy),
    openscoring("GET", &["openscoring", "model", "{model}", "pmml"], openscoring::Wanted::Pmml),
    openscoring("POST", &["openscoring", "model", "{model}", "batch"], openscoring::Wanted::Batch),
    openscoring("POST", &["openscoring", "model", "{model}", "csv"], openscoring::Wanted::Csv),
    route("GET", &["health", "live"], Endpoint::Live, Dialect::Ops),
    route("GET", &["health", "ready"], Endpoint::Ready, Dialect::Ops),
    route("GET", &["metrics"], Endpoint::Metrics, Dialect::Ops),
    route("GET", &["api-docs", "openapi.json"], Endpoint::OpenApi, Dialect::Ops),
    route("GET", &["swagger"], Endpoint::Swagger, Dialect::Ops),
    route("GET", &["swagger", "{file}"], Endpoint::Swagger, Dialect::Ops),
];

/// A row of the table, and the names that its path holds.
struct Matched<'a> {
    endpoint: Endpoint,
    dialect: Dialect,
    /// The path of the row.
    route: &'static [&'static str],
    name: Cow<'a, str>,
    version: Option<&'a str>,
}

impl Route {
    /// Returns whether a listener of these dialects answers it. Who changes models looks at them, too.
    fn is_served(&self, served: Dialects) -> bool {
        let is_shown = || self.dialect == Dialect::Native && self.endpoint != Endpoint::NativeServe;
        let is_here = served.has(self.dialect) || served.has(Dialect::Admin) && is_shown();
        is_here && (served.change_models() || !self.changes_models())
    }

    /// Returns whether it is of the admin API, or does what that one does in the words of another protocol.
    fn changes_models(&self) -> bool {
        use openscoring::Wanted::{Deploy, Pmml, Undeploy};
        self.dialect == Dialect::Admin || matches!(self.endpoint, Endpoint::Openscoring(Deploy | Undeploy | Pmml))
    }

    /// Returns the name in the path (empty where the row has none) and the version, if the path is this row's.
    fn names_in<'a>(&self, path: &'a str) -> Option<(&'a str, Option<&'a str>)> {
        let (mut name, mut version) = ("", None);
        let mut segments = path.strip_prefix('/')?.split('/');
        for pattern in self.path {
            let segment = segments.next()?;
            match *pattern {
                "{version}" | "{label}" => version = Some(segment),
                pattern if pattern.starts_with('{') => name = segment,
                pattern if pattern != segment => return None,
                _ => {}
            }
        }
        segments.next().is_none().then_some((name, version))
    }
}

/// Returns the row of a listener that takes the request.
fn find<'a>(served: Dialects, method: &Method, path: &'a str) -> Result<Matched<'a>, Missed> {
    // HEAD is GET whose body hyper leaves out.
    let wanted = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let mut others = Vec::new();
    for route in TABLE {
        let Some((name, version)) = route.names_in(path).filter(|_| route.is_served(served)) else { continue };
        if route.method != wanted && route.method != ANY {
            others.push(route);
            continue;
        }
        let name = query::decode(name, false).ok_or_else(|| Missed::path(served, method, path))?;
        return Ok(Matched { endpoint: route.endpoint, dialect: route.dialect, route: route.path, name, version });
    }
    let is_elsewhere = |row: &Route| row.changes_models() && row.method == wanted && row.names_in(path).is_some();
    if !served.change_models() && TABLE.iter().any(is_elsewhere) {
        return Err(Missed::elsewhere(served, path));
    }
    match &others[..] {
        [] => Err(Missed::path(served, method, path)),
        others => Err(Missed::method(others, method, path)),
    }
}

/// Refuses an `accept` header that leaves JSON out.
fn check_accept(headers: &HeaderMap) -> Result<(), ServeError> {
    let mut ranges = headers.get_all(header::ACCEPT).iter().peekable();
    if ranges.peek().is_none() {
        return Ok(());
    }
    let mut seen = String::new();
    for value in ranges {
        let text = String::from_utf8_lossy(value.as_bytes());
        if text.split(',').any(takes_json) {
            return Ok(());
        }
        seen.push_str(&text);
    }
    Err(ServeError::NotAcceptable { offered: JSON, accept: cut(&seen) })
}

fn takes_json(range: &str) -> bool {
    let (essence, weight) = query::weighted(range);
    let named = ["application/json", "application/*", "*/*"].iter().any(|ty| essence.eq_ignore_ascii_case(ty));
    named && weight > 0.0
}

/// One request that found its route.
struct Asked<'a> {
    state: &'a Arc<State>,
    head: &'a Parts,
    /// The name in the path.
    name: &'a str,
    /// The version or label in the path, as it stands there.
    version: Option<&'a str>,
    context: &'a Context,
}

impl Asked<'_> {
    /// Returns a model that is to answer, after a load where it is lazy.
    async fn model<'w>(&self, name: &str, which: impl Into<Which<'w>>) -> Result<Routed, PredictError> {
        self.state.model(name, which.into(), self.context, &self.head.headers).await
    }

    fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }
}

/// Answers a request. It never fails and never panics: either is an answer.
pub(crate) async fn handle(
    state: &Arc<State>,
    served: Dialects,
    peer: &Peer,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    if grpc::is_call(&request) {
        return grpc::handle(state, served, peer, request).await;
    }
    let (head, mut body) = request.into_parts();
    let mut context = Context::new(&state.ids, &state.tracer, &head.headers);
    let cors = &state.config.cors;
    let preflight = cors.preflight(&head.method, &head.headers);
    let found = find(served, preflight.as_ref().unwrap_or(&head.method), head.uri.path());
    if let (Some(method), true) = (&preflight, found.is_ok()) {
        let mut response = cors::leave(method, &head.headers, &context.id);
        cors.allow(&head.headers, response.headers_mut());
        return response;
    }
    let dialect = found.as_ref().map_or_else(|missed| missed.dialect, |matched| matched.dialect);
    context.peer = Some(peer.address);
    let mut counted = Counted::begin(&state.metrics, context.begun, dialect);
    let admitted = found.as_ref().map_or(Ok(None), |matched| admit(state, &head, peer, matched));
    let admitted = admitted.map(|caller| context.caller = caller);
    counted.log(state.access.begin(&head, &context));
    let answer = match (&found, admitted) {
        (Err(missed), _) => failure(dialect, missed.error.clone(), &context),
        (Ok(matched), Err(error)) => refused(state, matched, error, &context),
        (Ok(matched), Ok(())) => {
            let Matched { name, version, .. } = matched;
            let asked = Asked { state, head: &head, name, version: *version, context: &context };
            match caught(answer(&asked, matched.endpoint, &mut body, &mut counted)).await {
                Some(answer) => answer,
                None => {
                    state.metrics.count_panic();
                    let error = PredictError::Internal { message: "the request panicked".to_owned() };
                    failure(dialect, error.into(), &context)
                }
            }
        }
    };
    if answer.error.is_some() {
        body::discard(&head.headers, &mut body, &state.config).await;
    }
    log(&head, &context, answer.status, answer.error.as_ref());
    if context.spans.is_some() {
        trace(state, &head, &context, found.as_ref().ok(), &answer);
    }
    counted.set_version(context.asked.number());
    counted.set_bytes_out(answer.body.len());
    counted.end(answer.status);
    let mut response = pack::packed(state, &head.headers, answer).await.into_response(&context.id);
    cors.allow(&head.headers, response.headers_mut());
    response
}

/// Lets a request in, or says why not.
fn admit(state: &State, head: &Parts, peer: &Peer, matched: &Matched<'_>) -> Result<Option<Arc<Caller>>, ServeError> {
    let caller = state.guard.admit(&head.headers, peer, matched.endpoint.need(&head.method))?;
    if let Some(caller) = &caller {
        let model = if caller.is_limited() { asked_for(state, matched) } else { None };
        state.guard.ask(caller, model.as_deref())?;
    }
    Ok(caller)
}

/// Returns why a request was not let in, as its dialect writes it.
fn refused(state: &State, matched: &Matched<'_>, error: ServeError, context: &Context) -> Answer {
    match matched.dialect {
        Dialect::Mist => mist::failure(state, &matched.name, error),
        dialect => failure(dialect, error, context),
    }
}

/// Returns the model that a request is about, where it is about one.
fn asked_for<'a>(state: &'a State, matched: &'a Matched<'_>) -> Option<Cow<'a, str>> {
    match matched.endpoint {
        Endpoint::MistRun => {
            Some(state.mist.find(&matched.name).map_or(&*matched.name, |route| Which::of(route.model()).0).into())
        }
        Endpoint::MlflowInvoke => mlflow::chosen(state).ok().map(|chosen| Which::of(&chosen).0.to_owned().into()),
        // What is wanted stands behind the last name of the path; no model has a colon in its own.
        Endpoint::Tfs => matched.name.split(':').next().map(Cow::Borrowed),
        _ => matched.route.contains(&"{model}").then(|| Cow::Borrowed(&*matched.name)),
    }
}

/// Keeps the spans of the request.
fn trace(state: &State, head: &Parts, context: &Context, matched: Option<&Matched<'_>>, answer: &Answer) {
    let (route, model) = matched.map_or((&[][..], ""), |matched| (matched.route, &*matched.name));
    let ended = Ended {
        method: head.method.as_str(),
        route,
        path: &cut(head.uri.path()),
        model,
        status: answer.status.as_u16(),
        error: answer.error.as_ref().map(|error| cut(&error.to_string())),
    };
    state.tracer.finish(context, &state.ids, &ended);
}

/// Returns the error as the dialect writes it; Mist's envelope is its own routes'.
fn failure(dialect: Dialect, error: ServeError, context: &Context) -> Answer {
    match dialect {
        Dialect::V2 => v2::failure(error),
        Dialect::Tfs => tfs::failure(error),
        Dialect::Mlflow => mlflow::failure(error),
        Dialect::Openscoring => openscoring::failure(error),
        Dialect::Native | Dialect::Admin | Dialect::Mist | Dialect::V2Grpc | Dialect::TfsGrpc | Dialect::Ops => {
            native::failure(error, context)
        }
    }
}

async fn answer(asked: &Asked<'_>, endpoint: Endpoint, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    if endpoint.is_json()
        && let Err(error) = check_accept(&asked.head.headers)
    {
        return failure(counted.dialect(), error, asked.context);
    }
    match endpoint {
        Endpoint::NativeServe => native::serve::answer(asked, body, counted).await,
        Endpoint::NativeModels => native::models::list(asked),
        Endpoint::NativeSources => native::models::sources(asked),
        Endpoint::NativeModel => native::models::one(asked, counted).await,
        Endpoint::MistRun => mist::answer(asked, body, counted).await,
        Endpoint::V2Infer => v2::infer::answer(asked, body, counted).await,
        Endpoint::V2Model => v2::model(asked, counted).await,
        Endpoint::V2ModelReady => v2::ready(asked, counted),
        Endpoint::V2Server => v2::server(asked),
        Endpoint::V2Live => v2::live(),
        Endpoint::V2Ready => v2::server_ready(asked.state),
        Endpoint::V2Stats => v2::repository::stats(asked),
        Endpoint::V2Config => v2::repository::config(asked, counted).await,
        Endpoint::V2Index => v2::repository::indexed(asked, body).await,
        Endpoint::V2Load => v2::repository::loaded(asked, body).await,
        Endpoint::V2Unload => v2::repository::unloaded(asked, body).await,
        Endpoint::Tfs => tfs::answer(asked, body, counted).await,
        Endpoint::Publish => admin::publish(asked, body, counted).await,
        Endpoint::PublishAs => admin::publish_as(asked, body, counted).await,
        Endpoint::Version => admin::one(asked),
        Endpoint::Artifact => admin::artifact(asked).await,
        Endpoint::Delete => admin::delete(asked, counted).await,
        Endpoint::Labels => admin::labels::list(asked),
        Endpoint::Label => admin::labels::one(asked),
        Endpoint::SetLabel => admin::labels::set(asked, body).await,
        Endpoint::RemoveLabel => admin::labels::delete(asked).await,
        Endpoint::Events => native::events::answer(asked),
        Endpoint::Traces => traces::list(asked),
        Endpoint::Trace => traces::one(asked),
        Endpoint::TraceServices => traces::services(asked),
        Endpoint::TraceSpans => traces::names(asked),
        Endpoint::MlflowInvoke => mlflow::invoke(asked, body, counted).await,
        Endpoint::MlflowPing => mlflow::ping(asked.state),
        Endpoint::MlflowVersion => mlflow::version(),
        Endpoint::Openscoring(wanted) => openscoring::answer(asked, wanted, body, counted).await,
        Endpoint::Live => health::live(),
        Endpoint::Ready => health::ready(asked.state),
        Endpoint::Metrics => health::metrics(asked.state),
        Endpoint::OpenApi => openapi::document(),
        Endpoint::Swagger => openapi::page(asked),
    }
}

/// Polls the future; a panic in it ends it with nothing.
async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// One event per request; only a bug of ours is loud. Messages hold values of the input, and a server that sheds load has
/// no time to write about each call, so the others show at `debug`; `/metrics` counts them all.
fn log(head: &Parts, context: &Context, status: StatusCode, error: Option<&ServeError>) {
    let (status, request_id, path) = (status.as_u16(), &context.id, head.uri.path());
    match error {
        Some(error) if status == 500 => error!(status, %request_id, path, %error, "request failed"),
        Some(error) => debug!(status, %request_id, path, %error, "request refused"),
        None => debug!(status, %request_id, path, "request answered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether some path fits both rows, and whether every path of the second fits the first.
    fn overlap(a: &Route, b: &Route) -> (bool, bool) {
        let named = |segment: &str| segment.starts_with('{');
        let same_method = a.method == b.method || [a.method, b.method].contains(&ANY);
        let same_length = a.path.len() == b.path.len() && same_method;
        let pairs = || a.path.iter().zip(b.path);
        (
            same_length && pairs().all(|(x, y)| named(x) || named(y) || x == y),
            same_length && pairs().all(|(x, y)| named(x) || x == y),
        )
    }

    #[test]
    fn no_two_rows_answer_one_request() {
        for (i, later) in TABLE.iter().enumerate() {
            for earlier in &TABLE[..i] {
                if earlier.method != later.method && ![earlier.method, later.method].contains(&ANY) {
                    continue;
                }
                let (meets, hides) = overlap(earlier, later);
                let wins = overlap(later, earlier).1 && !hides;
                assert!(!meets || wins, "{:?} and {:?} overlap", earlier.path, later.path);
            }
        }
    }

    #[test]
    fn every_fixed_first_segment_below_api_is_a_reserved_name() {
        // Else a model of that name could not be reached at its Mist route.
        let fixed = TABLE.iter().filter(|r| r.path[0] == "api" && !r.path[1].starts_with('{')).map(|r| r.path[1]);
        for segment in fixed {
            assert!(model::name::RESERVED.contains(&segment), "{segment}");
        }
    }

    fn check(method: &str, path: &str, expected: Result<(Endpoint, &str), u16>) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let found = find(Dialects::ALL, &method, path);
        let got = found.as_ref().map(|m| (m.endpoint, &*m.name)).map_err(|missed| missed.error.status().as_u16());
        assert_eq!(got, expected, "{method} {path}");
    }

    #[test]
    fn paths() {
        check("POST", "/api/v1/serve/m", Ok((Endpoint::NativeServe, "m")));
        check("POST", "/api/v1/serve/a%2Db", Ok((Endpoint::NativeServe, "a-b")));
        check("GET", "/api/v1/models", Ok((Endpoint::NativeModels, "")));
        check("HEAD", "/api/v1/models/m", Ok((Endpoint::NativeModel, "m")));
        check("POST", "/api/m", Ok((Endpoint::MistRun, "m")));
        check("GET", "/api/v1/serve/m", Err(405));
        check("DELETE", "/health/live", Err(405));
        for path in ["/", "", "*", "/api", "/api/v1/serve/", "/api/v1/serve/m/", "/api/v1/serve/%ff", "/health"] {
            match path {
                // `GET` answers it.
                "/health" => check("POST", path, Err(405)),
                // An empty name is a name that no model has.
                "/api/v1/serve/" => check("POST", path, Ok((Endpoint::NativeServe, ""))),
                _ => check("POST", path, Err(404)),
            }
        }
    }

    #[test]
    fn accept() {
        let check = |value: &'static str, expected: bool| {
            let headers = [(header::ACCEPT, http::HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(check_accept(&headers).is_ok(), expected, "{value}");
        };
        for good in ["*/*", "application/json", "text/html, application/*;q=0.1", "Application/JSON;charset=utf-8"] {
            check(good, true);
        }
        for bad in ["text/html", "application/json;q=0", "", "application/jsonp"] {
            check(bad, false);
        }
        assert!(check_accept(&HeaderMap::new()).is_ok());
    }
}
