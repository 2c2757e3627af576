//! The server from outside: a listener on a port of its own, fake models behind it, bytes in and out.
//!
//! What a request is answered stands in scripts ([`script`]); what needs time, several connections or broken bytes is
//! Rust beside them.

#![allow(clippy::unwrap_used)]

mod connections;
mod fakes;
mod grpc;
mod hostile;
mod http2;
mod limits;
mod metrics;
mod script;
mod shutdown;
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

scripts! { native refused limits_by_script ids mist mist_always_200 models tfs traces v2 }
