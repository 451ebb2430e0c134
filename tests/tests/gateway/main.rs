//! Every row of the gateway's contract, over real HTTP on a real Kafka: what is answered, and what is kept. Each test is
//! named after its row.

mod batches;
mod kept;
mod refused;
mod unavailable;
mod world;
