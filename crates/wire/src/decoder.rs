//! From frames to our types.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock},
};

use okr::OkrEvent;

use crate::{Arrival, Audit, Pending, Registry, WireError, frame, reader::Reader};

/// Readers that are kept. Each holds its schema for the life of the process; what comes beyond is built per record.
const READERS_MAX: usize = 256;

/// Reads frames. Cheap to clone, and all clones share their readers; see [`Registry::decoder`].
///
/// A frame whose schema id the registry does not know is waited for until the grace is over
/// ([`WireError::UnknownId`]). A registry that does not answer is the caller's to wait for
/// ([`WireError::RegistryDown`]). No bytes make it panic.
#[derive(Clone)]
pub struct Decoder {
    registry: Registry,
    readers: Arc<RwLock<HashMap<u32, Arc<Reader<'static>>>>>,
}

impl Decoder {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry, readers: Arc::default() }
    }

    /// From now on frames of this id are read by `reader`, and the registry is not asked about it.
    pub(crate) fn know(&self, id: u32, reader: Reader<'static>) {
        self.readers.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(reader));
    }

    /// The event in a frame, as this release knows it.
    pub async fn event(&self, frame: &[u8]) -> Result<OkrEvent, WireError> {
        self.read(frame, |reader, datum| reader.event(datum)).await
    }

    /// The arrival in a frame, as this release knows it.
    pub async fn arrival(&self, frame: &[u8]) -> Result<Arrival, WireError> {
        self.read(frame, |reader, datum| reader.arrival(datum)).await
    }

    /// The entry of the audit in a frame, as this release knows it.
    pub async fn audit(&self, frame: &[u8]) -> Result<Audit, WireError> {
        self.read(frame, |reader, datum| reader.audit(datum)).await
    }

    /// The reference to an arrival in a frame, as this release knows it.
    pub async fn pending(&self, frame: &[u8]) -> Result<Pending, WireError> {
        self.read(frame, |reader, datum| reader.pending(datum)).await
    }

    /// Whatever is in a frame, as JSON: our own records in their own form, others as they come (bytes as a list of
    /// numbers, times as numbers).
    pub async fn any(&self, frame: &[u8]) -> Result<serde_json::Value, WireError> {
        self.read(frame, |reader, datum| reader.any(datum)).await
    }

    /// By the reader that is kept for this id, if there is one. No reader takes long, so it is not taken along.
    fn by_kept<T>(
        &self,
        id: u32,
        read: impl FnOnce(&Reader<'_>) -> Result<T, WireError>,
    ) -> Option<Result<T, WireError>> {
        let readers = self.readers.read().unwrap_or_else(PoisonError::into_inner);
        readers.get(&id).map(|reader| guarded(|| read(reader)))
    }

    async fn read<T>(
        &self,
        frame: &[u8],
        read: impl Fn(&Reader<'_>, &[u8]) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let (id, datum) = frame::split(frame)?;
        if let Some(done) = self.by_kept(id, |reader| read(reader, datum)) {
            return done;
        }
        let schema = self.registry.schema(id).await?;
        let mut readers = self.readers.write().unwrap_or_else(PoisonError::into_inner);
        if readers.len() >= READERS_MAX && !readers.contains_key(&id) {
            drop(readers);
            return guarded(|| read(&Reader::new(&schema.parsed)?, datum));
        }
        let reader = match readers.get(&id) {
            Some(reader) => reader.clone(),
            None => {
                // Tried on the shared schema first, so that one that cannot be used is not leaked.
                guarded(|| Reader::new(&schema.parsed).map(drop))?;
                let reader = Arc::new(guarded(|| Reader::new(Box::leak(Box::new(schema.parsed.clone()))))?);
                readers.insert(id, reader.clone());
                reader
            }
        };
        drop(readers);
        guarded(|| read(&reader, datum))
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// The library has places that panic on input; a record must not be able to end a service.
fn guarded<T>(work: impl FnOnce() -> Result<T, WireError>) -> Result<T, WireError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(WireError::Avro("the Avro library panicked over it".to_owned())))
}
