//! What the lookout sees with: the member from outside, and the broker's word. Tests put their own in place.

use std::time::Duration;

use async_trait::async_trait;
use bus::{Glance, Onlooker, Pulse, Reach, Slot};

/// How long the broker may take for one answer.
const WAIT: Duration = Duration::from_secs(2);

/// A member's signs of life.
pub trait Vitals: Send + Sync + 'static {
    fn look(&self) -> Glance;

    /// What the broker calls it.
    fn client_id(&self) -> &str;

    fn group(&self) -> &str;
}

/// The broker's word about a group. Bounded in time.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// What these slots hold; none when it does not answer.
    async fn reach(&self, slots: &[Slot]) -> Option<Vec<Reach>>;

    /// Whether the group has a member of this name; none when that cannot be said.
    async fn knows(&self, client_id: &str) -> Option<bool>;
}

impl Vitals for Pulse {
    fn look(&self) -> Glance {
        Pulse::look(self)
    }

    fn client_id(&self) -> &str {
        Pulse::client_id(self)
    }

    fn group(&self) -> &str {
        Pulse::group(self)
    }
}

#[async_trait]
impl Broker for Onlooker {
    async fn reach(&self, slots: &[Slot]) -> Option<Vec<Reach>> {
        Onlooker::reach(self, slots, WAIT).await.ok()
    }

    async fn knows(&self, client_id: &str) -> Option<bool> {
        // A group that no broker names may be on one that did not answer.
        let crew = self.crew(WAIT).await.ok()??;
        (!crew.is_rebalancing()).then(|| crew.clients.iter().any(|client| client == client_id))
    }
}
