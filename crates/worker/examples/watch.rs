//! A complete consumer of one's own: prints every event's key and type as it comes, in order per key.
//!
//! Start `okr-router dev`, then `cargo run -p worker --example watch -- 127.0.0.1:9092`, then `okr-router send`.
//! Probes and metrics are on 127.0.0.1:9480; Ctrl-C drains, commits and leaves the group.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bus::{InRecord, OutRecord, Settings, header};
use worker::{DeadLetters, Failure, Handler, Worker, WorkerConfig};

struct Watch;

#[async_trait]
impl Handler for Watch {
    /// The event's type: `okr.key_result.checked_in`.
    type Item = String;

    async fn decode(&self, record: &InRecord) -> Result<String, Failure> {
        let kind = record.headers.get_str(header::CE_TYPE);
        kind.map(str::to_owned).ok_or_else(|| Failure::reject("no_type", "the record has no ce_type"))
    }

    async fn handle(&self, kind: &String, record: &InRecord, attempt: u32) -> Result<(), Failure> {
        let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default());
        println!(
            "{}/{}@{} {key} {kind} (attempt {attempt})",
            record.slot.topic, record.slot.partition, record.offset
        );
        Ok(())
    }
}

/// Tells of what was given up. A service produces it to `okr.dead.<service>` and waits for the acknowledgement.
struct Told;

#[async_trait]
impl DeadLetters for Told {
    fn partitions(&self) -> i32 {
        1
    }

    async fn bury(&self, letter: OutRecord) -> Result<(), String> {
        eprintln!("given up: {:?}", letter.headers.get_str(header::OKR_DEAD_ERROR));
        Ok(())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let brokers = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let options = boot::RunOptions {
        role: "watch",
        admin_listen: ([127, 0, 0, 1], 9480).into(),
        grace: Duration::from_secs(20),
        log: boot::LogConfig::default(),
        traces: None,
    };
    boot::run(options, async move |house| {
        let consumer = Worker {
            service: "watch",
            topics: vec!["okr.events"],
            group: "example.watch".to_owned(),
            handler: Watch,
            settings: Settings::new(vec![brokers], "watch"),
            dead: Arc::new(Told),
            brakes: None,
            config: WorkerConfig::default(),
            house: house.clone(),
        };
        house.tasks.spawn("watch", async move { Ok(worker::run(consumer).await?) });
        Ok(())
    })
    .await
}
