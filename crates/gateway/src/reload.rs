//! Another configuration while the gateway serves: first all of it is made ready, then it is put in force.

use std::sync::Arc;

use boot::House;
use sources::Source;

use crate::{GatewayError, door::Door, entrances::Entrances};

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
    entrances: Entrances,
}

impl Handle {
    /// Makes another set of sources ready.
    ///
    /// # Errors
    /// Values that do not fit each other; the sources in force stay.
    pub fn prepare(&self, sources: Vec<Source>) -> Result<Change, GatewayError> {
        let entrances = Entrances::new(sources, &self.door.entrances().take(), &self.house)?;
        Ok(Change { door: self.door.clone(), entrances })
    }
}

impl Change {
    /// From now on, requests that begin meet the new sources; those under way end as they began.
    pub fn apply(self) {
        self.door.entrances().exchange(self.entrances);
    }
}
