//! Dead letters on real Kafka: counted, shown, sent back to whom they failed for, dropped; and what halts, goes on by
//! a command. One world for the letters, a broker of its own for the halt, since a halt is everybody's.

mod crash;
mod halt;
mod letters;
mod poison;
mod world;
