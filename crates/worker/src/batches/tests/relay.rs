//! Relays that are cut off at any step, and two at a time, as when one was taken for dead.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Waker};

use async_trait::async_trait;
use bus::{OutRecord, Slot};
use futures::future::join_all;
use tokio::time::Instant;

use super::*;
use crate::progress::{Batch, Outgoing, Progress, ProgressError};
use crate::relay::{Outlet, pass_on};

const KEYS: u64 = 3;

/// The store's table and the topic, and chance.
struct Place {
    random: Mutex<fastrand::Rng>,
    /// Id, key, number within its key.
    waiting: Mutex<Vec<(i64, u64, u64)>>,
    topic: Mutex<Vec<(u64, u64)>>,
    written: Mutex<HashMap<u64, u64>>,
}

impl Place {
    fn chance(&self, of: u32) -> bool {
        self.random.lock().unwrap().u32(0..of) == 0
    }

    async fn some_time(&self) {
        while self.chance(2) {
            tokio::task::yield_now().await;
        }
    }

    fn write(&self) {
        let key = self.random.lock().unwrap().u64(0..KEYS);
        let mut written = self.written.lock().unwrap();
        let number = written.entry(key).or_default();
        *number += 1;
        let mut waiting = self.waiting.lock().unwrap();
        let id = i64::try_from(written.values().sum::<u64>()).unwrap();
        waiting.push((id, key, written[&key]));
    }

    /// What a relay takes.
    fn outgoing(&self) -> Vec<Outgoing> {
        let record = |key: u64, number: u64| OutRecord {
            topic: "okr.alerts".into(),
            partition: 0,
            key: Some(Bytes::from(key.to_string())),
            value: Some(Bytes::from(number.to_string())),
            headers: Headers::default(),
        };
        let waiting = self.waiting.lock().unwrap();
        waiting
            .iter()
            .take(8)
            .map(|(id, key, number)| Outgoing { id: *id, record: record(*key, *number) })
            .collect()
    }

    /// That each key's numbers are all there, the first of each in order.
    fn judge(&self) -> Result<(), String> {
        let mut seen: HashMap<u64, u64> = HashMap::new();
        for (key, number) in self.topic.lock().unwrap().iter() {
            let newest = seen.entry(*key).or_default();
            if *number > *newest + 1 {
                return Err(format!("{number} of {key} came after {newest}"));
            }
            *newest = (*newest).max(*number);
        }
        let written = self.written.lock().unwrap();
        if seen == *written { Ok(()) } else { Err(format!("{seen:?} instead of {written:?}")) }
    }
}

fn number(bytes: Option<&Bytes>) -> u64 {
    std::str::from_utf8(bytes.unwrap()).unwrap().parse().unwrap()
}

#[async_trait]
impl Outlet for Place {
    async fn send(&self, record: OutRecord) -> Result<(), String> {
        self.some_time().await;
        let is_lost = self.chance(8);
        if !is_lost {
            let (key, number) = (number(record.key.as_ref()), number(record.value.as_ref()));
            self.topic.lock().unwrap().push((key, number));
        }
        self.some_time().await;
        if is_lost || self.chance(8) { Err("no acknowledgement".to_owned()) } else { Ok(()) }
    }
}

#[async_trait]
impl Progress for Place {
    type Changes = ();

    async fn assign(&self, _: &str, _: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        Ok(Vec::new())
    }

    async fn standings(&self, _: &str, _: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        Ok(Vec::new())
    }

    async fn commit(&self, _: &str, _: &Batch<()>) -> Result<(), ProgressError> {
        Ok(())
    }

    async fn restart(&self, _: &str, _: &Slot, _: i64, _: i64) -> Result<(), ProgressError> {
        Ok(())
    }

    async fn sent(&self, _: &str, ids: &[i64]) -> Result<(), ProgressError> {
        self.some_time().await;
        if self.chance(8) {
            return Err(ProgressError::Unavailable("down".to_owned()));
        }
        self.waiting.lock().unwrap().retain(|(id, _, _)| !ids.contains(id));
        Ok(())
    }
}

/// A relay that sends everything at once, as a deliberate bug.
async fn all_at_once(place: &Place, waiting: Vec<Outgoing>) {
    let sends = waiting.into_iter().map(async |Outgoing { id, record }| {
        if place.send(record).await.is_ok() {
            let _ = place.sent("alerts", &[id]).await;
        }
    });
    join_all(sends).await;
}

type Flight<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

fn begin(place: &Place, is_hasty: bool) -> Flight<'_> {
    let waiting = place.outgoing();
    Box::pin(async move {
        if is_hasty {
            return all_at_once(place, waiting).await;
        }
        let until = Instant::now() + SECOND * 60;
        pass_on("alerts", place, place, (waiting, until)).await;
    })
}

fn run(seed: u64, is_hasty: bool) -> Result<(), String> {
    let random = fastrand::Rng::with_seed(seed);
    let place = Place {
        random: Mutex::new(random.clone()),
        waiting: Mutex::default(),
        topic: Mutex::default(),
        written: Mutex::default(),
    };
    let mut random = random;
    let mut flights: [Option<Flight<'_>>; 2] = [None, None];
    let mut step = |place: &'_ _, flights: &mut [Option<Flight<'_>>; 2], calm: bool| {
        let _: &Place = place;
        let which = random.usize(0..2);
        match random.u32(0..20) {
            0..4 if !calm => place.write(),
            4 if !calm => flights[which] = None, // The process dies.
            _ => {
                let Some(flight) = &mut flights[which] else { return Some(which) };
                if flight.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    flights[which] = None;
                }
            }
        }
        None
    };
    for round in 0..4_000 {
        let calm = round > 400;
        if let Some(idle) = step(&place, &mut flights, calm) {
            flights[idle] = Some(begin(&place, is_hasty));
        }
        if calm && place.waiting.lock().unwrap().is_empty() {
            break;
        }
    }
    place.judge()
}

#[tokio::test]
async fn a_relay_that_dies_or_is_one_of_two_repeats_but_skips_and_swaps_nothing() {
    for seed in 0..500 {
        assert_eq!(run(seed, false), Ok(()), "seed {seed}");
    }
}

#[tokio::test]
async fn a_relay_that_does_not_wait_is_caught() {
    assert!((0..500).any(|seed| run(seed, true).is_err()));
}
