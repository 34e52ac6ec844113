//! Whether the data in Redis is for this node: of its cluster, and in a schema that it knows.

use thiserror::Error;

use crate::config::ClusterIdentity;

/// The schema in which this version writes its data. A change that an older node would misread makes it greater.
pub(crate) const SCHEMA: u64 = 1;

/// Why a node may not work on the data behind its prefix. The texts hold no secret and no line break.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Mismatch {
    /// The data belongs to another cluster.
    #[error("the data behind the prefix {prefix:?} belongs to the cluster {theirs:?}, and this is {own:?}")]
    Foreign {
        /// The prefix.
        prefix: String,
        /// The identity of the data.
        theirs: String,
        /// That of the node.
        own: String,
    },
    /// A newer version has written the data.
    #[error("the data behind the prefix {prefix:?} has schema {theirs}, and this version knows {SCHEMA} at most")]
    Schema {
        /// The prefix.
        prefix: String,
        /// The schema of the data.
        theirs: u64,
    },
}

impl Mismatch {
    /// The advice to the operator.
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

/// What Redis knows of the data: the texts of the fields `cluster` and `schema`, as `identity.lua` describes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The identity of the cluster, and those that it had before.
    names: Vec<String>,
    /// The schema.
    pub(crate) schema: Option<u64>,
}

impl Stamp {
    /// Reads the fields, those of one key that has them coming first.
    pub(crate) fn read(fields: [(Option<String>, Option<u64>); 2]) -> Self {
        let [(first, one), (second, other)] = fields;
        let names = first.or(second).and_then(|names| serde_json::from_str(&names).ok()).unwrap_or_default();
        Self { names, schema: one.max(other) }
    }

    /// The identity of the data, if it has one.
    pub(crate) fn cluster(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    /// Why a node may not work on the data, if it may not. Decides as `identity.lua` does.
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

/// An identity as scripts take it; the empty text for none.
pub(crate) fn as_argument(identity: Option<&ClusterIdentity>) -> String {
    let names = |cluster: &ClusterIdentity| {
        let names = std::iter::once(&cluster.name).chain(&cluster.aliases);
        names.map(String::as_str).collect::<serde_json::Value>().to_string()
    };
    identity.map(names).unwrap_or_default()
}
