//! Cluster identity: decides whether a node may work on the data in Redis, by the cluster that it belongs to, its schema and
//! its number of shards.

use std::fmt::Display;

use redis::{Connection, RedisResult};
use thiserror::Error;

use super::{Script, ScriptCall, code};
use crate::config::{ClusterIdentity, Config};
use crate::event::Shard;

static NUMBER: Script = Script::new(&[code!("scripts/identity.lua"), code!("scripts/number.lua")]);

/// Schema in which this version writes its data. Raised by every change that an older node would misread.
pub(crate) const SCHEMA: u64 = 1;

/// Why a node may not work on the data under its prefix. The texts contain no secret and no line break.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Mismatch {
    /// The data belongs to another cluster.
    #[error("the data under the prefix {prefix:?} belongs to the cluster {theirs:?}, and this is {own:?}")]
    Foreign { prefix: String, theirs: String, own: String },
    /// A newer version wrote the data.
    #[error("the data under the prefix {prefix:?} has schema {theirs}, and this version knows {SCHEMA} at most")]
    Schema { prefix: String, theirs: u64 },
    /// The data is divided differently.
    #[error("the data under the prefix {prefix:?} has another number of shards ({theirs}) than this config ({own})")]
    Shards { prefix: String, theirs: u8, own: u8 },
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
            Self::Shards { .. } => {
                "Set connection.shards to the number of the data (RESONATE_WEBHOOKS_REDIS_SHARDS). To change the number, move \
                 all servers to a new prefix (RESONATE_WEBHOOKS_PREFIX): see \"Shards\" in docs/operations.md"
            }
        }
    }
}

/// A shard of this process' cluster: its keys, and what scripts compare with its data. The modules that own keys add their
/// scripts.
#[derive(Clone, Debug)]
pub(crate) struct OwnShard {
    /// Prefix of the shard's keys.
    pub(crate) prefix: String,
    /// Not checked if `None`.
    pub(crate) identity: Option<ClusterIdentity>,
    /// Shard.
    pub(crate) shard: Shard,
    shards: u8,
}

impl OwnShard {
    /// Takes the cluster of `config`, for the data of `shard`.
    pub(crate) fn of(config: &Config, shard: Shard) -> Self {
        let identity = config.cluster.clone();
        Self { prefix: config.prefix_of(shard), identity, shard, shards: config.connection.shards }
    }

    /// Returns the key with this name.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// Returns the key with this name that belongs to a node, a partition or an application.
    pub(crate) fn key_of(&self, name: &str, owner: impl Display) -> String {
        format!("{}:{name}:{owner}", self.prefix)
    }

    /// Adds the two arguments that `identity.lua` describes: the identity; the newest known schema and the number of shards.
    pub(crate) fn add_to(&self, call: &mut ScriptCall<'_>) {
        let names = |cluster: &ClusterIdentity| {
            let names = std::iter::once(&cluster.name).chain(&cluster.aliases);
            names.map(String::as_str).collect::<serde_json::Value>().to_string()
        };
        call.arg(self.identity.as_ref().map(names).unwrap_or_default());
        call.arg(self.schema_argument());
    }

    fn schema_argument(&self) -> String {
        if self.shards == 1 { SCHEMA.to_string() } else { format!("{SCHEMA}/{}", self.shards) }
    }

    /// Notes the number of shards under the prefix without a hash tag. Returns the mismatch if another number is there.
    pub(crate) fn note_number(&self, redis: &mut Connection, untagged: &str) -> RedisResult<Option<Mismatch>> {
        let mut call = NUMBER.call(untagged);
        call.key(format!("{untagged}:epoch")).key(format!("{untagged}:owners")).arg(self.schema_argument());
        let (status, detail): (String, String) = call.invoke(redis)?;
        Ok((status != "ok").then(|| Self { prefix: untagged.to_owned(), ..self.clone() }.mismatch(&status, &detail)))
    }

    /// Reads that number. Returns the mismatch if another number is there.
    pub(crate) fn compare_number(&self, redis: &mut Connection, untagged: &str) -> RedisResult<Option<Mismatch>> {
        let stamp = Stamp::of(redis, untagged)?;
        Ok(Self { prefix: untagged.to_owned(), ..self.clone() }.compare_shards(&stamp))
    }

    /// Returns what a script found, from the result of `mismatch` in `identity.lua`.
    pub(crate) fn mismatch(&self, status: &str, detail: &str) -> Mismatch {
        let prefix = self.prefix.clone();
        match status {
            "schema" => Mismatch::Schema { prefix, theirs: detail.parse().unwrap_or(u64::MAX) },
            "shards" => Mismatch::Shards { prefix, theirs: detail.parse().unwrap_or_default(), own: self.shards },
            _ => {
                let own = self.identity.as_ref().map(|cluster| cluster.name.clone()).unwrap_or_default();
                Mismatch::Foreign { prefix, theirs: detail.to_owned(), own }
            }
        }
    }

    /// Returns the mismatch if the data has another number of shards.
    pub(crate) fn compare_shards(&self, stamp: &Stamp) -> Option<Mismatch> {
        let theirs = stamp.shards().filter(|shards| *shards != self.shards)?;
        Some(self.mismatch("shards", &theirs.to_string()))
    }

    /// Returns why this cluster may not work on data with this stamp, or `None` if it may. Decides as `identity.lua` does.
    pub(crate) fn compare(&self, stamp: &Stamp) -> Option<Mismatch> {
        if let Some(theirs) = stamp.schema.filter(|schema| *schema > SCHEMA) {
            return Some(self.mismatch("schema", &theirs.to_string()));
        }
        if let Some(mismatch) = self.compare_shards(stamp) {
            return Some(mismatch);
        }
        let (own, theirs) = (self.identity.as_ref()?, stamp.cluster()?);
        let same = theirs == own.name || own.aliases.iter().any(|alias| alias == theirs);
        let known = stamp.names.contains(&own.name);
        (!same && !known).then(|| self.mismatch("foreign", theirs))
    }
}

/// Identity, schema and number of shards of the data in Redis: the fields that `identity.lua` describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The identity of the cluster, then its former ones.
    names: Vec<String>,
    pub(crate) schema: Option<u64>,
    shards: Option<u8>,
}

/// The fields of a stamp in one key.
type StampFields = (Option<String>, Option<u64>, Option<u8>);

impl Stamp {
    /// Reads the stamp of the data under a prefix.
    pub(crate) fn of(redis: &mut Connection, prefix: &str) -> RedisResult<Self> {
        let fields = ["cluster", "schema", "shards"];
        let (epoch, owners) = (format!("{prefix}:epoch"), format!("{prefix}:owners"));
        redis::pipe().hmget(epoch, &fields).hmget(owners, &fields).query(redis).map(Self::read)
    }

    /// Parses the fields of the two keys. The first key that has an identity wins; of two schemas the higher one
    /// counts.
    fn read(((first, one, shards), (second, other, same)): (StampFields, StampFields)) -> Self {
        let names = first.or(second).and_then(|names| serde_json::from_str(&names).ok()).unwrap_or_default();
        Self { names, schema: one.max(other), shards: shards.or(same) }
    }

    /// Returns the identity of the data, if it has one.
    pub(crate) fn cluster(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    /// Returns the number of shards of the data, if there is data.
    pub(crate) fn shards(&self) -> Option<u8> {
        self.schema.map(|_| self.shards.unwrap_or(1))
    }
}
