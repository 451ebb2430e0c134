//! What a record means to the warehouse: an event to be written.

use async_trait::async_trait;
use bus::InRecord;
use jiff::Timestamp;
use wire::{Decoder, WireError};
use worker::{BatchHandler, Effects, Failure};

use crate::Entry;
use crate::sweep::{Rule, Tally};

/// Decodes; everything else is its home's work, in the transaction. It produces nothing.
#[derive(Debug, Clone)]
pub struct Intake {
    decoder: Decoder,
    notes_since: Option<Timestamp>,
}

impl Intake {
    /// Of records that this one reads.
    pub fn new(decoder: Decoder) -> Self {
        Self { decoder, notes_since: None }
    }

    /// Leaves out notes and actors of what counts as having happened before; all are kept where it is left out.
    #[must_use]
    pub fn with_notes_since(self, notes_since: Option<Timestamp>) -> Self {
        Self { notes_since, ..self }
    }
}

#[async_trait]
impl BatchHandler for Intake {
    type Item = Entry;
    type Changes = Vec<Entry>;

    async fn decode(&self, record: &InRecord) -> Result<Entry, Failure> {
        let Some(value) = &record.value else {
            return Err(Failure::reject("null_value", "the record has no value"));
        };
        let mut event = self.decoder.event(value).await.map_err(|error| undecoded(&error))?;
        if let Some(than) = self.notes_since {
            Rule::Older(than).put(&mut event, &mut Tally::default());
        }
        Entry::new(event, record).map_err(|error| Failure::reject(error.reason(), error))
    }

    async fn fold(&self, items: Vec<(&InRecord, Entry)>) -> Result<Effects<Vec<Entry>>, Failure> {
        let changes = items.into_iter().map(|(_, entry)| entry).collect();
        Ok(Effects { changes, produce: Vec::new() })
    }
}

/// A registry that is down is nobody's fault and waited for; bytes that are no event never become one.
fn undecoded(error: &WireError) -> Failure {
    match error {
        // No record can be read before a person mends the configuration.
        WireError::Address(_) => Failure::halt(error.reason(), error),
        passing if passing.is_passing() => Failure::wait(error.reason(), error),
        _ => Failure::reject(error.reason(), error),
    }
}
