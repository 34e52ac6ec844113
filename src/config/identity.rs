//! Which cluster a node belongs to.

use serde::Deserialize;

use super::value::List;

/// The identity of a cluster. Nodes of different clusters never work on the same data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// Its name: `cluster_name`, or what the plugin makes of the application's name, environment and key. No secret.
    pub name: String,
    /// Names that mean the same cluster: those that the previous keys of the application make.
    pub aliases: Vec<String>,
}

/// `cluster` as the plugin writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with a name and aliases")]
pub(super) struct Written {
    name: String,
    aliases: Option<List<String>>,
}

/// The identity that `cluster` says, or else `cluster_name`; none without both.
pub(super) fn resolve(cluster: Option<Written>, cluster_name: Option<String>) -> Option<ClusterIdentity> {
    let named = || cluster_name.map(|name| Written { name, aliases: None });
    let Written { name, aliases } = cluster.or_else(named).filter(|cluster| !cluster.name.is_empty())?;
    let aliases = aliases.map_or_else(Vec::new, |List(aliases)| aliases.into_iter().map(|(_, alias)| alias).collect());
    Some(ClusterIdentity { name, aliases })
}
