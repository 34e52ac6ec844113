//! The identity of a cluster: `cluster_name`.

use serde::Deserialize;

use super::value::List;

/// The identity of a cluster. Nodes of different clusters never work on the same data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// Name: `cluster_name`, or derived from the application's name, environment and key. Not a secret.
    pub name: String,
    /// Other names of the same cluster, derived from the application's previous keys.
    pub aliases: Vec<String>,
}

/// `cluster`, which the plugin fills in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with a name and aliases")]
pub(super) struct WrittenIdentity {
    name: String,
    aliases: Option<List<String>>,
}

/// Returns the identity from `cluster`, or else from `cluster_name`. `None` without both.
pub(super) fn resolve(cluster: Option<WrittenIdentity>, cluster_name: Option<String>) -> Option<ClusterIdentity> {
    let named = || cluster_name.map(|name| WrittenIdentity { name, aliases: None });
    let WrittenIdentity { name, aliases } = cluster.or_else(named).filter(|cluster| !cluster.name.is_empty())?;
    let aliases = aliases.map_or_else(Vec::new, |List(aliases)| aliases.into_iter().map(|(_, alias)| alias).collect());
    Some(ClusterIdentity { name, aliases })
}
