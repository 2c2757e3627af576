//! Frames of gRPC: a byte that says whether the message is compressed, its length in four bytes, the message.
//!
//! Source: gRPC's `PROTOCOL-HTTP2.md` and `compression.md`.

use std::{future::poll_fn, pin::Pin, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use codec::coding::Coding;
use http::HeaderMap;
use hyper::body::{Body, Incoming};
use model::PredictError;
use wire::Message;

use crate::{
    body::{Received, Share, unpacked},
    error::{ServeError, asked, cut},
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

/// How a call's compressed messages are compressed, or why such are refused.
pub(super) type Encoding = Result<Coding, ServeError>;

/// Returns what the head says of compressed messages.
pub(super) fn encoding(headers: &HeaderMap) -> Encoding {
    let name = headers.get("grpc-encoding").map_or("identity".into(), |name| String::from_utf8_lossy(name.as_bytes()));
    match Coding::from_name(&name) {
        Some(coding) => Ok(coding),
        None if name == "identity" => {
            Err(asked("grpc-encoding", &name, "how the messages that their frames say to be compressed are"))
        }
        None => Err(PredictError::Unimplemented { what: format!("messages of gRPC in {}", cut(&name)) }.into()),
    }
}

/// Returns the codings of messages that are taken, as `grpc-accept-encoding` has them.
pub(super) fn taken() -> String {
    Coding::ALL.iter().fold("identity".to_owned(), |names, coding| names + "," + coding.name())
}

/// Puts a body's one message in its place.
pub(super) async fn only<'a>(
    state: &State,
    headers: &HeaderMap,
    mut body: Received<'a>,
) -> Result<Received<'a>, ServeError> {
    let is_packed = strip(&mut body.bytes)?;
    if is_packed { body.unpack(state, encoding(headers)?).await } else { Ok(body) }
}

/// Leaves a body's one message of it; returns whether that is compressed.
fn strip(body: &mut Bytes) -> Result<bool, ServeError> {
    let broken = |got: String| asked("body", &got, "one message of gRPC");
    match length(body)? {
        Some((length, is_packed)) if body.len() - HEAD == length => {
            body.advance(HEAD);
            Ok(is_packed)
        }
        Some((length, _)) => Err(broken(format!("{} bytes where its frame says {length}", body.len() - HEAD))),
        None => Err(broken(format!("{} bytes", body.len()))),
    }
}

/// Returns the length of the message that begins here, once its head is there, and whether it is compressed.
fn length(bytes: &[u8]) -> Result<Option<(usize, bool)>, ServeError> {
    let Some((&[flag, a, b, c, d], _)) = bytes.split_first_chunk::<HEAD>() else { return Ok(None) };
    match flag {
        0 | 1 => Ok(Some((u32::from_be_bytes([a, b, c, d]) as usize, flag == 1))),
        flag => Err(asked("body", &flag.to_string(), "a frame of gRPC, which begins with 0 or 1")),
    }
}

/// Returns the message in these bytes.
pub(super) fn read<M: Message + Default>(bytes: &[u8]) -> Result<M, ServeError> {
    M::decode(bytes).map_err(|error| misread(&error))
}

/// Refuses a message that is none of its method.
pub(super) fn misread(error: &dyn std::error::Error) -> ServeError {
    asked("body", &error.to_string(), "a message as the method takes it")
}

/// The messages of a body that come one by one.
pub(super) struct Messages<'a> {
    state: &'a State,
    body: Incoming,
    encoding: Encoding,
    buffer: BytesMut,
    share: Share<'a>,
    ended: bool,
}

impl<'a> Messages<'a> {
    pub fn new(state: &'a State, body: Incoming, encoding: Encoding) -> Messages<'a> {
        let share = Share::new(&state.held, &state.config);
        Messages { state, body, encoding, buffer: BytesMut::new(), share, ended: false }
    }

    /// Returns the next message; nothing after the last one. One that began has the time of a body, one that did not that of an
    /// idle connection.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServeError> {
        let config = &self.state.config;
        loop {
            if let Some((length, is_packed)) = length(&self.buffer)? {
                if length > config.body_bytes_max {
                    return Err(ServeError::BodyTooLarge { limit: config.body_bytes_max });
                }
                if self.buffer.len() >= HEAD + length {
                    self.buffer.advance(HEAD);
                    let message = self.buffer.split_to(length).freeze();
                    return if is_packed { self.unpack(message).await.map(Some) } else { Ok(Some(message)) };
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

    async fn unpack(&mut self, packed: Bytes) -> Result<Bytes, ServeError> {
        let (held, coding) = (packed.len() + self.buffer.len(), self.encoding.clone()?);
        let message = unpacked(self.state, coding, packed).await?;
        self.share.grow(held + message.len())?;
        Ok(message)
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

    fn refused(bytes: &'static [u8], part: &str) {
        let error = strip(&mut Bytes::from_static(bytes)).unwrap_err().to_string();
        assert!(error.contains(part), "{bytes:?}: {error}");
    }

    #[test]
    fn a_body_is_one_message() {
        let message = wire::inference::ModelReadyRequest { name: "m".into(), version: String::new() };
        let mut bytes = Bytes::from(framed(&message));
        assert_eq!(bytes[..], [0, 0, 0, 0, 3, 10, 1, b'm']);
        assert!(!strip(&mut bytes).unwrap());
        assert_eq!(read::<wire::inference::ModelReadyRequest>(&bytes).unwrap(), message);
        assert!(strip(&mut Bytes::from_static(&[1, 0, 0, 0, 1, 1])).unwrap());
        refused(b"", "0 bytes");
        refused(&[0, 0, 0], "3 bytes");
        refused(&[0, 0, 0, 0, 2, 1], "1 bytes where its frame says 2");
        refused(&[0, 0xff, 0xff, 0xff, 0xff, 1], "where its frame says 4294967295");
        refused(&[7, 0, 0, 0, 1, 1], "begins with 0");
    }

    #[test]
    fn the_head_says_how_messages_are_compressed() {
        let of = |name: &'static str| {
            encoding(&[("grpc-encoding".parse().unwrap(), name.parse().unwrap())].into_iter().collect::<HeaderMap>())
        };
        assert_eq!(of("gzip").unwrap(), Coding::Gzip);
        assert_eq!(of("deflate").unwrap(), Coding::Deflate);
        assert!(of("snappy").unwrap_err().to_string().contains("messages of gRPC in snappy"));
        assert!(of("identity").unwrap_err().to_string().contains("grpc-encoding"));
        assert!(encoding(&HeaderMap::new()).is_err());
        assert_eq!(taken(), "identity,deflate,gzip,zstd");
    }
}
