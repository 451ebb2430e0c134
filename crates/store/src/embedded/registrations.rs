//! Windows of registration and sealed secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use outbox::QueueError;

use super::Embedded;
use super::session::Session;
use crate::{Learnt, Registered, Registrations, Sealed, time};

const WINDOWS: &str = "SELECT source, until - ?1 FROM router_windows WHERE until > ?1";

const SECRETS: &str =
    "SELECT source, id, sealed, learned_at FROM router_secrets ORDER BY source, learned_at, id";

const OPEN: &str = "INSERT INTO router_windows (source, until) VALUES (?1, ?2)
    ON CONFLICT DO UPDATE SET until = excluded.until";

const IS_OPEN: &str = "SELECT 1 FROM router_windows WHERE source = ?1 AND until > ?2";

const OTHERS: &str = "SELECT count(*) FROM router_secrets WHERE source = ?1 AND id <> ?2";

const KEEP: &str = "INSERT INTO router_secrets (source, id, sealed, learned_at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO NOTHING";

const RESEAL: &str =
    "UPDATE OR REPLACE router_secrets SET id = ?3, sealed = ?4 WHERE source = ?1 AND id = ?2";

const CLOSE: &str = "DELETE FROM router_windows WHERE source = ?1";

const FORGET: &str = "DELETE FROM router_secrets WHERE source = ?1";

#[async_trait]
impl Registrations for Embedded {
    async fn registered(&self) -> Result<Vec<Registered>, QueueError> {
        let now = self.now();
        self.call(move |session| registered(session, now)).await
    }

    async fn open_window(&self, source: &str, span: Duration) -> Result<(), QueueError> {
        let (source, until) = (source.to_owned(), self.now().saturating_add(time::span(span)));
        self.call(move |session| session.run(OPEN, (source.as_str(), until)).map(drop)).await
    }

    async fn learn(&self, source: &str, sealed: &Sealed, most: usize) -> Result<Learnt, QueueError> {
        let (source, sealed, now) = (source.to_owned(), sealed.clone(), self.now());
        self.call(move |session| learn(session, &source, &sealed, (most, now))).await
    }

    async fn reseal(&self, source: &str, before: &str, sealed: &Sealed) -> Result<(), QueueError> {
        let (source, before, sealed) = (source.to_owned(), before.to_owned(), sealed.clone());
        self.call(move |session| session.run(RESEAL, (source, before, sealed.id, sealed.bytes)).map(drop))
            .await
    }

    async fn forget(&self, source: &str) -> Result<u64, QueueError> {
        let source = source.to_owned();
        self.call(move |session| {
            session.run(CLOSE, [source.as_str()])?;
            session.run(FORGET, [source.as_str()])
        })
        .await
    }
}

fn registered(session: &mut Session, now: i64) -> Result<Vec<Registered>, QueueError> {
    let mut all: BTreeMap<String, Registered> = BTreeMap::new();
    for (source, left) in
        session.rows(WINDOWS, [now], |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)))?
    {
        all.entry(source).or_default().open_for = Some(Duration::from_micros(left.unsigned_abs()));
    }
    let rows = session.rows(SECRETS, (), |row| {
        let sealed = Sealed { id: row.get(1)?, bytes: row.get(2)? };
        Ok((row.get::<String>(0)?, (sealed, time::timestamp(row.get(3)?))))
    })?;
    for (source, secret) in rows {
        all.entry(source).or_default().secrets.push(secret);
    }
    Ok(all.into_iter().map(|(source, kept)| Registered { source, ..kept }).collect())
}

fn learn(
    session: &mut Session,
    source: &str,
    sealed: &Sealed,
    (most, now): (usize, i64),
) -> Result<Learnt, QueueError> {
    if session.rows(IS_OPEN, (source, now), |_| Ok(()))?.is_empty() {
        return Ok(Learnt::Closed);
    }
    let others = session.rows(OTHERS, (source, sealed.id.as_str()), |row| row.get::<i64>(0))?;
    if others.first().is_some_and(|count| count.unsigned_abs() >= most as u64) {
        return Ok(Learnt::Full);
    }
    session.run(KEEP, (source, sealed.id.as_str(), sealed.bytes.clone(), now))?;
    Ok(Learnt::Kept)
}
