//! What each shard has, and the merged view of all.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Connection, RedisResult};
use serde::Serialize;

use super::{ClientError, Foreign, OutboxReport, Partition, foreign};
use crate::admin::redis_cluster::RedisCluster;
use crate::admin::redis_info::InfoOfAll;
use crate::event::{PARTITIONS, Shard};
use crate::redis::{OwnShard, Stamp};

/// A shard.
#[derive(Clone, Debug, Serialize)]
pub struct ShardReport {
    /// Number of the shard.
    pub shard: Shard,
    /// Number of entries in its part of the outbox.
    pub events: usize,
    /// Number of its dead letters.
    pub dead_letters: usize,
    /// Its slot with its servers, on a Redis Cluster.
    #[serde(flatten)]
    pub slot: Option<ShardSlot>,
    /// Reason why it does not answer. Then its numbers are unknown, and 0.
    pub error: Option<String>,
}

/// The slot of a shard.
#[derive(Clone, Debug, Serialize)]
pub struct ShardSlot {
    /// Number of the slot.
    pub slot: u16,
    /// Address of the slot's master.
    pub master: Option<String>,
    /// Addresses of the master's replicas, without the failed ones.
    pub replicas: Vec<String>,
}

impl ShardReport {
    pub(super) fn of(shard: Shard, found: &Result<FoundShard, ClientError>, redis: &InfoOfAll) -> Self {
        let slot = redis.slots.get(shard.index()).map(|RedisCluster { slot, master, replicas, .. }| ShardSlot {
            slot: *slot,
            master: master.clone(),
            replicas: replicas.clone(),
        });
        match found {
            Ok(FoundShard { lengths, dead_letters, .. }) => {
                Self { shard, events: lengths.iter().sum(), dead_letters: *dead_letters, slot, error: None }
            }
            Err(error) => Self { shard, events: 0, dead_letters: 0, slot, error: Some(error.to_string()) },
        }
    }
}

/// What was read from a shard.
pub(super) struct FoundShard {
    pub(super) shard: Shard,
    pub(super) dead_letters: usize,
    pub(super) stamp: Stamp,
    /// By partition. The field `last_token` has the last fencing token.
    owners: BTreeMap<String, String>,
    lengths: Vec<usize>,
    /// Number of occupied channels, by application. Applications with a foreign key have none.
    channels: BTreeMap<String, usize>,
    pub(super) foreign_keys: Vec<Foreign>,
}

impl FoundShard {
    pub(super) fn read(redis: &mut Connection, keys: &OwnShard, apps: &BTreeSet<&String>) -> RedisResult<Self> {
        let stamp = Stamp::of(redis, &keys.prefix)?;
        let (dead_letters, owners) = redis::pipe().xlen(keys.key("dead")).hgetall(keys.key("owners")).query(redis)?;
        let mut lengths = redis::pipe();
        for partition in 0..PARTITIONS {
            lengths.xlen(keys.key_of("out", partition));
        }
        let lengths = lengths.query(redis)?;
        let names: Vec<&str> = apps.iter().map(|app| app.as_str()).collect();
        let foreign_keys = foreign::keys(redis, keys, &names)?;
        let (mut sizes, mut asked) = (redis::pipe(), Vec::new());
        for &app in apps {
            if foreign_keys.iter().all(|key| key.app_id.as_ref() != Some(app)) {
                sizes.hlen(keys.key_of("channels", app));
                asked.push(app.clone());
            }
        }
        let sizes: Vec<usize> = if asked.is_empty() { Vec::new() } else { sizes.query(redis)? };
        let channels = asked.into_iter().zip(sizes).collect();
        Ok(Self { shard: keys.shard, dead_letters, stamp, owners, lengths, channels, foreign_keys })
    }

    fn partitions(&self) -> impl Iterator<Item = Partition> {
        (0..).zip(&self.lengths).map(|(number, events)| Partition {
            shard: self.shard,
            number,
            events: *events,
            // `{fencing token} {node}`
            owner: self
                .owners
                .get(&number.to_string())
                .and_then(|owner| owner.split_once(' '))
                .map(|(_, node)| node.to_owned()),
        })
    }
}

/// Returns the number of occupied channels, by application.
pub(super) fn channels<'a>(found: impl Iterator<Item = &'a FoundShard>) -> BTreeMap<String, usize> {
    let mut sums = BTreeMap::new();
    for (app, channels) in found.flat_map(|found| &found.channels) {
        *sums.entry(app.clone()).or_default() += channels;
    }
    sums
}

/// Returns the events in the outbox.
pub(super) fn outbox<'a>(found: impl Iterator<Item = &'a FoundShard>) -> OutboxReport {
    let partitions: Vec<Partition> = found.flat_map(FoundShard::partitions).collect();
    OutboxReport { events: partitions.iter().map(|partition| partition.events).sum(), partitions }
}
