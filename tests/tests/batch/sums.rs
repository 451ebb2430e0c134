//! A service that does not forgive: it adds up what comes, so a record that counts twice, never, or in the wrong place
//! leaves another sum.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use async_trait::async_trait;
use bus::{Headers, InRecord, OutRecord, place};
use store::{State, Store};
use worker::{BatchHandler, Effects, Failure};

/// The service's name.
pub const SERVICE: &str = "batch";
/// A value that nobody can read.
pub const POISON: &str = "poison";
/// A value that can be read and not added.
pub const ODD: &str = "odd";
/// Partitions of the topic that it produces to.
pub const OUT_PARTITIONS: i32 = 4;

/// What a key has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    pub count: u64,
    /// Depends on each value and on their order.
    pub digest: u64,
}

impl Sum {
    pub fn add(&mut self, value: &str) {
        self.count += 1;
        for byte in value.bytes().chain([0]) {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn write(self) -> Vec<u8> {
        format!("{} {}", self.count, self.digest).into_bytes()
    }

    /// As it was kept; nothing was kept of a key that nobody has seen.
    pub fn read(kept: Option<Vec<u8>>) -> Result<Self> {
        let Some(kept) = kept else { return Ok(Self::default()) };
        let text = String::from_utf8(kept)?;
        let (count, digest) = text.split_once(' ').unwrap_or_default();
        Ok(Self { count: count.parse()?, digest: digest.parse()? })
    }
}

/// The key and the value, as text.
pub fn texts(record: &InRecord) -> (String, String) {
    let text = |bytes: &Option<bytes::Bytes>| {
        String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
    };
    (text(&record.key), text(&record.value))
}

pub struct Adding {
    pub store: Arc<Store>,
    /// Where each new count is told.
    pub out: String,
}

#[async_trait]
impl BatchHandler for Adding {
    type Item = (String, String);
    type Changes = Vec<State>;

    async fn decode(&self, record: &InRecord) -> Result<Self::Item, Failure> {
        match texts(record) {
            (_, value) if value == POISON => Err(Failure::reject("unreadable", "poison")),
            texts => Ok(texts),
        }
    }

    async fn fold(&self, items: Vec<(&InRecord, Self::Item)>) -> Result<Effects<Vec<State>>, Failure> {
        if items.iter().any(|(_, (_, value))| value == ODD) {
            return Err(Failure::reject("odd", "one of them cannot be added"));
        }
        let mut sums: BTreeMap<String, Sum> =
            items.iter().map(|(_, (key, _))| (key.clone(), Sum::default())).collect();
        let keys: Vec<String> = sums.keys().cloned().collect();
        let kept = self.store.state(SERVICE, &keys).await.map_err(|error| Failure::wait("store", error))?;
        for (sum, kept) in sums.values_mut().zip(kept) {
            *sum = Sum::read(kept).map_err(|error| Failure::halt("state", error))?;
        }
        let mut produce = Vec::with_capacity(items.len());
        for (_, (key, value)) in &items {
            let sum = sums.entry(key.clone()).or_default();
            sum.add(value);
            produce.push(OutRecord {
                topic: self.out.as_str().into(),
                partition: place::partition(key.as_bytes(), OUT_PARTITIONS),
                key: Some(key.clone().into()),
                value: Some(sum.count.to_string().into()),
                headers: Headers::default(),
            });
        }
        let state = |(key, sum): (String, Sum)| State { key, value: Some(sum.write()) };
        Ok(Effects { changes: sums.into_iter().map(state).collect(), produce })
    }
}
