//! Takes a body off the wire under a cap, and inflates it under the same cap.

use std::{io::Read, net::IpAddr};

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, sleep};

use crate::{
    problem::Problem,
    room::{Charge, LOOK_EVERY, Share},
};

/// How much of a refused body is still read, so that the sender sees the answer instead of a broken connection.
const DRAIN_BYTES_MAX: usize = 16 << 20;
/// And for how long.
const DRAIN_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Reads a whole body; at most `bytes_max`, and all of it charged. `client` is asked for only where the body does not come
/// in one piece.
pub(crate) async fn read(
    body: &mut Incoming,
    bytes_max: usize,
    charge: &mut Charge,
    client: impl FnOnce() -> IpAddr,
) -> Result<Bytes, Problem> {
    let Some(first) = piece(body).await? else { return Ok(Bytes::new()) };
    if first.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    charge.grow(first.len())?;
    // The usual body comes in one piece and is never copied.
    if body.is_end_stream() {
        return Ok(first);
    }
    // What has come already is read off the wire before anything is waited for, the end of a chunked body above all.
    tokio::task::yield_now().await;
    let mut whole = Whole::of(first, bytes_max);
    while let Some(next) = piece(body).now_or_never() {
        match next? {
            Some(next) => whole.add(&next, body, charge)?,
            None => return Ok(whole.done()),
        }
        if body.is_end_stream() {
            return Ok(whole.done());
        }
    }
    let mut share = charge.share(client());
    share.grow(whole.len())?;
    Box::pin(rest(body, whole, (charge, share))).await
}

/// A body as far as it has come. Only one of several pieces is copied.
struct Whole {
    first: Bytes,
    joined: Option<BytesMut>,
    bytes_max: usize,
}

impl Whole {
    fn of(first: Bytes, bytes_max: usize) -> Self {
        Self { first, joined: None, bytes_max }
    }

    fn len(&self) -> usize {
        self.joined.as_ref().map_or(self.first.len(), BytesMut::len)
    }

    /// The next piece, charged; `body` says how much is still to come.
    fn add(&mut self, next: &[u8], body: &Incoming, charge: &mut Charge) -> Result<(), Problem> {
        let so_far = self.len();
        if so_far + next.len() > self.bytes_max {
            return Err(too_large(self.bytes_max));
        }
        charge.grow(next.len())?;
        let joined = self.joined.get_or_insert_with(|| {
            let announced =
                body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
            let bytes = (so_far + next.len() + announced).min(self.bytes_max);
            let mut joined = BytesMut::with_capacity(bytes);
            joined.extend_from_slice(&self.first);
            joined
        });
        joined.extend_from_slice(next);
        Ok(())
    }

    fn done(self) -> Bytes {
        self.joined.map_or(self.first, BytesMut::freeze)
    }
}

/// What has not come yet.
async fn rest(
    body: &mut Incoming,
    mut whole: Whole,
    (charge, mut share): (&mut Charge, Share),
) -> Result<Bytes, Problem> {
    let mut look = std::pin::pin!(sleep(LOOK_EVERY));
    loop {
        let next = tokio::select! {
            biased; // What has come is taken before it is asked how fast it came.
            next = piece(body) => next?,
            () = look.as_mut() => {
                share.look(look.deadline())?;
                look.as_mut().reset(Instant::now() + LOOK_EVERY);
                continue;
            }
        };
        let Some(next) = next else { return Ok(whole.done()) };
        whole.add(&next, body, charge)?;
        share.grow(next.len())?;
    }
}

/// The next bytes; none at the end.
async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame.map_err(|_| Problem::BodyBroken)?.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::TooLarge { bytes_max: bytes_max as u64 }
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
