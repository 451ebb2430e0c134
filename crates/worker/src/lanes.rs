//! Lanes: what waits in order behind what is under way, per key. Pure.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// Entries for which a free lane keeps memory; one that served a burst gives it back.
const KEPT: usize = 16;

/// A lane as long as it is in use; stale once the lane has run empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LaneId {
    index: usize,
    stamp: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In no use; its queue is empty and keeps its memory for the next key.
    Free,
    /// Its head may start.
    Ready,
    /// Its head is out.
    Busy,
    /// Its head waits to be woken.
    Waiting,
}

#[derive(Debug)]
struct Lane<E> {
    owner: usize,
    hash: u64,
    state: State,
    stamp: u64,
    queue: VecDeque<E>,
}

/// First in, first out per key, one entry out at a time. A key is known by its hash alone: two keys that share one
/// share a lane, which costs them speed and never order.
#[derive(Debug)]
pub struct Lanes<E> {
    lanes: Vec<Lane<E>>,
    by_hash: HashMap<u64, usize, BuildHasherDefault<Hashed>>,
    free: Vec<usize>,
    /// Lanes to start, oldest first. A lane that is no longer ready when its turn comes is passed over.
    ready: VecDeque<LaneId>,
}

impl<E> Default for Lanes<E> {
    fn default() -> Self {
        Self { lanes: Vec::new(), by_hash: HashMap::default(), free: Vec::new(), ready: VecDeque::new() }
    }
}

impl<E> Lanes<E> {
    /// Puts `entry` behind all others of its key. `owner` is the partition, by which [`Lanes::clear`] finds it again.
    pub fn push(&mut self, owner: usize, hash: u64, entry: E) {
        let index = match self.by_hash.get(&hash) {
            Some(index) => *index,
            None => self.open(owner, hash),
        };
        self.lanes[index].queue.push_back(entry);
    }

    /// Takes the head of the lane that has been ready longest. The lane stands still until [`Lanes::advance`] or
    /// [`Lanes::put_back`].
    pub fn next(&mut self) -> Option<(LaneId, E)> {
        while let Some(id) = self.ready.pop_front() {
            let Some(lane) = self.lane(id, State::Ready) else { continue };
            if let Some(entry) = lane.queue.pop_front() {
                lane.state = State::Busy;
                return Some((id, entry));
            }
        }
        None
    }

    /// The entry that was out is finished or gone: the next one of its lane may start.
    pub fn advance(&mut self, id: LaneId) {
        let Some(lane) = self.lane(id, State::Busy) else { return };
        if lane.queue.is_empty() {
            self.close(id.index);
        } else {
            lane.state = State::Ready;
            self.ready.push_back(id);
        }
    }

    /// The entry that was out comes back as the head: ready at once, or when [`Lanes::wake`] says so.
    pub fn put_back(&mut self, id: LaneId, entry: E, waits: bool) {
        let Some(lane) = self.lane(id, State::Busy) else { return };
        lane.queue.push_front(entry);
        if waits {
            lane.state = State::Waiting;
        } else {
            lane.state = State::Ready;
            self.ready.push_back(id);
        }
    }

    /// A waiting lane's time has come. Of a lane that no longer waits nothing happens.
    pub fn wake(&mut self, id: LaneId) {
        if let Some(lane) = self.lane(id, State::Waiting) {
            lane.state = State::Ready;
            self.ready.push_back(id);
        }
    }

    /// Takes everything out that waits in lanes of `owner`. A lane whose head is out stays until that comes home, so
    /// that the same key, assigned again meanwhile, is still handled once at a time.
    pub fn clear(&mut self, owner: usize, mut dropped: impl FnMut(E)) {
        for index in 0..self.lanes.len() {
            let lane = &mut self.lanes[index];
            if lane.owner != owner || lane.state == State::Free {
                continue;
            }
            lane.queue.drain(..).for_each(&mut dropped);
            if lane.state != State::Busy {
                self.close(index);
            }
        }
    }

    /// Lanes in use.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    fn open(&mut self, owner: usize, hash: u64) -> usize {
        let index = self.free.pop().unwrap_or_else(|| {
            self.lanes.push(Lane { owner, hash, state: State::Free, stamp: 0, queue: VecDeque::new() });
            self.lanes.len() - 1
        });
        let lane = &mut self.lanes[index];
        (lane.owner, lane.hash, lane.state) = (owner, hash, State::Ready);
        self.by_hash.insert(hash, index);
        self.ready.push_back(LaneId { index, stamp: lane.stamp });
        index
    }

    fn close(&mut self, index: usize) {
        let lane = &mut self.lanes[index];
        lane.state = State::Free;
        lane.stamp += 1;
        if lane.queue.capacity() > KEPT {
            lane.queue = VecDeque::new();
        }
        self.by_hash.remove(&lane.hash);
        self.free.push(index);
    }

    fn lane(&mut self, id: LaneId, state: State) -> Option<&mut Lane<E>> {
        self.lanes.get_mut(id.index).filter(|lane| lane.stamp == id.stamp && lane.state == state)
    }
}

/// The keys of the map are hashes already.
#[derive(Debug, Default)]
pub struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests;
