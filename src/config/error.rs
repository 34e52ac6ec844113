//! Errors of the configuration. They name keys in Laravel's notation.

use std::fmt::Display;

use serde::de::{self, Expected, Unexpected};
use thiserror::Error;

/// The name of the config file, which is the first part of every key.
pub(crate) const ROOT: &str = "resonate-webhooks";

/// The key under which the plugin passes the `webhooks` of `config/reverb.php`, in the order of the applications there.
const OF_APPS: &str = "app_webhooks.";

/// Returns Laravel's full key for `key`, which is relative to the config file: `resonate-webhooks.connection.ca_file`.
pub(crate) fn place(key: &str) -> String {
    match key.strip_prefix(OF_APPS) {
        Some(key) => format!("reverb.apps.apps.{key}"),
        None => format!("{ROOT}.{key}"),
    }
}

/// An invalid configuration. The message names the key in Laravel's dot notation. It never contains a password or the
/// userinfo of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key}: {problem}")]
pub struct ConfigError {
    /// For example `resonate-webhooks.endpoints.2.url`.
    pub(super) key: String,
    /// The problem and the remedy.
    pub(super) problem: String,
}

impl ConfigError {
    /// Creates an error about the value at `key`, which is relative to the config file: `connection.ca_file`.
    pub(crate) fn at(key: &str, problem: impl Display) -> Self {
        Self { key: place(key), problem: problem.to_string() }
    }

    /// Replaces the beginning of the key: the value is in another config of the application.
    #[must_use]
    pub(crate) fn renamed(mut self, from: &str, to: &str) -> Self {
        if let Some(rest) = self.key.strip_prefix(from) {
            self.key = format!("{to}{rest}");
        }
        self
    }

    pub(super) fn from_fault(ConfigFault { key, problem }: ConfigFault) -> Self {
        Self { key: key.filter(|key| !key.is_empty()).map_or_else(|| ROOT.to_owned(), |key| place(&key)), problem }
    }
}

/// Returns `did you mean "x"?`, or all possibilities if none is similar.
pub(super) fn hint(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("expected one of {}", known.join(", ")),
    }
}

/// Returns the name among `known` that is most similar to `typed`. `None` if none is similar.
pub(super) fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase().replace('-', "_");
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, name), *name))
        .min()
        // Up to a third of the letters may differ.
        .filter(|(distance, name)| distance * 3 <= name.len().max(typed.len()))
        .map(|(_, name)| name)
}

/// A problem in the config array, until it is returned as a [`ConfigError`].
#[derive(Debug, Error)]
#[error("{problem}")]
pub(super) struct ConfigFault {
    /// Relative to the config file. `None` until the fault leaves the value that has it.
    key: Option<String>,
    problem: String,
}

impl ConfigFault {
    /// Adds the key of the value, unless the fault has that of a value inside it.
    pub(super) fn at(mut self, key: &str) -> Self {
        self.key.get_or_insert_with(|| key.to_owned());
        self
    }
}

impl de::Error for ConfigFault {
    fn custom<T: Display>(problem: T) -> Self {
        Self { key: None, problem: problem.to_string() }
    }

    /// Names only the type, because the value may be a password.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "true or false",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Str(_) => "a string",
            Unexpected::Seq => "a list",
            Unexpected::Map => "an array with keys",
            _ => "something else",
        };
        Self::custom(format_args!("expected {expected}, found {found}"))
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        let known: Vec<String> = known.iter().map(|name| format!("{name:?}")).collect();
        Self::custom(format_args!("{name:?} is neither {}", known.join(" nor ")))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::custom(format_args!("unknown key, {}", hint(field, known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["flush_interval", "reconcile_interval", "ttl"];

    #[test]
    fn a_typo_finds_its_word() {
        assert_eq!(nearest("flush_intervall", &KNOWN), Some("flush_interval"));
        assert_eq!(nearest("Flush-Interval", &KNOWN), Some("flush_interval"));
        assert_eq!(nearest("tll", &KNOWN), Some("ttl"));
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(nearest("colour", &KNOWN), None);
    }
}
