//! How an endpoint is known in Redis, in which its lanes outlive the process and the order of the list.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base16ct::lower;
use sha2::{Digest, Sha256};

use super::AppScope;
use super::endpoint::is_number;

/// Half a hash tells the endpoints of one config apart.
const HASH_BYTES: usize = 8;

/// Which entry of `endpoints` it is, whatever its place in the list.
///
/// An entry with a key of its own (`'billing' => [...]`) is known by it. One without is known by its target and its
/// application; equal ones are numbered, so that two entries stay two. The credentials in a URL are no part of it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(Arc<str>);

impl EndpointId {
    /// The endpoint that an id from Redis stands for.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(Arc::from(id))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Gives the endpoints of one config their ids.
#[derive(Debug, Default)]
pub(super) struct EndpointIds {
    seen: HashMap<String, usize>,
}

impl EndpointIds {
    /// The id of the entry at `key`, whose webhooks go to `target`.
    pub(super) fn next(&mut self, key: &str, target: &str, apps: &AppScope) -> EndpointId {
        if !is_number(key) {
            return EndpointId::new(key);
        }
        let mut hash = Sha256::new();
        hash.update(target);
        if let AppScope::Only(app) = apps {
            hash.update(b" ");
            hash.update(app.as_bytes());
        }
        let hash = lower::encode_string(&hash.finalize()[..HASH_BYTES]);
        let count = self.seen.entry(hash.clone()).or_default();
        *count += 1;
        EndpointId::new(&if *count == 1 { hash } else { format!("{hash}.{count}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EndpointUrl;

    fn ids<const N: usize>(entries: [(&str, &str); N]) -> [String; N] {
        let mut ids = EndpointIds::default();
        entries.map(|(key, url)| {
            let url = EndpointUrl::try_from(url.to_owned()).unwrap();
            ids.next(key, url.as_str(), &AppScope::Every).to_string()
        })
    }

    #[test]
    fn an_endpoint_is_the_same_wherever_it_stands_in_the_list() {
        let [a, b] = ids([("0", "https://a"), ("1", "https://b")]);
        assert_eq!(
            ids([("0", "https://b"), ("1", "https://c"), ("2", "https://a")]),
            [&*b, &ids([("0", "https://c")])[0], &a]
        );
    }

    #[test]
    fn two_entries_with_one_url_are_two() {
        let [first, second] = ids([("0", "https://a"), ("1", "https://a")]);
        assert_eq!(second, format!("{first}.2"));
    }

    #[test]
    fn a_key_of_its_own_outlives_a_change_of_the_url() {
        assert_eq!(ids([("billing", "https://a")]), ids([("billing", "https://b")]));
    }

    #[test]
    fn one_url_for_two_applications_is_two_endpoints_and_a_new_password_is_none() {
        let id = |url: &str, apps: &AppScope| {
            EndpointIds::default().next("0", EndpointUrl::try_from(url.to_owned()).unwrap().as_str(), apps)
        };
        let only = AppScope::Only("1".into());
        assert_ne!(id("https://a", &AppScope::Every), id("https://a", &only));
        assert_eq!(id("https://me:old@a", &only), id("https://me:new@a", &only));
    }
}
