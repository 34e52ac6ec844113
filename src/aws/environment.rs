//! The environment variables of the AWS CLI.

use std::collections::HashMap;
use std::env;

use crate::secret::Secret;

/// The variables that are read.
const VARIABLES: [&str; 16] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HOME",
];

/// A snapshot of the variables.
///
/// PHP changes the environment of the process (`putenv`, also for Laravel's `.env`), and the C library does not allow another
/// thread to read it at the same time. So the environment is read once, on PHP's thread, together with the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(HashMap<&'static str, Secret>);

impl Environment {
    /// Reads the variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let value = |name: &&'static str| Some((*name, env::var(name).ok()?.into()));
        Self(VARIABLES.iter().filter_map(value).collect())
    }

    /// Returns the variable `name`. An empty variable counts as unset.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.secret(name).map(Secret::expose)
    }

    /// Returns the variable `name` as a [`Secret`]. An empty variable counts as unset.
    pub(super) fn secret(&self, name: &str) -> Option<&Secret> {
        debug_assert!(VARIABLES.contains(&name), "{name} is not read");
        self.0.get(name).filter(|value| !value.expose().trim().is_empty())
    }
}

/// Creates an environment with only these variables.
impl<const N: usize> From<[(&'static str, &str); N]> for Environment {
    fn from(variables: [(&'static str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }
}
