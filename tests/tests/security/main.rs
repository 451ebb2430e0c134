//! Kafka with encryption, logins and rights: each way in works from a webhook to its message, each wrong credential is
//! named, and each role has exactly the rights that it needs.

mod logins;
mod rights;
mod world;
mod wrong;
