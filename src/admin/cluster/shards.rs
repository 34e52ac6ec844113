//! The data of each shard, and the merged view of all.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Connection, RedisResult};
use serde::Serialize;

use super::{ClientError, FirstShard, Foreign, OutboxReport, Partition, foreign, skew};
use crate::admin::redis_cluster::ShardSlot;
use crate::cluster::system_ms;
use crate::event::{PARTITIONS, Shard};
use crate::redis::{OwnShard, Stamp, server_time_ms};

/// A shard.
#[derive(Clone, Debug, Serialize)]
pub struct ShardReport {
    /// Number of the shard.
    pub shard: Shard,
    /// Number of entries in its part of the outbox.
    pub events: usize,
    /// Number of its dead letters.
    pub dead_letters: usize,
    /// Number of nodes with a lease in it.
    pub leases: usize,
    /// Its slot with its servers, on a Redis Cluster.
    #[serde(flatten)]
    pub slot: Option<ShardSlot>,
    /// Reason why it does not answer. Then its numbers are unknown, and 0.
    pub error: Option<String>,
}

impl ShardReport {
    pub(super) fn of(shard: Shard, found: &Result<FoundShard, ClientError>, slot: Option<ShardSlot>) -> Self {
        match found {
            Ok(FoundShard { lengths, dead_letters, leases, .. }) => {
                let (events, dead_letters, leases) = (lengths.iter().sum(), *dead_letters, *leases);
                Self { shard, events, dead_letters, leases, slot, error: None }
            }
            Err(error) => Self { shard, events: 0, dead_letters: 0, leases: 0, slot, error: Some(error.to_string()) },
        }
    }
}

/// The data of a shard.
pub(super) struct FoundShard {
    pub(super) shard: Shard,
    /// Its clock, in Unix ms.
    pub(super) time_ms: u64,
    /// Offset of this machine's clock from it.
    pub(super) clock_skew_ms: i64,
    /// The data that the first shard has for all.
    pub(super) of_all: Option<FirstShard>,
    pub(super) dead_letters: usize,
    pub(super) stamp: Stamp,
    leases: usize,
    /// By partition. The field `last_token` has the last fencing token.
    owners: BTreeMap<String, String>,
    lengths: Vec<usize>,
}

/// The data of a shard about the applications of the nodes.
pub(super) struct FoundApps {
    /// Number of occupied channels, by application. Applications with a foreign key have none.
    channels: BTreeMap<String, usize>,
    pub(super) foreign_keys: Vec<Foreign>,
}

impl FoundShard {
    pub(super) fn read(redis: &mut Connection, keys: &OwnShard) -> RedisResult<Self> {
        let time_ms = server_time_ms(redis)?;
        let clock_skew_ms = skew(system_ms(), time_ms);
        let is_first = keys.shard == Shard::FIRST;
        let of_all = is_first.then(|| FirstShard::read(redis, keys, time_ms)).transpose()?;
        let stamp = Stamp::of(redis, &keys.prefix)?;
        let (dead_letters, owners, leases) = redis::pipe()
            .xlen(keys.key("dead"))
            .hgetall(keys.key("owners"))
            .zcount(keys.key("nodes"), time_ms, "+inf")
            .query(redis)?;
        let mut lengths = redis::pipe();
        for partition in 0..PARTITIONS {
            lengths.xlen(keys.key_of("out", partition));
        }
        let lengths = lengths.query(redis)?;
        Ok(Self { shard: keys.shard, time_ms, clock_skew_ms, of_all, dead_letters, stamp, leases, owners, lengths })
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

impl FoundApps {
    pub(super) fn read(redis: &mut Connection, keys: &OwnShard, apps: &BTreeSet<&String>) -> RedisResult<Self> {
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
        Ok(Self { channels: asked.into_iter().zip(sizes).collect(), foreign_keys })
    }
}

/// Returns the number of occupied channels, by application.
pub(super) fn channels(found: &[FoundApps]) -> BTreeMap<String, usize> {
    let mut sums = BTreeMap::new();
    for (app, channels) in found.iter().flat_map(|found| &found.channels) {
        *sums.entry(app.clone()).or_default() += channels;
    }
    sums
}

/// Returns the events in the outbox.
pub(super) fn outbox<'a>(found: impl Iterator<Item = &'a FoundShard>) -> OutboxReport {
    let partitions: Vec<Partition> = found.flat_map(FoundShard::partitions).collect();
    OutboxReport { events: partitions.iter().map(|partition| partition.events).sum(), partitions }
}
