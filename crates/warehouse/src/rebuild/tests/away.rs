//! A home that is away for longer than a rebuild waits.

use std::sync::Arc;

use async_trait::async_trait;
use bus::Slot;
use uuid::Uuid;
use worker::{Batch, Progress, ProgressError, Standing};

use super::super::RebuildError;
use super::super::fill::Fill;
use super::log::Log;
use crate::tests::history::at;
use crate::{Entry, Erasure, Erasures, Rule, Swept, Target, Turn};

/// Gives slots out, and takes nothing in.
#[derive(Debug)]
struct Away;

fn away() -> ProgressError {
    ProgressError::Unavailable("away".to_owned())
}

#[async_trait]
impl Progress for Away {
    type Changes = Vec<Entry>;

    async fn assign(&self, _: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        let standing = |slot: &Slot| Standing { slot: slot.clone(), epoch: 1, next: 0, last: None };
        Ok(slots.iter().map(standing).collect())
    }

    async fn standings(&self, _: &str, _: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        Err(away())
    }

    async fn commit(&self, _: &str, _: &Batch<Vec<Entry>>) -> Result<(), ProgressError> {
        Err(away())
    }

    async fn restart(&self, _: &str, _: &Slot, _: i64, _: i64) -> Result<(), ProgressError> {
        Err(away())
    }
}

#[async_trait]
impl Target for Away {
    fn name(&self) -> &'static str {
        "away"
    }

    async fn ping(&self) -> Result<(), ProgressError> {
        Err(away())
    }

    async fn offsets(&self) -> Result<Vec<Standing>, ProgressError> {
        Err(away())
    }

    async fn erasures(&self) -> Result<Erasures, ProgressError> {
        Err(away())
    }

    async fn forget(&self, _: &[Erasure], _: &str) -> Result<(), ProgressError> {
        Err(away())
    }

    async fn sweep(&self, _: Option<Uuid>, _: &Rule, _: bool) -> Result<Swept, ProgressError> {
        Err(away())
    }

    async fn turn(&self) -> Result<Option<Turn>, ProgressError> {
        Err(away())
    }
}

/// The exchange is tried again after what passes, and the batch would be missing then.
#[tokio::test(start_paused = true)]
async fn a_batch_that_was_not_written_ends_the_rebuild() {
    let log = Log::of(&[(0, at("kr", 1, 0, 0.1))]);
    let mut fill = Fill::begin(Arc::new(Away), log.parts(), &[(0, 0, 1)], &[]).await.unwrap();
    assert!(fill.round().await.unwrap(), "a record was read");
    let error = fill.round().await.unwrap_err();
    assert!(matches!(error, RebuildError::Home(ProgressError::Broken(_))), "{error}");
}
