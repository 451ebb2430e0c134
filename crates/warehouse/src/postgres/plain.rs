//! What the pace is compared with.

use std::pin::pin;

use bytes::Bytes;
use futures::SinkExt;

use super::columns::Rows;
use super::commit::{CHUNK_BYTES, put};
use super::statements as sql;
use crate::Entry;

/// Events as `COPY` has them, into any table, and nothing else.
pub(crate) async fn copy_plainly(
    client: &tokio_postgres::Client,
    table: &str,
    entries: &[&Entry],
) -> Result<(), tokio_postgres::Error> {
    let statement = client.prepare(&sql::COPY_EVENTS.replace("okr_events", table)).await?;
    let mut sink = pin!(client.copy_in::<_, Bytes>(&statement).await?);
    let mut rows = Rows::new(CHUNK_BYTES);
    for entry in entries {
        put(entry, &mut rows);
        if rows.len() >= CHUNK_BYTES {
            sink.send(rows.take().freeze()).await?;
        }
    }
    sink.send(rows.end().freeze()).await?;
    sink.finish().await.map(drop)
}
