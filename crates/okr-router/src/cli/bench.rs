//! `okr-router bench …`: what our own code costs, beside the bare floor in the same run.

use clap::{Args, Subcommand, ValueEnum};

use super::Output;

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Take webhooks in, beside a bare HTTP server that verifies, parses and produces
    ///
    /// Runs the gateway twice, without and with arrivals, and a bare server (axum, HMAC, JSON, one record with
    /// acks=all), each in a process of its own, and posts signed 2 KB bodies to them in turns. Says what a request
    /// costs in processor time beside the bare server, and a webhook of a batch of 100 beside one alone, how long
    /// answers take at a steady pace, and how much memory there was. It makes topics and schemas and writes events, so
    /// it refuses a cluster that has some: give it one of its own. Build it with --release: other figures mean nothing.
    Ingest(Ingest),
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
    /// Write events to the warehouse, beside a plain COPY of the same rows
    ///
    /// Works on the brokers and the warehouse of the configuration with the settings of [worker], but on a topic
    /// (okr.bench.…) and in a schema (okr_router_bench_warehouse) or file (okr_router_bench_warehouse.db beside the
    /// warehouse's) of its own: nothing that is configured is read or written, and what was made is removed at the end,
    /// or when the next run begins. Rounds alternate between the role's own way, from records to committed rows, states,
    /// days and offsets, and a plain COPY of the rows that came of it into a table of the same columns without an
    /// index. Then single events are sent at idle, and looked for by another connection. Says whether the bar is met:
    /// over Postgres at least 30 % of the plain COPY's rows per second; at most 150 MB of memory, and 99 of 100 single
    /// events seen within a second. Build it with --release: other figures mean nothing.
    Warehouse(Warehouse),
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

#[derive(Debug, Clone, Args)]
pub struct Warehouse {
    /// Records on the topic; each round writes them all
    #[arg(long, default_value_t = 200_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..))]
    pub records: u64,
    /// Key results that they are about
    #[arg(long, default_value_t = 5_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub subjects: u64,
    /// Days that they are spread over
    #[arg(long, default_value_t = 7, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3_650))]
    pub days: u64,
    /// Rounds of each of the two; the medians count
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: u64,
    /// Partitions of the topic
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub partitions: i32,
    /// Single events, each after the one before it was seen
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub singles: u64,
    /// Exit with 1 when the bar is missed
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Ingest {
    /// Requests of one round to each server
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: u64,
    /// Rounds, each with servers that are started for it; of each figure the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: u64,
    /// Connections, each with one request on its way; several are measured in turn
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "64,256")]
    pub connections: Vec<u64>,
    /// Requests to each server at a steady pace of 200 per second
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub strolls: u64,
    /// Exit with 1 when a figure is beyond its bar
    #[arg(long)]
    pub check: bool,
    /// Be a server of another process that measures
    #[arg(long, hide = true, value_enum, requires = "topic")]
    pub serve: Option<Serve>,
    /// The topic of the bare server
    #[arg(long, hide = true, default_value = "")]
    pub topic: String,
    #[command(flatten)]
    pub output: Output,
}

/// A server that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Serve {
    Floor,
    Gateway,
    GatewayArrivals,
}

impl Serve {
    /// The floor comes first.
    pub const ALL: [Self; 3] = [Self::Floor, Self::Gateway, Self::GatewayArrivals];

    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Gateway => "gateway",
            Self::GatewayArrivals => "gateway-arrivals",
        }
    }
}
