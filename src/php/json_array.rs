//! Converts results of the core to PHP arrays, by way of JSON.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::types::{ZendHashTable, Zval};
use serde::Serialize;
use serde_json::{Map, Value};

use super::exceptions::engine_failed;

/// Converts a struct to an array.
///
/// # Errors
/// Returns an error if `value` is not a struct or if memory runs out.
pub(super) fn of(value: &impl Serialize) -> PhpResult<ZBox<ZendHashTable>> {
    match serde_json::to_value(value).map_err(engine_failed)? {
        Value::Object(entries) => object(entries),
        _ => Err(engine_failed("only a struct can become an array")),
    }
}

/// Converts a list of structs to an array of arrays.
///
/// # Errors
/// The errors of [`of`].
pub(super) fn list(values: impl IntoIterator<Item = impl Serialize>) -> PhpResult<ZBox<ZendHashTable>> {
    let mut list = ZendHashTable::new();
    for value in values {
        list.push(of(&value)?)?;
    }
    Ok(list)
}

fn object(entries: Map<String, Value>) -> PhpResult<ZBox<ZendHashTable>> {
    let mut array = ZendHashTable::new();
    for (key, value) in entries {
        array.insert(key.as_str(), convert(value)?)?;
    }
    Ok(array)
}

fn convert(value: Value) -> PhpResult<Zval> {
    let mut zval = Zval::new();
    match value {
        Value::Null => zval.set_null(),
        Value::Bool(boolean) => zval.set_bool(boolean),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(double) => zval.set_double(double),
            None => zval.set_long(number.as_i64().unwrap_or(i64::MAX)),
        },
        Value::String(text) => zval.set_string(&text, false)?,
        Value::Array(items) => {
            let mut array = ZendHashTable::new();
            for item in items {
                array.push(convert(item)?)?;
            }
            zval.set_hashtable(array);
        }
        Value::Object(entries) => zval.set_hashtable(object(entries)?),
    }
    Ok(zval)
}
