//! The events of a run: subjects with several events each, in an order that a receiver can check.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result};
use bus::{Headers, OutRecord, header, place};
use bytes::Bytes;
use jiff::Timestamp;
use okr::{Change, OkrEvent, Source, Subject, SubjectType};
use uuid::Uuid;

use crate::dice::Dice;

/// Destinations of kind `http`; a subject's events all go to the same one.
pub const TARGETS: usize = 40;
/// Events that are sent together. No subject is among them twice, so a block that is sent again keeps the order.
pub const BLOCK: usize = 200;

/// Subjects that have many events, and the others.
const HOT: u64 = 100;
const COLD: u64 = 3_900;
/// How many events of a block are of hot subjects.
const HOT_IN_BLOCK: usize = 50;

/// The departments and their partitions; together all of the topic.
pub const DEPARTMENTS: [(&str, std::ops::Range<i32>); 3] =
    [("sales", 0..10), ("engineering", 10..20), ("others", 20..24)];

/// One event as the test knows it.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    pub id: Uuid,
    pub subject: u32,
    /// The how manieth of its subject it is, from 0.
    pub number: u32,
}

impl Planned {
    /// The number of the destination it has to reach.
    pub fn target(&self) -> usize {
        self.subject as usize % TARGETS
    }
}

/// All events of a run, in the order in which they are sent.
#[derive(Debug)]
pub struct Events {
    pub all: Vec<Planned>,
    by_id: HashMap<Uuid, u32>,
    topic: Arc<str>,
}

impl Events {
    /// At least so many, in whole blocks.
    pub fn new(count: usize, dice: &mut Dice) -> Self {
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        let mut all = Vec::with_capacity(count + BLOCK);
        while all.len() < count {
            for subject in block(dice) {
                let number = numbers.entry(subject).or_default();
                all.push(Planned { id: id(subject, *number), subject, number: *number });
                *number += 1;
            }
        }
        let by_id = all.iter().zip(0..).map(|(event, at)| (event.id, at)).collect();
        Self { all, by_id, topic: "okr.events".into() }
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Which event has this id.
    pub fn at(&self, id: Uuid) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// The record that the gateway would have made of it, but for headers that nobody reads here.
    pub async fn record(&self, at: usize, encoder: &wire::Encoder) -> Result<OutRecord> {
        let planned = self.all.get(at).context("no such event")?;
        let event = event(planned);
        let key = okr::subject_key(&event.subject);
        let (department, partitions) = &DEPARTMENTS[planned.subject as usize % DEPARTMENTS.len()];
        let partitions: Vec<i32> = partitions.clone().collect();
        let mut headers = Headers::new();
        headers.push(header::CE_ID, event.event_id.to_string());
        headers.push(header::CE_TYPE, okr::ce_type(&event));
        headers.push(header::OKR_DEPARTMENT, (*department).to_owned());
        Ok(OutRecord {
            topic: Arc::clone(&self.topic),
            partition: place::within(key.as_bytes(), &partitions),
            key: Some(Bytes::from(key)),
            value: Some(encoder.event(&event).await?),
            headers,
        })
    }
}

/// The subjects of one block, all different.
fn block(dice: &mut Dice) -> Vec<u32> {
    let mut drawn = std::collections::HashSet::new();
    let mut subjects = Vec::with_capacity(BLOCK);
    while subjects.len() < BLOCK {
        let subject = if subjects.len() < HOT_IN_BLOCK { dice.roll(HOT) } else { HOT + dice.roll(COLD) };
        if drawn.insert(subject) {
            subjects.push(subject as u32);
        }
    }
    dice.shuffle(&mut subjects);
    subjects
}

fn id(subject: u32, number: u32) -> Uuid {
    okr::event_id("chaos", &format!("{subject}/{number}"), &format!("chaos/key_result/kr-{subject}"), 0).0
}

fn event(planned: &Planned) -> OkrEvent {
    let Planned { subject, number, .. } = *planned;
    let source = Source {
        name: "chaos".to_owned(),
        kind: "okr".to_owned(),
        delivery_id: Some(format!("{subject}/{number}")),
        sequence: Some(i64::from(number)),
    };
    let of = Subject {
        kind: SubjectType::KeyResult,
        namespace: "chaos".to_owned(),
        id: format!("kr-{subject}"),
        parent_id: None,
        title: Some(format!("Key result {subject}")),
        url: None,
    };
    let mut event = OkrEvent::new(okr::EventId(planned.id), Timestamp::now(), source, Change::CheckedIn, of);
    event.department = Some(DEPARTMENTS[subject as usize % DEPARTMENTS.len()].0.to_owned());
    event.team = Some(target_name(planned.target()));
    event.progress = Some(f64::from(number % 100) / 100.0);
    event
}

/// The name of a destination, which is also the team that its route asks for.
pub fn target_name(number: usize) -> String {
    format!("d{number:02}")
}
