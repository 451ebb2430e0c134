//! Channels in trouble: nothing is lost, nobody else waits, order stays, and Slack's pace is kept. Each test has
//! servers of its own: the embedded pair, and real Kafka where headers and bytes are looked at.

mod permanent;
mod rate;
mod trouble;
mod world;
