//! The reader of one writer schema: built once per schema id, it turns data into today's types.

use std::fmt::Display;

use apache_avro::{Schema, from_value, reader::datum::GenericDatumReader, types::Value};
use okr::OkrEvent;
use serde::de::DeserializeOwned;

use crate::{Arrival, Audit, Pending, WireError, positional, schema::Ours};

/// Reads what was written with one schema.
pub(crate) struct Reader<'s> {
    name: String,
    ours: Option<Ours>,
    /// As it was written.
    plain: GenericDatumReader<'s>,
    /// Resolved to today's schema; absent when it is today's, or not one of ours.
    resolving: Option<GenericDatumReader<'s>>,
}

impl<'s> Reader<'s> {
    /// Prepares for a writer's schema. A record that bears the name of one of ours must be readable as that one.
    pub fn new(writer: &'s Schema) -> Result<Self, WireError> {
        let name = writer.name().map(|name| name.name().to_owned()).unwrap_or_default();
        let ours = Ours::of(&name);
        let plain =
            GenericDatumReader::builder(writer).human_readable(false).build().map_err(WireError::schema)?;
        let resolving = match ours {
            Some(ours) if writer != ours.schema()? => Some(
                GenericDatumReader::builder(writer)
                    .reader_schema(ours.schema()?)
                    .human_readable(false)
                    .build()
                    .map_err(WireError::schema)?,
            ),
            _ => None,
        };
        Ok(Self { name, ours, plain, resolving })
    }

    /// Reads an event.
    pub fn event(&self, datum: &[u8]) -> Result<OkrEvent, WireError> {
        self.read(Ours::Event, datum)
    }

    /// Reads an arrival.
    pub fn arrival(&self, datum: &[u8]) -> Result<Arrival, WireError> {
        self.read(Ours::Arrival, datum)
    }

    /// Reads an entry of the audit.
    pub fn audit(&self, datum: &[u8]) -> Result<Audit, WireError> {
        self.read(Ours::Audit, datum)
    }

    /// Reads a reference to an arrival.
    pub fn pending(&self, datum: &[u8]) -> Result<Pending, WireError> {
        self.read(Ours::Pending, datum)
    }

    /// Reads anything, as JSON: our own records as they are defined, others as they come.
    pub fn any(&self, datum: &[u8]) -> Result<serde_json::Value, WireError> {
        let own = match self.ours {
            Some(Ours::Event) => {
                self.event(datum).and_then(|event| serde_json::to_value(event).map_err(WireError::avro))
            }
            Some(Ours::Arrival) => self.arrival(datum).and_then(|arrival| arrival.json()),
            Some(Ours::Audit) => {
                self.audit(datum).and_then(|audit| serde_json::to_value(audit).map_err(WireError::avro))
            }
            Some(Ours::Pending) => {
                self.pending(datum).and_then(|pending| serde_json::to_value(pending).map_err(WireError::avro))
            }
            None => return self.foreign(datum),
        };
        own.or_else(|error| self.foreign(datum).map_err(|_| error))
    }

    fn foreign(&self, datum: &[u8]) -> Result<serde_json::Value, WireError> {
        let value = whole(datum, |rest| self.plain.read_value(rest))?;
        serde_json::Value::try_from(value).map_err(WireError::avro)
    }

    fn read<T: DeserializeOwned>(&self, wanted: Ours, datum: &[u8]) -> Result<T, WireError> {
        if self.ours != Some(wanted) {
            let (wanted, name) = (wanted.name(), &self.name);
            return Err(WireError::Schema(format!("it is of a record `{name}`, not `{wanted}`")));
        }
        match &self.resolving {
            // The library cannot resolve and deserialise in one step: it panics when asked to.
            Some(resolving) => {
                let value: Value = whole(datum, |rest| resolving.read_value(rest))?;
                from_value(&value).map_err(WireError::avro)
            }
            // Today's own: all parts are where our types have them.
            None => whole(datum, positional::read),
        }
    }
}

/// Reads a datum to its last byte; bytes left over mean that it was written with another schema.
fn whole<'d, T, E: Display>(
    datum: &'d [u8],
    read: impl FnOnce(&mut &'d [u8]) -> Result<T, E>,
) -> Result<T, WireError> {
    let mut rest = datum;
    let value = read(&mut rest).map_err(WireError::avro)?;
    match rest.len() {
        0 => Ok(value),
        left => Err(WireError::Avro(format!("{left} bytes are left over"))),
    }
}
