//! Services with state, on real Kafka: members that die, stand still and come back too late, servers that restart,
//! records that are gone. Whatever happens, each record counts once, in order, and nothing is skipped in silence.

mod evidence;
mod faults;
mod gaps;
mod home;
mod member;
mod resting;
mod sums;
mod world;
