//! JSON web tokens: made here, signed by keys that are not the server's code's, and each thing that may be wrong with one.

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64},
};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};
use server::{AuthConfig, Jwt, JwtKey, Secret};

use crate::world::World;

const SECRET: &str = "a secret of more than thirty-two bytes, for tests";
const RSA_PUBLIC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/keys/rsa-public.pem");

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Returns a path for this test's file of this name.
pub fn file(name: &str, bytes: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = BASE64.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn hs256(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

fn rs256(message: &[u8]) -> Vec<u8> {
    let key = RsaKeyPair::from_pkcs8(include_bytes!("keys/rsa-private.p8")).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

fn es256(pair: &KeyPair) -> impl Fn(&[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der(), &random).unwrap();
    move |message| key.sign(&random, message).unwrap().as_ref().to_vec()
}

fn eddsa(pair: &KeyPair) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pair.serialize_der()).unwrap();
    move |message| key.sign(message).as_ref().to_vec()
}

fn claims() -> Value {
    json!({"sub": "alice", "iss": "https://issuer", "aud": "forebay", "exp": now() + 300, "roles": ["predict"]})
}

fn but(key: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(key)),
        value => claims[key] = value,
    }
    claims
}

fn config(keys: Vec<JwtKey>) -> AuthConfig {
    let jwt = Jwt {
        issuer: "https://issuer".into(),
        audience: vec!["forebay".into(), "other".into()],
        keys,
        ..Jwt::default()
    };
    AuthConfig { jwt, ..AuthConfig::default() }
}

fn secret() -> JwtKey {
    JwtKey { algorithm: "HS256".into(), secret: Secret(SECRET.into()), ..JwtKey::default() }
}

fn public(algorithm: &str, file: String) -> JwtKey {
    JwtKey { algorithm: algorithm.into(), file, ..JwtKey::default() }
}

fn send(world: &World, token: &str) -> (u16, String) {
    let authorization = format!("Bearer {token}");
    let answer = world.send("POST", "/api/v1/serve/double", &[("authorization", &authorization)], r#"{"x":1}"#);
    (answer.status, answer.body)
}

#[test]
fn a_token_is_what_its_claims_say() {
    let world = World::guarded(&config(vec![secret()]));
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let check = |claims: Value, expected: u16, part: &str| {
        let (status, body) = send(&world, &signed(&header, &claims, hs256(SECRET.as_bytes())));
        assert_eq!(status, expected, "{claims}: {body}");
        assert!(body.contains(part), "{claims}: {body}");
    };
    check(claims(), 200, "2.0");
    check(but("aud", json!(["x", "other"])), 200, "");
    check(but("roles", json!("read predict")), 200, "");
    check(but("roles", json!(["admin"])), 200, "");
    check(but("exp", json!(now() - 30)), 200, "");
    check(but("nbf", json!(now() + 30)), 200, "");
    check(but("exp", json!(now() as f64 + 10.5)), 200, "");
    check(but("exp", json!(now() - 120)), 401, "expired");
    check(but("exp", Value::Null), 401, "exp");
    check(but("exp", json!("tomorrow")), 401, "exp");
    check(but("nbf", json!(now() + 120)), 401, "nbf");
    check(but("nbf", json!((now() + 120).to_string())), 401, "nbf");
    check(but("iss", json!("https://another")), 401, "iss");
    check(but("iss", Value::Null), 401, "iss");
    check(but("iss", json!(7)), 401, "iss");
    check(but("aud", json!("another")), 401, "aud");
    check(but("aud", json!(["a", "b"])), 401, "aud");
    check(but("aud", Value::Null), 401, "aud");
    check(but("roles", json!(["read"])), 403, "the role predict; the caller has read");
    check(but("roles", json!({"predict": true})), 403, "the caller has none");
    check(but("roles", Value::Null), 403, "the caller has none");
    check(but("roles", json!(["Predict", "predictor"])), 403, "none");
}

#[test]
fn what_is_no_token_of_ours_is_refused() {
    let world = World::guarded(&config(vec![secret(), public("RS256", RSA_PUBLIC.into())]));
    let check = |header: Value, sign: &dyn Fn(&[u8]) -> Vec<u8>, expected: u16| {
        let (status, body) = send(&world, &signed(&header, &claims(), sign));
        assert_eq!(status, expected, "{header}: {body}");
    };
    let good = hs256(SECRET.as_bytes());
    check(json!({"alg": "HS256"}), &good, 200);
    check(json!({"alg": "RS256"}), &rs256, 200);
    for none in ["none", "None", "NONE", "nOnE", ""] {
        check(json!({"alg": none}), &|_| Vec::new(), 401);
        check(json!({"alg": none}), &good, 401);
    }
    check(json!({"alg": "HS256"}), &|_| Vec::new(), 401);
    check(json!({"alg": "HS256"}), &hs256(b"another secret of more than 32 bytes"), 401);
    check(json!({"alg": "HS384"}), &good, 401);
    // The public key taken for a secret.
    let public = std::fs::read(RSA_PUBLIC).unwrap();
    check(json!({"alg": "HS256"}), &hs256(&public), 401);
    check(json!({"alg": "HS256"}), &hs256(public.trim_ascii()), 401);
    check(json!({"alg": "RS256"}), &good, 401);
    check(json!({"alg": "PS256"}), &rs256, 401);
    check(json!({"alg": "HS256", "crit": ["exp"]}), &good, 401);
    // A token that brings its own key.
    check(json!({"alg": "RS256", "jwk": {"kty": "oct", "k": "AAAA"}}), &good, 401);
    let token = signed(&json!({"alg": "HS256"}), &claims(), &good);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let other = BASE64.encode(but("roles", json!(["admin"])).to_string());
    let header = head.split('.').next().unwrap();
    for broken in [
        format!("{header}.{other}.{signature}"),
        head.to_owned(),
        format!("{head}."),
        format!("{token}.x"),
        format!("{token}="),
        format!("{header}..{signature}"),
        "eyJ.eyJ.e".to_owned(),
        format!("ey{}.x.y", "A".repeat(20_000)),
    ] {
        assert_eq!(send(&world, &broken).0, 401, "{broken:.100}");
    }
}

#[test]
fn public_keys_of_each_kind_check_their_own() {
    let (ec, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    assert!(ec.is_compatible(&PKCS_ECDSA_P256_SHA256));
    let ed = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let public_pem =
        |name: &str, pair: &KeyPair| file(name, pem("PUBLIC KEY", &pair.subject_public_key_info()).as_bytes());
    let ids = |key: JwtKey, kid: &str| JwtKey { kid: kid.into(), ..key };
    let keys = vec![
        ids(public("ES256", public_pem("ec.pem", &ec)), "first"),
        ids(public("ES256", public_pem("other.pem", &other)), "second"),
        public("EdDSA", public_pem("ed.pem", &ed)),
    ];
    let world = World::guarded(&config(keys));
    let check = |header: Value, sign: &dyn Fn(&[u8]) -> Vec<u8>, expected: u16| {
        let (status, body) = send(&world, &signed(&header, &claims(), sign));
        assert_eq!(status, expected, "{header}: {body}");
    };
    check(json!({"alg": "ES256", "kid": "first"}), &es256(&ec), 200);
    check(json!({"alg": "ES256", "kid": "second"}), &es256(&other), 200);
    check(json!({"alg": "ES256"}), &es256(&other), 200);
    check(json!({"alg": "ES256", "kid": "second"}), &es256(&ec), 401);
    check(json!({"alg": "ES256", "kid": "third"}), &es256(&ec), 401);
    check(json!({"alg": "ES256"}), &es256(&KeyPair::generate().unwrap()), 401);
    check(json!({"alg": "EdDSA", "kid": "any"}), &eddsa(&ed), 200);
    check(json!({"alg": "EdDSA"}), &eddsa(&KeyPair::generate_for(&PKCS_ED25519).unwrap()), 401);
    check(json!({"alg": "ES256"}), &eddsa(&ed), 401);
}

#[test]
fn a_set_of_keys_and_claims_elsewhere() {
    let ec = KeyPair::generate().unwrap();
    let point = ec.der_bytes();
    let (x, y) = point[1..].split_at(32);
    let (x, y) = (BASE64.encode(x), BASE64.encode(y));
    let set = json!({"keys": [
        {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k1", "alg": "ES256", "use": "sig"},
        {"kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA", "kid": "k2"},
        {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k3", "use": "enc"},
    ]});
    let jwt = Jwt {
        jwks_file: file("jwks.json", set.to_string().as_bytes()),
        roles_claim: "realm_access.roles".into(),
        models_claim: "https://forebay/models".into(),
        rate_per_s: 0.001,
        burst: 2,
        ..Jwt::default()
    };
    let world = World::guarded(&AuthConfig { jwt, ..AuthConfig::default() });
    let claims = |name: &str, models: Value| json!({"sub": name, "exp": now() + 60, "realm_access": {"roles": ["predict"]}, "https://forebay/models": models});
    let check = |kid: &str, claims: Value, expected: u16| {
        let (status, body) = send(&world, &signed(&json!({"alg": "ES256", "kid": kid}), &claims, es256(&ec)));
        assert_eq!(status, expected, "{claims}: {body}");
    };
    check("k1", claims("a", json!(["d*"])), 200);
    check("k1", claims("b", json!(["vectors"])), 403);
    check("k1", claims("c", Value::Null), 403);
    check("k2", claims("d", json!(["d*"])), 401);
    check("k3", claims("d", json!(["d*"])), 401);
    check("k1", claims("a", json!(["d*"])), 200);
    check("k1", claims("a", json!(["d*"])), 429);
    check("k1", claims("e", json!(["d*"])), 200);
    let mut named = claims("f", json!(["*"]));
    named["aud"] = json!("somebody");
    check("k1", named, 401);
}

#[test]
fn keys_that_could_check_nothing_are_refused() {
    let private = file("private.pem", pem("PRIVATE KEY", &KeyPair::generate().unwrap().serialize_der()).as_bytes());
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let p384 = file("p384.pem", pem("PUBLIC KEY", &p384.subject_public_key_info()).as_bytes());
    let short = JwtKey { secret: Secret("short".into()), ..secret() };
    let both = JwtKey { file: RSA_PUBLIC.into(), ..secret() };
    for (key, part) in [
        (public("none", RSA_PUBLIC.into()), "algorithm \"none\""),
        (public("RS256", String::new()), "file"),
        (public("RS256", "/nowhere/at/all".into()), "cannot read"),
        (public("ES256", RSA_PUBLIC.into()), "no public key of ES256"),
        (public("ES256", private), "private key"),
        (public("ES256", p384), "no public key of ES256"),
        (short, "32 bytes"),
        (both, "not both"),
    ] {
        let error = config(vec![key]).check().unwrap_err();
        assert!(error.contains(part) && !error.contains("short"), "{error}");
    }
    let jwt = Jwt { leeway_s: 86_400, keys: vec![secret()], ..Jwt::default() };
    assert!(AuthConfig { jwt, ..AuthConfig::default() }.check().unwrap_err().contains("leeway_s"));
}
