//! Values that PHP writes in several forms: text from an environment variable, a number, a list.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::value::List;

/// A value, by its form. `I` is the type of a list's items.
pub(super) enum Form<I> {
    Null,
    Bool(bool),
    Whole(i64),
    Float(f64),
    Text(String),
    List(List<I>),
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

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Ok((Form::List(List::deserialize(SeqAccessDeserializer::new(items))?), Unexpected::Seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Ok((Form::List(List::deserialize(MapAccessDeserializer::new(items))?), Unexpected::Map))
    }
}
