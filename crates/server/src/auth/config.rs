//! Who may ask what: the table `[auth]` of the configuration.
//!
//! Secrets stand in the configuration as digests or in files of their own; the ones that stand there plainly are shown by
//! nothing: not by `config show`, not by a log line, not by `Debug`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a caller may do. A key has a set of them; `admin` may all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ask models for answers, and for what they take and give.
    Predict,
    /// Look: at lists, models, statistics, traces, metrics.
    Read,
    /// Change models and read their files, and all that the other roles may.
    Admin,
}

/// A text that is not shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "\"***\"" })
    }
}

/// The table `[auth]`. With keys, tokens or roles of strangers in it every request needs a role, but for health. SIGHUP reads
/// it again; to turn it on or off needs a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether `/metrics` answers without a key, where others need one; else it takes the role `read`.
    pub metrics_open: bool,
    /// Roles of callers that bring neither key nor token; `admin` is none of theirs.
    pub anonymous: Vec<Role>,
    /// Keys: `[[auth.keys]]` below.
    pub keys: Vec<Key>,
    /// Tokens that others sign: `[auth.jwt]` below.
    pub jwt: Jwt,
}

/// One `[[auth.keys]]` table: a key, which callers send as `authorization: Bearer KEY` or `x-api-key: KEY`. It has one of `key`,
/// `sha256`, `file` and `certificate`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Key {
    /// What logs call the caller.
    pub name: String,
    /// The key itself, at least 16 characters.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub key: Secret,
    /// The SHA-256 digest of the key, as 64 hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// A file that holds the key; white space around it is left out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// A name in the client's certificate (common name, DNS name or URI), on a listener that asks for certificates.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificate: String,
    /// What the key may do: `predict`, `read`, `admin`.
    pub roles: Vec<Role>,
    /// The models that it may ask; `*` stands for any characters. None: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Requests a second; 0 sets no limit.
    pub rate_per_s: f64,
    /// Requests that may come at once; 0 is the number of one second.
    pub burst: u32,
}

/// The table `[auth.jwt]`: JSON web tokens (`authorization: Bearer TOKEN`), signed with RS256, ES256, EdDSA or HS256. Every token needs `exp`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jwt {
    /// Who must have issued a token (`iss`); empty takes any.
    pub issuer: String,
    /// For whom a token must be (`aud`): one of these. None: a token that names somebody is refused.
    pub audience: Vec<String>,
    /// Seconds by which the clocks may differ; at most 3600.
    pub leeway_s: u64,
    /// The claim that holds the roles: a list, or words in one text. A dot leads into an object, as in `realm_access.roles`.
    pub roles_claim: String,
    /// The claim that holds the models a token may ask, a list of patterns; empty: all of them. A token without it then may ask none.
    pub models_claim: String,
    /// The claim that logs call the caller by.
    pub name_claim: String,
    /// Requests a second of each caller, by the name; 0 sets no limit.
    pub rate_per_s: f64,
    /// Requests that may come at once; 0 is the number of one second.
    pub burst: u32,
    /// A JWKS file: the public keys of an issuer.
    pub jwks_file: String,
    /// Keys: `[[auth.jwt.keys]]`.
    pub keys: Vec<JwtKey>,
}

impl Default for Jwt {
    fn default() -> Jwt {
        Jwt {
            issuer: String::new(),
            audience: Vec::new(),
            leeway_s: 60,
            roles_claim: "roles".to_owned(),
            models_claim: String::new(),
            name_claim: "sub".to_owned(),
            rate_per_s: 0.0,
            burst: 0,
            jwks_file: String::new(),
            keys: Vec::new(),
        }
    }
}

/// One `[[auth.jwt.keys]]` table: what checks tokens of one algorithm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JwtKey {
    /// `RS256`, `ES256`, `EdDSA` or `HS256`.
    pub algorithm: String,
    /// A PEM file with the public key; for HS256 a file with the secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The secret of HS256, at least 32 bytes.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub secret: Secret,
    /// The key's id, where tokens name one (`kid`).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kid: String,
}

impl Secret {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Config {
    /// Returns what is wrong, files of keys included.
    pub fn check(&self) -> Result<(), String> {
        super::Auth::new(self).map(|_| ())
    }

    /// Returns whether callers are told apart at all.
    pub fn is_on(&self) -> bool {
        !self.keys.is_empty() || self.jwt.is_on() || !self.anonymous.is_empty()
    }
}

impl Jwt {
    pub(super) fn is_on(&self) -> bool {
        !self.keys.is_empty() || !self.jwks_file.is_empty()
    }
}
