//! TLS and mTLS over real sockets, with certificates that are made here.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};
use server::{AuthConfig, Certificates, ClientAuth, Config, Key, Role, Secret, Tls};

use crate::{
    limits::until,
    tokens::{file, pem},
    world::{Answer, World, ask},
};

const ROW: &str = r#"{"x":1}"#;

/// One who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
}

/// A certificate and its key.
struct Pair {
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().clone();
        Authority { issuer: Issuer::new(params, key), der }
    }

    fn sign(&self, name: &str, adjust: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        adjust(&mut params);
        let key = KeyPair::generate().unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Pair { der, key }
    }

    fn server(&self) -> Pair {
        self.sign("server", |params| {
            params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
        })
    }

    fn file(&self, name: &str) -> String {
        file(name, pem("CERTIFICATE", &self.der).as_bytes())
    }
}

impl Pair {
    fn write(&self, name: &str) -> (String, String) {
        let cert = file(&format!("{name}.crt"), pem("CERTIFICATE", &self.der).as_bytes());
        (cert, file(&format!("{name}.key"), pem("PRIVATE KEY", &self.key.serialize_der()).as_bytes()))
    }
}

fn tls(name: &str, pair: &Pair) -> Tls {
    let (cert, key) = pair.write(name);
    Tls { cert, key, ..Tls::default() }
}

fn certificates(tls: &Tls) -> Arc<Certificates> {
    Certificates::new(tls).unwrap().unwrap()
}

fn client(trusts: &Authority, shows: Option<&Pair>, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusts.der.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shows {
        Some(pair) => {
            let key = PrivateKeyDer::Pkcs8(pair.key.serialize_der().into());
            builder.with_client_auth_cert(vec![pair.der.clone()], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

type Secured = StreamOwned<ClientConnection, TcpStream>;

fn connect(world: &World, config: &Arc<ClientConfig>) -> std::io::Result<Secured> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), world.connect());
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    // What the server says of the certificate it sees comes after the client's part of the handshake.
    stream.flush()?;
    Ok(stream)
}

/// Scores a row; nothing where the connection does not come about.
fn score(world: &World, config: &Arc<ClientConfig>, headers: &[(&str, &str)]) -> Option<Answer> {
    let mut stream = connect(world, config).ok()?;
    let mut head = format!("POST /api/v1/serve/double HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", ROW.len());
    headers.iter().for_each(|(k, v)| head.push_str(&format!("{k}: {v}\r\n")));
    stream.write_all(format!("{head}\r\n{ROW}").as_bytes()).ok()?;
    crate::world::read(&mut stream, false)
}

#[test]
fn both_versions_of_http_over_tls_and_nothing_else() {
    let authority = Authority::new();
    let world =
        World::secure(Config::default(), &AuthConfig::default(), &certificates(&tls("plain", &authority.server())));
    let trusting = client(&authority, None, &[b"http/1.1"]);
    let mut stream = connect(&world, &trusting).unwrap();
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    for _ in 0..2 {
        assert_eq!(ask(&mut stream, "POST", "/api/v1/serve/double", &[], ROW).body, r#"{"y":2.0}"#);
    }
    assert_eq!(score(&world, &client(&authority, None, &[]), &[]).unwrap().status, 200, "without ALPN");
    assert!(connect(&world, &client(&Authority::new(), None, &[])).is_err(), "another authority is not trusted");

    let h2 = client(&authority, None, &[b"h2", b"http/1.1"]);
    let answered = world.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(world.addr).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(h2);
        let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request =
            http::Request::post("https://localhost/api/v1/serve/double").header("content-type", "application/json");
        let request = request.body(http_body_util::Full::<bytes::Bytes>::from(ROW)).unwrap();
        sender.send_request(request).await.unwrap().status().as_u16()
    });
    assert_eq!(answered, 200);

    // Plain HTTP is told nothing that is HTTP, and the others go on.
    let mut plain = world.connect();
    plain.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut told = Vec::new();
    let _ = plain.read_to_end(&mut told);
    assert!(!told.starts_with(b"HTTP"), "{told:?}");
    let page = ask(&mut stream, "GET", "/metrics", &[], "").body;
    let failed = page.lines().find(|line| line.starts_with("forebay_tls_handshakes_failed_total ")).unwrap();
    assert_ne!(failed, "forebay_tls_handshakes_failed_total 0");
}

#[test]
fn a_handshake_that_does_not_end_is_cut() {
    let config = Config { head_timeout_ms: 100, connections_max: 1, ..Config::default() };
    let authority = Authority::new();
    let world = World::secure(config, &AuthConfig::default(), &certificates(&tls("slow", &authority.server())));
    let mut silent = world.connect();
    let mut told = Vec::new();
    assert!(silent.read_to_end(&mut told).is_ok() && told.is_empty(), "closed without a word: {told:?}");
    assert_eq!(score(&world, &client(&authority, None, &[]), &[]).unwrap().status, 200, "its place is free again");
}

#[test]
fn callers_without_a_certificate_that_holds_are_not_served() {
    let (authority, callers, others) = (Authority::new(), Authority::new(), Authority::new());
    let client_ca = callers.file("callers.crt");
    let required = Tls { client_ca, client_auth: ClientAuth::Required, ..tls("required", &authority.server()) };
    let world = World::secure(Config::default(), &AuthConfig::default(), &certificates(&required));
    let status = |shows: Option<&Pair>| score(&world, &client(&authority, shows, &[]), &[]).map(|answer| answer.status);
    assert_eq!(status(Some(&callers.sign("robot", |_| {}))), Some(200));
    assert_eq!(status(None), None, "none");
    assert_eq!(status(Some(&others.sign("robot", |_| {}))), None, "of another authority");
    let expired = callers.sign("robot", |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    });
    assert_eq!(status(Some(&expired)), None, "too old");
    let early = callers.sign("robot", |params| params.not_before = date_time_ymd(2090, 1, 1));
    assert_eq!(status(Some(&early)), None, "not valid yet");
}

#[test]
fn a_certificates_name_may_be_a_key() {
    let (authority, callers) = (Authority::new(), Authority::new());
    let client_ca = callers.file("named-callers.crt");
    let optional = Tls { client_ca, client_auth: ClientAuth::Optional, ..tls("named", &authority.server()) };
    let key = |name: &str, certificate: &str, roles: &[Role]| Key {
        name: name.into(),
        certificate: certificate.into(),
        roles: roles.into(),
        ..Key::default()
    };
    let plain =
        Key { name: "k".into(), key: Secret("reads-0123456789abc".into()), roles: vec![Role::Read], ..Key::default() };
    let keys = vec![
        key("robot", "robot", &[Role::Predict]),
        key("san", "scorer.example.com", &[Role::Predict]),
        key("uri", "spiffe://example.com/scorer", &[Role::Predict]),
        key("reader", "reader", &[Role::Read]),
        plain,
    ];
    let auth = AuthConfig { keys, ..AuthConfig::default() };
    let world = World::secure(Config::default(), &auth, &certificates(&optional));
    let status = |shows: Option<&Pair>, headers: &[(&str, &str)]| {
        score(&world, &client(&authority, shows, &[]), headers).map(|answer| answer.status)
    };
    let san = |name: SanType| callers.sign("somebody", |params| params.subject_alt_names = vec![name]);
    assert_eq!(status(Some(&callers.sign("robot", |_| {})), &[]), Some(200));
    assert_eq!(status(Some(&san(SanType::DnsName("scorer.example.com".try_into().unwrap()))), &[]), Some(200));
    assert_eq!(status(Some(&san(SanType::URI("spiffe://example.com/scorer".try_into().unwrap()))), &[]), Some(200));
    assert_eq!(status(Some(&callers.sign("reader", |_| {})), &[]), Some(403), "known, with another role");
    assert_eq!(status(Some(&callers.sign("robot2", |_| {})), &[]), Some(401), "a name that is no key");
    assert_eq!(status(None, &[]), Some(401), "no certificate");
    let robot = callers.sign("robot", |_| {});
    assert_eq!(status(Some(&robot), &[("x-api-key", "nobody-knows-this")]), Some(401), "what is sent counts first");
    assert_eq!(status(Some(&robot), &[("x-api-key", "reads-0123456789abc")]), Some(403));
    assert_eq!(status(Some(&Authority::new().sign("robot", |_| {})), &[]), None, "of an authority that nobody named");
}

#[test]
fn certificates_are_read_again_and_connections_go_on() {
    let (first, second) = (Authority::new(), Authority::new());
    let config = tls("renewed", &first.server());
    let current = certificates(&config);
    let world = World::secure(Config::default(), &AuthConfig::default(), &current);
    let (old, new) = (client(&first, None, &[]), client(&second, None, &[]));
    let mut stream = connect(&world, &old).unwrap();
    let mut live = || ask(&mut stream, "GET", "/health/live", &[], "").status;
    assert_eq!(live(), 200);
    // A pair that does not fit leaves the old one.
    std::fs::write(&config.key, pem("PRIVATE KEY", &KeyPair::generate().unwrap().serialize_der())).unwrap();
    current.reload();
    assert!(connect(&world, &old).is_ok() && live() == 200);
    second.server().write("renewed");
    current.reload();
    assert!(connect(&world, &new).is_ok() && connect(&world, &old).is_err());
    assert_eq!(live(), 200, "what was open stays");
    // Files that change are seen without a signal.
    first.server().write("renewed");
    until("the files are looked at", || {
        std::thread::sleep(Duration::from_millis(100));
        connect(&world, &old).is_ok()
    });
}

#[test]
fn files_that_do_not_fit_are_refused_by_name() {
    let authority = Authority::new();
    let good = tls("good", &authority.server());
    let other = tls("other", &authority.server());
    let check = |tls: Tls, part: &str| {
        let error = Certificates::new(&tls).map(drop).unwrap_err();
        assert!(error.contains(part), "{error}");
    };
    check(Tls { key: String::new(), ..good.clone() }, "both `cert` and `key`");
    check(Tls { key: other.key, ..good.clone() }, "KeyMismatch");
    check(Tls { cert: "/nowhere/at/all".into(), ..good.clone() }, "/nowhere/at/all");
    check(Tls { cert: good.key.clone(), ..good.clone() }, "no certificate in it");
    check(Tls { key: good.cert.clone(), ..good.clone() }, "expected a private key");
    check(Tls { client_ca: authority.file("ca.crt"), ..good.clone() }, "go together");
    check(Tls { client_auth: ClientAuth::Required, ..good }, "go together");
    assert!(Certificates::new(&Tls::default()).unwrap().is_none());
}
