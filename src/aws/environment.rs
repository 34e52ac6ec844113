//! The variables by which AWS' tools are set up.

use std::collections::HashMap;
use std::env;

use crate::secret::Secret;

/// Those that are looked at.
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

/// The variables at one moment.
///
/// PHP changes the environment of the process whenever it likes (`putenv`, and Laravel's `.env` with it), and the C
/// library does not let another thread read it meanwhile. So it is read once, by the thread that reads the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(HashMap<&'static str, Secret>);

impl Environment {
    /// The variables of this process, now.
    #[must_use]
    pub fn of_process() -> Self {
        let value = |name: &&'static str| Some((*name, env::var(name).ok()?.into()));
        Self(VARIABLES.iter().filter_map(value).collect())
    }

    /// The variable of that name. An empty one is as good as not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.secret(name).map(Secret::expose)
    }

    /// The same, for a value that must not be seen.
    pub(super) fn secret(&self, name: &str) -> Option<&Secret> {
        debug_assert!(VARIABLES.contains(&name), "{name} is not read");
        self.0.get(name).filter(|value| !value.expose().trim().is_empty())
    }
}

/// An environment of these variables, and no other.
impl<const N: usize> From<[(&'static str, &str); N]> for Environment {
    fn from(variables: [(&'static str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }
}
