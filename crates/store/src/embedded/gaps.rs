//! Gaps of state services.

use bus::Slot;
use outbox::QueueError;
use worker::Gap;

use super::session::Session;

const NOTE: &str = "INSERT INTO router_gaps (service, topic, partition, from_offset, found_offset, why)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT DO UPDATE SET from_offset = excluded.from_offset, found_offset = excluded.found_offset,
        why = excluded.why, accepted = accepted AND from_offset = excluded.from_offset";

const LOAD: &str = "SELECT topic, partition, from_offset, found_offset, why FROM router_gaps
    WHERE service = ?1 AND accepted = ?2 ORDER BY topic, partition";

const ACCEPT: &str = "UPDATE router_gaps SET accepted = 1 WHERE service = ?1";

const FORGET: &str = "DELETE FROM router_gaps WHERE service = ?1 AND NOT accepted";

const SPEND: &str =
    "DELETE FROM router_gaps WHERE service = ?1 AND topic = ?2 AND partition = ?3 AND accepted";

pub(super) fn note(session: &mut Session, service: &str, gaps: &[Gap]) -> Result<(), QueueError> {
    for Gap { slot, from, found, why } in gaps {
        session.run(NOTE, (service, &*slot.topic, slot.partition, *from, *found, why.as_str()))?;
    }
    Ok(())
}

pub(super) fn load(session: &mut Session, service: &str, accepted: bool) -> Result<Vec<Gap>, QueueError> {
    session.rows(LOAD, (service, i64::from(accepted)), |row| {
        let slot = Slot::new(row.get::<String>(0)?, row.get(1)?);
        Ok(Gap { slot, from: row.get(2)?, found: row.get(3)?, why: row.get(4)? })
    })
}

pub(super) fn accept(session: &mut Session, service: &str) -> Result<Vec<Gap>, QueueError> {
    let gaps = load(session, service, false)?;
    session.run(ACCEPT, [service])?;
    Ok(gaps)
}

/// Forgets those that nobody has accepted: what is still missing is found anew.
pub(super) fn forget(session: &mut Session, service: &str) -> Result<(), QueueError> {
    session.run(FORGET, [service]).map(drop)
}

/// Forgets what was accepted of these slots.
pub(super) fn spend(session: &mut Session, service: &str, slots: &[Slot]) -> Result<(), QueueError> {
    slots.iter().try_for_each(|slot| session.run(SPEND, (service, &*slot.topic, slot.partition)).map(drop))
}
