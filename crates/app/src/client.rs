//! A client of a running server, for the commands that ask one: a request out, an answer in, an error in one line.

use std::time::Duration;

use http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, runtime::Builder, task::JoinSet};

use crate::failure::Failure;

/// Where a server listens if nobody says.
pub const SERVER: &str = "http://127.0.0.1:8080";

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Time of one exchange: a model may take long to load.
const TIME_MAX: Duration = Duration::from_secs(900);

/// The running server that a command asks.
#[derive(clap::Args, Debug)]
pub struct Server {
    /// The server to ask
    #[arg(long, value_name = "URL", default_value = SERVER)]
    server: String,
}

impl Server {
    /// Returns the JSON that the server answers.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, "application/json", Vec::new())
    }

    /// Asks to remove what is at the path.
    pub fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::DELETE, path, "application/json", Vec::new())
    }

    /// Sends JSON to the path; returns the JSON that the server answers.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::PUT, path, "application/json", body.to_string().into_bytes())
    }

    /// Sends a body; returns the JSON that the server answers.
    pub fn ask(&self, method: Method, path: &str, content_type: &str, body: Vec<u8>) -> Result<Value, Failure> {
        let address = self.address()?;
        let failed = |error: &dyn std::fmt::Display| Failure::refused(format_args!("{}: {error}", self.server));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &address)
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Failure::usage(format_args!("{path}: {error}")))?;
        let runtime =
            Builder::new_current_thread().enable_io().enable_time().build().map_err(|error| failed(&error))?;
        let exchange = async { tokio::time::timeout(TIME_MAX, exchange(&address, request)).await };
        let (status, bytes) = match runtime.block_on(exchange) {
            Err(_) => return Err(failed(&"no answer in time")),
            Ok(Err(error)) => return Err(failed(&error)),
            Ok(Ok(answer)) => answer,
        };
        let answer: Value = serde_json::from_slice(&bytes)
            .map_err(|_| failed(&format_args!("answered {status} and no JSON; is a Forebay server there?")))?;
        if status.is_success() {
            return Ok(answer);
        }
        let told = answer["error"]["message"].as_str().map(str::to_owned);
        Err(Failure::refused(told.unwrap_or_else(|| format!("{}: answered {status}", self.server))))
    }

    /// Returns host and port.
    fn address(&self) -> Result<String, Failure> {
        let wrong = || Failure::usage(format_args!("--server {}: expected http://HOST:PORT", self.server));
        let host = self.server.strip_prefix("http://").ok_or_else(wrong)?.trim_end_matches('/');
        if host.is_empty() || host.contains(['/', '@']) || !host.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong());
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(if has_port { host.to_owned() } else { format!("{host}:80") })
    }
}

type Exchanged = Result<(http::StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>>;

async fn exchange(address: &str, request: Request<Full<Bytes>>) -> Exchanged {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with this function; its failure is the answer's.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    Ok((status, Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes()))
}

/// Returns the text as a segment of a path.
pub fn segment(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(server: &str, expected: Option<&str>) {
        let address = Server { server: server.to_owned() }.address().ok();
        assert_eq!(address.as_deref(), expected, "{server}");
    }

    #[test]
    fn addresses() {
        check("http://127.0.0.1:8080", Some("127.0.0.1:8080"));
        check("http://models/", Some("models:80"));
        check("http://[::1]:9", Some("[::1]:9"));
        for bad in ["127.0.0.1:8080", "https://a", "http://", "http://a/b", "http://u@a", "http://a b"] {
            check(bad, None);
        }
    }

    #[test]
    fn segments_are_escaped() {
        assert_eq!(segment("a-b_c.d~e"), "a-b_c.d~e");
        assert_eq!(segment("a b/ä?"), "a%20b%2F%C3%A4%3F");
    }
}
