//! Encoding and decoding without a registry.

use std::time::Duration;

use crate::{Decoder, Encoder, Registry, WireError, reader::Reader, schema::Ours};

/// The schema's id in these frames.
const ID: u32 = 1;

/// A writer and a reader of events that ask nobody: they know this release's schema alone, under an id that means
/// nothing to any registry. For measurements; such frames do not belong on a topic of ours. Like
/// [`Registry::new`], it needs a rustls provider in the process.
pub fn alone() -> Result<(Encoder, Decoder), WireError> {
    // Never asked: nothing listens there.
    let registry = Registry::new("http://127.0.0.1:9", Duration::ZERO)?;
    registry.know(Ours::Event, ID);
    let decoder = registry.decoder();
    decoder.know(ID, Reader::new(Ours::Event.schema()?)?);
    Ok((registry.encoder(), decoder))
}
