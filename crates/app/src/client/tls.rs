//! The client's side of TLS: whom it trusts, and what it shows.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::Config;

/// Where systems keep the authorities that they trust.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

pub type Secure = Arc<ClientConfig>;

/// A connection, encrypted or not.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{path}: {error}; expected certificates in PEM");
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?.collect();
    read.map_err(|error| wrong(&error))
}

/// Returns what the configuration says of certificates.
pub fn config(config: &Config) -> Result<Secure, String> {
    let system = || SYSTEM.iter().find(|path| Path::new(path).exists()).map(|path| (*path).to_owned());
    let ca = Some(config.ca.clone()).filter(|ca| !ca.is_empty()).or_else(system);
    let ca = ca.ok_or("this system keeps no authorities where they are looked for; name a PEM file with --ca")?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(&ca)?);
    if roots.is_empty() {
        return Err(format!("{ca}: no certificate of an authority in it"));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let made = match (&*config.cert, &*config.key) {
        ("", "") => builder.with_no_client_auth(),
        ("", _) | (_, "") => return Err("--cert and --key go together".to_owned()),
        (cert, key) => {
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| format!("{key}: {error}; expected a private key in PEM"))?;
            let made = builder.with_client_auth_cert(certificates(cert)?, private);
            made.map_err(|error| format!("{cert} and {key}: {error}"))?
        }
    };
    Ok(Arc::new(made))
}

/// Encrypts a connection to this host and port.
pub async fn begin(secure: Secure, address: &str, stream: TcpStream) -> io::Result<Box<dyn Stream>> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| io::Error::other(format!("{host}: {error}")))?;
    Ok(Box::new(TlsConnector::from(secure).connect(name, stream).await?))
}
