//! Who has how much of the room for bodies that have not come completely.
//!
//! A body that is complete is proven or refused at once: a stranger holds nothing with it. One of which a part is
//! missing takes room for as long as its sender likes, and nobody knows yet who that is. So all of them together have
//! half of the room. A share is an eighth of the room, or one body: a sender has more than that only as long as a share
//! stays free for others, for many connections behind one address are usually one honest sender. And once the
//! others have a half of it (it is *crowded*), a body that hardly comes is given up.
//!
//! A body with a length that comes in one piece never gets here, so the ordinary delivery takes no lock. The end of a
//! chunked one is never known with its last piece, so it always does.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{FULL, Room};
use crate::problem::Problem;

/// Why a sender that has much already gets no more.
const FULL_OF_SENDER: Problem = Problem::Unavailable { reason: "in_flight_sender" };
/// How often it is looked at how fast a body comes.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// While it is crowded, a body brings as much from one look to the next, or is given up: 16 KiB/s.
const BYTES_MIN: usize = 16 * 1024;
/// Of an IPv6 address the network counts: whoever has one address has all of its /64.
const NETWORK_BITS: u32 = 64;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Shares {
    bytes_max: usize,
    share: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
pub(super) struct Taken {
    bytes: usize,
    pub(super) senders: HashMap<IpAddr, usize>,
}

impl Shares {
    /// Of a room of so many bytes, where the largest body has `body_max`.
    pub(super) fn new(room: usize, body_max: usize) -> Self {
        Self { bytes_max: room / 2, share: (room / 8).max(body_max), taken: Mutex::default() }
    }

    /// The bytes of all of them.
    pub(super) fn bytes(&self) -> usize {
        self.taken().bytes
    }

    fn is_crowded(&self, bytes: usize) -> bool {
        bytes > self.bytes_max / 2
    }

    /// A panic elsewhere cannot leave the numbers half written.
    pub(super) fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one unfinished body has of it; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    room: Arc<Room>,
    sender: IpAddr,
    bytes: usize,
    bytes_at_look: usize,
}

impl Share {
    pub(super) fn new(room: Arc<Room>, client: IpAddr) -> Self {
        Self { room, sender: sender(client), bytes: 0, bytes_at_look: 0 }
    }

    /// So many more, or none and a refusal.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let shares = &self.room.shares;
        let mut taken = shares.taken();
        let all = taken.bytes.checked_add(bytes).filter(|all| *all <= shares.bytes_max).ok_or(FULL)?;
        let own = taken.senders.get(&self.sender).copied().unwrap_or(0) + bytes;
        if own > shares.share && all + shares.share > shares.bytes_max {
            return Err(FULL_OF_SENDER);
        }
        taken.bytes = all;
        taken.senders.insert(self.sender, own);
        drop(taken);
        self.bytes += bytes;
        Ok(())
    }

    /// Asked every [`LOOK_EVERY`]: a body that others need the room of has to come on. Nothing is said of one that was
    /// not looked at when it was `due`: then it was we who stood still, and what it brought may not have been read.
    pub(crate) fn look(&mut self, due: Instant) -> Result<(), Problem> {
        let came = self.bytes - self.bytes_at_look;
        self.bytes_at_look = self.bytes;
        let is_late = Instant::now() > due + LOOK_EVERY / 4;
        let shares = &self.room.shares;
        let others = shares.bytes() - self.bytes;
        if came < BYTES_MIN && !is_late && shares.is_crowded(others) {
            Err(Problem::BodySlow)
        } else {
            Ok(())
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.room.shares.taken();
        taken.bytes -= self.bytes;
        if let Some(own) = taken.senders.get_mut(&self.sender) {
            *own -= self.bytes;
            if *own == 0 {
                taken.senders.remove(&self.sender);
            }
        }
    }
}

/// Whom a client's address stands for.
fn sender(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> NETWORK_BITS << NETWORK_BITS).into(),
    }
}
