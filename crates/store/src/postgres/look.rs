//! What a database holds of ours, without making anything.

use outbox::QueueError;

use super::connect::{Connections, answered};
use super::failure::Failure;
use super::schema;
use crate::StoreError;

/// The version of its tables, if there are any, and what is halted with its reason.
pub(crate) async fn look(url: &str) -> Result<(Option<i64>, Vec<(String, String)>), StoreError> {
    let broken = |failure: Failure| StoreError::Home(QueueError::from(failure));
    let client = Connections::new(url)?.get().await.map_err(broken)?;
    let looked = answered(client, async |client| {
        let there = client.query_one("SELECT to_regclass('router_migrations') IS NOT NULL", &[]).await?;
        if !there.try_get::<_, bool>(0)? {
            return Ok((None, Vec::new()));
        }
        let version = client.query_one("SELECT max(version) FROM router_migrations", &[]).await?;
        let there = client.query_one("SELECT to_regclass('router_brakes') IS NOT NULL", &[]).await?;
        if !there.try_get::<_, bool>(0)? {
            return Ok((version.try_get(0)?, Vec::new()));
        }
        let halted =
            "SELECT service, halted_why FROM router_brakes WHERE halted_why IS NOT NULL ORDER BY service";
        let halted = client.query(halted, &[]).await?;
        let read = |row: &tokio_postgres::Row| Ok::<_, Failure>((row.try_get(0)?, row.try_get(1)?));
        let halted: Result<Vec<(String, String)>, Failure> = halted.iter().map(read).collect();
        Ok((version.try_get(0)?, halted?))
    });
    let (version, halts) = looked.await.map_err(broken)?;
    match version {
        Some(found) if found > schema::known() => Err(StoreError::Newer { found, known: schema::known() }),
        version => Ok((version, halts)),
    }
}
