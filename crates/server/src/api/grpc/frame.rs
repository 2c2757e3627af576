//! Frames of gRPC: a byte that says whether the message is compressed, its length in four bytes, the message.
//!
//! Source: gRPC's `PROTOCOL-HTTP2.md`.

use std::{future::poll_fn, pin::Pin, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use hyper::body::{Body, Incoming};
use model::PredictError;
use wire::Message;

use crate::{
    body::Share,
    error::{ServeError, asked},
    state::State,
};

const HEAD: usize = 5;

/// Returns the message, framed.
pub(super) fn framed(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + message.encoded_len());
    out.resize(HEAD, 0);
    message.encode(&mut out).expect("a Vec grows as far as it has to");
    let length = (out.len() - HEAD) as u32;
    out[1..HEAD].copy_from_slice(&length.to_be_bytes());
    out
}

/// Returns the one message of a body.
pub(super) fn only(mut body: Bytes) -> Result<Bytes, ServeError> {
    let broken = |got: String| asked("body", &got, "one message of gRPC");
    match length(&body)? {
        Some(length) if body.len() - HEAD == length => {
            body.advance(HEAD);
            Ok(body)
        }
        Some(length) => Err(broken(format!("{} bytes where its frame says {length}", body.len() - HEAD))),
        None => Err(broken(format!("{} bytes", body.len()))),
    }
}

/// Returns the length of the message that begins here, once its head is there.
fn length(bytes: &[u8]) -> Result<Option<usize>, ServeError> {
    let Some((&[flag, a, b, c, d], _)) = bytes.split_first_chunk::<HEAD>() else { return Ok(None) };
    match flag {
        0 => Ok(Some(u32::from_be_bytes([a, b, c, d]) as usize)),
        1 => Err(PredictError::Unimplemented { what: "compressed messages of gRPC; send them as they are".to_owned() }
            .into()),
        flag => Err(asked("body", &flag.to_string(), "a frame of gRPC, which begins with 0")),
    }
}

/// Returns the message in these bytes.
pub(super) fn read<M: Message + Default>(bytes: &[u8]) -> Result<M, ServeError> {
    M::decode(bytes).map_err(|error| asked("body", &error.to_string(), "a message as the method takes it"))
}

/// The messages of a body that come one by one.
pub(super) struct Messages<'a> {
    state: &'a State,
    body: Incoming,
    buffer: BytesMut,
    share: Share<'a>,
    ended: bool,
}

impl<'a> Messages<'a> {
    pub fn new(state: &'a State, body: Incoming) -> Messages<'a> {
        let share = Share::new(&state.held, &state.config);
        Messages { state, body, buffer: BytesMut::new(), share, ended: false }
    }

    /// Returns the next message; nothing after the last one. One that began has the time of a body, one that did not that of an
    /// idle connection.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServeError> {
        let config = &self.state.config;
        loop {
            if let Some(length) = length(&self.buffer)? {
                if length > config.body_bytes_max {
                    return Err(ServeError::BodyTooLarge { limit: config.body_bytes_max });
                }
                if self.buffer.len() >= HEAD + length {
                    self.buffer.advance(HEAD);
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
            }
            if self.ended {
                return match self.buffer.len() {
                    0 => Ok(None),
                    rest => Err(ServeError::BodyBroken { reason: format!("{rest} bytes of a message, then no more") }),
                };
            }
            let ms = if self.buffer.is_empty() { config.idle_timeout_ms } else { config.body_timeout_ms };
            let more = tokio::time::timeout(Duration::from_millis(ms), self.more()).await;
            more.map_err(|_| ServeError::BodyTimeout { ms })??;
        }
    }

    /// Takes the next piece of the body.
    async fn more(&mut self) -> Result<(), ServeError> {
        let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await;
        match frame {
            None => self.ended = true,
            Some(Err(error)) => return Err(ServeError::BodyBroken { reason: error.to_string() }),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.share.grow(self.buffer.len() + data.len())?;
                    self.buffer.extend_from_slice(&data);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8], part: &str) {
        let error = only(Bytes::copy_from_slice(bytes)).unwrap_err().to_string();
        assert!(error.contains(part), "{bytes:?}: {error}");
    }

    #[test]
    fn a_body_is_one_message() {
        let message = wire::inference::ModelReadyRequest { name: "m".into(), version: String::new() };
        let bytes = framed(&message);
        assert_eq!(bytes, [0, 0, 0, 0, 3, 10, 1, b'm']);
        assert_eq!(read::<wire::inference::ModelReadyRequest>(&only(bytes.into()).unwrap()).unwrap(), message);
        refused(b"", "0 bytes");
        refused(&[0, 0, 0], "3 bytes");
        refused(&[0, 0, 0, 0, 2, 1], "1 bytes where its frame says 2");
        refused(&[0, 0xff, 0xff, 0xff, 0xff, 1], "where its frame says 4294967295");
        refused(&[1, 0, 0, 0, 1, 1], "compressed");
        refused(&[7, 0, 0, 0, 1, 1], "begins with 0");
    }
}
