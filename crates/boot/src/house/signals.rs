//! SIGTERM and SIGINT: the first asks to stop, the second ends the process. SIGHUP: read the configuration again,
//! or stop, when the terminal is gone.

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
    // Before our own handler hides it.
    let (leave, is_guarded) = (shutdown.clone(), ignores_hangups());
    let mut hung_up = signal(SignalKind::hangup())?;
    let had_terminal = has_terminal();
    tokio::spawn(async move {
        while hung_up.recv().await.is_some() {
            // Who closes a window wants what ran in it to end, unless it was started by `nohup`. There is nobody left to
            // tell why.
            if had_terminal && !is_guarded && !has_terminal() {
                leave.cancel();
            } else {
                hangup.notify_one();
            }
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

/// Whether a terminal controls this process.
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

/// Whether whoever started this process had it ignore SIGHUP, as Linux tells it.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.is_some_and(|bits| bits & 1 == 1)
}
