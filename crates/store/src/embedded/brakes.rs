//! Halts and fuses of services.

use outbox::QueueError;
use worker::{Brake, Halted};

use super::gaps;
use super::session::Session;
use crate::time;

const LOAD: &str = "SELECT halted_why, halted_since, fuse FROM router_brakes WHERE service = ?1";

/// A halt that is there keeps its own reason and time.
const SAVE: &str =
    "INSERT INTO router_brakes (service, halted_why, halted_since, fuse) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET fuse = excluded.fuse,
        halted_since = iif(halted_why IS NULL, excluded.halted_since, halted_since),
        halted_why = coalesce(halted_why, excluded.halted_why)";

const RESUME: &str = "DELETE FROM router_brakes
    WHERE service = ?1 OR substr(service, 1, length(?1) + 1) = ?1 || '.'
    RETURNING service, halted_why, halted_since";

pub(super) fn load(session: &mut Session, service: &str) -> Result<Brake, QueueError> {
    let rows = session.rows(LOAD, [service], |row| {
        Ok(Brake { halted: halted(row.get(0)?, row.get(1)?), fuse: row.get(2)? })
    })?;
    Ok(rows.into_iter().next().unwrap_or_default())
}

pub(super) fn save(session: &mut Session, service: &str, brake: &Brake) -> Result<(), QueueError> {
    let halted = brake.halted.as_ref();
    let (why, since) =
        (halted.map(|halted| halted.why.clone()), halted.map(|halted| time::micros(halted.since)));
    session.run(SAVE, (service, why, since, brake.fuse.clone())).map(drop)
}

pub(super) fn resume(session: &mut Session, service: &str) -> Result<Vec<(String, Halted)>, QueueError> {
    gaps::forget(session, service)?;
    let rows = session
        .rows(RESUME, [service], |row| Ok((row.get::<String>(0)?, halted(row.get(1)?, row.get(2)?))))?;
    let mut ended: Vec<_> =
        rows.into_iter().filter_map(|(service, halted)| Some((service, halted?))).collect();
    ended.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(ended)
}

fn halted(why: Option<String>, since: Option<i64>) -> Option<Halted> {
    Some(Halted { why: why?, since: time::timestamp(since.unwrap_or_default()) })
}
