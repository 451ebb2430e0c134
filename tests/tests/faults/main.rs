//! What is below us breaks and comes back: Postgres, disks, locks. Members stall, nobody helps them, and then everything
//! is exact: each event at each target once, but for what hit its own sending.

mod backlog;
mod disk;
mod evidence;
mod locks;
mod restarts;
mod world;
