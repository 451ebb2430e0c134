//! The keys of issuers, fetched: at the start, every hour, and when a token has a key that nobody knows.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use boot::House;
use egress::{Client, ClientOptions, Guard, Url};
use sources::{Learned, Source};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};
use tokio_util::sync::DropGuard;

use crate::{GatewayError, observe};

/// How long keys count without being looked at again.
const REFRESH: Duration = Duration::from_secs(3600);
/// The least time between two looks, however many unknown keys are shown to us.
const LOOK_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 50 } else { 10_000 });
/// A key set is a few kilobytes.
const KEYS_BYTES_MAX: usize = 256 * 1024;

/// What one source has learned, and the wish for more.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    learned: RwLock<Learned>,
    wanted: Notify,
    /// Whether the last fetch brought any; none before the first has ended.
    fetched: watch::Sender<Option<bool>>,
}

impl Keys {
    /// What is known now.
    pub(crate) fn learned(&self) -> Learned {
        self.learned.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token has a key that is not known: perhaps there are newer ones.
    pub(crate) fn ask(&self) {
        self.wanted.notify_one();
    }

    /// Waits until a fetch has brought some.
    pub(crate) async fn come(&self) {
        let mut fetched = self.fetched.subscribe();
        // The sender is ours, so it does not end before us.
        let _ = fetched.wait_for(|fetched| *fetched == Some(true)).await;
    }

    /// From now on these count.
    pub(crate) fn learn(&self, learned: Learned) {
        *self.learned.write().unwrap_or_else(PoisonError::into_inner) = learned;
    }

    /// Whether somebody asked, which is then forgotten.
    #[cfg(test)]
    pub(crate) fn is_asked(&self) -> bool {
        use futures::FutureExt;
        self.wanted.notified().now_or_never().is_some()
    }

    /// Fetches once. What is known stays where the answer is no key set.
    async fn fetch(&self, client: &Client, url: &Url) -> Result<(), String> {
        let answer = client.get(url).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("answered {}", answer.status));
        }
        let text = std::str::from_utf8(&answer.body).map_err(|_| "did not answer with text".to_owned())?;
        self.learn(Learned::keys(text)?);
        Ok(())
    }
}

/// Keys that are looked after until this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    keys: Arc<Keys>,
    url: String,
    _until: DropGuard,
}

impl Watch {
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Where they are fetched.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Keys that nobody fetches.
    #[cfg(test)]
    pub(crate) fn of(keys: Arc<Keys>) -> Self {
        Self { keys, url: String::new(), _until: tokio_util::sync::CancellationToken::new().drop_guard() }
    }
}

/// Watches the keys of a source that has an address for them. An issuer in trouble is the trouble of its source alone,
/// which is answered 503 until there are keys: the gateway stays ready for the others.
pub(crate) fn watch(source: &Source, house: &House) -> Result<Option<Watch>, GatewayError> {
    let Some(address) = source.keys_url() else { return Ok(None) };
    let path = || format!("sources.{}.verify.jwks.url", source.name());
    let url = Url::parse(address).map_err(|_| GatewayError::config(path(), "is no URL"))?;
    let options = ClientOptions {
        guard: Guard::Operator,
        response_bytes_max: KEYS_BYTES_MAX,
        ..ClientOptions::default()
    };
    let client = Client::new(options).map_err(|error| GatewayError::config(path(), error.to_string()))?;
    let keys = Arc::new(Keys::default());
    let over = house.shutdown.child_token();
    let watch = Watch { keys: keys.clone(), url: address.to_owned(), _until: over.clone().drop_guard() };
    let name = source.name().to_owned();
    house.tasks.spawn("gateway keys", async move {
        tokio::select! {
            () = over.cancelled() => {}
            () = keep(&keys, &client, &url, &name) => {}
        }
        Ok(())
    });
    Ok(Some(watch))
}

async fn keep(keys: &Keys, client: &Client, url: &Url, name: &str) {
    loop {
        let fetched = keys.fetch(client, url).await;
        keys.fetched.send_replace(Some(fetched.is_ok()));
        observe::keys(name, if fetched.is_ok() { "fetched" } else { "failed" });
        if let Err(why) = &fetched {
            tracing::warn!(okr.source = name, error = why, "the keys of {name} were not fetched: {why}");
        }
        tokio::time::sleep(LOOK_PAUSE).await;
        if fetched.is_ok() {
            let _ = timeout(REFRESH, keys.wanted.notified()).await;
        }
    }
}

#[cfg(test)]
mod tests;
