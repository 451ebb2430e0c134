//! A turn at what one member at a time does: a lock of the server, for as long as a connection of its own lives.

use deadpool_postgres::Object;
use store::ground::{Connections, Failure};

use crate::target::Turn;

/// By the schema, so that two warehouses in one database are not in each other's way.
const TAKE: &str = "SELECT coalesce((SELECT pg_try_advisory_lock(8028077, oid::integer) FROM pg_namespace
    WHERE nspname = current_schema()), false)";

/// A member that stands still says nothing any more: the server ends its session then.
const LEASE: &str = "SET idle_session_timeout = '300s'";

/// None where another one has it.
pub(super) async fn take(connections: &Connections) -> Result<Option<Turn>, Failure> {
    let client = connections.get().await?;
    let row = client.query_one(TAKE, &[]).await?;
    if !row.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    // Out of the pool: the lock is free when the connection is closed, and nobody else is to have it.
    let client = Object::take(client);
    client.batch_execute(LEASE).await?;
    Ok(Some(Turn::of(client)))
}
