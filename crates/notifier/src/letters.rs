//! Dead letters of records and of deliveries: one topic, one producer.

use async_trait::async_trait;
use bus::OutRecord;
use worker::DeadLetters;

use crate::planner::SERVICE;

/// Buries what the worker and the engine give up.
#[derive(Debug, Clone)]
pub(crate) struct Letters(pub(crate) worker::Letters);

impl Letters {
    pub(crate) fn new(producer: bus::Producer) -> Self {
        Self(worker::Letters::new(SERVICE, producer))
    }
}

#[async_trait]
impl outbox::DeadLetters for Letters {
    fn partitions(&self) -> i32 {
        self.0.partitions()
    }

    async fn bury(&self, letter: OutRecord) -> Result<(), String> {
        self.0.bury(letter).await
    }
}
