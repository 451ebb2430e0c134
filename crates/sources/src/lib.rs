//! Each tool's dialect, contained: who signed a body, which delivery it is, and which events it says.
//!
//! Nothing here does IO: bytes and headers go in, values come out, so a replay of stored arrivals translates
//! exactly as the gateway did. Adding a tool is a folder that implements [`Dialect`] and a line in the catalog.

mod asana;
mod catalog;
mod cloudevents;
mod config;
mod content;
mod delivery;
mod error;
mod form;
mod generic;
mod github;
mod json;
mod keys;
mod learned;
mod okr_body;
mod source;
mod standard_webhooks;
mod verify;
mod volume;
mod words;

pub use catalog::{KNOWN_KINDS, built, media_types};
pub use config::{JwksConfig, Mapped, NonceConfig, SourceConfig, TimestampConfig, VerifyConfig};
pub use content::Fingerprint;
pub use delivery::{
    Delivery, Dialect, Draft, EVENT_BYTES_MAX, EVENTS_BYTES_MAX, EVENTS_MAX, Greeting, Identity, Offer,
    Parsed, Pending, Reading, Request, Signs, Terms,
};
pub use error::{Refusal, SourceError, Untranslatable};
pub use generic::Explained;
pub use keys::KEYS;
pub use learned::Learned;
pub use source::Source;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
