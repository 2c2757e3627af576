//! Bodies of answers: bytes that are there, one message of gRPC, or messages that come one by one.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::listen::Busy;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Full(Full<Bytes>),
    /// A message, and the status that says that it is all; empty once it was taken.
    Message(Bytes, bool),
    Stream(Box<Messages>),
}

/// Messages and what follows them, from the task that makes them.
#[derive(Debug)]
pub(crate) struct Messages {
    frames: mpsc::Receiver<Frame<Bytes>>,
    /// The connection is in use until the last of them is gone.
    busy: Option<Busy>,
}

pub(crate) const GRPC_STATUS: &str = "grpc-status";

impl Outgoing {
    pub fn full(bytes: Bytes) -> Outgoing {
        Outgoing::Full(Full::new(bytes))
    }

    /// Returns a body that is this message (framed) of a call that went well.
    pub fn message(bytes: Bytes) -> Outgoing {
        Outgoing::Message(bytes, false)
    }

    pub fn stream(frames: mpsc::Receiver<Frame<Bytes>>) -> Outgoing {
        Outgoing::Stream(Box::new(Messages { frames, busy: None }))
    }

    /// Keeps the connection in use as long as it takes to make the body.
    pub fn hold(&mut self, busy: Busy) {
        if let Outgoing::Stream(messages) = self {
            messages.busy = Some(busy);
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Outgoing::Full(full) => Pin::new(full).poll_frame(cx),
            Outgoing::Message(bytes, _) if !bytes.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))))
            }
            Outgoing::Message(_, ended) if !*ended => {
                *ended = true;
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Outgoing::Message(..) => Poll::Ready(None),
            Outgoing::Stream(messages) => messages.frames.poll_recv(cx).map(|frame| frame.map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Outgoing::Full(full) => full.is_end_stream(),
            Outgoing::Message(_, ended) => *ended,
            Outgoing::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outgoing::Full(full) => full.size_hint(),
            // Its length is the frame's to say.
            Outgoing::Message(..) | Outgoing::Stream(_) => SizeHint::default(),
        }
    }
}
