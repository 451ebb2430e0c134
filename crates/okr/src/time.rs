//! How times travel: text that people read where the format is for people, whole numbers where it is Avro.
//!
//! Both directions accept both shapes, for the Avro library calls its values human-readable on one of its two paths.

/// `Timestamp` ⇄ RFC 3339 text, or microseconds since 1970. Anything finer than a microsecond is cut off.
pub mod micros {
    use std::fmt;

    use jiff::Timestamp;
    use serde::{Deserializer, Serializer, de, ser};

    /// Writes text such as `2026-03-02T09:30:00.25Z`, or microseconds.
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = at.as_microsecond();
        if !serializer.is_human_readable() {
            return serializer.serialize_i64(micros);
        }
        serializer.collect_str(&Timestamp::from_microsecond(micros).map_err(ser::Error::custom)?)
    }

    /// Reads what [`serialize`] wrote; any offset from UTC is accepted in text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Moment)
        } else {
            deserializer.deserialize_i64(Moment)
        }
    }

    struct Moment;

    impl de::Visitor<'_> for Moment {
        type Value = Timestamp;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an RFC 3339 time or microseconds since 1970")
        }

        fn visit_i64<E: de::Error>(self, micros: i64) -> Result<Timestamp, E> {
            Timestamp::from_microsecond(micros).map_err(E::custom)
        }

        fn visit_u64<E: de::Error>(self, micros: u64) -> Result<Timestamp, E> {
            self.visit_i64(i64::try_from(micros).map_err(E::custom)?)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
            let at: Timestamp = text.parse().map_err(E::custom)?;
            self.visit_i64(at.as_microsecond())
        }
    }
}

/// `Option<Date>` ⇄ `YYYY-MM-DD`, or days since 1970-01-01.
pub mod days {
    use std::fmt;

    use jiff::{
        Span,
        civil::{Date, date},
    };
    use serde::{Deserializer, Serialize, Serializer, de, ser};

    const EPOCH: Date = date(1970, 1, 1);

    /// Writes text or a number of days; an absent day is null.
    pub fn serialize<S: Serializer>(day: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
        match day {
            None => serializer.serialize_none(),
            Some(day) => serializer.serialize_some(&Day(*day)),
        }
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
        deserializer.deserialize_option(Maybe)
    }

    struct Day(Date);

    impl Serialize for Day {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if serializer.is_human_readable() {
                return serializer.collect_str(&self.0);
            }
            let days = self.0.duration_since(EPOCH).as_hours() / 24;
            serializer.serialize_i32(i32::try_from(days).map_err(ser::Error::custom)?)
        }
    }

    struct Maybe;

    impl<'de> de::Visitor<'de> for Maybe {
        type Value = Option<Date>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a day as YYYY-MM-DD, days since 1970, or null")
        }

        fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            if deserializer.is_human_readable() {
                deserializer.deserialize_any(self)
            } else {
                deserializer.deserialize_i32(self)
            }
        }

        fn visit_i32<E: de::Error>(self, days: i32) -> Result<Self::Value, E> {
            self.visit_i64(days.into())
        }

        fn visit_u64<E: de::Error>(self, days: u64) -> Result<Self::Value, E> {
            self.visit_i64(i64::try_from(days).map_err(E::custom)?)
        }

        fn visit_i64<E: de::Error>(self, days: i64) -> Result<Self::Value, E> {
            let span = Span::new().try_days(days).map_err(E::custom)?;
            EPOCH.checked_add(span).map(Some).map_err(E::custom)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            text.parse().map(Some).map_err(E::custom)
        }
    }
}

#[cfg(test)]
mod tests;
