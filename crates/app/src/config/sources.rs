//! Further sources of models, as the configuration writes them: `objects` itself knows no serialisation.

use model::Name;
use objects::{Access, Limits};
use serde::{Deserialize, Serialize};
use server::Secret;

/// A source of models besides `models.path`. Two artifacts of one name are an error naming both; neither replaces one that
/// serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// What the one model there is called; without it the place is a models directory, or a model that its path names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A models directory, or one model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Instead of a path: `s3://BUCKET/PREFIX` or `hdfs://HOST:PORT/PATH`, laid out like a models directory, or one model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The address of a server that speaks S3; else `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, else Amazon's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region of the bucket; else `AWS_REGION`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Who asks; else `AWS_ACCESS_KEY_ID`, or what a role of the machine gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The secret of that key; else `AWS_SECRET_ACCESS_KEY`. `forebay config show` does not print it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Secret>,
    /// The token of a key for a time; else `AWS_SESSION_TOKEN`. `forebay config show` does not print it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// Take an endpoint of plain HTTP.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_http: bool,
    /// Ask without a signature, for what is open to all.
    #[serde(skip_serializing_if = "is_false")]
    pub anonymous: bool,
    /// Milliseconds between two listings of a `url`; 5000 where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll_ms: Option<u64>,
    /// Objects below a `url`; 100000 where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects_max: Option<usize>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Source {
    /// Returns what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.path.is_some() == self.url.is_some() || self.path.as_deref() == Some("") {
            return Err("models.sources: a source has a `path` or a `url`, one of them".to_owned());
        }
        let of_url = Source { name: None, path: None, url: None, ..self.clone() };
        if self.path.is_some() && of_url != Source::default() {
            return Err(
                "models.sources: a source with a `path` has no key besides `name`; the others belong to a `url`"
                    .to_owned(),
            );
        }
        let name = self.name.as_deref().map(Name::new).transpose();
        name.map(drop).map_err(|error| format!("models.sources: name: {error}"))
    }

    /// Returns how a store is asked; `settle_ms` is that of directories.
    pub fn limits(&self, settle_ms: u64) -> Limits {
        let usual = Limits::default();
        Limits {
            poll_ms: self.poll_ms.unwrap_or(usual.poll_ms),
            settle_ms,
            objects_max: self.objects_max.unwrap_or(usual.objects_max),
            ..usual
        }
    }

    /// Returns how a store is reached: as is said here, else as the usual variables of this process say.
    pub fn access(&self) -> Access {
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let ours = variables.filter(|(name, _)| name.starts_with("AWS_"));
        Access {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone().map(|secret| secret.0),
            session_token: self.session_token.clone().map(|secret| secret.0),
            allow_http: self.allow_http,
            anonymous: self.anonymous,
            environment: ours.filter_map(|(name, value)| Some((name, value.into_string().ok()?))).collect(),
        }
    }
}
