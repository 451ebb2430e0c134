//! Times, days and JSON as Postgres sends and takes them in binary.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use store::ground::Unreadable;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// Microseconds from 1970 to 2000, where Postgres begins to count.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const EPOCH: Date = date(2000, 1, 1);

type Outcome<T> = Result<T, Box<dyn Error + Sync + Send>>;

/// What is no value of ours stays so, however often it is read.
fn odd(why: impl ToString) -> Box<dyn Error + Sync + Send> {
    Box::new(Unreadable(why.to_string()))
}

/// A `timestamptz`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) Timestamp);

/// As the wire has it.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond() - EPOCH_MICROS
}

impl ToSql for Time {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Outcome<IsNull> {
        out.put_i64(micros(self.0));
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Time {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Outcome<Self> {
        let micros = i64::from_be_bytes(raw.try_into().map_err(odd)?);
        let micros = micros.checked_add(EPOCH_MICROS).ok_or("a time out of range").map_err(odd)?;
        Ok(Self(Timestamp::from_microsecond(micros).map_err(odd)?))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TIMESTAMPTZ
    }
}

/// A `date`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day(pub(super) Date);

/// As the wire has it.
pub(super) fn days(day: Date) -> i32 {
    // Some millions of days at most.
    (day.duration_since(EPOCH).as_hours() / 24) as i32
}

impl<'a> FromSql<'a> for Day {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Outcome<Self> {
        let days = i32::from_be_bytes(raw.try_into().map_err(odd)?);
        Ok(Self(EPOCH.checked_add(SignedDuration::from_hours(i64::from(days) * 24)).map_err(odd)?))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::DATE
    }
}

impl ToSql for Day {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Outcome<IsNull> {
        out.put_i32(days(self.0));
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::DATE
    }

    to_sql_checked!();
}

/// The text of a `jsonb`.
#[derive(Debug)]
pub(super) struct Json<'a>(pub(super) &'a [u8]);

/// The one version of the binary form that there is: the text follows.
pub(super) const JSONB: u8 = 1;

impl<'a> FromSql<'a> for Json<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Outcome<Self> {
        match raw.split_first() {
            Some((&JSONB, text)) => Ok(Self(text)),
            _ => Err(odd("a jsonb of an unknown version")),
        }
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::JSONB
    }
}
