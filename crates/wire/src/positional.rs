//! Writes a record of ours in Avro's binary encoding, field after field as its type has them, and reads it ([`read`]).
//!
//! The Avro library looks each field up by its name in the schema. Our types have the fields, the symbols and the unions
//! of their schemas in the same order, so nothing has to be looked up: it takes a tenth of the time, on the gateway's
//! hottest path. That both write the same bytes and read the same values, for every type and any value or bytes, is
//! tested (`tests/positional.rs`, `tests/reading.rs`); the library parses the schemas, compares them, and reads what was
//! written with any other.

use std::fmt::{self, Display};

use serde::{
    Serialize, Serializer,
    ser::{self, SerializeMap, SerializeSeq, SerializeStruct},
};

mod read;

pub(crate) use read::read;

/// Appends `value` to `out`. Unions are `["null", T]`.
///
/// # Errors
/// The type holds something that no schema of ours has.
pub(crate) fn write<T: Serialize>(out: &mut Vec<u8>, value: &T) -> Result<(), Unfit> {
    value.serialize(Positional { out })
}

/// Why a value cannot be written.
#[derive(Debug)]
pub(crate) struct Unfit(String);

impl Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

impl ser::Error for Unfit {
    fn custom<T: Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

fn unfit<T>(what: &str) -> Result<T, Unfit> {
    Err(Unfit(format!("no schema of ours has {what}")))
}

struct Positional<'o> {
    out: &'o mut Vec<u8>,
}

impl Positional<'_> {
    /// Zigzag, seven bits a byte, the lowest first.
    fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while rest > 0x7f {
            self.out.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.out.push(rest as u8);
    }

    /// A length or an index, which memory bounds below the largest long.
    fn count(&mut self, count: usize) {
        self.long(count as i64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// A map or an array: one block with all items, then the empty block.
    fn block(mut self, items: Option<usize>) -> Result<Self, Unfit> {
        match items {
            None => unfit("a block of unknown length"),
            Some(0) => Ok(self),
            Some(items) => {
                self.count(items);
                Ok(self)
            }
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        value.serialize(Positional { out: self.out })
    }
}

impl Serializer for Positional<'_> {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeTuple = ser::Impossible<(), Unfit>;
    type SerializeTupleStruct = ser::Impossible<(), Unfit>;
    type SerializeTupleVariant = ser::Impossible<(), Unfit>;
    type SerializeStructVariant = ser::Impossible<(), Unfit>;

    /// Numbers for times, not text.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), Unfit> {
        self.out.push(u8::from(value));
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(mut self, value: i64) -> Result<(), Unfit> {
        self.long(value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Unfit> {
        self.serialize_i64(i64::try_from(value).map_err(ser::Error::custom)?)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unfit> {
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unfit> {
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, _: char) -> Result<(), Unfit> {
        unfit("a single character")
    }

    fn serialize_str(mut self, value: &str) -> Result<(), Unfit> {
        self.bytes(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(mut self, value: &[u8]) -> Result<(), Unfit> {
        self.bytes(value);
        Ok(())
    }

    fn serialize_none(mut self) -> Result<(), Unfit> {
        self.long(0);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), Unfit> {
        self.long(1);
        self.item(value)
    }

    fn serialize_unit(self) -> Result<(), Unfit> {
        unfit("nothing")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unfit> {
        unfit("a struct without fields")
    }

    fn serialize_unit_variant(mut self, _: &'static str, index: u32, _: &'static str) -> Result<(), Unfit> {
        self.long(index.into());
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        self.item(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unfit> {
        unfit("a variant with a value")
    }

    fn serialize_seq(self, items: Option<usize>) -> Result<Self, Unfit> {
        self.block(items)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unfit> {
        unfit("a tuple")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Unfit> {
        unfit("a tuple")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unfit> {
        unfit("a variant with a value")
    }

    fn serialize_map(self, items: Option<usize>) -> Result<Self, Unfit> {
        self.block(items)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unfit> {
        unfit("a variant with a value")
    }
}

impl SerializeSeq for Positional<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.item(value)
    }

    fn end(mut self) -> Result<(), Unfit> {
        self.long(0);
        Ok(())
    }
}

impl SerializeMap for Positional<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        self.item(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.item(value)
    }

    fn end(mut self) -> Result<(), Unfit> {
        self.long(0);
        Ok(())
    }
}

impl SerializeStruct for Positional<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Unfit> {
        self.item(value)
    }

    /// Without its value, all that follows would stand in the wrong place.
    fn skip_field(&mut self, name: &'static str) -> Result<(), Unfit> {
        unfit(&format!("a record without its field {name}"))
    }

    fn end(self) -> Result<(), Unfit> {
        Ok(())
    }
}
