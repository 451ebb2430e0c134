//! The engine: a worker per target, a clerk for the store, a holder of leases.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use crate::clerk::{Clerk, Desk};
use crate::holder::{Holding, renew};
use crate::rate::Pacer;
use crate::target::{Parts, Target};
use crate::vigil::Beats;
use crate::{
    DeadLetters, Destination, OutboxConfig, Parcel, Planned, Queue, QueueError, bury, traces, upkeep,
};

/// How long a stopping engine waits for the store to write the last marks.
const LAST_MARKS: Duration = Duration::from_secs(5);

/// What an engine is made of.
pub struct EngineOptions {
    /// The delivering service: `notifier`. Names its rows, its dead letters and its health check `notifier.outbox`.
    pub service: &'static str,
    /// Unique to this process and start: leases are its.
    pub owner: String,
    pub queue: Arc<dyn Queue>,
    pub destinations: Vec<Arc<dyn Destination>>,
    pub dead: Arc<dyn DeadLetters>,
    pub config: OutboxConfig,
    pub house: boot::House,
}

impl fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let destinations: Vec<&str> =
            self.destinations.iter().map(|destination| destination.name()).collect();
        let mut options = f.debug_struct("EngineOptions");
        options.field("service", &self.service).field("destinations", &destinations).finish_non_exhaustive()
    }
}

/// Why deliveries cannot go on in this process.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A part of the engine panicked.
    #[error("{0} of the outbox ended by itself")]
    Ended(&'static str, #[source] Option<JoinError>),
}

/// Delivers what is planned. Cheap to clone; all clones are one engine.
#[derive(Debug, Clone)]
pub struct Engine {
    options: Arc<EngineOptions>,
    wakes: Arc<HashMap<String, Arc<Notify>>>,
    full: Arc<Mutex<HashSet<String>>>,
    pub(crate) beats: Arc<Beats>,
}

impl Engine {
    /// Builds it; nothing runs before [`Engine::run`].
    pub fn new(options: EngineOptions) -> Self {
        let names = options.destinations.iter().map(|destination| destination.name().to_owned());
        let wakes: HashMap<_, _> = names.map(|name| (name, Arc::new(Notify::new()))).collect();
        let beats = Arc::new(Beats::new(wakes.keys().cloned()));
        Self { options: Arc::new(options), wakes: Arc::new(wakes), full: Arc::default(), beats }
    }

    /// Makes rows of parcels and wakes their targets. On return each parcel is a durable row, was one before, or is
    /// an acknowledged dead letter (reason `target_full`) because its target has `rows_max` unfinished rows: a dead
    /// target must hold back neither the others nor the consumer.
    ///
    /// After an error all parcels are to be planned again. Rows come first, so that letters are not sent again and
    /// again while the store is down; an effect that is known, or whose letter was, gets no letter. Only between a
    /// letter's acknowledgement and the claim of its effect a crash leaves a letter whose effect is planned once more.
    pub async fn plan(&self, mut parcels: Vec<Parcel>) -> Result<Planned, QueueError> {
        traces::note(&mut parcels);
        let full = self.lock_full().clone();
        let is_full = |parcel: &Parcel| full.contains(&parcel.effect.target);
        let (refused, parcels): (Vec<_>, Vec<_>) = parcels.into_iter().partition(is_full);
        let targets: HashSet<String> = parcels.iter().map(|parcel| parcel.effect.target.clone()).collect();
        let mut planned = Planned::default();
        if !parcels.is_empty() {
            planned = self.options.queue.plan(parcels).await?;
            crate::observe::planned(self.options.service, planned);
        }
        if planned.new > 0 {
            targets.iter().for_each(|target| self.wake(target));
        }
        if !refused.is_empty() {
            let known = Planned { new: 0, known: bury::overflow(&self.options, &refused).await? };
            crate::observe::planned(self.options.service, known);
            planned.known += known.known;
        }
        Ok(planned)
    }

    /// Says that rows for `target` may be due. Unknown targets are ignored.
    pub fn wake(&self, target: &str) {
        if let Some(wake) = self.wakes.get(target) {
            wake.notify_one();
        }
    }

    /// Delivers until the house shuts down; then begins nothing more, lets what is under way end within
    /// `drain_grace`, marks it and gives its leases back. What is still under way then is tried again by whoever
    /// holds the target next.
    pub async fn run(&self) -> Result<(), EngineError> {
        let options = &self.options;
        let (hold, holding) = watch::channel(Holding::none());
        let (desk, slips) = Desk::open();
        let mut clerk = JoinSet::new();
        clerk.spawn(Clerk::new(Arc::clone(options), Arc::clone(&self.beats)).serve(slips));
        let mut targets = self.targets(&desk, &holding);
        let names: Vec<String> = self.wakes.keys().cloned().collect();
        let asides = async {
            tokio::join!(
                renew(options, &names, &hold),
                upkeep::poll(self, &names, holding.clone()),
                upkeep::measure(self, &names),
                upkeep::prune(options)
            );
        };
        tokio::pin!(asides);
        let ended = loop {
            tokio::select! {
                biased;
                Some(ended) = targets.join_next() => {
                    if let Some(error) = self.untimely("a target's worker", ended) {
                        break Err(error);
                    }
                    if targets.is_empty() {
                        break Ok(());
                    }
                }
                Some(ended) = clerk.join_next() => {
                    if let Some(error) = self.untimely("the clerk", ended) {
                        break Err(error);
                    }
                }
                () = &mut asides => {
                    // Shut down: only the targets are waited for. With none there is nothing to wait for.
                    break self.finish(&mut targets).await;
                }
            }
        };
        // When nobody is at the desk any more, the clerk ends with the last mark.
        drop((targets, desk));
        if timeout(LAST_MARKS, clerk.join_next()).await.is_err() {
            tracing::warn!(
                service = options.service,
                "the last deliveries were not marked: the store did not answer"
            );
        }
        let released = timeout(LAST_MARKS, options.queue.release(options.service, &options.owner)).await;
        if !matches!(released, Ok(Ok(()))) {
            tracing::warn!(
                service = options.service,
                "target leases were not given back and run out by themselves"
            );
        }
        ended
    }

    /// Waits for targets that have been asked to stop.
    async fn finish(&self, targets: &mut JoinSet<()>) -> Result<(), EngineError> {
        while let Some(ended) = targets.join_next().await {
            if let Some(error) = self.untimely("a target's worker", ended) {
                return Err(error);
            }
        }
        Ok(())
    }

    fn targets(&self, desk: &Desk, holding: &watch::Receiver<Holding>) -> JoinSet<()> {
        let since = Instant::now();
        let mut pacers: HashMap<String, Arc<Mutex<Pacer>>> = HashMap::new();
        let mut targets = JoinSet::new();
        for destination in &self.options.destinations {
            let new_pacer = || Arc::new(Mutex::new(Pacer::new(destination.rate().interval())));
            let pacer = Arc::clone(pacers.entry(destination.rate_key()).or_insert_with(new_pacer));
            // Every destination has one: both are made of the same list.
            let Some(wake) = self.wakes.get(destination.name()).map(Arc::clone) else { continue };
            let parts = Parts {
                options: Arc::clone(&self.options),
                destination: Arc::clone(destination),
                desk: desk.clone(),
                holding: holding.clone(),
                wake,
                beats: Arc::clone(&self.beats),
                pacer,
                since,
            };
            targets.spawn(Target::new(parts).run());
        }
        targets
    }

    /// An end that nobody asked for.
    fn untimely(&self, part: &'static str, ended: Result<(), JoinError>) -> Option<EngineError> {
        match ended {
            Ok(()) if self.options.house.shutdown.is_cancelled() => None,
            Ok(()) => Some(EngineError::Ended(part, None)),
            Err(error) => Some(EngineError::Ended(part, Some(error))),
        }
    }

    pub(crate) fn options(&self) -> &Arc<EngineOptions> {
        &self.options
    }

    pub(crate) fn lock_full(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
