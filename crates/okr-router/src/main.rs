//! okr-router: one binary, every service a role of it.

mod check;
mod cli;
mod config;
mod desk;
mod oauth;
mod ops;
mod parts;
mod roles;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// The system's allocator takes a sixth of a webhook's processor time. Dev, which shares a desk with other programs,
/// keeps it all the same, for it holds less memory.
#[cfg(not(feature = "embedded"))]
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    egress::install_crypto();
    let Cli { settings, command } = Cli::parse();
    let done = match command {
        Command::Dev => roles::dev::run(&settings),
        Command::Gateway => roles::gateway::run(&settings),
        Command::Notifier => roles::notifier::run(&settings),
        Command::Send(options) => ops::send::run(&settings, &options),
        Command::Sources(verb) => ops::sources::run(&settings, &verb),
        Command::Tail(options) => ops::tail::run(&settings, &options),
        Command::Dead(verb) => ops::dead::run(&settings, &verb),
        Command::Resume(options) => ops::resume::run(&settings, &options),
        Command::Warehouse(cli::warehouse::Run { verb: None }) => roles::warehouse::run(&settings),
        Command::Warehouse(cli::warehouse::Run { verb: Some(verb) }) => ops::warehouse::run(&settings, &verb),
        Command::Doctor(options) => ops::doctor::run(&settings, &options),
        Command::Topics(verb) => ops::topics::run(&settings, &verb),
        Command::Schemas(verb) => ops::schemas::run(&settings, &verb),
        Command::Config(verb) => ops::config::run(&settings, &verb),
        Command::Spec(which) => ops::spec::run(which),
        Command::Bench(verb) => ops::bench::run(&settings, &verb),
    };
    done.unwrap_or_else(|error| {
        eprintln!("okr-router: {error:#}");
        ExitCode::FAILURE
    })
}
