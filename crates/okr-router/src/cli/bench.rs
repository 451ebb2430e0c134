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
