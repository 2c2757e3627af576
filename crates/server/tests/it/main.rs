//! The server from outside: a listener on a port of its own, fake models behind it, bytes in and out.
//!
//! What a request is answered stands in scripts ([`script`]); what needs time, several connections or broken bytes is
//! Rust beside them.

#![allow(clippy::unwrap_used)]

mod access;
mod auth;
mod capture;
mod coding;
mod connections;
mod events;
mod examples;
mod fakes;
mod grpc;
mod hostile;
mod http2;
mod joins;
mod lazy;
mod limits;
mod listeners;
mod logged;
mod metrics;
mod missed;
mod script;
mod shutdown;
mod stats;
mod tls;
mod tokens;
mod traces;
mod world;

macro_rules! scripts {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            script::run(include_str!(concat!("scripts/", stringify!($name), ".http")));
        })*
    };
}

scripts! {
    cors ids labels labels_configured limits_by_script mist mist_always_200 mlflow mlflow_choice mlflow_tensors models native native_forms openscoring
    refused swagger tfs traces typed v2
}
