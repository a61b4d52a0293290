//! JSON as the browser has parsed it. Its parser is at hand; another one would be most of what a page fetches.

use js_sys::{Array, JSON, Reflect};
use model::Micros;
use wasm_bindgen::{JsCast, JsValue};

/// A value, or its absence.
pub(crate) struct Json(JsValue);

impl Json {
    /// Reads a text. `None` where it is no JSON.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    /// As the browser has it.
    pub(crate) const fn as_js(&self) -> &JsValue {
        &self.0
    }

    /// The member `name` of an object.
    pub(crate) fn get(&self, name: &str) -> Self {
        // Fails only for what is no object, and that has no members.
        Self(Reflect::get(&self.0, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED))
    }

    /// The value, unless it is absent or null.
    pub(crate) fn some(self) -> Option<Self> {
        let absent = self.0.is_undefined() || self.0.is_null();
        (!absent).then_some(self)
    }

    /// The elements of an array; none of what is no array.
    pub(crate) fn list<T>(&self, read: impl Fn(&Self) -> Option<T>) -> Vec<T> {
        let Some(array) = self.0.dyn_ref::<Array>() else { return Vec::new() };
        (0..array.length()).filter_map(|i| read(&Self(array.get(i)))).collect()
    }

    /// The value as a text.
    pub(crate) fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// The value as a number. A whole one is exact up to 2^53, which every count and instant stays below.
    pub(crate) fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    /// The value as a whole number.
    pub(crate) fn whole(&self) -> Option<i64> {
        self.number().map(|number| number as i64)
    }

    /// The value as an instant.
    pub(crate) fn instant(&self) -> Option<Micros> {
        self.whole().map(Micros)
    }

    /// Whether the value is `true`.
    pub(crate) fn is_true(&self) -> bool {
        self.0.is_truthy()
    }

    /// The member `name` as a text, empty where it is none.
    pub(crate) fn words(&self, name: &str) -> String {
        self.get(name).text().unwrap_or_default()
    }

    /// The member `name` as a count, zero where it is none.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.get(name).number().unwrap_or_default() as u64
    }
}
