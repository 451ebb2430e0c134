//! What the lookout sees, as a test says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bus::{Glance, Reach, Slot, Stand};

use super::fakes::slot;
use crate::lookout::{Broker, Vitals};

/// A member and a broker; at first it holds nothing and all is well.
#[derive(Clone, Default)]
pub struct FakeEyes {
    turns: Arc<AtomicU64>,
    pub scene: Arc<Mutex<Scene>>,
}

#[derive(Default)]
pub struct Scene {
    /// The consumer's thread stands still.
    pub is_frozen: bool,
    pub is_unknown: bool,
    pub is_broker_down: bool,
    pub stands: Vec<Stand>,
    pub reach: Vec<Reach>,
}

impl FakeEyes {
    /// The member holds slot 0, has got everything before `came`, and the slot ends at `end`.
    pub fn place(&self, came: i64, end: i64) {
        let mut scene = self.scene.lock().unwrap();
        let (came, slot) = (Some(came), slot(0));
        let stand =
            Stand { slot: slot.clone(), came, fetched: came, queued: 0, committed: came, is_confirmed: true };
        (scene.stands, scene.reach) = (vec![stand], vec![Reach { slot, low: 0, end }]);
    }
}

impl Vitals for FakeEyes {
    fn look(&self) -> Glance {
        let scene = self.scene.lock().unwrap();
        if !scene.is_frozen {
            self.turns.fetch_add(1, Ordering::SeqCst);
        }
        let turns = self.turns.load(Ordering::SeqCst);
        Glance { turns, is_held: false, stands: scene.stands.clone() }
    }

    fn client_id(&self) -> &str {
        "notifier-1"
    }

    fn group(&self) -> &str {
        "okr.notifier"
    }
}

#[async_trait]
impl Broker for FakeEyes {
    async fn reach(&self, slots: &[Slot]) -> Option<Vec<Reach>> {
        let scene = self.scene.lock().unwrap();
        let reach = scene.reach.iter().filter(|reach| slots.contains(&reach.slot)).cloned();
        (!scene.is_broker_down).then(|| reach.collect())
    }

    async fn knows(&self, _: &str) -> Option<bool> {
        let scene = self.scene.lock().unwrap();
        (!scene.is_broker_down).then_some(!scene.is_unknown)
    }
}
