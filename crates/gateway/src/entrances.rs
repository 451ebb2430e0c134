//! What stands behind `/in/{source}`: an entrance per source, and all of them as one set that is exchanged whole.
//!
//! A request takes the set once and keeps it to its end, so that it never meets two configurations. What an entrance has
//! gathered (the tokens of its bucket, its issuer's keys) goes on in its successor where the config still says the same.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use boot::House;
use metrics::Counter;
use sources::Source;
use tokio::time::Instant;

use crate::{
    GatewayError,
    bucket::Bucket,
    keys::{self, Keys, Watch},
    observe,
    pulse::Pulse,
};

/// A source, and what is kept for it from one delivery to the next.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub source: Source,
    /// Where the source's keys are fetched. The watch ends with the last entrance that has it.
    keys: Option<Arc<Watch>>,
    bucket: Option<Arc<Bucket>>,
    pulse: Arc<Pulse>,
    accepted: Counter,
}

impl Entrance {
    /// Where the source's keys are fetched.
    pub(crate) fn keys(&self) -> Option<&Keys> {
        self.keys.as_deref().map(Watch::keys)
    }

    /// What bounds the source's deliveries.
    pub(crate) fn bucket(&self) -> Option<&Bucket> {
        self.bucket.as_deref()
    }

    /// When it was last heard.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Its requests that were answered 202.
    pub(crate) fn accepted(&self) -> &Counter {
        &self.accepted
    }

    fn new(source: Source, before: Option<&Self>, house: &House) -> Result<Self, GatewayError> {
        let kept = before.and_then(|before| before.keys.clone());
        let keys = match kept.filter(|watch| source.keys_url() == Some(watch.url())) {
            Some(kept) => Some(kept),
            None => keys::watch(&source, house)?.map(Arc::new),
        };
        let bucket = match before.filter(|before| before.source.rate_limit() == source.rate_limit()) {
            Some(before) => before.bucket.clone(),
            None => {
                let rate = source.rate_limit();
                rate.and_then(|rate| Bucket::new(rate, Instant::now())).map(Arc::new)
            }
        };
        let pulse = before.map_or_else(|| Arc::new(Pulse::new()), |before| before.pulse.clone());
        let accepted = observe::accepted(source.name());
        Ok(Self { source, keys, bucket, pulse, accepted })
    }
}

/// The entrances of one configuration.
#[derive(Debug, Default)]
pub(crate) struct Entrances(HashMap<String, Entrance>);

impl Entrances {
    /// The set of these sources, which goes on with what `before` has gathered.
    pub(crate) fn new(sources: Vec<Source>, before: &Self, house: &House) -> Result<Self, GatewayError> {
        let mut set = HashMap::with_capacity(sources.len());
        for source in sources {
            let name = source.name().to_owned();
            let entrance = Entrance::new(source, before.get(&name), house)?;
            if set.insert(name.clone(), entrance).is_some() {
                return Err(GatewayError::config(format!("sources.{name}"), "stands there twice"));
            }
        }
        Ok(Self(set))
    }

    /// The entrance of a source.
    pub(crate) fn get(&self, name: &str) -> Option<&Entrance> {
        self.0.get(name)
    }

    /// Says of each source whether it is paused, and of those of `before` that are no more, that they are not.
    pub(crate) fn tell_pauses(&self, before: &Self) {
        for name in before.0.keys().filter(|name| !self.0.contains_key(*name)) {
            observe::paused(name, false);
        }
        for (name, entrance) in &self.0 {
            let is_paused = entrance.source.is_paused();
            let was_paused = before.get(name).is_some_and(|before| before.source.is_paused());
            observe::paused(name, is_paused);
            if is_paused && !was_paused {
                tracing::warn!(
                    okr.source = name,
                    "{name} is paused: its deliveries are answered 503, and nothing is kept"
                );
            }
            if was_paused && !is_paused {
                tracing::info!(okr.source = name, "{name} is paused no more");
            }
        }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entrance> {
        self.0.values()
    }

    #[cfg(test)]
    pub(crate) fn with_keys(mut self, name: &str, keys: Arc<Keys>) -> Self {
        if let Some(entrance) = self.0.get_mut(name) {
            entrance.keys = Some(Arc::new(Watch::of(keys)));
        }
        self
    }
}

/// The set that is in force.
#[derive(Debug)]
pub(crate) struct Current(RwLock<Arc<Entrances>>);

impl Current {
    pub(crate) fn new(entrances: Entrances) -> Self {
        Self(RwLock::new(Arc::new(entrances)))
    }

    /// The set for one request, from its beginning to its end.
    pub(crate) fn take(&self) -> Arc<Entrances> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on, requests that begin meet this set.
    pub(crate) fn exchange(&self, entrances: Entrances) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(entrances);
    }
}

#[cfg(test)]
mod tests;
