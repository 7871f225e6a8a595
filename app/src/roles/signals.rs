//! SIGTERM and SIGINT.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// As shells count: 128 and the number of SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// Returns at the first signal. From then on, a second one ends the process at once.
pub async fn stop_requested() -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let first = either(&mut terminate, &mut interrupt).await;
    tokio::spawn(async move {
        let second = either(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = second, "second signal: stopping at once");
        std::process::exit(EXIT_INTERRUPTED);
    });
    Ok(first)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
