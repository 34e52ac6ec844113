//! The environment variables of the AWS CLI.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;

use crate::secret::Secret;

/// A snapshot of the variables: those of AWS, and `HOME`.
///
/// PHP changes the environment of the process (`putenv`, also for Laravel's `.env`), and the C library does not allow another
/// thread to read it at the same time. So the environment is read once, on PHP's thread, together with the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(HashMap<String, Secret>);

impl Environment {
    /// Reads the variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let is_read = |name: &str| name.starts_with("AWS_") || name == "HOME";
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let variables = env::vars_os().filter_map(text).filter(|(name, _)| is_read(name));
        Self(variables.map(|(name, value)| (name, value.into())).collect())
    }

    /// Returns the variable `name`. An empty variable counts as unset.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.secret(name).map(Secret::expose)
    }

    /// Returns the variable `name` as a [`Secret`]. An empty variable counts as unset.
    pub(super) fn secret(&self, name: &str) -> Option<&Secret> {
        self.0.get(name).filter(|value| !value.expose().trim().is_empty())
    }
}

/// Creates an environment with only these variables.
impl<const N: usize> From<[(&'static str, &str); N]> for Environment {
    fn from(variables: [(&'static str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect())
    }
}
