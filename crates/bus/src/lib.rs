//! The quarantine for rdkafka: what the rest of the house needs of Kafka, in the house's own words.
//!
//! Producer, consumer, reader, admin, placement, topics as data and header names. It knows neither Avro nor OKRs, and
//! no type of rdkafka crosses its border.

mod acls;
mod admin;
mod aside;
mod bare;
pub mod burrow;
mod consumer;
pub mod dead;
mod error;
pub mod header;
mod incoming;
mod logs;
mod native;
mod observe;
mod onlooker;
pub mod place;
mod producer;
mod reader;
mod record;
pub mod replay;
mod rights;
mod settings;
mod tokens;
mod topics;
mod watch;

pub use acls::{Acl, Operation, ROLES, Resource, acls};
pub use admin::{Admin, Difference, PartitionState, TopicState, WantedTopic, Watermarks};
pub use bare::{Bare, BareProducer};
pub use consumer::pulse::{Glance, Pulse, Stand};
pub use consumer::{Consumer, Gate, Handback, Membership, Mix, Resolver, Room, Signal, Start};
pub use error::{BusError, SendError};
pub use onlooker::{Crew, Onlooker, Reach, groups};
pub use place::{RangeError, parse_ranges};
pub use producer::{Delivery, Producer};
pub use reader::{ReadFrom, Reader};
pub use record::{Headers, InRecord, OutRecord, Placed, Slot};
pub use rights::{Rights, Standing};
pub use settings::{Mechanism, Protocol, Security, Settings};
pub use tokens::{Token, Tokens};
pub use topics::{Retention, TOPICS, Topic, topic};
pub use watch::watch_broker;

/// What the rdkafka in this binary was built with, such as `gzip,snappy,ssl,sasl,...`: for start-up lines and doctors.
pub fn library() -> String {
    let (_, version) = rdkafka::util::get_rdkafka_version();
    let features = rdkafka::ClientConfig::new()
        .create_native_config()
        .and_then(|config| config.get("builtin.features"))
        .unwrap_or_default();
    format!("librdkafka {version} ({features})")
}
