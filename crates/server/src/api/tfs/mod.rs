//! TensorFlow Serving's REST API: `/v1/models/{model}[/versions/{n}|/labels/{label}]`, its `metadata`, `:predict`,
//! `:classify` and `:regress`.
//!
//! Bodies are [`codec::tfs`]'s. A failure has the protocol's body, `{"error": "..."}`, in its own words where clients look for
//! them. A model of another format answers the signature that it has where a request names none.
//!
//! Source: TensorFlow Serving's page "RESTful API" and `model_servers/http_rest_api_handler.cc`.

mod examples;
pub(super) mod metadata;
mod predict;
pub(super) mod words;

use codec::tfs::Task;
use hyper::body::Incoming;
use model::{Kind, Version};
use registry::Which;

use words::worded;

use crate::{
    answer::{Answer, Object},
    api::Asked,
    error::{ServeError, cut},
    metrics::Counted,
    query,
};

/// What a path asks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Status,
    Metadata,
    Predict,
    Examples(Task),
}

/// A path, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Path {
    model: String,
    version: Option<Version>,
    /// In the place of a version.
    label: Option<String>,
    wanted: Wanted,
}

/// Returns the error as this protocol writes it.
pub(super) fn failure(error: ServeError) -> Answer {
    let mut body = String::new();
    let mut object = Object::new(&mut body);
    object.text("error", &error.to_string());
    object.end();
    Answer::failure(error, body)
}

/// Returns what is said of a request that this protocol does not have.
pub(super) fn malformed(method: &str, path: &str) -> ServeError {
    worded(Kind::InvalidArgument, format!("Malformed request: {} {}", cut(method), cut(path)))
}

pub(super) async fn answer(asked: &Asked<'_>, body: &mut Incoming, counted: &mut Counted<'_>) -> Answer {
    let path = match Path::parse(asked.head.method.as_str(), asked.head.uri.path()) {
        Ok(path) => path,
        Err(error) => return failure(error),
    };
    let answered = match path.wanted {
        Wanted::Status => metadata::status(asked, &path, counted).map(String::into_bytes),
        Wanted::Metadata => metadata::metadata(asked, &path, counted).await.map(String::into_bytes),
        Wanted::Predict => predict::predict(asked, &path, body, counted).await,
        Wanted::Examples(task) => examples::answer(asked, &path, task, body, counted).await,
    };
    match answered {
        Ok(bytes) => Answer::json(bytes),
        Err(error) => failure(error),
    }
}

impl Path {
    fn which(&self) -> Which<'_> {
        self.label.as_deref().map_or(Which::from(self.version), Which::Label)
    }

    /// Reads `/v1/models/...`: a GET asks for a status or metadata, a POST ends in what it wants done.
    fn parse(method: &str, path: &str) -> Result<Path, ServeError> {
        let malformed = || malformed(method, path);
        let rest = path.strip_prefix("/v1/models").ok_or_else(malformed)?;
        let Some(rest) = rest.strip_prefix('/').filter(|rest| !rest.is_empty()) else {
            return Err(worded(Kind::InvalidArgument, "Missing model name in request."));
        };
        let (rest, wanted) = match method {
            "GET" | "HEAD" => match rest.strip_suffix("/metadata") {
                Some(rest) => (rest, Wanted::Metadata),
                None => (rest, Wanted::Status),
            },
            "POST" => match rest.rsplit_once(':') {
                Some((rest, "predict")) => (rest, Wanted::Predict),
                Some((rest, "classify")) => (rest, Wanted::Examples(Task::Classify)),
                Some((rest, "regress")) => (rest, Wanted::Examples(Task::Regress)),
                _ => return Err(malformed()),
            },
            _ => return Err(malformed()),
        };
        let mut label_of = None;
        let (model, version) = match *rest.split('/').collect::<Vec<_>>().as_slice() {
            [model] => (model, None),
            [model, "versions", number] if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                let number = number.parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
                let failed = || worded(Kind::InvalidArgument, format!("Failed to convert version: {}", cut(rest)));
                (model, Some(Version(number.ok_or_else(failed)?)))
            }
            [model, "labels", label] if !label.is_empty() => {
                label_of = query::decode(label, false).map(std::borrow::Cow::into_owned);
                label_of.as_ref().ok_or_else(malformed)?;
                (model, None)
            }
            _ => return Err(malformed()),
        };
        let model = query::decode(model, false).filter(|model| !model.contains(':')).ok_or_else(malformed)?;
        Ok(Path { model: model.into_owned(), version, label: label_of, wanted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let ok = |method: &str, path: &str, model: &str, version: Option<u64>, wanted: Wanted| {
            let expected = Path { model: model.to_owned(), version: version.map(Version), label: None, wanted };
            assert_eq!(Path::parse(method, path).unwrap(), expected, "{path}");
        };
        ok("GET", "/v1/models/m", "m", None, Wanted::Status);
        ok("GET", "/v1/models/m/versions/3/metadata", "m", Some(3), Wanted::Metadata);
        ok("POST", "/v1/models/a%2Db/versions/3:predict", "a-b", Some(3), Wanted::Predict);
        let refused = |method: &str, path: &str, part: &str| {
            let error = Path::parse(method, path).unwrap_err().to_string();
            assert!(error.contains(part), "{path}: {error}");
        };
        refused("GET", "/v1/models", "Missing model name");
        refused("GET", "/v1/models/m:predict", "Malformed request");
        refused("POST", "/v1/models/m/metadata", "Malformed request");
        refused("POST", "/v1/models/m/versions/HELLO:predict", "Malformed request");
        refused("POST", "/v1/models/m/versions/18446744073709551615:predict", "Failed to convert version");
        refused("POST", "/v1/models/m/labels/:predict", "Malformed request");
        let path = Path::parse("POST", "/v1/models/m/labels/stable:predict").unwrap();
        assert_eq!((path.label.as_deref(), path.version, path.wanted), (Some("stable"), None, Wanted::Predict));
    }
}
