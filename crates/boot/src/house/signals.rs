//! SIGTERM and SIGINT: the first asks to stop, the second ends the process. SIGHUP: read the configuration again.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Signals this soon after the first belong to it: `timeout`, shells and supervisors send one to the process and one to
/// its group, and nobody asks twice that fast.
const ECHO: Duration = Duration::from_millis(200);

/// Listens from now on.
pub(super) fn listen(shutdown: CancellationToken, hangup: Arc<Notify>) -> std::io::Result<()> {
    let mut hung_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hung_up.recv().await.is_some() {
            hangup.notify_one();
        }
    });
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!("{name}: stopping; a second signal ends this process at once");
        shutdown.cancel();
        tokio::time::sleep(ECHO).await;
        // New listeners know nothing of what came before them.
        let again = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        let (Ok(mut terminate), Ok(mut interrupt)) = again else { return };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::error!("second signal: ended without finishing");
        std::process::exit(1);
    });
    Ok(())
}
