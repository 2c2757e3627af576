//! Encryption: certificates from files, read again while serving, and the names that callers' certificates bear.
//!
//! A connection keeps what it began with; new ones take what was read last. Files that do not fit each other leave the old ones,
//! with a line in the log. Libraries: rustls with ring.

mod config;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::{info, warn};

pub use config::{ClientAuth, Tls};

use crate::auth::common_names;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// What was last seen of a file: it is read again when that changes.
type Stamp = Vec<Option<(SystemTime, u64)>>;

/// The certificates of a listener.
pub struct Certificates {
    config: Tls,
    current: ArcSwap<ServerConfig>,
    stamp: Mutex<Stamp>,
}

impl Certificates {
    /// Reads the files; nothing where the configuration names none.
    pub fn new(config: &Tls) -> Result<Option<Arc<Certificates>>, String> {
        if !config.is_on() {
            return Ok(None);
        }
        let stamp = Mutex::new(stamp(config));
        let current = ArcSwap::from_pointee(read(config)?);
        Ok(Some(Arc::new(Certificates { config: config.clone(), current, stamp })))
    }

    /// Reads the files again; those that do not fit leave the old ones.
    pub fn reload(&self) {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = stamp(&self.config);
        match read(&self.config) {
            Ok(new) => {
                self.current.store(Arc::new(new));
                info!(cert = self.config.cert, "certificates were read again");
            }
            Err(error) => warn!(%error, "certificates were not read again; the old ones hold"),
        }
    }

    /// Reads the files again where they changed.
    fn look(&self) {
        let now = stamp(&self.config);
        let changed = *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) != now;
        if changed {
            self.reload();
        }
    }

    /// Begins a connection.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.current.load_full()).accept(stream).await
    }
}

/// Looks at the files now and then, as long as it is polled.
pub(crate) async fn watch(all: Vec<Arc<Certificates>>) {
    while !all.is_empty() {
        tokio::time::sleep(LOOK).await;
        let all = all.clone();
        // Files are read on a thread that may wait for them.
        let _ = tokio::task::spawn_blocking(move || all.iter().for_each(|one| one.look())).await;
    }
}

fn stamp(config: &Tls) -> Stamp {
    let of = |path: &String| {
        let about = std::fs::metadata(PathBuf::from(path)).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    [&config.cert, &config.key, &config.client_ca].into_iter().map(of).collect()
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{path}: {error}; expected certificates in PEM");
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?.collect();
    let read = read.map_err(|error| wrong(&error))?;
    if read.is_empty() { Err(wrong(&"no certificate in it")) } else { Ok(read) }
}

fn read(config: &Tls) -> Result<ServerConfig, String> {
    let Tls { cert, key, client_ca, client_auth } = config;
    if cert.is_empty() || key.is_empty() {
        return Err("tls takes both `cert` and `key`".to_owned());
    }
    if client_ca.is_empty() != (*client_auth == ClientAuth::None) {
        return Err("tls: `client_ca` and a `client_auth` of optional or required go together".to_owned());
    }
    let chain = certificates(cert)?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{key}: {error}; expected a private key in PEM"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("tls: {error}"))?;
    let builder = if *client_auth == ClientAuth::None {
        builder.with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        for root in certificates(client_ca)? {
            roots.add(root).map_err(|error| format!("{client_ca}: {error}"))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = match client_auth {
            ClientAuth::Optional => verifier.allow_unauthenticated(),
            _ => verifier,
        };
        builder.with_client_cert_verifier(verifier.build().map_err(|error| format!("{client_ca}: {error}"))?)
    };
    let mut made = builder.with_single_cert(chain, private).map_err(|error| format!("{cert} and {key}: {error}"))?;
    made.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(made)
}

/// Returns the names in a certificate that was checked: DNS names, URIs, common names.
pub(crate) fn names(stream: &TlsStream<TcpStream>) -> Vec<String> {
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let Some(certificate) = shown.and_then(|der| webpki::EndEntityCert::try_from(der).ok()) else { return Vec::new() };
    let mut names: Vec<String> = certificate.valid_dns_names().map(str::to_owned).collect();
    names.extend(certificate.valid_uri_names().map(str::to_owned));
    names.extend(common_names(certificate.subject()));
    names
}
