//! The Confluent frame: a zero byte, the schema's id in four bytes (big endian), then the Avro datum.

use crate::WireError;

/// Bytes before the datum.
pub(crate) const HEAD: usize = 5;

/// The head of a frame.
pub(crate) fn head(id: u32) -> [u8; HEAD] {
    let [a, b, c, d] = id.to_be_bytes();
    [0, a, b, c, d]
}

/// A frame's schema id and datum.
pub(crate) fn split(frame: &[u8]) -> Result<(u32, &[u8]), WireError> {
    match frame {
        [0, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        [] => Err(WireError::Frame("it is empty".to_owned())),
        [0, ..] => Err(WireError::Frame(format!("{} bytes are too few for magic byte and id", frame.len()))),
        [magic, ..] => Err(WireError::Frame(format!("magic byte is {magic:#04x}, not 0x00"))),
    }
}
