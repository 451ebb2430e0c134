//! Several notifiers on one Postgres: members come, go and stand still, and so does the database.

mod database;
mod evidence;
mod members;
mod world;
