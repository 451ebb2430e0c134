//! Reads a topic by assignment, without a group: for `tail`, and for tests.

use std::time::Duration;

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode as Code},
};
use tokio::sync::mpsc;

use crate::{
    error::{BusError, is_missing},
    incoming::Copier,
    logs::Quiet,
    record::InRecord,
    settings::{self, Settings},
    watch::serve,
};

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// At the oldest records.
    Earliest,
    /// Behind the newest ones: what is produced after `open` returned comes.
    Latest,
    /// At the first record of that time or later, in milliseconds since the epoch.
    Time(i64),
}

/// How long opening waits for each answer of the cluster.
const ASK_WAIT: Duration = Duration::from_secs(10);
const POLL_WAIT: Duration = Duration::from_millis(100);
/// Few, for one may hold 16 MiB.
const RECORDS_AHEAD: usize = 64;

/// Reads all partitions that a topic had when it was opened; order holds within a partition.
#[derive(Debug)]
pub struct Reader {
    records: mpsc::Receiver<Result<InRecord, BusError>>,
    ends: Vec<(i32, i64)>,
}

impl Reader {
    /// Opens a topic. A missing one is `MissingTopics`.
    pub async fn open(settings: &Settings, topic: &str, from: ReadFrom) -> Result<Self, BusError> {
        let (settings, topic) = (settings.clone(), topic.to_owned());
        tokio::task::spawn_blocking(move || Self::open_here(&settings, &topic, from))
            .await
            .map_err(|_| BusError::Closed)?
    }

    /// The next record of any partition; waits for one that is yet to be produced. After an error reading goes on.
    pub async fn next(&mut self) -> Result<InRecord, BusError> {
        self.records.recv().await.unwrap_or(Err(BusError::Closed))
    }

    /// Each partition with its end when the reader was opened: the offset that its next record was to get.
    pub fn ends(&self) -> &[(i32, i64)] {
        &self.ends
    }

    fn open_here(settings: &Settings, topic: &str, from: ReadFrom) -> Result<Self, BusError> {
        let mut config = settings::consumer(settings)?;
        // Assigning asks for a group's name; nothing is ever committed to it and nobody joins it.
        config.set("group.id", settings::unique("okr-router-reader"));
        let client: BaseConsumer<Quiet> =
            config.create_with_context(Quiet::of(settings)).map_err(|error| BusError::from_kafka(&error))?;
        serve(&client);
        let ends = ends(&client, topic)?;
        let list = starts(&client, topic, &ends, from).map_err(|error| BusError::from_kafka(&error))?;
        client.assign(&list).map_err(|error| BusError::from_kafka(&error))?;
        let (sender, records) = mpsc::channel(RECORDS_AHEAD);
        std::thread::Builder::new()
            .name("bus-reader".into())
            .spawn(move || run(&client, &sender))
            .map_err(|error| BusError::Settings(format!("no thread for the reader: {error}")))?;
        Ok(Self { records, ends })
    }
}

/// Polls until the reader is dropped.
fn run(client: &BaseConsumer<Quiet>, sender: &mpsc::Sender<Result<InRecord, BusError>>) {
    let mut copier = Copier::default();
    while !sender.is_closed() {
        let read = match client.poll(POLL_WAIT) {
            Some(Ok(message)) => Ok(copier.copy(&message)),
            Some(Err(KafkaError::MessageConsumption(
                Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve | Code::OperationTimedOut,
            )))
            | None => continue,
            Some(Err(error)) => Err(BusError::from_kafka(&error)),
        };
        if sender.blocking_send(read).is_err() {
            return;
        }
    }
}

fn ends(client: &BaseConsumer<Quiet>, topic: &str) -> Result<Vec<(i32, i64)>, BusError> {
    let ask = |error: KafkaError| {
        serve(client);
        BusError::from_kafka(&error).because(client.context().cause())
    };
    let metadata = client.fetch_metadata(Some(topic), ASK_WAIT).map_err(ask)?;
    let missing = || BusError::MissingTopics(vec![topic.to_owned()]);
    let known = metadata.topics().iter().find(|known| known.name() == topic).ok_or_else(missing)?;
    match known.error().map(Code::from) {
        Some(code) if is_missing(code) => return Err(missing()),
        Some(code) => return Err(BusError::from_code(Some(code), format!("{topic}: {code}"))),
        None => {}
    }
    let mut ends = Vec::with_capacity(known.partitions().len());
    for partition in known.partitions() {
        let (_, high) = client.fetch_watermarks(topic, partition.id(), ASK_WAIT).map_err(ask)?;
        ends.push((partition.id(), high));
    }
    ends.sort_unstable();
    Ok(ends)
}

fn starts(
    client: &BaseConsumer<Quiet>,
    topic: &str,
    ends: &[(i32, i64)],
    from: ReadFrom,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(ends.len());
    for (partition, end) in ends {
        let offset = match from {
            ReadFrom::Earliest => Offset::Beginning,
            ReadFrom::Latest => Offset::Offset(*end),
            ReadFrom::Time(ms) => Offset::Offset(ms.max(0)),
        };
        list.add_partition_offset(topic, *partition, offset)?;
    }
    if !matches!(from, ReadFrom::Time(_)) {
        return Ok(list);
    }
    let found = client.offsets_for_times(list, ASK_WAIT)?;
    let mut list = TopicPartitionList::with_capacity(ends.len());
    for (partition, end) in ends {
        // A time behind the newest record has no offset: then the end is the place.
        let offset = match found.find_partition(topic, *partition).map(|found| found.offset()) {
            Some(offset @ Offset::Offset(_)) => offset,
            _ => Offset::Offset(*end),
        };
        list.add_partition_offset(topic, *partition, offset)?;
    }
    Ok(list)
}
