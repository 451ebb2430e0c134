//! Another configuration while the gateway serves: first all of it is made ready, then it is put in force.

use std::sync::Arc;

use boot::House;
use sources::Source;

use crate::{GatewayError, TlsConfig, door::Door, entrances::Entrances, tls::Material};

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
    /// Makes another set of sources ready, and another certificate; without one it is plain HTTP.
    ///
    /// # Errors
    /// Values that do not fit each other, or a pair that cannot be used; what is in force stays.
    pub fn prepare(&self, sources: Vec<Source>, tls: Option<&TlsConfig>) -> Result<Change, GatewayError> {
        let before = self.door.entrances().take();
        self.door.memory().suffices(&sources)?;
        let entrances = Entrances::new(sources, &before, &self.house)?;
        let tls = tls.map(Material::load).transpose()?;
        Ok(Change { door: self.door.clone(), before, entrances, tls })
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
