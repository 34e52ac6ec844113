//! Values that PHP writes in several forms: text from an environment variable, a number, a list.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

/// A value, by its form. `I` is the type of a list's items.
pub(super) enum Form<I> {
    Null,
    Bool(bool),
    Whole(i64),
    Float(f64),
    Text(String),
    List(List<I>),
}

/// A PHP list, each item with its key. Lists in PHP may have gaps (after `array_filter`) or names as keys.
pub(super) struct List<T>(pub(super) Vec<(String, T)>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> List<T> {
    /// Returns the items without their keys.
    pub(super) fn items(self) -> impl Iterator<Item = T> {
        self.0.into_iter().map(|(_, item)| item)
    }

    /// Returns `true` if the keys are those of a PHP list: 0, 1, 2 and so on.
    pub(super) fn is_sequential(&self) -> bool {
        self.0.iter().enumerate().all(|(place, (key, _))| *key == place.to_string())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "a list", |form| match form {
            Form::List(list) => Some(Ok(list)),
            _ => None,
        })
    }
}

/// Deserializes a list without its keys.
pub(super) fn items<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    List::deserialize(deserializer).map(|list| list.items().collect())
}

/// Reads a value that may have several forms. `convert` returns `None` for a form that it does not accept.
///
/// # Errors
/// If the form is not accepted, with `expected` in the message, or if `convert` refuses the value.
pub(super) fn read<'de, D: Deserializer<'de>, I: Deserialize<'de>, T>(
    deserializer: D,
    expected: &'static str,
    convert: impl FnOnce(Form<I>) -> Option<Result<T, String>>,
) -> Result<T, D::Error> {
    let (form, found) = deserializer.deserialize_any(FormVisitor { expected, items: PhantomData })?;
    match convert(form) {
        Some(converted) => converted.map_err(D::Error::custom),
        None => Err(D::Error::invalid_type(found, &expected)),
    }
}

struct FormVisitor<I> {
    expected: &'static str,
    items: PhantomData<I>,
}

impl<'de, I: Deserialize<'de>> Visitor<'de> for FormVisitor<I> {
    type Value = (Form<I>, Unexpected<'static>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok((Form::Null, Unexpected::Unit))
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Self::Value, E> {
        Ok((Form::Bool(on), Unexpected::Bool(on)))
    }

    fn visit_i64<E: Error>(self, whole: i64) -> Result<Self::Value, E> {
        Ok((Form::Whole(whole), Unexpected::Signed(whole)))
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<Self::Value, E> {
        Ok((Form::Float(float), Unexpected::Float(float)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok((Form::Text(text.to_owned()), Unexpected::Str("")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push((list.len().to_string(), item));
        }
        Ok((Form::List(List(list)), Unexpected::Seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = items.next_entry()? {
            list.push(entry);
        }
        Ok((Form::List(List(list)), Unexpected::Map))
    }
}
