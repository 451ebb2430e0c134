//! Events that are hard to keep: a tenth comes twice, at times in a better or a worse copy; a twentieth comes late; some
//! are corrected by a higher revision, with or without what else their delivery had said; subjects move from partition to
//! partition. All of it follows from a seed.

use std::collections::{BTreeMap, VecDeque};

use bus::place;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use okr::{Change, Cycle, Metric, OkrEvent, Person, Source, Status, Subject, SubjectType};

use crate::{
    feed::{Kind, Sent},
    world::PARTITIONS,
};

pub const BLOCK: usize = 100;
/// Events of which one may come again.
const RECENT: usize = 3_000;
/// How many records later an event comes that is late.
const LATE: (u64, u64) = (20, 3_000);
/// The story of all of them takes so long.
const DAYS: i64 = 45;
/// How often all subjects have moved at the end.
const MOVES: u64 = 3;
const DEPARTMENTS: [&str; 3] = ["sales", "engineering", "people"];

pub struct Story {
    dice: Rng,
    count: u64,
    number: u64,
    subjects: u64,
    late: BTreeMap<u64, Vec<OkrEvent>>,
    recent: VecDeque<OkrEvent>,
}

impl Story {
    /// It has no end; for so many events it is made: what comes again comes besides.
    pub fn new(count: u64, dice: Rng) -> Self {
        let (count, subjects) = (count.max(1), (count / 60).max(1));
        Self { dice, count, number: 0, subjects, late: BTreeMap::new(), recent: VecDeque::new() }
    }

    /// The records of the next event.
    fn tell(&mut self, out: &mut Vec<Sent>) {
        let number = self.number;
        self.number += 1;
        let event = self.event(number);
        if self.dice.u64(0..20) == 0 {
            self.late.entry(number + self.dice.u64(LATE.0..=LATE.1)).or_default().push(event);
        } else {
            self.send(event, Kind::New, out);
        }
        let later = self.late.split_off(&number);
        for event in std::mem::replace(&mut self.late, later).into_values().flatten() {
            self.send(event, Kind::New, out);
        }
        if number % 2_000 == 1_000 {
            // Where others come as well: too many in a row would halt the service, and rightly.
            let event = self.event(number);
            out.push(self.placed(event, Kind::Poison));
        }
        if self.dice.u64(0..10) == 0 {
            let again = self.again();
            out.extend(again.map(|event| self.placed(event, Kind::Repeat)));
        }
        // As a replay of a few deliveries does, so that most batches have none.
        if (number / 500) % 8 == 5 && self.dice.u64(0..20) == 0 {
            let corrected = self.corrected();
            out.extend(corrected.map(|event| self.placed(event, Kind::Repeat)));
        }
    }

    fn send(&mut self, event: OkrEvent, kind: Kind, out: &mut Vec<Sent>) {
        self.recent.push_back(event.clone());
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        out.push(self.placed(event, kind));
    }

    /// Half of the subjects move, so that who has them now meets who had them.
    fn placed(&self, event: OkrEvent, kind: Kind) -> Sent {
        let key = okr::subject_key(&event.subject);
        let home = place::partition(key.as_bytes(), PARTITIONS);
        let moves = if home % 2 == 0 { (self.number * MOVES / self.count) as i32 } else { 0 };
        Sent { event, partition: (home + moves) % PARTITIONS, kind }
    }

    /// An earlier event once more: as it was, or received at another moment and saying something else.
    fn again(&mut self) -> Option<OkrEvent> {
        let mut event = self.recent.get(self.dice.u64(0..self.recent.len().max(1) as u64) as usize)?.clone();
        let moment = match self.dice.u64(0..8) {
            0 => SignedDuration::from_secs(90),
            1 => SignedDuration::from_secs(-90),
            _ => return Some(event),
        };
        event.received_at += moment;
        event.note = Some(format!("a copy, {moment} apart"));
        Some(event)
    }

    fn corrected(&mut self) -> Option<OkrEvent> {
        let at = self.dice.u64(0..self.recent.len().max(1) as u64) as usize;
        let known = self.recent.get_mut(at)?;
        let mut event = known.clone();
        event.revision = 1_000_000 + self.number as i64;
        event.received_at += SignedDuration::from_hours(1);
        event.progress = Some(self.dice.u64(0..650) as f64 / 100.0);
        // Either is what may come again: a lower revision that comes late is refused.
        if self.dice.bool() {
            known.clone_from(&event);
        }
        Some(event)
    }

    fn event(&mut self, number: u64) -> OkrEvent {
        let subject = format!("kr-{}", self.dice.u64(0..self.subjects));
        let id = okr::event_id("story", &number.to_string(), &format!("story/key_result/{subject}"), 0);
        let step = SignedDuration::from_hours(24 * DAYS).as_millis() as u64 / self.count;
        let first = Timestamp::constant(1_764_547_200, 0); // The first of December 2025.
        let received = first + SignedDuration::from_millis((step * number) as i64);
        // Two events in ten share their delivery.
        let delivery = if number % 10 < 2 { number / 10 * 10 } else { number };
        let source = Source {
            name: "story".to_owned(),
            kind: "okr".to_owned(),
            delivery_id: Some(format!("d-{delivery}")),
            sequence: (self.dice.u64(0..3) == 0).then_some(number as i64),
        };
        let of = Subject {
            kind: SubjectType::KeyResult,
            namespace: "story".to_owned(),
            parent_id: (self.dice.u64(0..4) == 0).then(|| format!("o-{}", number % 7)),
            title: (self.dice.u64(0..3) == 0).then(|| format!("Grow {subject} to {number}")),
            url: None,
            id: subject,
        };
        let change = match self.dice.u64(0..20) {
            0 => Change::Created,
            1 => Change::Closed,
            2 => Change::Deleted,
            3 => Change::Commented,
            4 => Change::StatusChanged,
            5 => Change::Updated,
            _ => Change::CheckedIn,
        };
        let mut event = OkrEvent::new(id, received, source, change, of);
        event.occurred_at = received - SignedDuration::from_secs(self.dice.u64(0..6 * 3_600) as i64);
        self.say(&mut event);
        event
    }

    /// What an event says besides who and when; a comment says nothing.
    fn say(&mut self, event: &mut OkrEvent) {
        event.note = (self.dice.u64(0..5) == 0).then(|| "on its way".to_owned());
        if event.change == Change::Commented {
            return;
        }
        let dice = &mut self.dice;
        let mut part = |text: &str| (dice.u64(0..2) == 0).then(|| text.to_owned());
        let person = Person { id: part("p-1"), name: part("Ada"), email: part("ada@example.com") };
        event.owner = part("").map(|_| person);
        event.team = part("Nord");
        event.cycle = part("Q1").map(|name| Cycle {
            name: Some(name),
            start: Some(jiff::civil::date(2026, 1, 1)),
            end: part("").map(|_| jiff::civil::date(2026, 3, 31)),
        });
        event.department = part(DEPARTMENTS[(self.number * MOVES / self.count) as usize % DEPARTMENTS.len()]);
        event.confidence = (dice.u64(0..2) == 0).then(|| dice.u64(0..101) as f64 / 100.0);
        event.status = Status::ALL[dice.u64(0..Status::ALL.len() as u64) as usize];
        match dice.u64(0..3) {
            0 => event.progress = Some(dice.u64(0..101) as f64 / 100.0),
            1 => {
                let (start, target, now) =
                    (10.0, [5.0, 20.0][dice.u64(0..2) as usize], dice.u64(0..25) as f64);
                event.metric = Some(Metric {
                    start: Some(start),
                    target: Some(target),
                    current: Some(now),
                    unit: Some("EUR".to_owned()),
                });
                // As the gateway fills it in.
                event.progress = event.metric.as_ref().and_then(okr::progress::from_metric);
            }
            _ => {}
        }
    }
}

impl Iterator for Story {
    type Item = Vec<Sent>;

    fn next(&mut self) -> Option<Vec<Sent>> {
        let mut out = Vec::with_capacity(BLOCK * 2);
        while out.len() < BLOCK {
            self.tell(&mut out);
        }
        Some(out)
    }
}
