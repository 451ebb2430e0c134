//! Takes a body off the wire under a cap, and inflates it under the same cap.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use crate::{problem::Problem, room::Charge};

/// How much of a refused body is still read, so that the sender sees the answer instead of a broken connection.
const DRAIN_BYTES_MAX: usize = 16 << 20;
/// And for how long.
const DRAIN_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Reads a whole body; at most `bytes_max`, until `deadline`, and all of it charged.
pub(crate) async fn read(
    body: &mut Incoming,
    bytes_max: usize,
    deadline: Instant,
    charge: &mut Charge,
) -> Result<Bytes, Problem> {
    let reading = collect(body, bytes_max, charge);
    tokio::time::timeout_at(deadline, reading).await.unwrap_or(Err(Problem::BodyLate))
}

async fn collect(body: &mut Incoming, bytes_max: usize, charge: &mut Charge) -> Result<Bytes, Problem> {
    let announced = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Problem::BodyBroken)?.into_data() else { continue };
        let so_far = rest.as_ref().map_or(first.len(), BytesMut::len);
        if so_far + piece.len() > bytes_max {
            return Err(Problem::TooLarge { bytes_max: bytes_max as u64 });
        }
        charge.grow(piece.len())?;
        match &mut rest {
            Some(rest) => rest.extend_from_slice(&piece),
            // The usual body comes in one piece and is never copied.
            None if first.is_empty() => first = piece,
            None => {
                let size = announced.unwrap_or(0).max(so_far + piece.len()).min(bytes_max);
                let mut whole = BytesMut::with_capacity(size);
                whole.extend_from_slice(&first);
                whole.extend_from_slice(&piece);
                rest = Some(whole);
            }
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

/// Lets the sender of a refused body finish, in the background and within bounds.
pub(crate) fn drain(mut body: Incoming) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(tokio::time::timeout(DRAIN_TIME_MAX, async move {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > DRAIN_BYTES_MAX {
                break;
            }
        }
    }));
}

/// Why a body was not inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deflated {
    /// It would be larger than a plain body may be.
    TooLarge,
    /// It is not gzip, or ends too early.
    Broken,
}

/// Inflates a gzip body to at most `bytes_max`; never holds more than that.
pub(crate) fn gunzip(body: &[u8], bytes_max: usize) -> Result<Bytes, Deflated> {
    let mut inflated = Vec::with_capacity((body.len().saturating_mul(4)).min(bytes_max));
    let mut reader = MultiGzDecoder::new(body).take(bytes_max as u64 + 1);
    reader.read_to_end(&mut inflated).map_err(|_| Deflated::Broken)?;
    if inflated.len() > bytes_max { Err(Deflated::TooLarge) } else { Ok(Bytes::from(inflated)) }
}
