//! Leasing the heads of lanes and marking how their attempts ended.

use jiff::Timestamp;
use libsql::Value;
use outbox::{Effect, Outcome, Parcel, QueueError, Row, Settlement, Take};
use uuid::Uuid;

use super::NAME;
use super::failure::classify;
use super::session::Session;
use crate::{observe, packing, time};

const DUE: &str = "SELECT l.lane, l.head_id, l.attempt + 1, l.owner IS NOT NULL,
        e.event_id, e.replay_id, p.received_at, p.body, p.record
    FROM router_lanes l JOIN router_parcels p ON p.id = l.head_id JOIN router_effects e ON e.id = l.head_id
    WHERE l.service = ?1 AND l.target = ?2 AND l.due_at <= ?3 ORDER BY l.due_at, l.head_id LIMIT ?4";

const LEASE: &str = "UPDATE router_lanes SET owner = ?4, attempt = attempt + 1, due_at = ?5
    WHERE service = ?1 AND target = ?2 AND lane = ?3";

/// Looked at again when a lease would end; nobody has it, nothing was tried.
const PASS: &str = "UPDATE router_lanes SET due_at = ?4 WHERE service = ?1 AND target = ?2 AND lane = ?3";

const LEASED: &str = "SELECT l.service, l.target, l.lane FROM router_parcels p
    JOIN router_lanes l ON l.service = p.service AND l.target = p.target AND l.lane = p.lane
    WHERE p.id = ?1 AND l.head_id = ?1 AND l.owner = ?2 AND l.attempt = ?3";

const FINISH: &str =
    "UPDATE router_effects SET finished_at = ?2, attempts = ?3, reason = ?4, error = ?5 WHERE id = ?1";

const LEAVE: &str = "DELETE FROM router_parcels WHERE id = ?1";

const NEXT: &str = "SELECT id, planned_at FROM router_parcels
    WHERE service = ?1 AND target = ?2 AND lane = ?3 ORDER BY id LIMIT 1";

const PROMOTE: &str =
    "UPDATE router_lanes SET head_id = ?4, due_at = ?5, owner = NULL, attempt = 0, error = NULL
    WHERE service = ?1 AND target = ?2 AND lane = ?3";

const CLOSE: &str = "DELETE FROM router_lanes WHERE service = ?1 AND target = ?2 AND lane = ?3";

const AGAIN: &str = "UPDATE router_lanes SET owner = NULL, due_at = ?4, attempt = attempt - ?5, error = ?6
    WHERE service = ?1 AND target = ?2 AND lane = ?3";

const NEXT_DUE: &str =
    "SELECT due_at FROM router_lanes WHERE service = ?1 AND target = ?2 ORDER BY due_at LIMIT 1";

/// A leased row as the statement gives it.
struct Found {
    lane: String,
    id: i64,
    attempt: i64,
    ambiguous: bool,
    goods: Result<Goods, libsql::Error>,
}

/// What a row is about.
struct Goods {
    event_id: Vec<u8>,
    replay_id: String,
    received_at: i64,
    body: String,
    record: Vec<u8>,
}

impl Found {
    fn read(row: &libsql::Row) -> Result<Self, libsql::Error> {
        Ok(Self {
            lane: row.get(0)?,
            id: row.get(1)?,
            attempt: row.get(2)?,
            ambiguous: row.get::<i64>(3)? != 0,
            goods: Goods::read(row),
        })
    }
}

impl Goods {
    fn read(row: &libsql::Row) -> Result<Self, libsql::Error> {
        Ok(Self {
            event_id: row.get(4)?,
            replay_id: row.get(5)?,
            received_at: row.get(6)?,
            body: row.get(7)?,
            record: row.get(8)?,
        })
    }

    fn unpack(self, service: &str, target: &str) -> Result<Parcel, QueueError> {
        let event_id = Uuid::from_slice(&self.event_id)
            .map_err(|error| QueueError::Broken(format!("it has no event id: {error}")))?;
        let effect = Effect {
            service: service.to_owned(),
            event_id,
            target: target.to_owned(),
            replay_id: self.replay_id,
        };
        packing::unpack(effect, self.received_at, &self.body, &self.record)
    }
}

pub(super) fn take(session: &mut Session, take: &Take) -> Result<Vec<Row>, QueueError> {
    let Take { service, owner, wants, lease_until, now } = take;
    let mut taken = Vec::new();
    for want in wants {
        let limit = i64::try_from(want.limit).unwrap_or(i64::MAX);
        let question = (service.as_str(), want.target.as_str(), time::micros(*now), limit);
        for Found { lane, id, attempt, ambiguous, goods } in session.rows(DUE, question, Found::read)? {
            let goods = goods.map_err(|error| classify(&error));
            let (target, until) = (want.target.as_str(), time::micros(*lease_until));
            match goods.and_then(|goods| goods.unpack(service, target)) {
                Ok(parcel) => {
                    session.run(LEASE, (service.as_str(), target, lane, owner.as_str(), until))?;
                    let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
                    taken.push(Row { id, attempt, parcel, ambiguous });
                }
                Err(cause) => {
                    session.run(PASS, (service.as_str(), target, lane, until))?;
                    observe::unreadable(NAME, id, &cause);
                }
            }
        }
    }
    Ok(taken)
}

/// Answers how many settlements came from somebody who no longer has the row.
pub(super) fn settle(
    session: &mut Session,
    settlements: &[Settlement],
    now: i64,
) -> Result<usize, QueueError> {
    let mut refused = 0;
    for settlement in settlements {
        let Settlement { id, owner, attempt, outcome } = settlement;
        let question = (*id, owner.as_str(), i64::from(*attempt));
        let leased = session.rows(LEASED, question, |row| Ok(Lane(row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let Some(lane) = leased.first() else {
            refused += 1;
            continue;
        };
        match outcome {
            Outcome::Done => finish(session, lane, settlement, (now, None, None))?,
            Outcome::Dead { reason, error } => {
                finish(session, lane, settlement, (now, Some(reason), Some(error)))?;
            }
            Outcome::Again { not_before, error } => again(session, lane, *not_before, 0, Some(error))?,
            Outcome::Untried { not_before } => again(session, lane, *not_before, 1, None)?,
        }
    }
    Ok(refused)
}

/// Service, target and lane.
struct Lane(String, String, String);

/// The row leaves, the next of its lane comes up.
fn finish(
    session: &mut Session,
    Lane(service, target, lane): &Lane,
    settlement: &Settlement,
    (now, reason, error): (i64, Option<&String>, Option<&String>),
) -> Result<(), QueueError> {
    let (service, target, lane) = (service.as_str(), target.as_str(), lane.as_str());
    let marks = (settlement.id, now, i64::from(settlement.attempt), remark(reason), remark(error));
    session.run(FINISH, marks)?;
    session.run(LEAVE, [settlement.id])?;
    let next = session.rows(NEXT, (service, target, lane), |row| Ok((row.get(0)?, row.get(1)?)))?;
    match next.first() {
        Some((id, planned_at)) => session.run(PROMOTE, (service, target, lane, *id, *planned_at))?,
        None::<&(i64, i64)> => session.run(CLOSE, (service, target, lane))?,
    };
    Ok(())
}

fn again(
    session: &mut Session,
    Lane(service, target, lane): &Lane,
    not_before: Timestamp,
    uncounted: i64,
    error: Option<&String>,
) -> Result<(), QueueError> {
    let lane = (service.as_str(), target.as_str(), lane.as_str());
    session.run(AGAIN, (lane.0, lane.1, lane.2, time::micros(not_before), uncounted, remark(error))).map(drop)
}

fn remark(words: Option<&String>) -> Value {
    words.map_or(Value::Null, |words| Value::Text(packing::remark(words)))
}

pub(super) fn next_due(
    session: &mut Session,
    service: &str,
    targets: Vec<String>,
) -> Result<Vec<(String, Timestamp)>, QueueError> {
    let mut found = Vec::new();
    for target in targets {
        let due = session.rows(NEXT_DUE, (service, target.as_str()), |row| row.get::<i64>(0))?;
        if let Some(due) = due.first() {
            found.push((target, time::timestamp(*due)));
        }
    }
    Ok(found)
}
