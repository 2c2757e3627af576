//! What can be set about encryption.

use serde::{Deserialize, Serialize};

/// Whether callers show a certificate of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// It is not asked for.
    #[default]
    None,
    /// One that is shown must hold.
    Optional,
    Required,
}

/// The table `[server.tls]`, and `tls` of a `[[server.listeners]]`: the address answers HTTPS alone, with HTTP/1.1 and HTTP/2. The files are
/// read again on SIGHUP and when they change; new connections take the new ones. Other changes need a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// A PEM file with the server's certificate and those between it and its authority; empty: no TLS.
    pub cert: String,
    /// A PEM file with the certificate's private key.
    pub key: String,
    /// A PEM file with the authorities whose certificates callers may show.
    pub client_ca: String,
    /// Whether callers show one: `none`, `optional` or `required`.
    pub client_auth: ClientAuth,
}

impl Tls {
    /// Returns whether there is any.
    pub fn is_on(&self) -> bool {
        *self != Tls::default()
    }
}
