//! Claim and rows in one insert.

use outbox::{Effect, Parcel, Planned, QueueError};

use super::session::Session;
use crate::packing;

const CLAIM: &str =
    "INSERT INTO router_effects (service, event_id, target, replay_id, claimed_at, finished_at, reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING RETURNING id";

const KNOWN: &str =
    "SELECT 1 FROM router_effects WHERE event_id = ?1 AND target = ?2 AND service = ?3 AND replay_id = ?4";

const PARCEL: &str =
    "INSERT INTO router_parcels (id, service, target, lane, planned_at, received_at, body, record)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const LANE: &str = "INSERT INTO router_lanes (service, target, lane, head_id, due_at, attempt)
    VALUES (?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT DO NOTHING";

/// An effect without a parcel is finished with its claim.
pub(super) fn claim(session: &mut Session, effect: &Effect, now: i64) -> Result<bool, QueueError> {
    insert(session, effect, now, Some((now, None))).map(|id| id.is_some())
}

/// Which effects are claimed.
pub(super) fn known(session: &mut Session, effects: &[Effect]) -> Result<Vec<bool>, QueueError> {
    let known = |effect: &Effect| {
        let Effect { service, event_id, target, replay_id } = effect.clone();
        let key = (event_id.as_bytes().to_vec(), target, service, replay_id);
        session.rows(KNOWN, key, |row| row.get::<i64>(0)).map(|found| !found.is_empty())
    };
    effects.iter().map(known).collect()
}

/// Claims effects that are given up without a row.
pub(super) fn close(
    session: &mut Session,
    effects: &[Effect],
    reason: &str,
    now: i64,
) -> Result<(), QueueError> {
    effects.iter().try_for_each(|effect| insert(session, effect, now, Some((now, Some(reason)))).map(drop))
}

pub(super) fn plan(session: &mut Session, parcels: &[Parcel], now: i64) -> Result<Planned, QueueError> {
    let mut planned = Planned::default();
    for parcel in parcels {
        let Some(id) = insert(session, &parcel.effect, now, None)? else {
            planned.known += 1;
            continue;
        };
        planned.new += 1;
        let packed = packing::pack(parcel)?;
        let Effect { service, target, .. } = &parcel.effect;
        let lane = packed.lane.clone();
        let row = (
            id,
            service.clone(),
            target.clone(),
            packed.lane,
            now,
            packed.received_at,
            packed.body,
            packed.record,
        );
        session.run(PARCEL, row)?;
        session.run(LANE, (service.clone(), target.clone(), lane, id, now))?;
    }
    Ok(planned)
}

/// The id of the new effect, or nothing when it is known. `finished`: when, and why if it is given up.
fn insert(
    session: &mut Session,
    effect: &Effect,
    now: i64,
    finished: Option<(i64, Option<&str>)>,
) -> Result<Option<i64>, QueueError> {
    let Effect { service, event_id, target, replay_id } = effect.clone();
    let (finished_at, reason) = finished.unzip();
    let reason = reason.flatten().map(str::to_owned);
    let row = (service, event_id.as_bytes().to_vec(), target, replay_id, now, finished_at, reason);
    Ok(session.rows(CLAIM, row, |row| row.get(0))?.into_iter().next())
}
