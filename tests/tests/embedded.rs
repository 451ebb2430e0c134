//! What `okr-router dev` leans on: the embedded broker is prompt, quiet, takes large records and forgets nothing.
#![cfg(feature = "embedded")]

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bus::{
    Admin, Consumer, Gate, OutRecord, Producer, ReadFrom, Reader, Retention, SendError, Settings, Signal,
    WantedTopic,
};
use devstack::{Options, PartError};
use okr_tests::{Embedded, Folder, Process, Recipe, broker_answers, free_port, until};

const TOPIC: &str = "embedded";
const SECOND: Duration = Duration::from_secs(1);
const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_record_is_read_within_a_tenth_of_a_second() -> Result<()> {
    let pair = Embedded::start().await?;
    let settings = settings(&pair.broker());
    create(&settings, 3).await?;
    let producer = Producer::new(&settings, 10 * SECOND)?;
    producer.warm(&[TOPIC]).await?;
    let mut reader = Reader::open(&settings, TOPIC, ReadFrom::Earliest).await?;
    let mut waits = Vec::new();
    for number in 0..15u8 {
        let begin = Instant::now();
        producer.send(record(number.into(), vec![number])).await?;
        let read = reader.next().await?;
        assert_eq!(read.value.context("a value")?, vec![number]);
        waits.push(begin.elapsed());
        // The next record finds the fetch in the middle of its wait, wherever that is.
        tokio::time::sleep(Duration::from_millis(37 * u64::from(number % 7))).await;
    }
    waits.sort();
    assert!(waits[waits.len() / 2] < SECOND / 10, "{waits:?}");
    Ok(())
}

#[tokio::test]
async fn large_records_come_back_whole() -> Result<()> {
    let pair = Embedded::start().await?;
    let settings = settings(&pair.broker());
    create(&settings, 1).await?;
    let producer = Producer::new(&settings, 30 * SECOND)?;
    let mut reader = Reader::open(&settings, TOPIC, ReadFrom::Earliest).await?;
    for bytes in [MIB * 3 / 2, 4 * MIB, 12 * MIB] {
        producer.send(record(0, vec![7; bytes])).await?;
        let read = reader.next().await?.value.context("a value")?;
        assert_eq!((read.len(), read.iter().all(|byte| *byte == 7)), (bytes, true));
    }
    Ok(())
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() -> Result<()> {
    let folder = Folder::new("killed")?;
    let address = format!("127.0.0.1:{}", free_port());
    let broker = serve(&folder, &address).await?;
    let settings = settings(&address);
    create(&settings, 3).await?;
    let producer = Producer::new(&settings, 30 * SECOND)?;
    let mut kept = BTreeSet::new();
    let mut broker = Some(broker);
    for round in 0..40u32 {
        let numbers = round * 25..(round + 1) * 25;
        let sent: Vec<_> = numbers
            .map(|number| (number, producer.enqueue(record(number, number.to_be_bytes().to_vec()))))
            .collect();
        if round == 20 {
            drop(broker.take()); // SIGKILL, with records on their way.
            broker = Some(serve(&folder, &address).await?);
        }
        for (number, delivery) in sent {
            match delivery?.await {
                Ok(_) => kept.insert(number),
                // Written before the kill and repeated after it: known there, but not where. Nothing was promised.
                Err(SendError::Unacknowledged(_)) if round == 20 => false,
                Err(error) => return Err(error.into()),
            };
        }
    }
    let mut reader = Reader::open(&settings, TOPIC, ReadFrom::Earliest).await?;
    let mut found = BTreeSet::new();
    while !kept.is_subset(&found) {
        let read = tokio::time::timeout(20 * SECOND, reader.next()).await.context("records are lost")??;
        let number = u32::from_be_bytes(read.value.context("a value")?.as_ref().try_into()?);
        assert!(found.insert(number), "{number} is there twice");
    }
    drop(broker);
    Ok(())
}

#[tokio::test]
async fn an_idle_group_member_costs_next_to_nothing() -> Result<()> {
    let folder = Folder::new("idle")?;
    let address = format!("127.0.0.1:{}", free_port());
    let broker = serve(&folder, &address).await?;
    let settings = settings(&address);
    create(&settings, 3).await?;
    let mut consumer = Consumer::join(&settings, "idle", &[TOPIC], Arc::new(Open), SECOND)?;
    while !matches!(consumer.next().await, Some(Signal::Assigned(_))) {}
    tokio::time::sleep(SECOND).await; // Joining is work; what follows is the measurement itself.
    let before = broker.cpu()?;
    tokio::time::sleep(5 * SECOND).await;
    let used = broker.cpu()? - before;
    consumer.close(Vec::new()).await;
    assert!(used < SECOND / 2, "the broker used {used:?} in five seconds");
    Ok(())
}

#[tokio::test]
async fn a_group_goes_on_where_it_committed_after_a_restart() -> Result<()> {
    let mut pair = Embedded::start().await?;
    let settings = settings(&pair.broker());
    create(&settings, 1).await?;
    let producer = Producer::new(&settings, 10 * SECOND)?;
    for number in 0..5 {
        producer.send(record(0, vec![number])).await?;
    }
    let mut consumer = Consumer::join(&settings, "committing", &[TOPIC], Arc::new(Open), SECOND)?;
    let third = next_record(&mut consumer, 2).await?;
    consumer.close(vec![(third.slot, third.offset + 1)]).await;
    pair.restart_broker().await?;
    let mut consumer = Consumer::join(&settings, "committing", &[TOPIC], Arc::new(Open), SECOND)?;
    assert_eq!(next_record(&mut consumer, 0).await?.offset, 3);
    consumer.close(Vec::new()).await;
    Ok(())
}

#[tokio::test]
async fn a_new_member_waits_for_all_its_partitions_at_once() -> Result<()> {
    // Where its first fetches lie cannot be seen from here: they begin a tenth of a second after the assignment.
    for delay in [90, 140, 220] {
        let pair = Embedded::start().await?;
        let settings = Settings { fetch_wait: 5 * SECOND, ..settings(&pair.broker()) };
        create(&settings, 3).await?;
        let producer = Producer::new(&settings, 10 * SECOND)?;
        producer.warm(&[TOPIC]).await?;
        let mut consumer = Consumer::join(&settings, "new", &[TOPIC], Arc::new(Open), SECOND)?;
        while !matches!(consumer.next().await, Some(Signal::Assigned(_))) {}
        tokio::time::sleep(Duration::from_millis(delay)).await;
        let begin = Instant::now();
        for number in 0..3 {
            producer.send(record(number, vec![0])).await?;
            next_record(&mut consumer, 0).await?;
        }
        let took = begin.elapsed();
        consumer.close(Vec::new()).await;
        assert!(took < SECOND, "a fetch of one empty partition held up the others for {took:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_member_that_was_killed_with_the_broker_holds_up_no_other() -> Result<()> {
    let folder = Folder::new("members")?;
    let address = format!("127.0.0.1:{}", free_port());
    let broker = serve(&folder, &address).await?;
    let settings = settings(&address);
    create(&settings, 1).await?;
    let mut consumer = Consumer::join(&settings, "killed", &[TOPIC], Arc::new(Open), SECOND)?;
    while !matches!(consumer.next().await, Some(Signal::Assigned(_))) {}
    drop(broker);
    consumer.close(Vec::new()).await; // Nobody hears that it leaves.
    let broker = serve(&folder, &address).await?;
    let begin = Instant::now();
    let mut consumer = Consumer::join(&settings, "killed", &[TOPIC], Arc::new(Open), SECOND)?;
    while !matches!(consumer.next().await, Some(Signal::Assigned(_))) {}
    let took = begin.elapsed();
    consumer.close(Vec::new()).await;
    drop(broker);
    assert!(took < 2 * SECOND, "it waited {took:?} for a member that is gone");
    Ok(())
}

#[tokio::test]
async fn a_taken_address_and_a_held_file_are_named() -> Result<()> {
    let folder = Folder::new("taken")?;
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let options = |listen, key| Options { listen, file: folder.join("state"), key };
    for (key, part) in [
        ("kafka.brokers", devstack::broker(options(taken.local_addr()?, "kafka.brokers")).await),
        ("registry.url", devstack::registry(options(taken.local_addr()?, "registry.url")).await),
    ] {
        let words = part.err().context("the address is taken")?.to_string();
        assert!(words.contains(&taken.local_addr()?.to_string()) && words.contains(key), "{words}");
    }
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let first = devstack::broker(options(any, "kafka.brokers")).await?;
    let second = devstack::broker(options(any, "kafka.brokers")).await;
    assert!(matches!(second, Err(PartError::Held { .. })), "{second:?}");
    first.stop().await;
    devstack::broker(options(any, "kafka.brokers")).await?.stop().await;
    Ok(())
}

/// Not a test: the process that the others kill. Started as one of this executable's tests, it serves until its end.
#[tokio::test]
async fn serves_until_killed() -> Result<()> {
    let (Some(listen), Some(file)) = (std::env::var_os("SERVE_LISTEN"), std::env::var_os("SERVE_FILE"))
    else {
        return Ok(());
    };
    let listen = listen.to_str().context("an address")?.parse()?;
    let part = devstack::broker(Options { listen, file: file.into(), key: "kafka.brokers" }).await?;
    bail!(part.ended().await)
}

async fn serve(folder: &Folder, address: &str) -> Result<Process> {
    let file = folder.join("broker.db").display().to_string();
    let recipe = Recipe {
        program: std::env::current_exe()?,
        args: ["--exact", "serves_until_killed"].map(String::from).to_vec(),
        env: vec![("SERVE_LISTEN".into(), address.into()), ("SERVE_FILE".into(), file)],
    };
    let process = Process::start("broker", &recipe, folder)?;
    until("the embedded broker", 20 * SECOND, async || broker_answers(address).await.then_some(())).await?;
    assert!(Path::new(&folder.join("broker.db")).exists());
    Ok(process)
}

async fn next_record(consumer: &mut Consumer, skipped: usize) -> Result<bus::InRecord> {
    let mut left = skipped;
    loop {
        match tokio::time::timeout(20 * SECOND, consumer.next()).await? {
            Some(Signal::Record(_)) if left > 0 => left -= 1,
            Some(Signal::Record(record)) => return Ok(record),
            Some(_) => {}
            None => bail!("the consumer ended"),
        }
    }
}

fn settings(broker: &str) -> Settings {
    Settings::new(vec![broker.into()], "okr-tests")
}

async fn create(settings: &Settings, partitions: i32) -> Result<()> {
    let wanted = WantedTopic {
        name: TOPIC.into(),
        partitions,
        replication: 1,
        min_isr: 1,
        retention: Retention::Time(24 * 3600 * SECOND),
        max_message_bytes: u32::try_from(16 * MIB)?,
    };
    let admin = Admin::new(settings)?;
    let differences = admin.plan(&[wanted]).await?;
    Ok(admin.apply(&differences).await?)
}

fn record(number: u32, value: Vec<u8>) -> OutRecord {
    let partition = i32::try_from(number % 3).unwrap_or_default();
    OutRecord {
        topic: TOPIC.into(),
        partition,
        key: None,
        value: Some(value.into()),
        headers: Default::default(),
    }
}

#[derive(Debug)]
struct Open;

impl Gate for Open {
    fn admit(&self, _records: usize, _bytes: usize) {}

    fn open(&self) -> bool {
        true
    }
}
