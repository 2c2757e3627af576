//! Signals for commands that run to an end: the unfinished output is removed, and the exit code says what happened.

use tokio::signal::unix::{SignalKind, signal};

use crate::output;

/// Ends the process on SIGINT (exit code 130) and SIGTERM (143). Without the means to watch signals they end it anyway,
/// and an unfinished file stays under its `.partial` name.
pub fn end_on_interrupt() {
    let watch = || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        let code = runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return std::future::pending().await;
            };
            tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            }
        });
        output::remove_unfinished();
        std::process::exit(code);
    };
    drop(std::thread::Builder::new().name("signals".to_owned()).spawn(watch));
}
