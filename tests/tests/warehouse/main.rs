//! The warehouse as a role: members that die, stand still and come back, while its database restarts, and an embedded
//! file with one member. Each event is one row, and no offset is left out.

mod feed;
mod file;
mod gaps;
mod members;
mod world;
