//! Calls of many messages: each is a task that reads, answers and sends until its caller has no more to say, is gone, or the
//! server stops.

use std::{future::Future, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, request::Parts};
use hyper::body::{Frame, Incoming};
use model::PredictError;
use tokio::sync::mpsc;
use wire::inference::ModelStreamInferResponse;

use super::{
    Called, Method, allowed,
    frame::{Messages, encoding, framed, read},
    health, panicked, put_status, reflection, trace, v2,
};
use crate::{
    api::{Dialect, caught, log, v2::message},
    context::Context,
    error::{ServeError, status},
    metrics::Counted,
    outgoing::GRPC_STATUS,
    state::State,
};

/// Answers that wait for their caller to read them.
const WAITING_MAX: usize = 4;

type Frames = mpsc::Receiver<Frame<Bytes>>;
type Sender = mpsc::Sender<Frame<Bytes>>;

/// Runs what makes the messages of an answer; how it ends is the call's status.
fn spawn<F: Future<Output = Result<(), ServeError>> + Send>(
    state: &Arc<State>,
    make: impl FnOnce(Arc<State>, Sender) -> F + Send + 'static,
) -> Frames {
    let (sender, frames) = mpsc::channel(WAITING_MAX);
    let state = state.clone();
    tokio::spawn(async move {
        let stopped = state.clone();
        let gone = sender.clone();
        let made = async {
            tokio::select! {
                ended = caught(make(state.clone(), sender.clone())) => ended.unwrap_or_else(|| Err(panicked(&stopped))),
                () = stopped.drained() => Err(PredictError::Unavailable { message: "the server stops".to_owned() }.into()),
                () = gone.closed() => Err(PredictError::Cancelled.into()),
            }
        };
        let mut trailers = HeaderMap::new();
        match made.await {
            Ok(()) => drop(trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"))),
            Err(error) => put_status(&mut trailers, &error),
        }
        // Where the caller is gone, nobody waits for it.
        let _ = gone.send(Frame::trailers(trailers)).await;
    });
    frames
}

/// Sends a framed message; one whose caller is gone ends the call.
async fn send(sender: &Sender, message: Vec<u8>) -> Result<(), ServeError> {
    sender.send(Frame::data(message.into())).await.map_err(|_| PredictError::Cancelled.into())
}

/// ModelStreamInfer: requests are answered in their order; one that fails is told so, and the others go on.
pub(super) fn infer(state: &Arc<State>, head: Parts, body: Incoming, context: Context) -> Frames {
    spawn(state, move |state, sender| async move {
        let mut messages = Messages::new(&state, body, encoding(&head.headers));
        while let Some(request) = messages.next().await? {
            let spans = context.spans.as_ref().map(|_| Arc::default());
            let context = Context { begun: Instant::now(), span_id: state.ids.span(), spans, ..context.clone() };
            let mut counted = Counted::begin(&state.metrics, context.begun, Dialect::V2Grpc);
            counted.log(state.access.begin(&head, &context));
            counted.set_bytes_in(request.len());
            let called = Called { state: &state, head: &head, context: &context };
            let answered = match allowed::ask(&called, Method::ModelInfer, &request) {
                Ok(()) => v2::infer_in_stream(&called, request, &mut counted).await,
                Err(error) => Err(error),
            };
            let code = answered.as_ref().map_or_else(|error| status(error.kind()), |_| StatusCode::OK);
            log(&head, &context, code, answered.as_ref().err());
            trace(&state, &context, head.uri.path(), code, answered.as_ref().err());
            counted.set_version(context.asked.number());
            counted.set_bytes_out(answered.as_ref().map_or(0, Vec::len));
            counted.end(code);
            let failed = |error: ServeError| {
                framed(&ModelStreamInferResponse { error_message: message(&error), infer_response: None })
            };
            send(&sender, answered.unwrap_or_else(failed)).await?;
        }
        Ok(())
    })
}

/// Reflection, of either version: their messages are the same.
pub(super) fn reflection(state: &Arc<State>, head: &Parts, body: Incoming) -> Frames {
    let encoding = encoding(&head.headers);
    spawn(state, move |state, sender| async move {
        let mut messages = Messages::new(&state, body, encoding);
        while let Some(request) = messages.next().await? {
            send(&sender, framed(&reflection::answer(read(&request)?))).await?;
        }
        Ok(())
    })
}

/// Health's Watch: the state now, and each other one that it comes to.
pub(super) fn health(state: &Arc<State>, head: &Parts, body: Incoming) -> Frames {
    let encoding = encoding(&head.headers);
    spawn(state, move |state, sender| async move {
        let Some(request) = Messages::new(&state, body, encoding).next().await? else { return Ok(()) };
        let service = health::service(&request)?;
        let mut told = None;
        loop {
            let now = health::status(&state, &service);
            if told.replace(now) != Some(now) {
                send(&sender, health::response(now)).await?;
            }
            tokio::time::sleep(health::LOOK).await;
        }
    })
}
