//! What stands on the terminal, and what happens when nobody reads it.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use boot::{Rate, system_clock};
use futures::future::join_all;
use outbox::{Destination, Refusal};

use super::{LINES_WAITING_MAX, Plan, with_output};
use crate::DestinationConfig;
use crate::tests::shipment;

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pipe whose reader is gone.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pipe that is full until the gate is opened.
#[derive(Clone, Default)]
struct Stuck {
    open: Arc<(Mutex<bool>, Condvar)>,
    screen: Screen,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (open, opened) = &*self.open;
        let _open = opened.wait_while(open.lock().expect("no panic"), |open| !*open).expect("no panic");
        self.screen.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn terminal(output: impl Write + Send + 'static) -> Arc<dyn Destination> {
    let config = DestinationConfig {
        kind: "terminal".into(),
        url: None,
        rate: None,
        timeout: None,
        concurrency: None,
    };
    let timeout = Duration::from_millis(50);
    let plan = Plan {
        name: "terminal",
        config: &config,
        rate: Rate::NONE,
        timeout,
        concurrency: 1,
        clock: system_clock(),
    };
    with_output(plan, Box::new(output)).expect("a terminal")
}

#[tokio::test]
async fn a_message_is_one_line_that_anyone_can_read() {
    let screen = Screen::default();
    terminal(screen.clone()).deliver(&shipment("Win 10 customers is at 42% (Ann)")).await.expect("printed");
    let shown = String::from_utf8(screen.0.lock().expect("no panic").clone()).expect("text");
    assert_eq!(shown, "terminal: Win 10 customers is at 42% (Ann)\n");
}

#[tokio::test]
async fn a_closed_stdout_is_tried_again() {
    let refusal = terminal(Gone).deliver(&shipment("x")).await.expect_err("nobody reads");
    assert!(
        matches!(refusal, Refusal::Passing { reason: "stdout_closed", ambiguous: false, .. }),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn a_stuck_stdout_times_out_and_what_was_given_up_is_not_printed_later() {
    let stuck = Stuck::default();
    let terminal = terminal(stuck.clone());
    for _ in 0..3 {
        let refusal = terminal.deliver(&shipment("given up")).await.expect_err("stuck");
        assert!(
            matches!(refusal, Refusal::Passing { reason: "timeout", ambiguous: true, .. }),
            "{refusal:?}"
        );
    }
    *stuck.open.0.lock().expect("no panic") = true;
    stuck.open.1.notify_all();
    while terminal.deliver(&shipment("wanted")).await.is_err() {}
    let shown = String::from_utf8(stuck.screen.0.lock().expect("no panic").clone()).expect("text");
    // Only what was under way when it was given up can still come.
    assert!(shown.matches("given up").count() <= 1, "{shown}");
    assert!(shown.ends_with("terminal: wanted\n"), "{shown}");
}

#[tokio::test]
async fn lines_that_gather_are_bounded() {
    let terminal = terminal(Stuck::default());
    let line = shipment("x");
    let refusals = join_all((0..LINES_WAITING_MAX + 2).map(|_| terminal.deliver(&line))).await;
    assert!(refusals.iter().all(Result::is_err), "nothing can be printed");
    let refused = refusals.iter().filter_map(|refusal| refusal.as_ref().err());
    assert!(refused.map(Refusal::reason).any(|reason| reason == "stdout_slow"));
}
