//! Another configuration while the gateway serves: first all of it is made ready, then it is put in force.

use std::{sync::Arc, time::Duration};

use boot::House;
use futures::future::join_all;
use sources::Source;
use tokio::time::timeout;

use crate::{
    GatewayError, TlsConfig,
    door::Door,
    entrances::{Entrance, Entrances},
    tls::Material,
};

/// How long an issuer may take to show its keys before its source is put in force without them.
const KEYS_TIME_MAX: Duration = Duration::from_millis(if cfg!(test) { 2_000 } else { 5_000 });

/// What of a gateway can be exchanged while it serves.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) door: Arc<Door>,
    pub(crate) house: House,
}

/// What is ready to be put in force. Dropped instead, nothing has happened.
#[derive(Debug)]
pub struct Change {
    door: Arc<Door>,
    before: Arc<Entrances>,
    entrances: Entrances,
    tls: Option<Material>,
}

impl Handle {
    /// Makes another set of sources ready, and another certificate; without one it is plain HTTP. Waits a few seconds for
    /// the keys of issuers at new addresses, so that their sources need not refuse what they took before.
    ///
    /// # Errors
    /// Values that do not fit each other, or a pair that cannot be used; what is in force stays.
    pub async fn prepare(
        &self,
        sources: Vec<Source>,
        tls: Option<&TlsConfig>,
    ) -> Result<Change, GatewayError> {
        let before = self.door.entrances().take();
        self.door.memory().suffices(&sources)?;
        let entrances = Entrances::new(sources, &before, &self.house)?;
        let tls = tls.map(Material::load).transpose()?;
        let keys = join_all(entrances.iter().map(|entrance| keys_of(entrance, &before)));
        // Who is told to stop meanwhile does not wait for them.
        self.house.shutdown.run_until_cancelled(keys).await;
        Ok(Change { door: self.door.clone(), before, entrances, tls })
    }
}

/// Waits for the keys of a source whose address for them is another one now. The keys of another address never count for
/// this one.
async fn keys_of(entrance: &Entrance, before: &Entrances) {
    let (name, url) = (entrance.source.name(), entrance.source.keys_url());
    let is_known = before.get(name).is_some_and(|before| before.source.keys_url() == url);
    let Some(keys) = entrance.keys().filter(|_| !is_known) else { return };
    if timeout(KEYS_TIME_MAX, keys.come()).await.is_err() {
        tracing::warn!(
            okr.source = name,
            "the keys of {name} were not fetched from its new `verify.jwks.url`: with this configuration its deliveries are \
             answered 503 until they are"
        );
    }
}

impl Change {
    /// From now on, requests that begin meet the new sources, and connections that begin the new certificate; those
    /// under way end as they began.
    pub fn apply(self) {
        self.entrances.tell_pauses(&self.before);
        self.door.entrances().exchange(self.entrances);
        self.door.tls().exchange(self.tls);
    }
}
