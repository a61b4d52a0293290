//! JSON, parsed by the browser: a Rust parser would be most of the wasm that a page fetches.

use js_sys::{Array, JSON, Reflect};
use model::Micros;
use wasm_bindgen::{JsCast, JsValue};

/// A value, or none.
pub(crate) struct Json(JsValue);

impl Json {
    /// Parses a text. `None` if it is not JSON.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    pub(crate) const fn as_js(&self) -> &JsValue {
        &self.0
    }

    /// Returns the member `name` of an object.
    pub(crate) fn get(&self, name: &str) -> Self {
        // Fails only if it is not an object.
        Self(Reflect::get(&self.0, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED))
    }

    /// Returns the value unless it is absent or null.
    pub(crate) fn some(self) -> Option<Self> {
        let absent = self.0.is_undefined() || self.0.is_null();
        (!absent).then_some(self)
    }

    /// Returns the elements of an array; none if it is not an array.
    pub(crate) fn list<T>(&self, read: impl Fn(&Self) -> Option<T>) -> Vec<T> {
        let Some(array) = self.0.dyn_ref::<Array>() else { return Vec::new() };
        (0..array.length()).filter_map(|i| read(&Self(array.get(i)))).collect()
    }

    pub(crate) fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// Returns the value as a number. Integers are exact up to 2^53, above every count and timestamp.
    pub(crate) fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    pub(crate) fn whole(&self) -> Option<i64> {
        self.number().map(|number| number as i64)
    }

    pub(crate) fn instant(&self) -> Option<Micros> {
        self.whole().map(Micros)
    }

    pub(crate) fn is_true(&self) -> bool {
        self.0.is_truthy()
    }

    /// Returns the member `name` as a text; empty if it is not one.
    pub(crate) fn words(&self, name: &str) -> String {
        self.get(name).text().unwrap_or_default()
    }

    /// Returns the member `name` as a count; zero if it is not a number.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.get(name).number().unwrap_or_default() as u64
    }
}
