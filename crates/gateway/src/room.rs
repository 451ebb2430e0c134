//! How many bytes of bodies may be in memory at once: those being read, and those on their way to Kafka.
//!
//! Bytes are charged as they come, so that a sender that announces much and sends nothing takes nobody's place. One
//! atomic number holds it all; a charge gives back what it has when it is dropped, however the request ends. Bodies that
//! have not come completely have only a part of it, see [`shares`].

mod shares;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::problem::Problem;

use shares::Shares;
pub(crate) use shares::{LOOK_EVERY, Share};

/// Why there is none.
const FULL: Problem = Problem::Unavailable { reason: "in_flight" };

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Room {
    used: AtomicUsize,
    bytes_max: usize,
    shares: Shares,
}

impl Room {
    /// For so many bytes, where the largest body has `body_max`.
    pub(crate) fn new(bytes_max: usize, body_max: usize) -> Arc<Self> {
        let shares = Shares::new(bytes_max, body_max);
        Arc::new(Self { used: AtomicUsize::new(0), bytes_max, shares })
    }

    /// For one request. `announced` bytes must fit now, but are charged only when they come.
    pub(crate) fn enter(self: &Arc<Self>, announced: usize) -> Result<Charge, Problem> {
        if announced > self.bytes_max.saturating_sub(self.used()) {
            return Err(FULL);
        }
        Ok(Charge { room: self.clone(), bytes: 0 })
    }

    /// The bytes that are charged now.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Those of bodies that have not come completely.
    pub(crate) fn unfinished(&self) -> usize {
        self.shares.bytes()
    }
}

/// The bytes of one request.
#[derive(Debug)]
pub(crate) struct Charge {
    room: Arc<Room>,
    bytes: usize,
}

impl Charge {
    /// So many more, or none and a refusal.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let more = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.room.bytes_max);
        self.room.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map_err(|_| FULL)?;
        self.bytes += bytes;
        Ok(())
    }

    /// So many more for what a body becomes beside itself, or a refusal. What is more than half of the room counts as
    /// half of it: the largest passes once it is alone.
    pub(crate) fn becomes(&mut self, bytes: usize) -> Result<(), Problem> {
        if bytes == 0 { Ok(()) } else { self.grow(bytes.min(self.room.bytes_max / 2)) }
    }

    /// For as long as the body of this client is unfinished.
    pub(crate) fn share(&self, client: IpAddr) -> Share {
        Share::new(self.room.clone(), client)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
