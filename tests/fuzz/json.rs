//! Mutates a JSON document by its structure, so that most mutations are still JSON.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Map, Value};

/// Mutates the JSON document at the beginning of `input`; the rest, after a line break, stays. `other` has values that may be
/// used. Returns `false` if there is no document.
pub(super) fn mutate(input: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>], rng: &mut StdRng) -> bool {
    let mut documents = serde_json::Deserializer::from_slice(input).into_iter::<Value>();
    let Some(Ok(mut document)) = documents.next() else { return false };
    let rest = input.split_off(documents.byte_offset());
    let donor = serde_json::Deserializer::from_slice(other).into_iter::<Value>().next().and_then(Result::ok);
    let place = rng.random_range(0..count(&document));
    let donated = donor.map(|mut donor| {
        let place = rng.random_range(0..count(&donor));
        node(&mut donor, &mut { place }).map(Value::take).unwrap_or_default()
    });
    if let Some(node) = node(&mut document, &mut { place }) {
        mutate_node(node, donated.unwrap_or_default(), words, rng);
    }
    *input = document.to_string().into_bytes();
    input.extend_from_slice(&rest);
    true
}

/// Returns the number of values in a document.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    }
}

/// Returns the value with this number.
fn node<'a>(value: &'a mut Value, number: &mut usize) -> Option<&'a mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| node(item, number)),
        Value::Object(entries) => entries.values_mut().find_map(|item| node(item, number)),
        _ => None,
    }
}

fn mutate_node(value: &mut Value, donated: Value, words: &[Vec<u8>], rng: &mut StdRng) {
    let word = String::from_utf8_lossy(&words[rng.random_range(0..words.len())]).into_owned();
    let place = rng.random_range(0..8);
    *value = match (rng.random_range(0..10), value.take()) {
        (0..3, Value::Object(mut entries)) => {
            entries.insert(word, donated);
            Value::Object(entries)
        }
        (3 | 4, Value::Object(entries)) => Value::Object(
            entries.into_iter().enumerate().filter(|(n, _)| *n != place).map(|(_, entry)| entry).collect(),
        ),
        (0..3, Value::Array(mut items)) => {
            items.insert(place.min(items.len()), donated);
            Value::Array(items)
        }
        (3 | 4, Value::Array(items)) => {
            Value::Array(items.into_iter().enumerate().filter(|(n, _)| *n != place).map(|(_, item)| item).collect())
        }
        (0..3, Value::String(text)) => Value::String(text + &word),
        (5, inner) => Value::Array(vec![inner, donated]),
        (6, inner) => Value::Object(Map::from_iter([(word, inner)])),
        (7, _) => scalar(rng),
        (8, _) => donated,
        _ => word.parse::<i64>().map_or_else(|_| Value::from(word), Value::from),
    };
}

fn scalar(rng: &mut StdRng) -> Value {
    match rng.random_range(0..10) {
        0 => Value::Null,
        1 => rng.random::<bool>().into(),
        2 => rng.random::<i64>().into(),
        3 => rng.random_range(-2..1_000).into(),
        4 => u64::MAX.into(),
        5 => rng.random_range(0.0..2.0_f64).into(),
        6 => 1e300.into(),
        7 => "".into(),
        8 => Value::Object(Map::new()),
        _ => Value::Array(Vec::new()),
    }
}
