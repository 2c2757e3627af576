//! gRPC on the listener that answers REST: the methods in one table, and the way of a call through them.
//!
//! Calls are carried here and not by a framework: a method's one message is a body like any other, so the limits, the compute pool and the
//! counters are those of REST, and a large message is not decoded on a network thread. Whom a call asks is read first, by itself;
//! the rest goes to [`crate::predict`] as bytes. A failure is the call's status, in trailers. Messages are `wire`'s.
//!
//! Source: gRPC's `PROTOCOL-HTTP2.md`.

mod allowed;
mod frame;
mod health;
mod reflection;
mod repository;
mod stream;
mod tfs;
mod v2;

pub use tfs::logged;

use std::sync::Arc;

use bytes::Bytes;
use codec::tfs::Task;
use gateway::Routed;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header, request::Parts};
use hyper::body::Incoming;
use model::{Kind, PredictError};

use crate::{
    api::{Dialect, Dialects, caught, log, v2 as rest_v2},
    auth::Need,
    body,
    context::{Context, REQUEST_ID, grpc_timeout, timeout_ms},
    error::{ServeError, cut, grpc_code, status},
    listen::Peer,
    metrics::Counted,
    outgoing::{GRPC_STATUS, Outgoing},
    state::State,
    trace::Ended,
};

/// Tells whoever compressed messages otherwise how they may be.
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// What a method does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    ModelInfer,
    ModelStreamInfer,
    ServerLive,
    ServerReady,
    ModelReady,
    ServerMetadata,
    ModelMetadata,
    ModelConfig,
    ModelStatistics,
    RepositoryIndex,
    RepositoryModelLoad,
    RepositoryModelUnload,
    Predict,
    Examples(Task),
    MultiInference,
    GetModelMetadata,
    GetModelStatus,
    /// A method that is there to be refused.
    Refused(&'static str),
    HealthCheck,
    HealthWatch,
    Reflection,
}

const RELOAD: Method = Method::Refused("another configuration over gRPC; the models directory and SIGHUP bring it");

/// Every method, busiest first.
const METHODS: &[(&str, Method, Dialect)] = &[
    ("/inference.GRPCInferenceService/ModelInfer", Method::ModelInfer, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/ModelStreamInfer", Method::ModelStreamInfer, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/ServerLive", Method::ServerLive, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/ServerReady", Method::ServerReady, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/ModelReady", Method::ModelReady, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/ServerMetadata", Method::ServerMetadata, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/ModelMetadata", Method::ModelMetadata, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/ModelConfig", Method::ModelConfig, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/ModelStatistics", Method::ModelStatistics, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/RepositoryIndex", Method::RepositoryIndex, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/RepositoryModelLoad", Method::RepositoryModelLoad, Dialect::V2Grpc),
    ("/inference.GRPCInferenceService/RepositoryModelUnload", Method::RepositoryModelUnload, Dialect::V2Grpc),
    ("/tensorflow.serving.PredictionService/Predict", Method::Predict, Dialect::TfsGrpc),
    ("/tensorflow.serving.PredictionService/GetModelMetadata", Method::GetModelMetadata, Dialect::TfsGrpc),
    ("/tensorflow.serving.PredictionService/Classify", Method::Examples(Task::Classify), Dialect::TfsGrpc),
    ("/tensorflow.serving.PredictionService/Regress", Method::Examples(Task::Regress), Dialect::TfsGrpc),
    ("/tensorflow.serving.PredictionService/MultiInference", Method::MultiInference, Dialect::TfsGrpc),
    ("/tensorflow.serving.ModelService/GetModelStatus", Method::GetModelStatus, Dialect::TfsGrpc),
    ("/tensorflow.serving.ModelService/HandleReloadConfigRequest", RELOAD, Dialect::TfsGrpc),
    ("/grpc.health.v1.Health/Check", Method::HealthCheck, Dialect::Ops),
    ("/grpc.health.v1.Health/Watch", Method::HealthWatch, Dialect::Ops),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Method::Reflection, Dialect::Ops),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Method::Reflection, Dialect::Ops),
];

impl Method {
    /// Returns what a caller must be allowed. Every method says it.
    fn need(self) -> Need {
        match self {
            Method::ModelInfer
            | Method::ModelStreamInfer
            | Method::Predict
            | Method::Examples(_)
            | Method::MultiInference => Need::Predict,
            Method::ModelReady
            | Method::ModelMetadata
            | Method::ModelConfig
            | Method::GetModelMetadata
            | Method::GetModelStatus => Need::Ask,
            Method::ModelStatistics | Method::RepositoryIndex => Need::Read,
            Method::RepositoryModelLoad | Method::RepositoryModelUnload | Method::Refused(_) => Need::Admin,
            Method::ServerLive
            | Method::ServerReady
            | Method::ServerMetadata
            | Method::HealthCheck
            | Method::HealthWatch
            | Method::Reflection => Need::Open,
        }
    }
}

/// Returns whether the request is a call of gRPC.
pub(super) fn is_call(request: &Request<Incoming>) -> bool {
    // REST over HTTP/1.1, which is nearly all, pays for one comparison.
    request.version() == Version::HTTP_2
        && request.headers().get(header::CONTENT_TYPE).is_some_and(|ty| is_grpc(ty.as_bytes()))
}

/// `application/grpc`, alone or with what its messages are: protocol buffers.
fn is_grpc(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    essence == b"application/grpc" || essence == b"application/grpc+proto"
}

/// One call whose method was found.
struct Called<'a> {
    state: &'a State,
    head: &'a Parts,
    context: &'a Context,
}

impl Called<'_> {
    /// Returns a model that is to answer, after a load where it is lazy.
    async fn model<'w>(&self, name: &str, which: impl Into<registry::Which<'w>>) -> Result<Routed, PredictError> {
        self.state.model(name, which.into(), self.context, &self.head.headers).await
    }

    /// Returns the time that the call may take: the server's, or what one of two headers says where it is less.
    fn timeout(&self) -> Result<std::time::Duration, ServeError> {
        let ours = self.state.config.timeout(timeout_ms(&self.head.headers)?);
        Ok(grpc_timeout(&self.head.headers)?.map_or(ours, |theirs| theirs.min(ours)))
    }
}

/// Answers a call. It never fails and never panics: either is a status.
pub(super) async fn handle(
    state: &Arc<State>,
    served: Dialects,
    peer: &Peer,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let (head, mut body) = request.into_parts();
    let mut context = Context::new(&state.ids, &state.tracer, &head.headers);
    let found = METHODS.iter().find(|(path, _, dialect)| *path == head.uri.path() && served.has(*dialect));
    let (method, dialect) = found.map_or((None, Dialect::Ops), |&(_, method, dialect)| (Some(method), dialect));
    let id = context.id.clone();
    let admitted = method.map_or(Ok(None), |method| state.guard.admit(&head.headers, peer, method.need()));
    let admitted = admitted.map(|caller| context.caller = caller);
    context.peer = Some(peer.address);
    let streams = match method.filter(|_| admitted.is_ok()) {
        Some(Method::ModelStreamInfer) => Some(stream::infer(state, head, body, context)),
        Some(Method::Reflection) => Some(stream::reflection(state, &head, body)),
        Some(Method::HealthWatch) => Some(stream::health(state, &head, body)),
        _ => {
            let mut counted = Counted::begin(&state.metrics, context.begun, dialect);
            counted.log(state.access.begin(&head, &context));
            let called = Called { state, head: &head, context: &context };
            let answered = match method {
                None => Some(Err(unknown(head.uri.path()))),
                Some(method) => match admitted {
                    Ok(()) => caught(answer(&called, method, &mut body, &mut counted)).await,
                    Err(error) => Some(Err(error)),
                },
            };
            let answered = answered.unwrap_or_else(|| Err(panicked(state)));
            // The counters and the log speak of one status whatever the protocol.
            let code = answered.as_ref().map_or_else(|error| status(error.kind()), |_| StatusCode::OK);
            log(&head, &context, code, answered.as_ref().err());
            trace(state, &context, found.map_or("", |(path, ..)| path), code, answered.as_ref().err());
            counted.set_version(context.asked.number());
            counted.set_bytes_out(answered.as_ref().map_or(0, Vec::len));
            counted.end(code);
            return respond(&context, answered);
        }
    };
    let mut response = Response::new(streams.map_or_else(|| Outgoing::full(Bytes::new()), Outgoing::stream));
    put_head(response.headers_mut(), id.as_str());
    response
}

/// Keeps the spans of a call, where it is traced.
fn trace(state: &State, context: &Context, path: &str, code: StatusCode, error: Option<&ServeError>) {
    if context.spans.is_none() {
        return;
    }
    let ended = Ended {
        method: "POST",
        route: &[path.trim_start_matches('/')],
        path,
        model: "",
        status: code.as_u16(),
        error: error.map(|error| cut(&error.to_string())),
    };
    state.tracer.finish(context, &state.ids, &ended);
}

fn panicked(state: &State) -> ServeError {
    state.metrics.count_panic();
    PredictError::Internal { message: "the call panicked".to_owned() }.into()
}

fn unknown(path: &str) -> ServeError {
    ServeError::Worded { kind: Kind::Unimplemented, message: format!("no method {} is served", cut(path)) }
}

/// Answers a method of one message with one, framed.
async fn answer(
    called: &Called<'_>,
    method: Method,
    body: &mut Incoming,
    counted: &mut Counted<'_>,
) -> Result<Vec<u8>, ServeError> {
    let state = called.state;
    let received = body::receive_any(body, &state.config, &state.held).await?;
    let received = frame::only(state, &called.head.headers, received).await?;
    let message = received.bytes.clone();
    counted.set_bytes_in(message.len());
    allowed::ask(called, method, &message)?;
    match method {
        Method::ModelInfer => v2::infer(called, message, counted).await,
        Method::ServerLive => Ok(v2::live()),
        Method::ServerReady => Ok(v2::server_ready(state)),
        Method::ModelReady => v2::model_ready(state, &message, counted),
        Method::ServerMetadata => Ok(v2::server_metadata()),
        Method::ModelMetadata => v2::model_metadata(called, &message, counted).await,
        Method::ModelConfig => repository::config(called, &message, counted).await,
        Method::ModelStatistics => repository::statistics(state, &message),
        Method::RepositoryIndex => repository::index(state, &message),
        Method::RepositoryModelLoad => repository::load(called, &message).await,
        Method::RepositoryModelUnload => repository::unload(state, &message),
        Method::Examples(task) => tfs::examples::one(called, task, message, counted).await,
        Method::MultiInference => tfs::examples::many(called, message, counted).await,
        Method::Predict => tfs::predict::predict(called, message, counted).await,
        Method::GetModelMetadata => tfs::models::metadata(called, &message, counted).await,
        Method::GetModelStatus => tfs::models::status(state, &message, counted),
        Method::Refused(what) => Err(tfs::refused(what)),
        Method::HealthCheck => health::check(state, &message),
        Method::ModelStreamInfer | Method::HealthWatch | Method::Reflection => {
            unreachable!("methods of many messages are answered before")
        }
    }
}

fn respond(context: &Context, answered: Result<Vec<u8>, ServeError>) -> Response<Outgoing> {
    let mut response = match answered {
        Ok(message) => Response::new(Outgoing::message(message.into())),
        Err(error) => {
            // The status alone: the head is the end.
            let mut response = Response::new(Outgoing::full(Bytes::new()));
            put_status(response.headers_mut(), &error);
            response
        }
    };
    put_head(response.headers_mut(), context.id.as_str());
    response
}

fn put_head(headers: &mut HeaderMap, id: &str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Writes an error as a call's status.
fn put_status(headers: &mut HeaderMap, error: &ServeError) {
    headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(grpc_code(error.kind()))));
    if let Ok(message) = HeaderValue::from_str(&escaped(&rest_v2::message(error))) {
        headers.insert("grpc-message", message);
    }
    if error.kind() == Kind::Unimplemented {
        headers.extend(HeaderValue::from_str(&frame::taken()).map(|taken| (GRPC_ACCEPT_ENCODING, taken)));
    }
    if let Some(after) = error.retry_after() {
        headers.insert("grpc-retry-pushback-ms", HeaderValue::from(after.as_millis() as u64));
    }
}

/// Returns the text as `grpc-message` has it: what is not printable ASCII, and `%`, as `%XX`. Clients take heads of 8 KiB.
fn escaped(text: &str) -> String {
    const BYTES_MAX: usize = 4096;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let begin = out.len();
        match c {
            ' '..='~' if c != '%' => out.push(c),
            c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}"))),
        }
        if out.len() > BYTES_MAX {
            out.truncate(begin);
            out.push_str("...");
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_escaped_and_cut() {
        assert_eq!(escaped("50 % of ä\n"), "50 %25 of %C3%A4%0A");
        let long = escaped(&"ä".repeat(5000));
        assert!(long.len() <= 4100 && long.ends_with("%A4..."), "{}", long.len());
    }

    #[test]
    fn calls_are_told_by_their_type() {
        for ty in ["application/grpc", "application/grpc+proto", "application/grpc; charset=x"] {
            assert!(is_grpc(ty.as_bytes()), "{ty}");
        }
        for ty in ["application/json", "application/grpc-web", "application/grpc+json", ""] {
            assert!(!is_grpc(ty.as_bytes()), "{ty}");
        }
    }
}
