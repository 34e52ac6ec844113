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

    pub(super) fn from_fault(path: &serde_path_to_error::Path, fault: ConfigFault) -> Self {
        let key = dotted(path);
        match fault {
            ConfigFault::UnknownKey { key: unknown, known } => Self::UnknownKey { key, hint: hint(&unknown, known) },
            ConfigFault::Problem(problem) => Self::InvalidValue { key, problem },
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

/// Converts `endpoints[2].url` to Laravel's notation: `resonate-webhooks.endpoints.2.url`.
fn dotted(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;

    let segments = path.iter().map(|segment| match segment {
        Segment::Seq { index } => index.to_string(),
        other => other.to_string(),
    });
    let key = segments.collect::<Vec<_>>().join(".");
    if key.is_empty() { ROOT.to_owned() } else { place(&key) }
}

/// A problem without its key, which `serde_path_to_error` adds.
#[derive(Debug)]
pub(super) enum ConfigFault {
    UnknownKey { key: String, known: &'static [&'static str] },
    Problem(String),
}

impl Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key, .. } => write!(f, "unknown key {key}"),
            Self::Problem(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for ConfigFault {}

impl de::Error for ConfigFault {
    fn custom<T: Display>(problem: T) -> Self {
        Self::Problem(problem.to_string())
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
        Self::Problem(format!("expected {expected}, found {found}"))
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        let known: Vec<String> = known.iter().map(|name| format!("{name:?}")).collect();
        Self::Problem(format!("{name:?} is neither {}", known.join(" nor ")))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownKey { key: field.to_owned(), known }
    }
}
