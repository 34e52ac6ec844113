//! Converts Laravel's config array to JSON, from which [`Config`] is read.

use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, Zval};
use serde_json::{Number, Value};

use super::array_keys;
use super::exceptions::invalid_config;
use crate::config::{Config, ConfigError};

/// The maximum depth of nesting, more than any config has. A deeper array contains a reference to itself.
const MAX_DEPTH: usize = 16;

/// Reads the `resonate-webhooks` config array.
///
/// # Errors
/// Returns an `InvalidConfig` that names the config key.
pub(super) fn read(array: &ZendHashTable) -> PhpResult<Config> {
    convert_array(array, "", 0).and_then(Config::from_value).map_err(invalid_config)
}

/// Converts an array recursively.
///
/// # Errors
/// Returns an error if it contains a value that `config:cache` could not store either.
fn convert_array(array: &ZendHashTable, path: &str, depth: usize) -> Result<Value, ConfigError> {
    if depth > MAX_DEPTH {
        return Err(ConfigError::at(path, format_args!("nested more than {MAX_DEPTH} levels deep")));
    }
    let mut is_list = true;
    let mut entries = Vec::with_capacity(array.len());
    for (n, (key, value)) in array_keys::entries(array).enumerate() {
        is_list &= key.long().is_some_and(|key| usize::try_from(key) == Ok(n));
        let key = String::from_utf8_lossy(&array_keys::bytes(&key)).into_owned();
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        entries.push((key, convert(value, &path, depth)?));
    }
    Ok(if is_list {
        Value::Array(entries.into_iter().map(|(_, value)| value).collect())
    } else {
        Value::Object(entries.into_iter().collect())
    })
}

fn convert(value: &Zval, path: &str, depth: usize) -> Result<Value, ConfigError> {
    let value = value.dereference();
    if value.is_null() {
        Ok(Value::Null)
    } else if let Some(boolean) = value.bool() {
        Ok(Value::Bool(boolean))
    } else if let Some(number) = value.long() {
        Ok(Value::Number(number.into()))
    } else if let Some(number) = value.double() {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| ConfigError::at(path, "expected a finite number"))
    } else if let Some(bytes) = value.binary_slice::<u8>() {
        Ok(Value::String(String::from_utf8_lossy(bytes).into_owned()))
    } else if let Some(array) = value.array() {
        convert_array(array, path, depth + 1)
    } else {
        let kind = match value.get_type() {
            DataType::Object(_) => "an object",
            DataType::Resource => "a resource",
            _ => "this",
        };
        Err(ConfigError::at(path, format_args!("{kind} is not plain data")))
    }
}
