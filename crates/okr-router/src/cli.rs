//! The command line: what every command takes and how it explains itself.

pub mod acls;
pub mod bench;
pub mod dead;
pub mod doctor;
pub mod resume;
pub mod sources;
pub mod spec;
pub mod warehouse;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Turns the webhooks of OKR tools into verified, durable, ordered events on Kafka, and brings them to people.
///
/// Start with `okr-router dev`: broker, schema registry, gateway and notifier in one process.
#[derive(Debug, Parser)]
#[command(name = "okr-router", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub settings: Settings,
    #[command(subcommand)]
    pub command: Command,
}

/// Where the configuration comes from: the file, then OKR_ROUTER__SECTION__KEY, then --set; the last one wins.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// The configuration file [default: ./okr-router.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one key over the file and the environment, such as --set gateway.listen=127.0.0.1:8090
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write it as KEY=VALUE, such as gateway.listen=127.0.0.1:8090".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process: broker, schema registry, gateway, notifier
    ///
    /// Reads ./okr-router.toml (or --config); without one it uses a default configuration, which it prints.
    /// Its data is kept in `data_dir` and survives a restart and a kill. With a section [warehouse] it runs the warehouse
    /// as well. For laptops and tests, not for production.
    Dev,
    /// Run the gateway: verify webhooks and put them on Kafka
    ///
    /// Answers POST /in/{source} with 2xx only once Kafka holds the event. Runs until SIGTERM, then finishes
    /// what is in flight and exits 0. Needs its topics and schemas: see `topics apply` and `schemas register`.
    Gateway,
    /// Run the notifier: bring events to Slack, HTTP endpoints and terminals by the routes of the configuration
    ///
    /// Consumes okr.events in the group okr.notifier. Runs until SIGTERM, then drains and exits 0.
    Notifier,
    /// Sign a sample event, or a file, as a source of the configuration and post it to the gateway
    ///
    /// Prints the gateway's answer to stdout and exits 0 only on 2xx.
    Send(Send),
    /// Show what a configured source makes of a body, let one register, forget what it learned
    #[command(subcommand)]
    Sources(sources::Sources),
    /// Print records of a topic as JSON lines, decoded
    ///
    /// Each line is {topic, partition, offset, timestamp, key, headers, value}. Runs until Ctrl-C or --max.
    Tail(Tail),
    /// Show what services gave up, send it back, or drop it
    #[command(subcommand)]
    Dead(dead::Dead),
    /// Let a service that halted go on, once the cause is mended
    ///
    /// A service halts when its fuse blows or only a person can help; /readyz says why, and a restart does not end it.
    /// Without --apply this shows what is halted. An embedded store is asked through the process that holds it.
    Resume(resume::Resume),
    /// Run the warehouse, the SQL database of progress for charts and reports, or look after it
    ///
    /// Without a verb it is a role: it consumes okr.events in the group okr.warehouse and writes each event once, until
    /// SIGTERM; then it drains and exits 0. On a server it waits for its tables: see `warehouse migrate`.
    Warehouse(warehouse::Run),
    /// Check configuration, broker, registry, store, services and destinations, and say what to do
    ///
    /// One line for each thing: well, worth a look (!) or wrong, and behind the arrow what mends it. It reads everything,
    /// changes nothing and sends no message; within 15 seconds it is done. Exits 1 when something is wrong.
    Doctor(doctor::Doctor),
    /// Compare the topics of the cluster with the configuration, and create what lacks
    #[command(subcommand)]
    Topics(Topics),
    /// Compare the schemas of the registry with this release's, and register them
    #[command(subcommand)]
    Schemas(Schemas),
    /// Check, print or describe the configuration
    #[command(subcommand)]
    Config(Config),
    /// Print the specifications of the gateway and of the topics
    #[command(subcommand)]
    Spec(spec::Spec),
    /// Measure what our own code costs, beside the bare floor in the same run
    #[command(subcommand)]
    Bench(bench::Bench),
}

#[derive(Debug, Args)]
pub struct Send {
    /// The source to sign as [default: the only one of the configuration]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// The body to send, byte for byte; `-` reads stdin [default: a sample check-in]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The file holds several bodies, as a JSON array or one in each line: post them to /in/{source}/batch
    #[arg(long, requires = "file")]
    pub batch: bool,
    /// Where to post [default: http://{gateway.listen}/in/{source}]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

#[derive(Debug, Args)]
pub struct Tail {
    /// The topic to read
    #[arg(default_value = "okr.events")]
    pub topic: String,
    /// Where to begin: `earliest`, `latest`, or a time such as 2026-11-23T09:00:00Z or `-15m`
    #[arg(long, default_value = "latest", value_name = "WHERE", allow_hyphen_values = true)]
    pub from: String,
    /// Stop after this many records
    #[arg(long, value_name = "N")]
    pub max: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub enum Topics {
    /// Show what lacks or differs; changes nothing
    Plan(Output),
    /// Create what lacks; never shrinks and never deletes
    Apply(Output),
    /// Print the least rights of each role on the cluster, as kafka-acls commands
    Acls(acls::Acls),
}

#[derive(Debug, Subcommand)]
pub enum Schemas {
    /// Show whether this release's schemas and all earlier ones read each other; changes nothing
    ///
    /// FULL_TRANSITIVE: each schema is compared, in both directions, with the frozen copy of every release and with every
    /// version that the registry holds. A finding names the subject, the version and the field, and behind the arrow what
    /// mends it. Exits 0 when all is well, and 1 when something does not fit, is not registered, or has another level.
    Check(CheckSchemas),
    /// Register this release's schemas and set FULL_TRANSITIVE compatibility on their subjects
    Register(Register),
}

#[derive(Debug, Args)]
pub struct CheckSchemas {
    /// Compare with the frozen copies alone, and ask no registry; needs no configuration
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Register {
    /// Do it; without this flag the command only shows what it would do
    #[arg(long)]
    pub apply: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check the whole configuration and say everything that is wrong with it
    Check,
    /// Print the configuration with every default filled in; secrets are never printed
    Print,
    /// Print a JSON Schema of the configuration, for editors
    Schema(SchemaOutput),
}

#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Output {
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct SchemaOutput {
    /// `json` is a JSON Schema, `markdown` the table of docs/configuration.md
    #[arg(long, value_enum, default_value_t = SchemaFormat::Json)]
    pub format: SchemaFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum SchemaFormat {
    Json,
    Markdown,
}

#[cfg(test)]
mod tests;
