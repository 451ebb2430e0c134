//! The harness of the end-to-end suite: real servers, our processes, fake receivers.
//!
//! Nothing leans on a fixed port or on leftovers. Servers are processes of the test executable and die with it.
//! Fetched servers come from `tests/setup`; one's own are named by `OKR_TEST_KAFKA` and `OKR_TEST_REGISTRY`.

mod answer;
mod apicurio;
mod authority;
mod cache;
mod child;
mod disk;
#[cfg(feature = "embedded")]
mod embedded;
mod fake;
mod folder;
mod identity;
mod kafka;
mod port;
mod probe;
mod promise;
mod python;
mod python_raw;
mod role;
mod send;
mod sender;
pub mod sign;
mod slack;
mod stack;
mod wait;

pub use answer::Answer;
pub use apicurio::{Apicurio, registry};
pub use authority::Authority;
pub use child::{Process, Recipe};
pub use disk::SmallDisk;
#[cfg(feature = "embedded")]
pub use embedded::Embedded;
pub use fake::{FakeHttp, Seen};
pub use folder::Folder;
pub use identity::{AUDIENCE, ISSUER, Identity};
pub use kafka::{Kafka, Setup, kafka};
pub use port::free_port;
pub use probe::broker_answers;
pub use promise::{Logged, nothing_is_lost, refusals_are_honest};
pub use python::Python;
pub use role::Role;
pub use send::{Reply, delete, get, post, put};
pub use sender::{Load, Sender, Sent, check_in, event_ids};
pub use slack::FakeSlack;
pub use stack::{Done, Stack, World, binary};
pub use wait::until;
