//! Who asks, and whether he may: keys, tokens and certificates to a caller with roles; a route's need to yes or no.
//!
//! A request is asked once, where its route is known and before its body is read: first who the caller is, then his role, then the
//! model, then his rate. Calls of gRPC name their model in the message, so that part is asked when it has been read.
//! Every route and method states its [`Need`]. Where nothing is configured nothing is asked, but a comparison.
//!
//! Keys are compared as SHA-256 digests, all of them, whichever fits: how long that takes tells nothing about any.

mod config;
mod der;
mod guard;
mod jwt;
mod pattern;
mod rate;
mod signatures;

use std::{
    hint::black_box,
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use http::{HeaderMap, HeaderName, header};
use model::{Kind, PredictError};
use ring::digest::{SHA256, digest};

pub use config::{Config, Jwt, JwtKey, Key, Role, Secret};
pub(crate) use der::common_names;
pub(crate) use guard::Guard;
pub(crate) use pattern::Patterns;

use crate::{error::ServeError, listen::Peer};
use jwt::{Tokens, is_token};
use rate::Bucket;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Characters of a key that stands plainly: fewer can be guessed.
const KEY_CHARS_MIN: usize = 16;

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roles(u8);

impl Roles {
    fn of(roles: impl IntoIterator<Item = Role>) -> Roles {
        Roles(roles.into_iter().fold(0, |set, role| set | 1 << role as u8))
    }

    fn has(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    fn names(self) -> String {
        let all = [(Role::Predict, "predict"), (Role::Read, "read"), (Role::Admin, "admin")];
        let names: Vec<&str> = all.into_iter().filter(|(role, _)| self.has(*role)).map(|(_, name)| name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

/// What a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: health, and what says no more than which protocols are spoken.
    Open,
    /// An answer of a model.
    Predict,
    /// What one must know to ask a model: `predict` or `read`.
    Ask,
    Read,
    /// `read`, unless the configuration opens it.
    Metrics,
    Admin,
}

impl Need {
    fn met_by(self, roles: Roles) -> bool {
        if roles.has(Role::Admin) {
            return true;
        }
        match self {
            Need::Open => true,
            Need::Predict => roles.has(Role::Predict),
            Need::Ask => roles.has(Role::Predict) || roles.has(Role::Read),
            Need::Read | Need::Metrics => roles.has(Role::Read),
            Need::Admin => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Need::Open => "none",
            Need::Predict => "predict",
            Need::Ask => "predict or read",
            Need::Read | Need::Metrics => "read",
            Need::Admin => "admin",
        }
    }
}

/// Somebody who may ask.
#[derive(Debug)]
pub(crate) struct Caller {
    /// What logs call him; empty where he brought nothing.
    pub name: Arc<str>,
    roles: Roles,
    models: Option<Patterns>,
    bucket: Option<Arc<Bucket>>,
}

impl Caller {
    /// Returns whether only some models are his to ask.
    pub fn is_limited(&self) -> bool {
        self.models.is_some()
    }
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    reason: Reason,
    message: String,
    /// No other key would say otherwise.
    is_sure: bool,
}

impl Refusal {
    fn invalid(message: &str) -> Refusal {
        Refusal { reason: Reason::Invalid, message: message.to_owned(), is_sure: false }
    }

    fn sure(message: impl Into<String>) -> Refusal {
        Refusal { reason: Reason::Invalid, message: message.into(), is_sure: true }
    }

    fn expired(message: &str) -> Refusal {
        Refusal { reason: Reason::Expired, ..Refusal::sure(message) }
    }
}

/// Why a request was refused, as the metrics count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Missing,
    Invalid,
    Expired,
    Role,
    Model,
    Rate,
}

/// How often each reason was one.
#[derive(Debug, Default)]
pub(crate) struct Refusals([AtomicU64; Refusals::NAMES.len()]);

impl Refusals {
    const NAMES: [&str; 6] = ["missing", "invalid", "expired", "role", "model", "rate"];

    fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Relaxed);
    }

    pub fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusals::NAMES.into_iter().zip(&self.0).map(|(name, count)| (name, count.load(Relaxed)))
    }
}

/// A key as it is kept: never itself.
struct Kept {
    proof: Proof,
    caller: Arc<Caller>,
}

enum Proof {
    Digest([u8; 32]),
    Certificate(String),
}

/// Everything that callers are told by.
pub(crate) struct Auth {
    keys: Vec<Kept>,
    tokens: Option<Tokens>,
    anonymous: Option<Arc<Caller>>,
    metrics_open: bool,
}

/// Returns the bytes of a small file of ours.
fn read_file(path: &str, bytes_max: usize) -> Result<Vec<u8>, String> {
    let read = || {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error: std::io::Error| format!("cannot read {path}: {error}"))?;
    if bytes.len() > bytes_max { Err(format!("{path} is over {bytes_max} bytes")) } else { Ok(bytes) }
}

fn digest_of(key: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, key).as_ref());
    out
}

/// Compares without telling by its time where the two part.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    black_box(a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b))) == 0
}

impl Key {
    fn proof(&self) -> Result<Proof, String> {
        let given =
            [!self.key.0.is_empty(), !self.sha256.is_empty(), !self.file.is_empty(), !self.certificate.is_empty()];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err("it takes one of `key`, `sha256`, `file` and `certificate`".to_owned());
        }
        if !self.certificate.is_empty() {
            return Ok(Proof::Certificate(self.certificate.clone()));
        }
        if !self.sha256.is_empty() {
            let wrong = || "`sha256` takes 64 hexadecimal digits".to_owned();
            let byte = |at: usize| u8::from_str_radix(self.sha256.get(at..at + 2)?, 16).ok();
            let is_hex = self.sha256.len() == 64 && self.sha256.bytes().all(|b| b.is_ascii_hexdigit());
            let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
            let bytes = bytes.filter(|_| is_hex).and_then(|bytes| bytes.try_into().ok());
            return Ok(Proof::Digest(bytes.ok_or_else(wrong)?));
        }
        let read = if self.file.is_empty() { self.key.0.clone().into_bytes() } else { read_file(&self.file, 4096)? };
        let key = read.trim_ascii();
        let plain = key.iter().all(u8::is_ascii_graphic);
        if key.len() < KEY_CHARS_MIN || !plain {
            return Err(format!("a key is at least {KEY_CHARS_MIN} printable characters without blanks"));
        }
        Ok(Proof::Digest(digest_of(key)))
    }

    fn caller(&self) -> Result<Caller, String> {
        if self.roles.is_empty() {
            return Err("it has no `roles`; name some of predict, read, admin".to_owned());
        }
        if !(self.rate_per_s.is_finite() && self.rate_per_s >= 0.0) {
            return Err(format!("rate_per_s is {}; a number of at least 0", self.rate_per_s));
        }
        Ok(Caller {
            name: self.name.as_str().into(),
            roles: Roles::of(self.roles.iter().copied()),
            models: (!self.models.is_empty()).then(|| Patterns::new(&self.models)),
            bucket: Bucket::new(self.rate_per_s, self.burst).map(Arc::new),
        })
    }
}

impl Auth {
    /// Reads the keys and the files of keys.
    pub fn new(config: &Config) -> Result<Auth, String> {
        let mut keys: Vec<Kept> = Vec::new();
        for (place, key) in config.keys.iter().enumerate() {
            let at = |error: String| format!("auth.keys, number {} ({:?}): {error}", place + 1, key.name);
            if key.name.is_empty() || config.keys[..place].iter().any(|other| other.name == key.name) {
                return Err(at("each key takes a `name` of its own".to_owned()));
            }
            let proof = key.proof().map_err(at)?;
            let is_known = |kept: &Kept| match (&kept.proof, &proof) {
                (Proof::Digest(a), Proof::Digest(b)) => same(a, b),
                (Proof::Certificate(a), Proof::Certificate(b)) => a == b,
                _ => false,
            };
            if keys.iter().any(is_known) {
                return Err(at("another key is the same".to_owned()));
            }
            keys.push(Kept { proof, caller: Arc::new(key.caller().map_err(at)?) });
        }
        if config.anonymous.contains(&Role::Admin) {
            return Err("auth.anonymous: the role admin takes a key or a token".to_owned());
        }
        let anonymous = (!config.anonymous.is_empty()).then(|| {
            let roles = Roles::of(config.anonymous.iter().copied());
            Arc::new(Caller { name: "".into(), roles, models: None, bucket: None })
        });
        let tokens = config.jwt.is_on().then(|| Tokens::new(&config.jwt)).transpose()?;
        Ok(Auth { keys, tokens, anonymous, metrics_open: config.metrics_open })
    }

    /// Returns who asks. A key or token that is sent counts alone, then the certificate, then nothing.
    fn caller(&self, headers: &HeaderMap, peer: &Peer) -> Result<Arc<Caller>, Refusal> {
        match sent(headers) {
            Some(Ok(text)) => return self.by_text(text),
            Some(Err(refusal)) => return Err(refusal),
            None => {}
        }
        for kept in &self.keys {
            if let Proof::Certificate(name) = &kept.proof
                && peer.names.iter().any(|known| known == name)
            {
                return Ok(kept.caller.clone());
            }
        }
        let nothing = "send a key or token: `authorization: Bearer ...` or `x-api-key: ...`";
        let missing = || Refusal { reason: Reason::Missing, ..Refusal::invalid(nothing) };
        self.anonymous.clone().ok_or_else(missing)
    }

    fn by_text(&self, text: &str) -> Result<Arc<Caller>, Refusal> {
        let asked = digest_of(text.as_bytes());
        let mut found = None;
        for kept in &self.keys {
            if let Proof::Digest(known) = &kept.proof
                && same(known, &asked)
            {
                found = Some(&kept.caller);
            }
        }
        match (found, &self.tokens) {
            (Some(caller), _) => Ok(caller.clone()),
            (None, Some(tokens)) if is_token(text) => tokens.caller(text).map(Arc::new),
            _ => Err(Refusal::invalid("the key is not known")),
        }
    }

    /// Lets a request in whose route has this need, or says why not. Nobody is asked for where nothing is needed.
    fn admit(
        &self,
        refusals: &Refusals,
        headers: &HeaderMap,
        peer: &Peer,
        need: Need,
    ) -> Result<Option<Arc<Caller>>, ServeError> {
        if need == Need::Open || need == Need::Metrics && self.metrics_open {
            return Ok(None);
        }
        let caller = self.caller(headers, peer).map_err(|refusal| {
            refusals.count(refusal.reason);
            let is_sent = refusal.reason != Reason::Missing;
            ServeError::Unauthenticated { message: refusal.message, is_sent }
        })?;
        if !need.met_by(caller.roles) {
            if self.anonymous.as_ref().is_some_and(|anonymous| Arc::ptr_eq(anonymous, &caller)) {
                refusals.count(Reason::Missing);
                let message = format!("this takes a key or token with the role {}", need.name());
                return Err(ServeError::Unauthenticated { message, is_sent: false });
            }
            refusals.count(Reason::Role);
            let message = format!("this takes the role {}; the caller has {}", need.name(), caller.roles.names());
            return Err(ServeError::Worded { kind: Kind::PermissionDenied, message });
        }
        Ok(Some(caller))
    }
}

impl Caller {
    /// Refuses a model that is not the caller's to ask; a request that names none looks at all of them.
    fn may_ask(&self, refusals: &Refusals, model: Option<&str>) -> Result<(), ServeError> {
        let Some(patterns) = &self.models else { return Ok(()) };
        if model.is_some_and(|model| patterns.fit(model)) {
            return Ok(());
        }
        refusals.count(Reason::Model);
        let shown = patterns.shown();
        let message = match model {
            Some(model) => format!("the caller may ask the models {shown}, not `{}`", crate::error::cut(model)),
            None => format!("the caller may ask the models {shown} alone, and this is about all of them"),
        };
        Err(ServeError::Worded { kind: Kind::PermissionDenied, message })
    }

    /// Counts a request against the caller's rate.
    fn take(&self, refusals: &Refusals) -> Result<(), ServeError> {
        let Some(Err(wait)) = self.bucket.as_ref().map(|bucket| bucket.take()) else { return Ok(()) };
        refusals.count(Reason::Rate);
        let message = format!("`{}` sends more requests than its rate_per_s allows", self.name);
        Err(PredictError::ResourceExhausted { message, retry_after: Some(wait) }.into())
    }
}

/// Returns the key or token that is sent.
fn sent(headers: &HeaderMap) -> Option<Result<&str, Refusal>> {
    if let Some(key) = headers.get(API_KEY) {
        return Some(key.to_str().map(str::trim).map_err(|_| Refusal::invalid("x-api-key is not plain text")));
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str();
    let bearer =
        value.ok().and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Some(bearer.map(|(_, token)| token.trim()).ok_or_else(|| Refusal::invalid("authorization is not `Bearer KEY`")))
}
