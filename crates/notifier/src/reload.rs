//! Other routes, templates and destinations while the notifier runs.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use outbox::{Destination, Engine};
use tokio::sync::watch;

use crate::planner::Planner;
use crate::{NotifierConfig, Routes, observe};

/// The planner in force. A record takes it once, so it is planned by one set of routes whatever changes meanwhile.
#[derive(Clone)]
pub(crate) struct Current(Arc<RwLock<Arc<Planner>>>);

impl Current {
    pub(crate) fn new(planner: Planner) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(planner))))
    }

    /// The planner for one record.
    pub(crate) fn take(&self) -> Arc<Planner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on, records are planned by this one.
    pub(crate) fn exchange(&self, planner: Planner) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(planner);
    }
}

/// What of a notifier can be exchanged while it runs.
#[derive(Clone)]
pub struct Handle {
    pub(crate) planner: Current,
    pub(crate) engine: Engine,
    /// The names of the destinations, for whoever looks after rows that are nobody's.
    pub(crate) configured: Arc<watch::Sender<HashSet<String>>>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("configured", &*self.configured.borrow()).finish_non_exhaustive()
    }
}

impl Handle {
    /// Plans and delivers by these from now on; `routes` were compiled against the names of `destinations`.
    ///
    /// What is planned stays as it was rendered. Rows of a destination that is not among these any more wait, named in
    /// the log and measured, until it is back; one that is the same value goes on undisturbed.
    pub fn exchange(&self, routes: Routes, destinations: Vec<Arc<dyn Destination>>, config: &NotifierConfig) {
        if routes.is_empty() {
            observe::no_routes();
        }
        self.planner.exchange(Planner::new(routes, &destinations, config.age_max.0));
        self.configured.send_replace(names(&destinations));
        self.engine.exchange(destinations);
    }
}

/// What they are called.
pub(crate) fn names(destinations: &[Arc<dyn Destination>]) -> HashSet<String> {
    destinations.iter().map(|destination| destination.name().to_owned()).collect()
}
