//! `POST /in/{source}/batch`: many deliveries, proven together by one signature, and each a delivery of its own.
//!
//! An item is what it would be if it were sent alone: its own identity, its own arrival, its own place in the duplicate
//! window. Where a header says which delivery this is, it says so of the batch, and the item adds its number; but for the
//! item that is the whole body, which is the very delivery that it would be alone.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use sources::Source;

use super::{Door, Entrance};
use crate::{
    answer,
    desk::{Held, Parcel},
    observe,
    once::Once,
    original::KEPT,
    problem::{Answer, Problem},
    reader::{Coding, Piece, Reader, unpacked},
    room::Charge,
    split::{Form, Unsplit},
    timer::Timer,
};

/// Items that are read before others get their turn.
const AT_ONCE: usize = 32;

/// Bytes of headers that the items of a batch may have together: each item keeps them with its arrival, and what is more
/// than Kafka's client has room for would come again for ever.
const HEADERS_BYTES_MAX: usize = 2 * sources::EVENTS_BYTES_MAX;

/// A proven batch.
pub(super) struct Batch<'a> {
    pub entrance: &'a Entrance,
    pub reader: Reader<'a>,
    pub headers: &'a HeaderMap,
    pub wire_body: Bytes,
    pub charge: Charge,
    pub once: Option<Once>,
    /// The connection's.
    pub timer: &'a Timer,
}

impl Door {
    pub(super) async fn batch(
        &self,
        batch: Batch<'_>,
        form: Form,
        coding: Coding,
    ) -> Result<Answer, Problem> {
        let Batch { entrance, reader, headers, wire_body, mut charge, once, timer } = batch;
        let (bytes_max, items_max) = (self.config.body_max.as_usize(), self.config.batch_items_max);
        let whole = |held| {
            let piece = Piece { headers, body: &wire_body, kept: wire_body.clone(), nth: 0 };
            vec![reader.read(piece, Some(held)).0]
        };
        let parcels = match unpacked(&wire_body, coding, bytes_max, &mut charge)? {
            Err(held) => whole(held),
            Ok(body) => match form.split(&body, items_max) {
                Ok(items) => {
                    let pieces = items.into_iter().map(|item| body.slice(item)).collect();
                    let (parcels, bytes) = read(&reader, headers, (&body, pieces), items_max).await?;
                    charge.becomes(bytes)?;
                    parcels
                }
                Err(Unsplit::TooMany) => return Err(Problem::TooManyItems { items_max }),
                Err(Unsplit::Shape) => {
                    let error = "the body is no batch: neither a JSON array nor lines of JSON".to_owned();
                    whole(Held { reason: "not_batch", error })
                }
            },
        };
        if let Some(bucket) = entrance.bucket() {
            bucket.owe(parcels.len().saturating_sub(1));
        }
        observe::batch_items(entrance.source.name(), parcels.len());
        let (desk, taken_max) = (self.desk.clone(), self.way_max());
        let taking = Box::pin(async move {
            let taking = std::pin::pin!(async move {
                let told = desk.take_all(parcels).await;
                drop(charge);
                told
            });
            let again = |told: &Result<Vec<_>, _>| told.as_deref().ok().map(answer::batch_again);
            match once {
                None => Ok(taking.await),
                Some(once) => once.around(taken_max, taking, again).await,
            }
        });
        let told = self.outcome(taking, (timer, reader.deadline), entrance.source.name()).await??;
        let told = told.map_err(|reason| Problem::Unavailable { reason })?;
        let repeats = told.iter().filter(|(_, repeated)| *repeated).count();
        observe::duplicates(entrance.source.name(), repeats);
        Ok(answer::batch(&told))
    }
}

/// Reads the items, each with headers of its own, and says how many bytes they become beside the body. What they become
/// is bounded like what one delivery becomes: items that would be too much together are held.
async fn read(
    reader: &Reader<'_>,
    headers: &HeaderMap,
    (whole, pieces): (&Bytes, Vec<Bytes>),
    items_max: usize,
) -> Result<(Vec<Parcel>, usize), Problem> {
    let is_whole = pieces.first().is_some_and(|piece| piece.len() == whole.len());
    let ids = if is_whole { Vec::new() } else { ids(reader.source, headers) };
    let mut headers = common(reader.source, headers);
    let kept: usize = headers.values().map(HeaderValue::len).sum::<usize>() * pieces.len();
    if kept > HEADERS_BYTES_MAX {
        return Err(Problem::Headers);
    }
    let mut text_bytes = 0;
    let (mut events_left, mut bytes_left) = (sources::EVENTS_MAX.max(items_max), sources::EVENTS_BYTES_MAX);
    let mut parcels = Vec::with_capacity(pieces.len());
    for (nth, body) in pieces.into_iter().enumerate() {
        for (name, value) in &ids {
            headers.insert(name, numbered(value, nth));
        }
        let (mut parcel, bytes) =
            reader.read(Piece { headers: &headers, body: &body, kept: body.clone(), nth }, None);
        let count = parcel.events.as_ref().map_or(0, Vec::len);
        text_bytes += bytes;
        if count > events_left || (count > 0 && bytes > bytes_left) {
            let error =
                "the items before it leave no room for its events; send the batch in parts".to_owned();
            parcel.events = Err(Held { reason: "no_room", error });
            text_bytes -= bytes;
        } else if count > 0 {
            (events_left, bytes_left) = (events_left - count, bytes_left - bytes);
        }
        parcels.push(parcel);
        if nth % AT_ONCE == AT_ONCE - 1 {
            tokio::task::yield_now().await;
        }
    }
    Ok((parcels, kept + text_bytes.saturating_sub(whole.len())))
}

/// The headers that say which delivery, here which batch, this is.
fn ids(source: &Source, headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let found = |name: &str| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = headers.get(&name)?.clone();
        Some((name, value))
    };
    source.id_headers().into_iter().filter_map(found).collect()
}

/// What is kept of the request's headers for each item: those that it would have alone.
fn common(source: &Source, headers: &HeaderMap) -> HeaderMap {
    let kept = KEPT.iter().copied().chain(source.headers_kept().iter().map(String::as_str));
    let mut common = HeaderMap::new();
    for name in kept.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()) {
        if let Some(value) = headers.get(&name) {
            common.insert(name, value.clone());
        }
    }
    common.remove(header::CONTENT_ENCODING);
    common.insert(header::CONTENT_TYPE, HeaderValue::from_static(source.item_type()));
    common
}

/// `{id of the batch}#{number of the item}`
fn numbered(value: &HeaderValue, nth: usize) -> HeaderValue {
    let text = [value.as_bytes(), b"#", nth.to_string().as_bytes()].concat();
    // What was a header's value is one with a few more letters.
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| value.clone())
}
