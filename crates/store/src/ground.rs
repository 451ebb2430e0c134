//! What both homes stand on, for a service that keeps its rows in a database of its own: connections to Postgres with
//! their TLS, bounds and failures, and the thread that owns an embedded file.

pub use crate::embedded::{Owner, Session};
pub use crate::postgres::{Connections, Failure, Terms, Unreadable, slot_columns, standing};
