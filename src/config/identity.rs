//! The identity of a cluster: `cluster_name`.

use serde::Deserialize;

use super::form::items;

/// The identity of a cluster. Nodes of different clusters never work on the same data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array with a name and aliases")]
pub struct ClusterIdentity {
    /// Name: `cluster_name`, or derived from the application's name, environment and key. Not a secret.
    pub name: String,
    /// Other names of the same cluster, derived from the application's previous keys.
    #[serde(deserialize_with = "items")]
    pub aliases: Vec<String>,
}

/// Returns the identity from `cluster`, or else from `cluster_name`. `None` without both.
pub(super) fn resolve(cluster: Option<ClusterIdentity>, cluster_name: Option<String>) -> Option<ClusterIdentity> {
    let named = || cluster_name.map(|name| ClusterIdentity { name, aliases: Vec::new() });
    cluster.or_else(named).filter(|cluster| !cluster.name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::config::Config;

    #[test]
    fn the_aliases_of_a_cluster_are_a_list_that_may_have_gaps() {
        for aliases in [json!(["a", "b"]), json!({ "0": "a", "2": "b" })] {
            let cluster = json!({ "name": "chat", "aliases": aliases });
            let identity = Config::from_value(json!({ "cluster": cluster })).unwrap().cluster.unwrap();
            assert_eq!((&*identity.name, &identity.aliases[..]), ("chat", &["a".to_owned(), "b".to_owned()][..]));
        }
    }
}
