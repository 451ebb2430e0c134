//! Who sent it, over real HTTP: every scheme, secrets that a source brings itself, and values that are used once.

mod asana;
mod nonce;
mod schemes;
mod vectors;
mod world;
