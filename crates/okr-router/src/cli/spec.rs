//! `okr-router spec …`.

use clap::Subcommand;

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Spec {
    /// The gateway's HTTP, as OpenAPI 3.1
    Openapi,
    /// The topics, their records and headers, as AsyncAPI 3
    Asyncapi,
}
