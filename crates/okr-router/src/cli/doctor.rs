//! `okr-router doctor`: what is wrong with a deployment, and the command that mends it.

use clap::Args;

use super::Output;

#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    pub output: Output,
}
