//! Plain events that keep coming: some twice, and now and then a record that is none.

use std::{collections::VecDeque, time::Duration};

use bus::place;
use jiff::Timestamp;
use okr::{Change, OkrEvent, Source, Subject, SubjectType};

use crate::{
    feed::{Course, Kind, Sent},
    world::PARTITIONS,
};

pub const SUBJECTS: u64 = 60;
const BLOCK: u64 = 100;
const PACE: Duration = Duration::from_millis(100);
/// How far a repeat lies behind what it repeats: further than a batch.
const BEHIND: usize = 3 * BLOCK as usize;

/// Until somebody stops them.
pub fn steady() -> Course<impl Iterator<Item = Vec<Sent>> + Send + 'static> {
    let mut earlier = VecDeque::new();
    let blocks = (0u64..).map(move |block| {
        let mut all = Vec::new();
        for number in block * BLOCK..(block + 1) * BLOCK {
            let sent = sent(number);
            if sent.kind == Kind::New {
                earlier.push_back(Sent { kind: Kind::Repeat, ..sent.clone() });
            }
            all.push(sent);
            if number % 10 == 0 && earlier.len() > BEHIND {
                all.extend(earlier.pop_front());
            }
        }
        earlier.truncate(4 * BEHIND);
        all
    });
    Course { blocks, pace: PACE, least: 0 }
}

fn sent(number: u64) -> Sent {
    let event = event(number);
    let partition = place::partition(okr::subject_key(&event.subject).as_bytes(), PARTITIONS);
    let kind = if number % 997 == 500 { Kind::Poison } else { Kind::New };
    Sent { event, partition, kind }
}

fn event(number: u64) -> OkrEvent {
    let subject = format!("kr-{}", number % SUBJECTS);
    let id = okr::event_id("feed", &number.to_string(), &format!("feed/key_result/{subject}"), 0);
    let source = Source {
        name: "feed".to_owned(),
        kind: "okr".to_owned(),
        delivery_id: Some(number.to_string()),
        sequence: Some(number as i64),
    };
    let of = Subject {
        kind: SubjectType::KeyResult,
        namespace: "feed".to_owned(),
        id: subject,
        parent_id: None,
        title: Some("Grow".to_owned()),
        url: None,
    };
    let mut event = OkrEvent::new(id, Timestamp::now(), source, Change::CheckedIn, of);
    event.progress = Some((number % 100) as f64 / 100.0);
    event
}
