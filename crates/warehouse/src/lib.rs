//! The warehouse: group `okr.warehouse` writes `okr.events` to a SQL database, each event once, with the state of each
//! subject and the offsets in the same transaction.

pub mod migrate;
