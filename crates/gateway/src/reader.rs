//! Reads a proven body: what it says, and what is kept of it.

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use sources::{Delivery, Source};
use tokio::time::Instant;

use crate::{
    body::{self, Deflated},
    desk::{Due, Held, Parcel},
    original::Original,
    problem::Problem,
    room::Charge,
    trail::Trail,
};

/// How the body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    Gzip,
}

/// What all deliveries of a request have in common.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub source: &'a Source,
    pub received_at: Timestamp,
    pub trail: Trail,
    /// When the sender must have an answer.
    pub deadline: Instant,
}

/// One delivery of a request.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    pub headers: &'a HeaderMap,
    /// What it says.
    pub body: &'a Bytes,
    /// What is kept of it: the body as it was on the wire.
    pub kept: Bytes,
    /// How many of its batch stand before it.
    pub nth: usize,
}

impl Reader<'_> {
    /// Reads a delivery, and says how much text its events are. One that nobody understands becomes a parcel too: it is
    /// held, as is one with a `fault`.
    pub(crate) fn read(&self, piece: Piece<'_>, fault: Option<Held>) -> (Parcel, usize) {
        let Piece { headers, body, kept, nth } = piece;
        // Of a source whose every delivery is new, equal items of a batch are told apart by their time.
        let received_at = later(self.received_at, nth);
        let source = self.source;
        let reading = source.read(&Delivery { headers, body, received_at });
        let events = match fault {
            Some(held) => Err(held),
            None => reading.events.map_err(|fault| Held { reason: fault.reason(), error: fault.to_string() }),
        };
        let pendings = if events.is_ok() { reading.pendings } else { Vec::new() };
        let dues = pendings.into_iter().map(|pending| Due::of(source, pending)).collect();
        let identity = reading.identity.into_text();
        let key = Bytes::from([source.name(), "/", &identity].concat());
        let original = Original::of(source, identity, received_at, (headers, kept));
        let (trail, deadline) = (self.trail.clone(), self.deadline);
        let fingerprint = reading.fingerprint;
        (Parcel { key, fingerprint, original, events, dues, trail, deadline }, reading.text_bytes)
    }
}

/// So many microseconds later.
fn later(time: Timestamp, micros: usize) -> Timestamp {
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    time.checked_add(jiff::SignedDuration::from_micros(micros)).unwrap_or(time)
}

/// The body as it was before the sender packed it; or why it is to be held as it came.
pub(crate) fn unpacked(
    wire_body: &Bytes,
    coding: Coding,
    bytes_max: usize,
    charge: &mut Charge,
) -> Result<Result<Bytes, Held>, Problem> {
    if coding == Coding::Plain {
        return Ok(Ok(wire_body.clone()));
    }
    match body::gunzip(wire_body, bytes_max) {
        Ok(body) => {
            charge.grow(body.len())?;
            Ok(Ok(body))
        }
        Err(Deflated::TooLarge) => Err(Problem::TooLarge { bytes_max: bytes_max as u64 }),
        Err(Deflated::Broken) => {
            let error = "the body is not the gzip that it claims to be".to_owned();
            Ok(Err(Held { reason: "not_gzip", error }))
        }
    }
}
