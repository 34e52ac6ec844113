//! Cluster identity: decides whether a node may work on the data in Redis, by the cluster that it belongs to and its schema.

use thiserror::Error;

use crate::config::ClusterIdentity;

/// Schema in which this version writes its data. Raised by every change that an older node would misread.
pub(crate) const SCHEMA: u64 = 1;

/// Why a node may not work on the data under its prefix. The texts contain no secret and no line break.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Mismatch {
    /// The data belongs to another cluster.
    #[error("the data under the prefix {prefix:?} belongs to the cluster {theirs:?}, and this is {own:?}")]
    Foreign {
        /// The prefix.
        prefix: String,
        /// The identity of the data.
        theirs: String,
        /// The identity of the node.
        own: String,
    },
    /// A newer version wrote the data.
    #[error("the data under the prefix {prefix:?} has schema {theirs}, and this version knows {SCHEMA} at most")]
    Schema {
        /// The prefix.
        prefix: String,
        /// The schema of the data.
        theirs: u64,
    },
}

impl Mismatch {
    /// Returns the advice for the operator.
    pub(crate) const fn remedy(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => {
                "Give this application a prefix of its own (RESONATE_WEBHOOKS_PREFIX). If it is the same application under \
                 a new name or key, set cluster_name to the old identity (RESONATE_WEBHOOKS_CLUSTER_NAME), or run \
                 \"php artisan resonate-webhooks:adopt\""
            }
            Self::Schema { .. } => {
                "Update the extension on this machine, or give it a prefix of its own (RESONATE_WEBHOOKS_PREFIX)"
            }
        }
    }
}

/// Identity and schema of the data in Redis: the fields `cluster` and `schema` that `identity.lua` describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The identity of the cluster, then its former ones.
    names: Vec<String>,
    pub(crate) schema: Option<u64>,
}

impl Stamp {
    /// Parses the fields of the two keys. The first key that has an identity wins; of two schemas the higher one
    /// counts.
    pub(crate) fn read(fields: [(Option<String>, Option<u64>); 2]) -> Self {
        let [(first, one), (second, other)] = fields;
        let names = first.or(second).and_then(|names| serde_json::from_str(&names).ok()).unwrap_or_default();
        Self { names, schema: one.max(other) }
    }

    /// Returns the identity of the data, if it has one.
    pub(crate) fn cluster(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    /// Returns why `node` may not work on the data, or `None` if it may. Decides as `identity.lua` does.
    pub(crate) fn mismatch(&self, prefix: &str, node: Option<&ClusterIdentity>) -> Option<Mismatch> {
        if let Some(theirs) = self.schema.filter(|schema| *schema > SCHEMA) {
            return Some(Mismatch::Schema { prefix: prefix.to_owned(), theirs });
        }
        let (node, theirs) = (node?, self.cluster()?);
        let same = theirs == node.name || node.aliases.iter().any(|alias| alias == theirs);
        let known = self.names.contains(&node.name);
        (!same && !known).then(|| Mismatch::Foreign {
            prefix: prefix.to_owned(),
            theirs: theirs.to_owned(),
            own: node.name.clone(),
        })
    }
}

/// Encodes an identity as a script argument; the empty text if there is none.
pub(crate) fn as_argument(identity: Option<&ClusterIdentity>) -> String {
    let names = |cluster: &ClusterIdentity| {
        let names = std::iter::once(&cluster.name).chain(&cluster.aliases);
        names.map(String::as_str).collect::<serde_json::Value>().to_string()
    };
    identity.map(names).unwrap_or_default()
}
