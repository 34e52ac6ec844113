//! Errors of the configuration. They name keys in Laravel's notation.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};
use thiserror::Error;

use super::nearest::nearest;

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
#[non_exhaustive]
pub enum ConfigError {
    /// An unknown key, usually a typo.
    #[error("{key}: unknown key, {hint}")]
    UnknownKey {
        /// The key, for example `resonate-webhooks.flush_intervall`.
        key: String,
        /// The key that was probably meant, or all known keys.
        hint: String,
    },
    /// An invalid value.
    #[error("{key}: {problem}")]
    InvalidValue {
        /// The key, for example `resonate-webhooks.endpoints.2.url`.
        key: String,
        /// The problem and the remedy.
        problem: String,
    },
}

impl ConfigError {
    /// Creates an error about the value at `key`, which is relative to the config file: `connection.ca_file`.
    pub(crate) fn at(key: &str, problem: impl Display) -> Self {
        Self::InvalidValue { key: place(key), problem: problem.to_string() }
    }

    /// Replaces the beginning of the key: the value is in another config of the application.
    #[must_use]
    pub(crate) fn renamed(mut self, from: &str, to: &str) -> Self {
        let (Self::UnknownKey { key, .. } | Self::InvalidValue { key, .. }) = &mut self;
        if let Some(rest) = key.strip_prefix(from) {
            *key = format!("{to}{rest}");
        }
        self
    }

    pub(super) fn from_fault(ConfigFault { key, problem }: ConfigFault) -> Self {
        let key = key.filter(|key| !key.is_empty()).map_or_else(|| ROOT.to_owned(), |key| place(&key));
        match problem {
            Problem::UnknownKey { unknown, known } => Self::UnknownKey { key, hint: hint(&unknown, known) },
            Problem::InvalidValue(problem) => Self::InvalidValue { key, problem },
        }
    }
}

/// Returns `did you mean "x"?`, or all possibilities if none is similar.
pub(super) fn hint(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("expected one of {}", known.join(", ")),
    }
}

/// A problem in the config array, until it is returned as a [`ConfigError`].
#[derive(Debug)]
pub(super) struct ConfigFault {
    /// Relative to the config file. `None` until the fault leaves the value that has it.
    key: Option<String>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    UnknownKey { unknown: String, known: &'static [&'static str] },
    InvalidValue(String),
}

impl ConfigFault {
    /// Adds the key of the value, unless the fault has that of a value inside it.
    pub(super) fn at(mut self, key: &str) -> Self {
        self.key.get_or_insert_with(|| key.to_owned());
        self
    }
}

impl From<Problem> for ConfigFault {
    fn from(problem: Problem) -> Self {
        Self { key: None, problem }
    }
}

impl Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::UnknownKey { unknown, .. } => write!(f, "unknown key {unknown}"),
            Problem::InvalidValue(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for ConfigFault {}

impl de::Error for ConfigFault {
    fn custom<T: Display>(problem: T) -> Self {
        Problem::InvalidValue(problem.to_string()).into()
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
        Problem::InvalidValue(format!("expected {expected}, found {found}")).into()
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        let known: Vec<String> = known.iter().map(|name| format!("{name:?}")).collect();
        Problem::InvalidValue(format!("{name:?} is neither {}", known.join(" nor "))).into()
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Problem::UnknownKey { unknown: field.to_owned(), known }.into()
    }
}
