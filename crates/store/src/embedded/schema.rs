//! The tables of the embedded home. Forward only: a step that was released is never changed, a new one is added.

use outbox::QueueError;

use super::session::Session;
use crate::StoreError;

/// What brings the file from version n to n + 1.
const STEPS: &[&str] = &[
    include_str!("0001.sql"),
    include_str!("0002.sql"),
    include_str!("0003.sql"),
    include_str!("0004.sql"),
    include_str!("0005.sql"),
];

/// Brings the file up to date; the version stands in the file's header.
pub(super) fn migrate(session: &mut Session) -> Result<(), StoreError> {
    let version = session.rows("PRAGMA user_version", (), |row| row.get::<i64>(0))?;
    let found = version.first().copied().unwrap_or_default();
    let known = STEPS.len() as i64;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (step, number) in STEPS.iter().zip(1i64..).skip(usize::try_from(found).unwrap_or_default()) {
        session.run("BEGIN IMMEDIATE", ())?;
        if let Err(error) = apply(session, step, number) {
            let _ = session.run("ROLLBACK", ());
            return Err(error.into());
        }
    }
    Ok(())
}

fn apply(session: &mut Session, step: &str, number: i64) -> Result<(), QueueError> {
    session.script(step)?;
    session.script(&format!("PRAGMA user_version = {number}"))?;
    session.run("COMMIT", ()).map(drop)
}
