//! The store as the memory of state services.

use std::time::Duration;

use async_trait::async_trait;
use bus::Slot;
use outbox::QueueError;
use worker::{Batch, Outgoing, Progress, ProgressError, Standing};

use crate::{State, Store};

fn refused(error: QueueError) -> ProgressError {
    match error {
        QueueError::Unavailable(why) => ProgressError::Unavailable(why),
        QueueError::Broken(why) => ProgressError::Broken(why),
    }
}

#[async_trait]
impl Progress for Store {
    type Changes = Vec<State>;

    async fn assign(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        self.note("assign", self.home.assign(service, slots).await).map_err(refused)
    }

    async fn standings(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        self.note("standings", self.home.standings(service, slots).await).map_err(refused)
    }

    async fn commit(&self, service: &str, batch: &Batch<Vec<State>>) -> Result<(), ProgressError> {
        let done = self.note("commit", self.home.commit(service, batch).await).map_err(refused)?;
        if done { Ok(()) } else { Err(ProgressError::Outdated) }
    }

    async fn restart(&self, service: &str, slot: &Slot, epoch: i64, from: i64) -> Result<(), ProgressError> {
        let done = self.note("restart", self.home.restart(service, slot, epoch, from).await);
        if done.map_err(refused)? { Ok(()) } else { Err(ProgressError::Outdated) }
    }

    async fn outgoing(
        &self,
        service: &str,
        owner: &str,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Outgoing>, ProgressError> {
        self.note("outgoing", self.home.outgoing(service, owner, lease, limit).await).map_err(refused)
    }

    async fn sent(&self, service: &str, ids: &[i64]) -> Result<(), ProgressError> {
        self.note("sent", self.home.sent(service, ids).await).map_err(refused)
    }
}
