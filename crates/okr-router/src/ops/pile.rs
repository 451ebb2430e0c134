//! All records of a topic, from the oldest to an end that is frozen when reading begins; without a group.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail};
use bus::{Admin, InRecord, ReadFrom, Reader};

/// After so long without a record the topic's ends are looked at: its last records may have been deleted meanwhile.
const SILENCE: Duration = Duration::from_secs(3);
/// So many silences in a row are one too many.
const SILENCES_MAX: u32 = 10;

/// The end of each partition of one topic: the offset behind the last record that is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends(pub BTreeMap<i32, i64>);

impl Ends {
    /// `0:17 1:4`, as it stands in an entry.
    pub fn said(&self) -> String {
        let part = |(partition, end): (&i32, &i64)| format!("{partition}:{end}");
        self.0.iter().map(part).collect::<Vec<_>>().join(" ")
    }

    /// Reads [`Ends::said`].
    pub fn parse(text: &str) -> Option<Self> {
        let part = |part: &str| {
            let (partition, end) = part.split_once(':')?;
            Some((partition.parse().ok()?, end.parse().ok()?))
        };
        text.split_whitespace().map(part).collect::<Option<_>>().map(Self)
    }

    /// Whether a record lies before its partition's end.
    pub fn cover(&self, partition: i32, offset: i64) -> bool {
        self.0.get(&partition).is_some_and(|end| offset < *end)
    }
}

/// Reads one topic once.
pub struct Pile {
    topic: String,
    admin: Admin,
    reader: Reader,
    ends: Ends,
    /// Partitions that are not read to their end.
    left: BTreeMap<i32, i64>,
}

impl Pile {
    /// Opens a topic; none when it is not there. What comes later is not read, and what lies behind `ends` neither.
    pub async fn open(settings: &bus::Settings, topic: &str, ends: Option<&Ends>) -> Result<Option<Self>> {
        let admin = Admin::new(settings)?;
        let reader = match Reader::open(settings, topic, ReadFrom::Earliest).await {
            Err(bus::BusError::MissingTopics(_)) => return Ok(None),
            opened => opened.with_context(|| format!("{topic} was not opened"))?,
        };
        let mut now = Ends(reader.ends().iter().copied().collect());
        if let Some(ends) = ends {
            now.0.retain(|partition, end| {
                *end = ends.0.get(partition).map_or(0, |frozen| *frozen.min(end));
                *end > 0
            });
        }
        let left = now.0.clone();
        let mut pile = Self { topic: topic.to_owned(), admin, reader, ends: now, left };
        pile.look().await?;
        Ok(Some(pile))
    }

    /// The ends to which it reads.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// The next record of any partition; none at the end. Order holds within a partition.
    pub async fn next(&mut self) -> Result<Option<InRecord>> {
        let mut silences = 0;
        while !self.left.is_empty() {
            let Ok(record) = tokio::time::timeout(SILENCE, self.reader.next()).await else {
                silences += 1;
                self.look().await?;
                if silences >= SILENCES_MAX {
                    bail!("{} gives no more records, though it has some", self.topic);
                }
                continue;
            };
            let record = record.with_context(|| format!("{} was not read", self.topic))?;
            let Some(end) = self.left.get(&record.slot.partition).copied() else { continue };
            if record.offset + 1 >= end {
                self.left.remove(&record.slot.partition);
            }
            if record.offset < end {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Takes out partitions that have nothing before their end.
    async fn look(&mut self) -> Result<()> {
        for marks in self.admin.watermarks(&self.topic).await? {
            if self.left.get(&marks.partition).is_some_and(|end| marks.low >= *end) {
                self.left.remove(&marks.partition);
            }
        }
        Ok(())
    }
}
