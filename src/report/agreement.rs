//! Compares the configs of the nodes of a cluster. The owner of a partition delivers to the endpoints of its own
//! config, so nodes with different configs lose webhooks without an error. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

/// The time (ms) for which nodes may disagree. A rolling deployment takes minutes, and nodes refresh endpoints from a
/// database at different times.
const TOLERATED_MS: u64 = 600_000;

/// A part of a node's config, as a hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigPart {
    /// A hash of its ids; empty if they are unknown.
    pub hash: String,
    /// The time at which it got this hash, in Unix ms.
    pub since_ms: u64,
}

/// The parts of a config that must be the same on all nodes of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigParts {
    /// The applications, if they are listed in a config.
    pub applications: ConfigPart,
    /// The endpoints.
    pub endpoints: ConfigPart,
}

/// Nodes that have disagreed for longer than ten minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// `applications` or `endpoints`.
    pub about: &'static str,
    /// The nodes in groups that agree.
    pub groups: Vec<Vec<String>>,
}

impl ConfigPart {
    /// Sets the hash. A new one counts from `now_ms`.
    pub(crate) fn update(&mut self, hash: String, now_ms: u64) {
        if self.hash != hash {
            *self = Self { hash, since_ms: now_ms };
        }
    }
}

/// Returns a hash of ids that does not depend on their order. Ids are not secret.
pub(crate) fn hash_of<'a>(ids: impl Iterator<Item = &'a [u8]>) -> String {
    let mut ids: Vec<&[u8]> = ids.collect();
    ids.sort_unstable();
    let mut hash = Sha1::new();
    for id in ids {
        hash.update(id.len().to_string());
        hash.update(b":");
        hash.update(id);
    }
    let hash = hash.finalize();
    format!("{:016x}", u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]))
}

/// Returns the parts in which these nodes have differed for ten minutes at `now_ms`.
pub(crate) fn disagreements<'a>(
    nodes: impl Iterator<Item = (&'a str, &'a ConfigParts)>,
    now_ms: u64,
) -> Vec<Disagreement> {
    let nodes: Vec<(&str, &ConfigParts)> = nodes.collect();
    let disagreement = |about: &'static str, part: fn(&ConfigParts) -> &ConfigPart| {
        let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (node, parts) in &nodes {
            let ConfigPart { hash, since_ms } = part(parts);
            if !hash.is_empty() && since_ms.saturating_add(TOLERATED_MS) <= now_ms {
                groups.entry(hash).or_default().push((*node).to_owned());
            }
        }
        (groups.len() > 1).then(|| Disagreement { about, groups: groups.into_values().collect() })
    };
    let found = [
        disagreement("applications", |parts| &parts.applications),
        disagreement("endpoints", |parts| &parts.endpoints),
    ];
    found.into_iter().flatten().collect()
}

impl std::fmt::Display for Disagreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let groups: Vec<String> = self.groups.iter().map(|nodes| nodes.join(", ")).collect();
        let (about, groups) = (self.about, groups.join("; and "));
        write!(
            f,
            "Nodes of this cluster have had different {about} for more than ten minutes: {groups}. Give all of them the same \
             config, cache it again (config:cache) and restart them (resonate:restart)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(applications: &str, endpoints: &str, since_ms: u64) -> ConfigParts {
        let part = |hash: &str| ConfigPart { hash: hash.to_owned(), since_ms };
        ConfigParts { applications: part(applications), endpoints: part(endpoints) }
    }

    #[test]
    fn nodes_are_reported_after_ten_minutes_of_disagreement() {
        let nodes = [("a", parts("1", "1", 0)), ("b", parts("1", "2", 1000)), ("c", parts("1", "1", 0))];
        let at = |now_ms| disagreements(nodes.iter().map(|(node, parts)| (*node, parts)), now_ms);
        assert_eq!(at(TOLERATED_MS + 999), []);
        let groups = vec![vec!["a".to_owned(), "c".to_owned()], vec!["b".to_owned()]];
        assert_eq!(at(TOLERATED_MS + 1000), [Disagreement { about: "endpoints", groups }]);
        let text = at(TOLERATED_MS + 1000)[0].to_string();
        assert!(text.contains("different endpoints for more than ten minutes: a, c; and b. Give"), "{text}");
    }

    #[test]
    fn a_node_without_a_list_of_applications_does_not_disagree_about_them() {
        let nodes = [("a", parts("1", "1", 0)), ("b", parts("", "1", 0)), ("c", parts("2", "1", 0))];
        let found = disagreements(nodes[..2].iter().map(|(node, parts)| (*node, parts)), TOLERATED_MS);
        assert_eq!(found, []);
        let found = disagreements(nodes.iter().map(|(node, parts)| (*node, parts)), TOLERATED_MS);
        assert_eq!(found[0].about, "applications");
    }

    #[test]
    fn a_part_keeps_its_time_until_its_hash_changes() {
        let mut part = ConfigPart::default();
        part.update("1".to_owned(), 5);
        part.update("1".to_owned(), 6);
        assert_eq!(part.since_ms, 5);
        part.update("2".to_owned(), 7);
        assert_eq!(part.since_ms, 7);
    }

    #[test]
    fn the_hash_ignores_the_order_and_distinguishes_ids_that_concatenate_equally() {
        let hash = |ids: &[&str]| hash_of(ids.iter().map(|id| id.as_bytes()));
        assert_eq!(hash(&["a", "b"]), hash(&["b", "a"]));
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["a"]).len(), 16);
    }
}
