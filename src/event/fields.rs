//! Parses single fields of a JSON object.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// Reads the values of these keys of a JSON object. The last one of equal keys counts, as in PHP's `json_decode`.
///
/// # Errors
/// If there is no object.
pub(crate) fn fields<'de, D: Deserializer<'de>, V: Deserialize<'de>, const N: usize>(
    deserializer: D,
    names: [&'static str; N],
) -> Result<[Option<V>; N], D::Error> {
    deserializer.deserialize_map(Fields(names, PhantomData))
}

/// The names of fields.
struct Fields<V, const N: usize>([&'static str; N], PhantomData<V>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, V: Deserialize<'de>, const N: usize> Visitor<'de> for Fields<V, N> {
    type Value = [Option<V>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [const { None }; N];
        while let Some(Key(key)) = map.next_key()? {
            match self.0.iter().position(|name| *name == key) {
                Some(place) => values[place] = Some(map.next_value()?),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(values)
    }
}
