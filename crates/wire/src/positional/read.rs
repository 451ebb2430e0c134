//! Reads what [`write`](super::write) and the Avro library write: field after field, as the type has them.
//!
//! Bytes may be anybody's. A length is compared with what is left before anything is reserved, and nothing that is read
//! takes no bytes at all, so a count that promises more items than there are ends with the bytes.

use std::{
    fmt::{self, Display},
    slice,
};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

/// A number is at most so long; bits beyond the sixty-fourth are dropped, as the Avro library does.
const NUMBER_BYTES_MAX: usize = 10;

/// Takes a value from the beginning of `rest`. Unions are `["null", T]`.
///
/// # Errors
/// The bytes are not such a value, or the type holds something that no schema of ours has.
pub(crate) fn read<'de, T: Deserialize<'de>>(rest: &mut &'de [u8]) -> Result<T, Misread> {
    let mut source = Positional { rest };
    let value = T::deserialize(&mut source)?;
    *rest = source.rest;
    Ok(value)
}

/// Why bytes cannot be read. Small, for it is part of every step.
#[derive(Debug)]
pub(crate) struct Misread(Box<Why>);

#[derive(Debug)]
struct Why {
    /// From the record down, with dots; empty is the whole.
    field: String,
    what: String,
}

impl Misread {
    /// A step further out: the field that it happened in.
    #[cold]
    fn within(mut self, field: &str) -> Self {
        let inner = std::mem::take(&mut self.0.field);
        self.0.field = if inner.is_empty() { field.to_owned() } else { format!("{field}.{inner}") };
        self
    }
}

impl Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Why { field, what } = &*self.0;
        if field.is_empty() { f.write_str(what) } else { write!(f, "field `{field}`: {what}") }
    }
}

impl std::error::Error for Misread {}

impl de::Error for Misread {
    #[cold]
    fn custom<T: Display>(why: T) -> Self {
        Self(Box::new(Why { field: String::new(), what: why.to_string() }))
    }
}

#[cold]
fn misread<T>(what: impl Display) -> Result<T, Misread> {
    Err(de::Error::custom(what))
}

/// Zigzag undone.
fn turned(bits: u64) -> i64 {
    (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
}

struct Positional<'de> {
    rest: &'de [u8],
}

impl<'de> Positional<'de> {
    /// Zigzag, seven bits a byte, the lowest first. Most lengths, branches and symbols are one byte.
    #[inline]
    fn long(&mut self) -> Result<i64, Misread> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(turned(byte.into()))
            }
            _ => self.long_of_several(),
        }
    }

    fn long_of_several(&mut self) -> Result<i64, Misread> {
        let mut bits = 0_u64;
        for (place, byte) in self.rest.iter().take(NUMBER_BYTES_MAX).enumerate() {
            bits |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[place + 1..];
                return Ok(turned(bits));
            }
        }
        match self.rest.len() {
            0..NUMBER_BYTES_MAX => misread("the bytes end where a number should"),
            _ => misread("a number has more than ten bytes"),
        }
    }

    fn number<N: TryFrom<i64, Error: Display>>(&mut self) -> Result<N, Misread> {
        self.long()?.try_into().map_err(de::Error::custom)
    }

    #[inline]
    fn taken(&mut self, bytes: usize) -> Result<&'de [u8], Misread> {
        match self.rest.split_at_checked(bytes) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => misread(format_args!("{bytes} bytes are announced, and {} are left", self.rest.len())),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Misread> {
        match self.rest.split_first_chunk() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => misread(format_args!("{N} bytes are needed, and {} are left", self.rest.len())),
        }
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'de [u8], Misread> {
        let bytes = self.long()?;
        match usize::try_from(bytes) {
            Ok(bytes) => self.taken(bytes),
            Err(_) => misread(format_args!("a length is {bytes}")),
        }
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str, Misread> {
        std::str::from_utf8(self.bytes()?)
            .or_else(|error| misread(format_args!("text is not UTF-8: {error}")))
    }

    /// How many items the next block has; none ends the map or array.
    fn block(&mut self) -> Result<u64, Misread> {
        let items = self.long()?;
        if items < 0 {
            self.long()?; // Its size in bytes, for whoever wants to skip it.
        }
        Ok(items.unsigned_abs())
    }
}

impl<'de> Deserializer<'de> for &mut Positional<'de> {
    type Error = Misread;

    /// Numbers for times, not text.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        struct Expected<V>(V);
        impl<'de, V: Visitor<'de>> Display for Expected<V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.expecting(f)
            }
        }
        misread(format_args!("no schema of ours has {}", Expected(visitor)))
    }

    forward_to_deserialize_any! {
        i128 u128 char unit unit_struct tuple tuple_struct identifier ignored_any
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.array()? {
            [0] => visitor.visit_bool(false),
            [1] => visitor.visit_bool(true),
            [byte] => misread(format_args!("{byte:#04x} is neither true nor false")),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_i8(self.number()?)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_i16(self.number()?)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_i32(self.number()?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_i64(self.long()?)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_u8(self.number()?)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_u16(self.number()?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_u32(self.number()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_f32(f32::from_le_bytes(self.array()?))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_f64(f64::from_le_bytes(self.array()?))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.long()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            branch => misread(format_args!("branch {branch} of a union of two")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        symbols: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        let symbol = self.long()?;
        match u32::try_from(symbol) {
            Ok(index) if (index as usize) < symbols.len() => visitor.visit_enum(index.into_deserializer()),
            _ => misread(format_args!("symbol {symbol} of {}", symbols.len())),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        let left = self.block()?;
        visitor.visit_seq(Blocks { source: self, left })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        let left = self.block()?;
        visitor.visit_map(Blocks { source: self, left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        // It would take no bytes.
        if fields.is_empty() {
            return misread("no schema of ours has a record without fields");
        }
        visitor.visit_seq(Fields { source: self, left: fields.iter() })
    }
}

/// The fields of a record, in the order of the type.
struct Fields<'s, 'de> {
    source: &'s mut Positional<'de>,
    left: slice::Iter<'static, &'static str>,
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Misread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misread> {
        let Some(field) = self.left.next() else { return Ok(None) };
        seed.deserialize(&mut *self.source).map(Some).map_err(|error| error.within(field))
    }
}

/// The items of a map or an array: blocks, each behind its count. No hint of a size is given: a count proves nothing.
struct Blocks<'s, 'de> {
    source: &'s mut Positional<'de>,
    /// Of this block; none is the end.
    left: u64,
}

impl Blocks<'_, '_> {
    fn passed(&mut self) -> Result<(), Misread> {
        self.left -= 1;
        if self.left == 0 {
            self.left = self.source.block()?;
        }
        Ok(())
    }
}

impl<'de> SeqAccess<'de> for Blocks<'_, 'de> {
    type Error = Misread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misread> {
        if self.left == 0 {
            return Ok(None);
        }
        let item = seed.deserialize(&mut *self.source)?;
        self.passed()?;
        Ok(Some(item))
    }
}

impl<'de> MapAccess<'de> for Blocks<'_, 'de> {
    type Error = Misread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misread> {
        if self.left == 0 {
            return Ok(None);
        }
        seed.deserialize(&mut *self.source).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misread> {
        let value = seed.deserialize(&mut *self.source)?;
        self.passed()?;
        Ok(value)
    }
}
