//! Target leases.

use std::collections::BTreeSet;

use outbox::QueueError;

use super::session::Session;
use crate::shares::{self, Holders, Members};

const FORGET: &str = "DELETE FROM router_members WHERE service = ?1 AND until <= ?2";

const ALIVE: &str = "INSERT INTO router_members (service, owner, targets, until) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET targets = excluded.targets, until = excluded.until";

const MEMBERS: &str = "SELECT owner, targets FROM router_members WHERE service = ?1";

const LAPSE: &str = "DELETE FROM router_holds WHERE service = ?1 AND until <= ?2";

const HOLDERS: &str = "SELECT target, owner FROM router_holds WHERE service = ?1";

const HOLD: &str = "INSERT INTO router_holds (service, target, owner, until) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET until = excluded.until";

const GIVE_UP: &str = "DELETE FROM router_holds WHERE service = ?1 AND target = ?2 AND owner = ?3";

const LEAVE: &str = "DELETE FROM router_members WHERE service = ?1 AND owner = ?2";

const GIVE_UP_ALL: &str = "DELETE FROM router_holds WHERE service = ?1 AND owner = ?2";

/// One call of `Queue::hold`, times in microseconds.
pub(super) struct Ask {
    pub(super) service: String,
    pub(super) owner: String,
    pub(super) targets: BTreeSet<String>,
    pub(super) until: i64,
    pub(super) now: i64,
}

pub(super) fn hold(session: &mut Session, ask: &Ask) -> Result<Vec<String>, QueueError> {
    let (service, owner) = (ask.service.as_str(), ask.owner.as_str());
    let targets =
        serde_json::to_string(&ask.targets).map_err(|error| QueueError::Broken(error.to_string()))?;
    session.run(FORGET, (service, ask.now))?;
    session.run(ALIVE, (service, owner, targets, ask.until))?;
    session.run(LAPSE, (service, ask.now))?;

    let holders: Holders =
        session.rows(HOLDERS, [service], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect();
    let shared = shares::share(&members(session, service)?, &holders);
    let verdict = shares::verdict(owner, &shared, &holders);
    for target in &verdict.held {
        session.run(HOLD, (service, target.as_str(), owner, ask.until))?;
    }
    for target in &verdict.given_up {
        session.run(GIVE_UP, (service, target.as_str(), owner))?;
    }
    Ok(verdict.held)
}

fn members(session: &mut Session, service: &str) -> Result<Members, QueueError> {
    let rows = session.rows(MEMBERS, [service], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))?;
    shares::members(rows)
}

pub(super) fn release(session: &mut Session, service: &str, owner: &str) -> Result<(), QueueError> {
    session.run(LEAVE, (service, owner))?;
    session.run(GIVE_UP_ALL, (service, owner)).map(drop)
}
