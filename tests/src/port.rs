//! Ports for servers of our own.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

/// First and one past the last port handed out. Below the range from which Linux takes the near end of outgoing
/// connections: else a client that keeps knocking at a stopped broker's port may be given that very port.
const RANGE: (u16, u16) = (15_000, 31_000);

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of 127.0.0.1 that nobody listens on and that this process has not handed out before.
///
/// # Panics
/// When no port of the range is free.
pub fn free_port() -> u16 {
    let span = RANGE.1 - RANGE.0;
    let _ = NEXT.compare_exchange(0, 1 + fastrand::u16(..span), Ordering::Relaxed, Ordering::Relaxed);
    for _ in 0..span {
        let port = RANGE.0 + NEXT.fetch_add(1, Ordering::Relaxed) % span;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {} and {}", RANGE.0, RANGE.1)
}
