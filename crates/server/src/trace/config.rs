//! What can be set about traces.

use serde::{Deserialize, Serialize};

/// The table `[trace]`. Needs a restart to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Share of the requests that are traced where their callers say nothing, 0 to 1.
    pub sample: f64,
    /// Spans that are kept for `/api/v2/traces`.
    pub keep_spans: usize,
    /// The name under which our spans appear.
    pub service: String,
    /// Where spans are sent as Zipkin's JSON, such as `http://zipkin:9411/api/v2/spans`; empty: nowhere.
    pub zipkin: String,
    /// Where spans are sent as OTLP's JSON, such as `http://collector:4318/v1/traces`; empty: nowhere.
    pub otlp: String,
}

impl Default for Config {
    fn default() -> Config {
        let (zipkin, otlp) = (String::new(), String::new());
        Config { sample: 0.01, keep_spans: 4096, service: "forebay".to_owned(), zipkin, otlp }
    }
}

/// A collector's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Host and port, as the `host` header has them.
    pub host: String,
    pub port: u16,
    /// With its query.
    pub path: String,
}

impl Url {
    /// Returns the parts of `http://HOST[:PORT][/PATH]`.
    pub fn parse(text: &str) -> Result<Url, String> {
        let wrong = |why: &str| format!("{text}: {why}; expected http://HOST[:PORT]/PATH");
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => return Err(wrong("spans are sent over http alone, to a collector nearby")),
            _ => return Err(wrong("no address")),
        };
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let good = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_graphic());
        if !good(host) || !good(path) || host.contains('@') {
            return Err(wrong("no host"));
        }
        let port = match host.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            None => 80,
            Some((_, port)) => port.parse().map_err(|_| wrong("no port"))?,
        };
        Ok(Url { host: host.to_owned(), port, path: path.to_owned() })
    }

    /// Returns the host without its port, as a resolver takes it.
    pub fn name(&self) -> &str {
        let host = self.host.strip_suffix(&format!(":{}", self.port)).unwrap_or(&self.host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl Config {
    /// Returns what is wrong beyond the types of the values.
    pub fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.sample) {
            return Err(format!("trace.sample is {}; expected a share from 0 to 1", self.sample));
        }
        for (key, url) in [("zipkin", &self.zipkin), ("otlp", &self.otlp)] {
            if !url.is_empty() {
                Url::parse(url).map_err(|error| format!("trace.{key}: {error}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, u16, &str)>) {
        let url = Url::parse(text);
        let got = url.as_ref().ok().map(|url| (url.name(), url.port, &*url.path));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn addresses() {
        check("http://zipkin:9411/api/v2/spans", Some(("zipkin", 9411, "/api/v2/spans")));
        check("http://collector", Some(("collector", 80, "/")));
        check("http://[::1]:4318/v1/traces", Some(("::1", 4318, "/v1/traces")));
        check("http://[::1]/x", Some(("::1", 80, "/x")));
        for bad in ["", "zipkin:9411", "https://a/b", "http://", "http:///x", "http://a:b/c", "http://a b/"] {
            check(bad, None);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = Config { sample: 7.0, ..Config::default() }.check().unwrap_err();
        assert!(error.starts_with("trace.sample is 7"), "{error}");
        let error = Config { otlp: "x".to_owned(), ..Config::default() }.check().unwrap_err();
        assert!(error.starts_with("trace.otlp: x: no address"), "{error}");
    }
}
