//! The id of an endpoint in Redis. It does not depend on the process or on the order of the list.

use std::collections::HashMap;
use std::sync::Arc;

use base16ct::lower;
use derive_more::{Debug, Display};
use sha2::{Digest, Sha256};

use super::AppScope;
use super::endpoint::is_number;

/// 8 bytes are enough to distinguish the endpoints of one config.
const HASH_BYTES: usize = 8;

/// The id of an entry of `endpoints`, independent of its position in the list.
///
/// For an entry with a name (`'billing' => [...]`), the id is the name. Otherwise it is a hash of target and
/// application, with a number if several entries are equal. Credentials in the URL are not part of it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Display)]
#[debug("{_0:?}")]
pub struct EndpointId(Arc<str>);

impl EndpointId {
    /// Wraps an id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(Arc::from(id))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Assigns ids to the endpoints of one config.
#[derive(Debug, Default)]
pub(super) struct EndpointIds {
    seen: HashMap<String, usize>,
}

impl EndpointIds {
    /// Returns the id of the entry at `key` with the identity `target`.
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
    fn the_id_does_not_depend_on_the_position_in_the_list() {
        let [a, b] = ids([("0", "https://a"), ("1", "https://b")]);
        assert_eq!(
            ids([("0", "https://b"), ("1", "https://c"), ("2", "https://a")]),
            [&*b, &ids([("0", "https://c")])[0], &a]
        );
    }

    #[test]
    fn two_entries_with_one_url_have_different_ids() {
        let [first, second] = ids([("0", "https://a"), ("1", "https://a")]);
        assert_eq!(second, format!("{first}.2"));
    }

    #[test]
    fn a_named_entry_keeps_its_id_when_its_url_changes() {
        assert_eq!(ids([("billing", "https://a")]), ids([("billing", "https://b")]));
    }

    #[test]
    fn the_id_depends_on_the_application_and_not_on_the_password() {
        let id = |url: &str, apps: &AppScope| {
            EndpointIds::default().next("0", EndpointUrl::try_from(url.to_owned()).unwrap().as_str(), apps)
        };
        let only = AppScope::Only("1".into());
        assert_ne!(id("https://a", &AppScope::Every), id("https://a", &only));
        assert_eq!(id("https://me:old@a", &only), id("https://me:new@a", &only));
    }
}
