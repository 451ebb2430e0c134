//! How every role of okr-router starts, is configured, observed and stopped.
//!
//! A role reads one [`Document`] (file, then environment, then flags), checked against the [`Key`]s that each
//! crate exports, and hands [`run`] a function that starts its tasks in a [`House`]: `run` serves the probes,
//! listens for signals, waits for the tasks and turns the outcome into an exit code.

mod clock;
mod config;
mod house;
mod keys;
mod logs;
mod observe;
mod secret;
mod shared;
pub mod trace;
mod unbuilt;
mod units;

pub use crate::clock::{Clock, system_clock};
pub use crate::config::{ConfigErrors, Document, Finding, schema, table};
pub use crate::house::{Check, CheckState, Health, House, Report, RunOptions, Tasks, run};
pub use crate::keys::{Key, Kind};
pub use crate::logs::logs;
pub use crate::observe::{MetricsHandle, config_reloaded, config_restart_keys, metrics_handle};
pub use crate::secret::{Secret, SecretError, SecretRef};
pub use crate::shared::{
    AdminConfig, KEYS, KafkaConfig, LogConfig, LogFormat, OauthConfig, RegistryConfig, SecurityConfig,
    Shared, StoreConfig,
};
pub use crate::unbuilt::{UNBUILT, unbuilt_keys};
pub use crate::units::{Bytes, Rate, Span, UnitError};

/// The token that asks everything in a role to stop.
pub use tokio_util::sync::CancellationToken;

/// Whatever made a task or a start fail; it is logged with its whole chain of causes.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;
