//! Our schemas and the subjects that they are registered under.

use std::sync::LazyLock;

use apache_avro::Schema;

use crate::WireError;

/// `schemas/okr_event.avsc`: the values of `okr.events`.
pub const OKR_EVENT: &str = include_str!("../../../schemas/okr_event.avsc");

/// `schemas/arrival.avsc`: the values of `okr.arrivals`.
pub const ARRIVAL: &str = include_str!("../../../schemas/arrival.avsc");

/// `schemas/audit.avsc`: the values of `okr.audit`.
pub const AUDIT: &str = include_str!("../../../schemas/audit.avsc");

/// `schemas/pending.avsc`: the values of `okr.pending`.
pub const PENDING: &str = include_str!("../../../schemas/pending.avsc");

/// A schema and where it is registered: TopicNameStrategy, so the subject is the topic's name and `-value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The subject's name.
    pub name: &'static str,
    /// The schema, as it is in its file.
    pub schema: &'static str,
}

/// Everything that is to be registered.
pub const SUBJECTS: &[Subject] = &[
    Subject { name: "okr.events-value", schema: OKR_EVENT },
    Subject { name: "okr.arrivals-value", schema: ARRIVAL },
    Subject { name: "okr.audit-value", schema: AUDIT },
    Subject { name: "okr.pending-value", schema: PENDING },
];

/// A record that we have a type for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ours {
    Event,
    Arrival,
    Audit,
    Pending,
}

impl Ours {
    /// The record's name without its namespace, by which Avro matches records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "OkrEvent",
            Self::Arrival => "Arrival",
            Self::Audit => "Audit",
            Self::Pending => "Pending",
        }
    }

    /// The record of that name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Event, Self::Arrival, Self::Audit, Self::Pending].into_iter().find(|ours| ours.name() == name)
    }

    pub fn subject(self) -> &'static Subject {
        match self {
            Self::Event => &SUBJECTS[0],
            Self::Arrival => &SUBJECTS[1],
            Self::Audit => &SUBJECTS[2],
            Self::Pending => &SUBJECTS[3],
        }
    }

    /// Today's schema, parsed once.
    pub fn schema(self) -> Result<&'static Schema, WireError> {
        static EVENT: LazyLock<Result<Schema, WireError>> = LazyLock::new(|| parse(OKR_EVENT));
        static ARRIVED: LazyLock<Result<Schema, WireError>> = LazyLock::new(|| parse(ARRIVAL));
        static AUDITED: LazyLock<Result<Schema, WireError>> = LazyLock::new(|| parse(AUDIT));
        static PENDED: LazyLock<Result<Schema, WireError>> = LazyLock::new(|| parse(PENDING));
        let schema = match self {
            Self::Event => &EVENT,
            Self::Arrival => &ARRIVED,
            Self::Audit => &AUDITED,
            Self::Pending => &PENDED,
        };
        schema.as_ref().map_err(Clone::clone)
    }

    /// The library's own writer of today's schema, which ours is held to.
    #[cfg(test)]
    pub fn writer(self) -> apache_avro::writer::datum::GenericDatumWriter<'static> {
        let schema = self.schema().unwrap();
        // Numbers for times, not text: `human_readable` would pick the JSON form of them.
        apache_avro::writer::datum::GenericDatumWriter::builder(schema).human_readable(false).build().unwrap()
    }
}

fn parse(text: &str) -> Result<Schema, WireError> {
    Schema::parse_str(text).map_err(WireError::schema)
}
