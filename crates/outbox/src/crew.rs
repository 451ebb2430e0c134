//! The workers of an engine, one per target: they come and go with the destinations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boot::CancellationToken;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::clerk::Desk;
use crate::holder::Holding;
use crate::rate::Pacer;
use crate::target::Target;
use crate::vigil::Beats;
use crate::{Destination, Engine, EngineOptions};

/// Bytes of rows that all targets together may hold, each its share: a row waits here with the record that caused it.
const HELD_BYTES_MAX: usize = 32 << 20;

/// Every destination, as it is configured now.
pub type Roster = Arc<[Arc<dyn Destination>]>;

/// What a target's worker is given.
pub struct Parts {
    pub options: Arc<EngineOptions>,
    pub post: watch::Receiver<Post>,
    /// Ends this worker, with all others or alone.
    pub over: CancellationToken,
    pub desk: Desk,
    pub holding: watch::Receiver<Holding>,
    pub wake: Arc<Notify>,
    pub beats: Arc<Beats>,
    /// When the engine began.
    pub since: Instant,
}

/// What it works with until it is given another one.
#[derive(Clone)]
pub struct Post {
    pub destination: Arc<dyn Destination>,
    /// Shared with all targets of the same rate key.
    pub pacer: Arc<Mutex<Pacer>>,
    /// Bytes of rows that this target may hold.
    pub share: usize,
}

/// The workers of the targets.
pub struct Crew {
    engine: Engine,
    desk: Desk,
    holding: watch::Receiver<Holding>,
    /// When the engine began.
    since: Instant,
    /// By rate key.
    pacers: HashMap<String, Arc<Mutex<Pacer>>>,
    places: HashMap<String, Place>,
    workers: JoinSet<String>,
}

/// A panic elsewhere cannot leave it half written.
fn lock(pacer: &Mutex<Pacer>) -> MutexGuard<'_, Pacer> {
    pacer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A worker from outside.
struct Place {
    post: watch::Sender<Post>,
    /// Ends this worker alone.
    over: CancellationToken,
}

impl Crew {
    /// Nobody works before [`Crew::fit`].
    pub fn new(engine: Engine, desk: Desk, holding: watch::Receiver<Holding>) -> Self {
        let (pacers, places) = (HashMap::new(), HashMap::new());
        Self { engine, desk, holding, since: Instant::now(), pacers, places, workers: JoinSet::new() }
    }

    /// Whether nobody works.
    pub fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Fits the workers to these destinations: new ones begin, known ones are told, the others let what is under way
    /// end. One that comes back meanwhile begins once its former worker has left.
    pub fn fit(&mut self, roster: &Roster) {
        // Whoever began now would leave at once, again and again.
        if self.engine.options().house.shutdown.is_cancelled() {
            return;
        }
        self.pace(roster);
        let share = HELD_BYTES_MAX / roster.len().max(1);
        for (name, place) in &self.places {
            if !roster.iter().any(|destination| destination.name() == name) {
                place.over.cancel();
            }
        }
        for destination in roster.iter() {
            let Some(pacer) = self.pacers.get(&destination.rate_key()) else { continue };
            let post = Post { destination: Arc::clone(destination), pacer: Arc::clone(pacer), share };
            match self.places.get(destination.name()) {
                Some(place) if place.over.is_cancelled() => {}
                Some(place) => {
                    place.post.send_replace(post);
                }
                None => self.begin(post),
            }
        }
    }

    /// Waits for a worker to end; none once nobody works.
    pub async fn ended(&mut self) -> Option<Result<String, JoinError>> {
        self.workers.join_next().await
    }

    /// Whether this worker was told to leave, as its destination is configured no more; then its place is free.
    pub fn dismissed(&mut self, name: &str) -> bool {
        let is_dismissed = self.places.get(name).is_some_and(|place| place.over.is_cancelled());
        is_dismissed && self.places.remove(name).is_some()
    }

    /// One pacer per rate key. A known one goes on, whatever its interval is now, so that the last start before counts;
    /// and as long as it counts, also without a destination, which may come back.
    fn pace(&mut self, roster: &Roster) {
        let mut pacers = HashMap::new();
        for destination in roster.iter() {
            let (key, interval) = (destination.rate_key(), destination.rate().interval());
            if pacers.contains_key(&key) {
                continue;
            }
            let pacer = match self.pacers.remove(&key) {
                Some(known) => {
                    lock(&known).change(interval);
                    known
                }
                None => Arc::new(Mutex::new(Pacer::new(interval))),
            };
            pacers.insert(key, pacer);
        }
        let now = self.since.elapsed();
        pacers.extend(self.pacers.drain().filter(|(_, pacer)| lock(pacer).next() > now));
        self.pacers = pacers;
    }

    fn begin(&mut self, post: Post) {
        let name = post.destination.name().to_owned();
        let options = Arc::clone(self.engine.options());
        let over = options.house.shutdown.child_token();
        let (sender, receiver) = watch::channel(post);
        let parts = Parts {
            options,
            post: receiver,
            over: over.clone(),
            desk: self.desk.clone(),
            holding: self.holding.clone(),
            wake: self.engine.doorbell(&name),
            beats: Arc::clone(&self.engine.beats),
            since: self.since,
        };
        self.places.insert(name.clone(), Place { post: sender, over });
        self.workers.spawn(async move {
            Target::new(parts).run().await;
            name
        });
    }
}
