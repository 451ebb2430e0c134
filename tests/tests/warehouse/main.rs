//! The warehouse as a role: members that die, stand still and come back too late, while their database restarts and its
//! disk fills up; and an embedded file with one member. Each event is one row, state is what a script that knows no SQL
//! makes of the events, and no offset is left out.
//!
//! `OKR_TEST_LONG=1` makes it 200,000 events and five minutes of trouble with a seed of its own, which is printed;
//! `OKR_WAREHOUSE_SEED` gives it back, `OKR_WAREHOUSE_EVENTS` changes the number of events.

mod exact;
mod feed;
mod file;
mod fleet;
mod forget;
mod gaps;
mod members;
mod noted;
mod rebuild;
mod size;
mod steady;
mod story;
mod world;
