//! What runs beside the listener while models are served.

pub mod catalogue;
pub mod sources;
pub mod watch;
