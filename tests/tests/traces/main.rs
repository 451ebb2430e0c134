//! Traces on real Kafka: from the sender's request to the receiver's, through retries, dead letters, a collector that
//! is away, and none at all.

mod chain;
mod collector;
mod trouble;
mod world;
