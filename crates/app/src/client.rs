//! A client of a running server, for the commands that ask one: a request out, an answer in, an error in one line.

mod tls;

use std::{path::PathBuf, time::Duration};

use http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use server::Secret;
use tokio::{net::TcpStream, runtime::Builder, task::JoinSet};

use crate::{config, failure::Failure};

/// Where a server listens if nobody says.
pub const SERVER: &str = "http://127.0.0.1:8080";

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Time of one exchange: a model may take long to load.
const TIME_MAX: Duration = Duration::from_secs(900);

/// The table `[client]`: how commands ask a running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The server to ask: `http://HOST:PORT` or `https://HOST:PORT`.
    pub server: String,
    /// A PEM file with the authorities that the server's certificate may be of; empty: those of this system.
    pub ca: String,
    /// A PEM file with the certificate to show, where the server asks for one.
    pub cert: String,
    /// A PEM file with that certificate's private key.
    pub key: String,
    /// The key or token to send.
    pub token: Secret,
}

impl Default for Config {
    fn default() -> Config {
        let none = String::new;
        Config { server: SERVER.to_owned(), ca: none(), cert: none(), key: none(), token: Secret::default() }
    }
}

/// The running server that a command asks.
#[derive(clap::Args, Debug)]
pub struct Server {
    /// The server to ask [client.server; default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The key or token to send; FOREBAY_CLIENT__TOKEN shows it to nobody else [client.token]
    #[arg(long, value_name = "TEXT")]
    token: Option<String>,
    /// Authorities of the server's certificate, a PEM file [client.ca; default: this system's]
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
    /// The certificate to show, a PEM file [client.cert]
    #[arg(long, value_name = "FILE")]
    cert: Option<String>,
    /// The certificate's private key, a PEM file [client.key]
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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
        let config = self.resolved()?;
        let (address, is_secure) = address(&config.server)?;
        let secure = if is_secure { Some(tls::config(&config).map_err(Failure::Usage)?) } else { None };
        let failed = |error: &dyn std::fmt::Display| Failure::refused(format_args!("{}: {error}", config.server));
        let mut builder = Request::builder();
        if !config.token.0.is_empty() {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {}", config.token.0));
        }
        let request = builder
            .method(method)
            .uri(path)
            .header(header::HOST, &address)
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Failure::usage(format_args!("{path}: {error}")))?;
        let runtime =
            Builder::new_current_thread().enable_io().enable_time().build().map_err(|error| failed(&error))?;
        let exchange = async { tokio::time::timeout(TIME_MAX, exchange(&address, secure, request)).await };
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
        Err(Failure::refused(told.unwrap_or_else(|| format!("{}: answered {status}", config.server))))
    }

    /// Returns what flags, environment and file say together.
    fn resolved(&self) -> Result<Config, Failure> {
        let flags = [
            ("client.server", &self.server),
            ("client.token", &self.token),
            ("client.ca", &self.ca),
            ("client.cert", &self.cert),
            ("client.key", &self.key),
        ];
        let flags: Vec<_> = flags.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect();
        Ok(config::resolve(self.config.as_deref(), &flags)?.settings.client)
    }
}

/// Returns host and port of a server, and whether it is asked over TLS.
fn address(server: &str) -> Result<(String, bool), Failure> {
    let wrong = || Failure::usage(format_args!("--server {server}: expected http://HOST:PORT or https://HOST:PORT"));
    let (host, is_secure) = match (server.strip_prefix("http://"), server.strip_prefix("https://")) {
        (Some(host), _) => (host, false),
        (_, Some(host)) => (host, true),
        _ => return Err(wrong()),
    };
    let host = host.trim_end_matches('/');
    if host.is_empty() || host.contains(['/', '@']) || !host.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong());
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if is_secure { 443 } else { 80 };
    Ok((if has_port { host.to_owned() } else { format!("{host}:{port}") }, is_secure))
}

type Exchanged = Result<(http::StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>>;

async fn exchange(address: &str, secure: Option<tls::Secure>, request: Request<Full<Bytes>>) -> Exchanged {
    let stream = TcpStream::connect(address).await?;
    let stream = match secure {
        Some(secure) => tls::begin(secure, address, stream).await?,
        None => Box::new(stream),
    };
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
        let found = address(server).ok();
        assert_eq!(found.as_ref().map(|(address, _)| &**address), expected, "{server}");
        assert!(found.is_none_or(|(_, is_secure)| is_secure == server.starts_with("https")));
    }

    #[test]
    fn addresses() {
        check("http://127.0.0.1:8080", Some("127.0.0.1:8080"));
        check("http://models/", Some("models:80"));
        check("http://[::1]:9", Some("[::1]:9"));
        check("https://models", Some("models:443"));
        for bad in ["127.0.0.1:8080", "ftp://a", "https://", "http://", "http://a/b", "http://u@a", "http://a b"] {
            check(bad, None);
        }
    }

    #[test]
    fn segments_are_escaped() {
        assert_eq!(segment("a-b_c.d~e"), "a-b_c.d~e");
        assert_eq!(segment("a b/ä?"), "a%20b%2F%C3%A4%3F");
    }
}
