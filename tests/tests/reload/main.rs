//! Another configuration, another certificate, a pause: while deliveries go on, and without a restart.

#[cfg(feature = "embedded")]
mod dev;
mod gateway;
mod notifier;
mod pause;
mod tls;
mod world;
