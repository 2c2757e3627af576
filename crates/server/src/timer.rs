//! The runtime's clock, for the policies of the gateway, which know no runtime.

use std::{future::Future, pin::Pin, time::Instant};

/// Waits on tokio's timer wheel. Its futures are made within the runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioTimer;

impl gateway::Timer for TokioTimer {
    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep_until(at.into()))
    }
}
