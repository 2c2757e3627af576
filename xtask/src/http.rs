//! A client for loads on this machine: one connection kept alive, requests one after the other.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, bail};

/// Longest answer that is taken.
const BODY_MAX: usize = 128 << 20;

/// A connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    /// The last answer said that the connection closes.
    closing: bool,
}

/// An answer: the status and the body.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    /// Connects to `address`, an IP address of this machine with a port.
    pub fn connect(address: &str) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Client { stream: BufReader::new(stream), host: address.to_owned(), closing: false })
    }

    pub fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.send(head.as_bytes())
    }

    /// Posts a JSON body.
    pub fn post(&mut self, path: &str, body: &[u8]) -> anyhow::Result<Answer> {
        self.begin(path, body)?;
        self.answer()
    }

    /// Returns whether the server closes the connection.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Sends a JSON body; [`Client::answer`] waits for what comes of it.
    pub fn begin(&mut self, path: &str, body: &[u8]) -> anyhow::Result<()> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        Ok(self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?)
    }

    fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.stream.get_mut().write_all(request)?;
        self.answer()
    }

    /// Reads the answer to what was sent.
    pub fn answer(&mut self) -> anyhow::Result<Answer> {
        let mut line = String::new();
        self.line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok());
        let status = status.with_context(|| format!("no status in {line:?}"))?;
        let mut length = 0;
        loop {
            self.line(&mut line)?;
            if line.is_empty() {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().context("content-length")?;
            }
            self.closing |= lower == "connection: close";
            if lower.starts_with("transfer-encoding:") {
                bail!("an answer in chunks, which this client does not read");
            }
        }
        anyhow::ensure!(length <= BODY_MAX, "an answer of {length} bytes");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body })
    }

    fn line(&mut self, line: &mut String) -> anyhow::Result<()> {
        line.clear();
        if self.stream.read_line(line)? == 0 {
            bail!("the server closed the connection");
        }
        line.truncate(line.trim_end().len());
        Ok(())
    }
}
