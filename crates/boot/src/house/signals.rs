//! SIGTERM and SIGINT: the first asks to stop, the second ends the process. SIGHUP: read the configuration again,
//! or stop, when the terminal goes.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Signals this soon after the first belong to it: `timeout`, shells and supervisors send one to the process and one to
/// its group, and nobody asks twice that fast.
const ECHO: Duration = Duration::from_millis(200);

/// How often the terminal is looked for. A SIGHUP comes with its end or, from a shell that passes it on, soon after.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Listens from now on.
pub(super) fn listen(shutdown: CancellationToken, hangup: Arc<Notify>) -> std::io::Result<()> {
    // Before our own handler hides it.
    let (leave, is_guarded) = (shutdown.clone(), ignores_hangups());
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut tie = Tie::new(!is_guarded && has_terminal());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased; // A signal that comes with the end of the terminal comes before it is missed.
                heard = hung_up.recv() => {
                    if heard.is_none() {
                        return;
                    }
                    // Who closes a window wants what ran in it to end, unless it was started by `nohup`. There is nobody
                    // left to tell why.
                    if tie.is_torn(has_terminal()) {
                        leave.cancel();
                    } else {
                        hangup.notify_one();
                    }
                }
                () = tokio::time::sleep(LOOK_EVERY), if tie.is_there() => {
                    tie.look(has_terminal());
                    if !tie.is_there() {
                        tracing::info!(
                            "this process goes on though its terminal is gone: SIGHUP has the configuration read again"
                        );
                    }
                }
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

/// Whether this process belongs to a terminal: it then ends with it. One that outlived its terminal, as after `disown`,
/// belongs to none, and what it hears later was sent by somebody who wants the configuration to be read again.
#[derive(Debug, PartialEq, Eq)]
enum Tie {
    There,
    /// The terminal was missed once: its signal may be on its way.
    Missed,
    None,
}

impl Tie {
    fn new(is_there: bool) -> Self {
        if is_there { Self::There } else { Self::None }
    }

    fn is_there(&self) -> bool {
        *self != Self::None
    }

    fn look(&mut self, has_terminal: bool) {
        *self = match self {
            Self::There | Self::Missed if has_terminal => Self::There,
            Self::There => Self::Missed,
            Self::Missed | Self::None => Self::None,
        };
    }

    /// Whether a signal that came now tells of the terminal's end.
    fn is_torn(&self, has_terminal: bool) -> bool {
        self.is_there() && !has_terminal
    }
}

/// Whether a terminal controls this process.
fn has_terminal() -> bool {
    match std::fs::File::open("/dev/tty") {
        Ok(_) => true,
        // For want of file descriptors nobody can tell, and it is rather there still.
        Err(error) => error.raw_os_error().is_some_and(|code| NO_DESCRIPTORS.contains(&code)),
    }
}

/// ENFILE and EMFILE, on every Unix.
const NO_DESCRIPTORS: [i32; 2] = [23, 24];

/// Whether whoever started this process had it ignore SIGHUP, as Linux tells it.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.is_some_and(|bits| bits & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_soon_after_the_terminal_went_tells_of_it_and_a_later_one_does_not() {
        let mut tie = Tie::new(true);
        tie.look(true);
        assert!(!tie.is_torn(true) && tie.is_torn(false));
        tie.look(false);
        assert!(tie.is_torn(false), "it may have been on its way");
        tie.look(false);
        assert!(!tie.is_torn(false) && !tie.is_there(), "it was disowned");
        assert!(!Tie::new(false).is_torn(false), "there was none");
    }
}
