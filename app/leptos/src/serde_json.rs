//! JSON, parsed by the browser and read into its types by serde: a Rust parser would be a fifth of the wasm.
//!
//! Smaller than `serde-wasm-bindgen`, because it knows what it reads: JSON that [`model`] wrote. A struct is read in the
//! order of its fields, so the wasm has no code for their order in the text, and an error is only that there is one.

use std::fmt;

use js_sys::{Array, JSON, Reflect};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, DeserializeSeed, SeqAccess, Visitor, value::StrDeserializer},
};
use wasm_bindgen::{JsCast, JsValue};

/// Parses JSON.
///
/// # Errors
/// It is not JSON, or not that of a `T`.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Mismatch> {
    T::deserialize(Value(JSON::parse(text).map_err(|_| Mismatch)?))
}

/// Writes nothing: `#[island]` writes the properties again in the browser, where no one reads them.
///
/// # Errors
/// Never.
pub fn to_string<T>(_: &T) -> Result<String, Mismatch> {
    Ok(String::new())
}

/// JSON that is kept as text.
#[derive(Debug, Default)]
pub struct RawJson(pub String);

const RAW: &str = "RawJson";

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = RawJson;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_str<E>(self, text: &str) -> Result<RawJson, E> {
                Ok(RawJson(text.to_owned()))
            }
        }

        deserializer.deserialize_newtype_struct(RAW, Text)
    }
}

/// The value is of another type.
#[derive(Debug)]
pub struct Mismatch;

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the expected JSON")
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Value(JsValue);

impl Value {
    fn number(&self) -> Result<f64, Mismatch> {
        self.0.as_f64().ok_or(Mismatch)
    }
}

/// Returns a number that its integer type can hold.
fn whole(converted: f64, number: f64) -> Result<f64, Mismatch> {
    if converted.to_bits() == number.to_bits() { Ok(number) } else { Err(Mismatch) }
}

impl<'de> Deserializer<'de> for Value {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mismatch> {
        Err(Mismatch)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_bool(self.0.as_bool().ok_or(Mismatch)?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let number = self.number()?;
        visitor.visit_i64(whole(number as i64 as f64, number)? as i64)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let number = self.number()?;
        visitor.visit_u32(whole(f64::from(number as u32), number)? as u32)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let number = self.number()?;
        visitor.visit_u64(whole(number as u64 as f64, number)? as u64)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_string(self.0.as_string().ok_or(Mismatch)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.0.is_null() || self.0.is_undefined() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        if name == RAW {
            // `undefined` if the member is absent.
            let text = JSON::stringify(&self.0).map_err(|_| Mismatch)?;
            return visitor.visit_string(text.as_string().ok_or(Mismatch)?);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_seq(Elements { array: self.0.dyn_into().map_err(|_| Mismatch)?, next: 0 })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_seq(Members { object: self.0, fields: fields.iter() })
    }

    /// An enum of words.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let word = self.0.as_string().ok_or(Mismatch)?;
        visitor.visit_enum(StrDeserializer::new(&word))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

/// The members of an object that a struct names, in its order. One that is absent is `None` or gets the field's default.
struct Members {
    object: JsValue,
    fields: std::slice::Iter<'static, &'static str>,
}

impl<'de> SeqAccess<'de> for Members {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some(field) = self.fields.next() else { return Ok(None) };
        let value = member(&self.object, field);
        let is_absent = value.is_undefined();
        match seed.deserialize(Value(value)) {
            Err(_) if is_absent => Ok(None),
            read => read.map(Some),
        }
    }
}

/// Returns a member, `undefined` if it is absent; for the empty name the object itself, whose members a flattened struct
/// shares.
fn member(object: &JsValue, name: &str) -> JsValue {
    if name.is_empty() {
        return object.clone();
    }
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

struct Elements {
    array: Array,
    next: u32,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        if self.next == self.array.length() {
            return Ok(None);
        }
        let value = self.array.get(self.next);
        self.next += 1;
        seed.deserialize(Value(value)).map(Some)
    }
}
