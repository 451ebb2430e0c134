//! How far state services have come.

use bus::Slot;
use outbox::QueueError;
use uuid::Uuid;
use worker::{Batch, Fingerprint, Last, Mark, Outgoing, Standing};

use super::session::Session;
use crate::state::{State, packed, unpacked};

const ASSIGN: &str = "INSERT INTO router_progress (service, topic, partition, epoch, next_offset)
    VALUES (?1, ?2, ?3, 1, 0) ON CONFLICT DO UPDATE SET epoch = epoch + 1";

const STANDING: &str = "SELECT epoch, next_offset, last_offset, fingerprint FROM router_progress
    WHERE service = ?1 AND topic = ?2 AND partition = ?3";

const STANDS: &str = "SELECT 1 FROM router_progress
    WHERE service = ?1 AND topic = ?2 AND partition = ?3 AND epoch = ?4 AND next_offset = ?5";

const MARK: &str = "UPDATE router_progress SET next_offset = ?4, last_offset = ?5, fingerprint = ?6
    WHERE service = ?1 AND topic = ?2 AND partition = ?3";

const RESTART: &str = "UPDATE router_progress SET next_offset = 0, last_offset = NULL, fingerprint = NULL
    WHERE service = ?1 AND topic = ?2 AND partition = ?3 AND epoch = ?4 AND next_offset = ?5";

/// What a person accepted is spent when it was carried out, so that the next loss at this offset is a gap again.
const SPEND: &str = "DELETE FROM router_gaps
    WHERE service = ?1 AND topic = ?2 AND partition = ?3 AND from_offset = ?4";

/// What a person accepted of a slot that stands elsewhere is of no use but to be taken for another one later.
const FORGET_ELSEWHERE: &str = "DELETE FROM router_gaps
    WHERE service = ?1 AND topic = ?2 AND partition = ?3 AND accepted AND NOT EXISTS (
        SELECT 1 FROM router_progress p WHERE p.service = router_gaps.service AND p.topic = router_gaps.topic
            AND p.partition = router_gaps.partition AND p.next_offset = router_gaps.from_offset
            AND p.last_offset IS NOT NULL)";

const KEEP: &str = "INSERT INTO router_state (service, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET value = excluded.value";

const FORGET: &str = "DELETE FROM router_state WHERE service = ?1 AND key = ?2";

const STATE: &str = "SELECT value FROM router_state WHERE service = ?1 AND key = ?2";

const SEND: &str = "INSERT INTO router_outgoing (service, record) VALUES (?1, ?2)";

const RELAY: &str = "INSERT INTO router_relays (service, owner, until) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET owner = excluded.owner, until = excluded.until
    WHERE owner = excluded.owner OR until <= ?4";

const OUTGOING: &str = "SELECT id, record FROM router_outgoing WHERE service = ?1 ORDER BY id LIMIT ?2";

const SENT: &str = "DELETE FROM router_outgoing WHERE service = ?1 AND id = ?2";

pub(super) fn assign(
    session: &mut Session,
    service: &str,
    slots: &[Slot],
) -> Result<Vec<Standing>, QueueError> {
    for slot in slots {
        session.run(ASSIGN, (service, &*slot.topic, slot.partition))?;
        session.run(FORGET_ELSEWHERE, (service, &*slot.topic, slot.partition))?;
    }
    standings(session, service, slots)
}

pub(super) fn standings(
    session: &mut Session,
    service: &str,
    slots: &[Slot],
) -> Result<Vec<Standing>, QueueError> {
    let mut found = Vec::with_capacity(slots.len());
    for slot in slots {
        let rows = session.rows(STANDING, (service, &*slot.topic, slot.partition), |row| {
            let fingerprint: Option<Vec<u8>> = row.get(3)?;
            let fingerprint = fingerprint.and_then(|bytes| Uuid::from_slice(&bytes).ok()).map(Fingerprint);
            let last = row.get::<Option<i64>>(2)?.zip(fingerprint);
            let last = last.map(|(offset, fingerprint)| Last { offset, fingerprint });
            Ok(Standing { slot: slot.clone(), epoch: row.get(0)?, next: row.get(1)?, last })
        })?;
        found.extend(rows);
    }
    Ok(found)
}

/// False: a mark does not find its slot where it should be, and nothing is done.
pub(super) fn commit(
    session: &mut Session,
    service: &str,
    batch: &Batch<Vec<State>>,
) -> Result<bool, QueueError> {
    // Nobody else writes meanwhile, so what is read here still holds below.
    for Mark { slot, epoch, from, .. } in &batch.marks {
        let at = (service, &*slot.topic, slot.partition, *epoch, *from);
        if session.rows(STANDS, at, |_| Ok(()))?.is_empty() {
            return Ok(false);
        }
    }
    for Mark { slot, next, last, .. } in &batch.marks {
        let fingerprint = last.fingerprint.0.as_bytes().to_vec();
        session.run(MARK, (service, &*slot.topic, slot.partition, *next, last.offset, fingerprint))?;
    }
    for State { key, value } in &batch.changes {
        match value {
            Some(value) => session.run(KEEP, (service, key.as_str(), value.clone()))?,
            None => session.run(FORGET, (service, key.as_str()))?,
        };
    }
    for record in &batch.produce {
        session.run(SEND, (service, packed(record)))?;
    }
    Ok(true)
}

/// False: the slot is not where it should be, and nothing is done.
pub(super) fn restart(
    session: &mut Session,
    service: &str,
    slot: &Slot,
    (epoch, from): (i64, i64),
) -> Result<bool, QueueError> {
    let restarted = session.run(RESTART, (service, &*slot.topic, slot.partition, epoch, from))? == 1;
    if restarted {
        session.run(SPEND, (service, &*slot.topic, slot.partition, from))?;
    }
    Ok(restarted)
}

pub(super) fn state(
    session: &mut Session,
    service: &str,
    keys: &[String],
) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
    let read = |key: &String| {
        Ok(session.rows(STATE, (service, key.as_str()), |row| row.get::<Vec<u8>>(0))?.into_iter().next())
    };
    keys.iter().map(read).collect()
}

/// Whose lease it is, and until when, in microseconds.
pub(super) struct Relay {
    pub(super) service: String,
    pub(super) owner: String,
    pub(super) now: i64,
    pub(super) until: i64,
    pub(super) limit: usize,
}

pub(super) fn outgoing(session: &mut Session, relay: &Relay) -> Result<Vec<Outgoing>, QueueError> {
    let Relay { service, owner, now, until, limit } = relay;
    if session.run(RELAY, (service.as_str(), owner.as_str(), *until, *now))? == 0 {
        return Ok(Vec::new());
    }
    let rows = session.rows(OUTGOING, (service.as_str(), *limit as i64), |row| {
        Ok((row.get::<i64>(0)?, row.get::<Vec<u8>>(1)?))
    })?;
    rows.into_iter().map(|(id, record)| unpacked(id, &record)).collect()
}

pub(super) fn sent(session: &mut Session, service: &str, ids: &[i64]) -> Result<(), QueueError> {
    ids.iter().try_for_each(|id| session.run(SENT, (service, *id)).map(drop))
}
