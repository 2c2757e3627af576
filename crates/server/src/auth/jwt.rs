//! JSON web tokens: a signature of a key that is configured, claims that fit, and the roles that they name.
//!
//! A key has one algorithm, and a token is checked by keys of the algorithm that it names and by no others: so a public key is
//! never taken for a secret, and `none` is no algorithm. Sources: RFC 7515, 7517, 7519 and 8725.

use std::{collections::BTreeSet, sync::Arc};

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind, Validation, decode, decode_header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};
use serde_json::{Map, Value};
use tracing::warn;

use super::{
    Caller, Refusal, Roles,
    config::{Jwt, JwtKey, Role},
    der,
    pattern::Patterns,
    rate::Buckets,
    read_file, signatures,
};

/// Characters of a token.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// What a secret must have for HS256 (RFC 7518, section 3.2).
const SECRET_BYTES_MIN: usize = 32;

/// Bytes of a set of keys.
const JWKS_BYTES_MAX: usize = 1 << 20;

/// One key and what it checks.
struct Key {
    algorithm: Algorithm,
    kid: Option<String>,
    key: DecodingKey,
}

/// Everything that tokens are checked with.
pub(super) struct Tokens {
    config: Jwt,
    keys: Vec<Key>,
    rates: Option<Buckets>,
}

/// Returns whether a text has the form of a token.
pub(super) fn is_token(text: &str) -> bool {
    text.bytes().filter(|&b| b == b'.').count() == 2 && text.starts_with("ey")
}

impl Tokens {
    /// Reads the keys.
    pub fn new(config: &Jwt) -> Result<Tokens, String> {
        signatures::install();
        if config.leeway_s > 3600 {
            return Err(format!("auth.jwt.leeway_s is {}; at most 3600", config.leeway_s));
        }
        if config.roles_claim.is_empty() || config.name_claim.is_empty() {
            return Err("auth.jwt.roles_claim and auth.jwt.name_claim name claims; they are not empty".to_owned());
        }
        let mut keys = Vec::new();
        for (place, key) in config.keys.iter().enumerate() {
            keys.push(read_key(key).map_err(|error| format!("auth.jwt.keys, number {}: {error}", place + 1))?);
        }
        if !config.jwks_file.is_empty() {
            let read = read_set(&config.jwks_file);
            keys.extend(read.map_err(|error| format!("auth.jwt.jwks_file {}: {error}", config.jwks_file))?);
        }
        Ok(Tokens { config: config.clone(), keys, rates: Buckets::new(config.rate_per_s, config.burst) })
    }

    /// Returns the caller that a token speaks for.
    pub fn caller(&self, token: &str) -> Result<Caller, Refusal> {
        let claims = self.claims(token)?;
        let name = at(&claims, &self.config.name_claim).and_then(Value::as_str).unwrap_or_default();
        let name: Arc<str> = name.chars().filter(|c| !c.is_control()).take(128).collect::<String>().into();
        let models = match &*self.config.models_claim {
            "" => None,
            claim => Some(Patterns::new(&words(at(&claims, claim)))),
        };
        let bucket = self.rates.as_ref().and_then(|rates| rates.of(&name));
        Ok(Caller { name, roles: roles(at(&claims, &self.config.roles_claim)), models, bucket })
    }

    fn claims(&self, token: &str) -> Result<Map<String, Value>, Refusal> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::invalid("the token is too long"));
        }
        let header = decode_header(token).map_err(|error| refusal(error.kind()))?;
        if header.crit.is_some() {
            return Err(Refusal::invalid("the token's `crit` names what is not understood here"));
        }
        let fits = |key: &&Key| {
            let named = header.kid.is_none() || key.kid.is_none() || header.kid == key.kid;
            key.algorithm == header.alg && named
        };
        let mut failed = Refusal::invalid("no key is configured for the token's algorithm and key id");
        for key in self.keys.iter().filter(fits) {
            match decode(token, &key.key, &self.validation(key.algorithm)) {
                Ok(data) => return Ok(data.claims),
                Err(error) => failed = refusal(error.kind()),
            }
            if failed.is_sure {
                break;
            }
        }
        Err(failed)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.config.leeway_s;
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if !self.config.issuer.is_empty() {
            validation.set_issuer(&[&self.config.issuer]);
            required.push("iss");
        }
        if !self.config.audience.is_empty() {
            validation.set_audience(&self.config.audience);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

/// Returns what a caller is told: which claim does not fit, and nothing of the keys.
fn refusal(kind: &ErrorKind) -> Refusal {
    let known = match kind {
        ErrorKind::ExpiredSignature => return Refusal::expired("the token has expired (exp)"),
        ErrorKind::ImmatureSignature => "the token is not valid yet (nbf)",
        ErrorKind::InvalidIssuer => "the token is of another issuer (iss)",
        ErrorKind::InvalidAudience => "the token is for another audience (aud)",
        ErrorKind::MissingRequiredClaim(claim) => {
            return Refusal::sure(format!("the token has no claim {claim:?}, which is needed"));
        }
        ErrorKind::InvalidClaimFormat(claim) => {
            return Refusal::sure(format!("the token's claim {claim:?} is no number of seconds"));
        }
        ErrorKind::InvalidSignature => return Refusal::invalid("the token's signature is of none of the keys"),
        _ => return Refusal::invalid("the token is malformed, or its algorithm is not taken"),
    };
    Refusal::sure(known)
}

/// Returns the value of a claim; dots lead into objects. A claim of the whole name comes first.
fn at<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(path) {
        return Some(found);
    }
    let (first, rest) = path.split_once('.')?;
    at(claims.get(first)?.as_object()?, rest)
}

/// Returns the words of a claim: a list of texts, or one text with blanks between them.
fn words(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn roles(claim: Option<&Value>) -> Roles {
    let words: BTreeSet<String> = words(claim).into_iter().collect();
    let all = [("predict", Role::Predict), ("read", Role::Read), ("admin", Role::Admin)];
    Roles::of(all.into_iter().filter(|(name, _)| words.contains(*name)).map(|(_, role)| role))
}

fn read_key(key: &JwtKey) -> Result<Key, String> {
    let algorithm = match &*key.algorithm {
        "HS256" => Algorithm::HS256,
        "RS256" => Algorithm::RS256,
        "ES256" => Algorithm::ES256,
        "EdDSA" => Algorithm::EdDSA,
        other => return Err(format!("algorithm {other:?}; use RS256, ES256, EdDSA or HS256")),
    };
    let kid = (!key.kid.is_empty()).then(|| key.kid.clone());
    let bytes = match (&*key.secret.0, &*key.file) {
        ("", "") => return Err("name a `file` with the key".to_owned()),
        ("", file) => read_file(file, JWKS_BYTES_MAX)?,
        (secret, "") if algorithm == Algorithm::HS256 => secret.as_bytes().to_vec(),
        (_, "") => return Err(format!("`secret` is HS256's; {} takes a `file` with the public key", key.algorithm)),
        _ => return Err("either `secret` or `file`, not both".to_owned()),
    };
    let is_private = || bytes.windows(11).any(|part| part == b"PRIVATE KEY");
    if algorithm != Algorithm::HS256 && is_private() {
        return Err(format!("{} holds a private key; tokens are checked with the public one", key.file));
    }
    let read = match algorithm {
        Algorithm::HS256 => DecodingKey::from_secret(bytes.trim_ascii()),
        _ => public_key(algorithm, &bytes)
            .ok_or_else(|| format!("{} is no public key of {} in PEM (`PUBLIC KEY`)", key.file, key.algorithm))?,
    };
    check(algorithm, &read)?;
    Ok(Key { algorithm, kid, key: read })
}

/// Reads a public key of the algorithm's kind from PEM.
fn public_key(algorithm: Algorithm, pem: &[u8]) -> Option<DecodingKey> {
    let info = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
    let (kind, key) = der::public_key(&info)?;
    match (algorithm, kind) {
        (Algorithm::RS256, der::KeyKind::Rsa) => Some(DecodingKey::from_rsa_der(key)),
        (Algorithm::ES256, der::KeyKind::Ec) => Some(DecodingKey::from_ec_der(key)),
        (Algorithm::EdDSA, der::KeyKind::Ed25519) => Some(DecodingKey::from_ed_der(key)),
        _ => None,
    }
}

/// Refuses a key that could check nothing.
fn check(algorithm: Algorithm, key: &DecodingKey) -> Result<(), String> {
    let wrong = match (algorithm, key.kind()) {
        (Algorithm::HS256, DecodingKeyKind::SecretOrDer(bytes)) => bytes.len() < SECRET_BYTES_MIN,
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(bytes)) => bytes.len() != 65,
        (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(bytes)) => bytes.len() != 32,
        _ => false,
    };
    let expected = match algorithm {
        Algorithm::HS256 => "HS256 takes a secret of at least 32 bytes",
        Algorithm::ES256 => "ES256 takes a key of the curve P-256",
        _ => "EdDSA takes a key of the curve Ed25519",
    };
    if wrong { Err(expected.to_owned()) } else { Ok(()) }
}

/// Reads a set of keys; those for other uses or algorithms are passed over.
fn read_set(file: &str) -> Result<Vec<Key>, String> {
    let set: JwkSet = serde_json::from_slice(&read_file(file, JWKS_BYTES_MAX)?)
        .map_err(|error| format!("no JSON web key set ({error})"))?;
    let mut keys = Vec::new();
    for jwk in &set.keys {
        let (ours, common) = (algorithm_of(&jwk.algorithm), &jwk.common);
        let named = common.key_algorithm.is_none_or(|named| Some(named) == ours.map(|(_, named)| named));
        let signs = !matches!(common.public_key_use, Some(PublicKeyUse::Encryption));
        let Some((algorithm, _)) = ours.filter(|_| named && signs) else {
            warn!(
                kid = common.key_id.as_deref().unwrap_or(""),
                file, "a key of another algorithm or use is passed over"
            );
            continue;
        };
        let kid = common.key_id.clone();
        let key =
            DecodingKey::from_jwk(jwk).map_err(|_| format!("key {:?} is malformed", kid.as_deref().unwrap_or("")))?;
        check(algorithm, &key)?;
        keys.push(Key { algorithm, kid, key });
    }
    if keys.is_empty() {
        return Err("no key of RS256, ES256, EdDSA or HS256 in it".to_owned());
    }
    Ok(keys)
}

fn algorithm_of(parameters: &AlgorithmParameters) -> Option<(Algorithm, KeyAlgorithm)> {
    match parameters {
        AlgorithmParameters::RSA(_) => Some((Algorithm::RS256, KeyAlgorithm::RS256)),
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
            Some((Algorithm::ES256, KeyAlgorithm::ES256))
        }
        AlgorithmParameters::OctetKeyPair(ed) if ed.curve == EllipticCurve::Ed25519 => {
            Some((Algorithm::EdDSA, KeyAlgorithm::EdDSA))
        }
        AlgorithmParameters::OctetKey(_) => Some((Algorithm::HS256, KeyAlgorithm::HS256)),
        _ => None,
    }
}
