//! `okr-router bench …`: what our own code costs, beside the bare floor in the same run.

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Consume with the runtime, beside a bare consumer loop that decodes the same Avro
    ///
    /// Works on the brokers of the configuration, on a topic of its own (okr.bench.…) that it fills, and deletes at
    /// the end. Reads the topic in turns with rdkafka's bare stream consumer and with the runtime, whose handler does
    /// nothing; then with a handler that takes 50 ms. Says whether the bar is met: at least 60 % of the bare loop's
    /// records per second, at most 3 µs of processor time more per record, and within 10 % of what the bound on
    /// records in flight allows the slow handler. Build it with --release: other figures mean nothing.
    Worker(Worker),
    /// Plan, deliver and mark through the store, beside a bare loop that only posts
    ///
    /// Works on the store of `store.url` with the settings of [outbox], but in a file (okr_router_bench_ROWS.db beside
    /// the state file) or a schema (okr_router_bench_ROWS) of its own: nothing that is configured is read, written or
    /// posted to. What was made is removed at the end, or when the next run begins. The receiver is a process of its
    /// own on this machine; neither its processor time nor that of Postgres counts as ours. Says whether the bar is
    /// met: at least 2,000 events per second over Postgres or 1,000 over the embedded file, and with the longest
    /// history at least 80 % of the rate, and at most 16 MiB more memory, than with the shortest. Build it with
    /// --release: other figures mean nothing.
    Outbox(Outbox),
}

#[derive(Debug, Default, Args)]
pub struct Worker {
    /// Records on the topic; each round reads them all
    #[arg(long, default_value_t = 500_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..))]
    pub records: u64,
    /// Rounds of each of the two; the medians count
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: u64,
    /// Records that are read with the slow handler
    #[arg(long, default_value_t = 50_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..))]
    pub slow_records: u64,
    /// Partitions of the topic
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub partitions: i32,
    /// Exit with 1 when the bar is missed
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Outbox {
    /// Events of one round, one delivery each
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub events: u64,
    /// Destinations, of kind `http` and without a rate
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub targets: u64,
    /// Rounds; of each figure the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: u64,
    /// Deliveries that were made before, which must not make new ones slower; several are measured in turn
    #[arg(long, value_name = "ROWS", value_delimiter = ',', default_value = "10000,1000000")]
    pub history: Vec<u64>,
    /// Exit with 1 when a figure is below its bar
    #[arg(long)]
    pub check: bool,
    /// Be the receiver of another process that measures
    #[arg(long, hide = true)]
    pub receive: bool,
    #[command(flatten)]
    pub output: Output,
}
