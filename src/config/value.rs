//! Deserializes a PHP config value with serde.
//!
//! `serde_json`'s own deserializer does not fit PHP's arrays: an empty array is both a map and a list, a list must not
//! fill a struct by position, and an error must never quote the value.
//!
//! An empty text comes from an environment variable without a value (`REDIS_PASSWORD=`) and counts as a missing key. A
//! whole number is accepted where text is expected.
//!
//! An unknown key that resembles a known one is an error, because it is probably a typo. Any other unknown key is
//! ignored with a warning if it has a value, because the replaced package, Laravel and Resonate have additional keys. In
//! a filter, every unknown key is an error: without the intended condition, the endpoint would receive events that it
//! must not receive.

use std::cell::RefCell;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::driver_keys::{CONNECTION, OF_DRIVERS};
use super::error::{ConfigFault, nearest, place};

/// The serde name of structs in which every unknown key is an error.
const STRICT: &str = "filter";

/// The key with a meaning for an empty text: no application, so that an unset variable does not widen the scope.
const APP_ID: &str = "app_id";

/// A value of the config array with its key.
pub(super) struct Setting<'a> {
    value: Value,
    /// Relative to the config file, such as `connection.host`. Empty for the whole array.
    key: String,
    warnings: &'a RefCell<Vec<String>>,
}

impl<'a> Setting<'a> {
    /// Wraps the whole config array. Harmless mistakes are added to `warnings`.
    pub(super) const fn root(value: Value, warnings: &'a RefCell<Vec<String>>) -> Self {
        Self { value, key: String::new(), warnings }
    }

    /// Wraps the items of a list. Not inlined, because every type of the config would have a copy.
    #[inline(never)]
    fn items(&self, items: Vec<Value>) -> Children<'a> {
        Children::of(items.into_iter().enumerate().map(|(n, value)| self.child(n.to_string(), value)))
    }

    /// Wraps the values of an array with keys. Not inlined, as [`Self::items`].
    #[inline(never)]
    fn entries(&self, entries: Map<String, Value>) -> Children<'a> {
        Children::of(entries.into_iter().map(|(name, value)| self.child(name, value)))
    }

    fn child(&self, name: String, value: Value) -> (String, Self) {
        let key = if self.key.is_empty() { name.clone() } else { format!("{}.{name}", self.key) };
        (name, Self { value, key, warnings: self.warnings })
    }

    fn read<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ConfigFault> {
        let key = self.key.clone();
        seed.deserialize(self).map_err(|fault| fault.at(&key))
    }

    /// Removes the known keys without a value, and, with a warning each, the unknown keys that resemble none of `known`.
    fn keep_written(&mut self, name: &str, known: &[&str]) {
        let Value::Object(entries) = &mut self.value else { return };
        entries.retain(|key, value| {
            if known.contains(&key.as_str()) {
                return key == APP_ID || !(value.is_null() || value == "");
            }
            let is_of_driver = name == CONNECTION && OF_DRIVERS.contains(&key.as_str());
            let stays = name == STRICT || (!is_of_driver && nearest(key, known).is_some());
            if !stays && !is_empty(value) {
                let place = place(&if self.key.is_empty() { key.clone() } else { format!("{}.{key}", self.key) });
                self.warnings.borrow_mut().push(if is_of_driver {
                    format!("{place} has no effect here: it is a setting of other Redis clients")
                } else {
                    format!("{place}: unknown key, ignored; expected one of {}", known.join(", "))
                });
            }
            stays
        });
    }
}

/// The values of a list or of an array with keys. Adds the key of each to its faults.
struct Children<'a> {
    settings: std::vec::IntoIter<(String, Setting<'a>)>,
    /// The value whose key has been read.
    next: Option<Setting<'a>>,
}

impl<'a> Children<'a> {
    fn of(settings: impl Iterator<Item = (String, Setting<'a>)>) -> Self {
        Self { settings: settings.collect::<Vec<_>>().into_iter(), next: None }
    }
}

impl<'de> SeqAccess<'de> for Children<'_> {
    type Error = ConfigFault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ConfigFault> {
        self.settings.next().map(|(_, setting)| setting.read(seed)).transpose()
    }
}

impl<'de> MapAccess<'de> for Children<'_> {
    type Error = ConfigFault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ConfigFault> {
        let Some((name, setting)) = self.settings.next() else { return Ok(None) };
        let key = seed.deserialize(name.into_deserializer()).map_err(|fault: ConfigFault| fault.at(&setting.key))?;
        self.next = Some(setting);
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ConfigFault> {
        let setting = self.next.take().ok_or_else(|| ConfigFault::custom("a value was read before its key"))?;
        setting.read(seed)
    }
}

impl<'de> Deserializer<'de> for Setting<'_> {
    type Error = ConfigFault;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, ConfigFault> {
        match std::mem::take(&mut self.value) {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => visitor.visit_i64(whole),
                None => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(self.items(items)),
            Value::Object(entries) => visitor.visit_map(self.entries(entries)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigFault> {
        match &self.value {
            Value::Null => visitor.visit_none(),
            Value::String(text) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, ConfigFault> {
        if let Some(whole) = self.value.as_i64() {
            self.value = Value::String(whole.to_string());
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigFault> {
        visitor.visit_enum(String::deserialize(self)?.into_deserializer())
    }

    /// Calls only `visit_map`, so that the binary has no code that fills a struct by position.
    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigFault> {
        self.keep_written(name, fields);
        match std::mem::take(&mut self.value) {
            Value::Object(entries) => visitor.visit_map(self.entries(entries)),
            Value::Array(items) if items.is_empty() => visitor.visit_map(self.items(items)),
            other => Err(ConfigFault::invalid_type(form(&other), &visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// Returns `true` if the key of this value may as well be missing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns the form of a value, for an error that says which one was expected.
fn form(value: &Value) -> Unexpected<'static> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(flag) => Unexpected::Bool(*flag),
        Value::Number(_) => Unexpected::Float(0.0),
        Value::String(_) => Unexpected::Str(""),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}
