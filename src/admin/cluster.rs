//! The status of a cluster, read from its Redis.

mod actions;
mod foreign;
mod history;
mod rights;
mod shards;

use std::collections::{BTreeMap, BTreeSet};

use redis::{Connection, RedisResult};
use serde::Serialize;
use serde_json::{Map, Value};
use strum::{IntoStaticStr, VariantArray};

use super::merge::{self, MergedEndpoint};
use super::redis_info::RedisInfo;
use crate::cluster::system_ms;
use crate::config::{ClusterIdentity, Config, ConfigError, Endpoint};
use crate::event::Shard;
use crate::redis::{ClientError, OwnShard, ShardClients};
use crate::report::{AT_MOST, Disagreement, LATENCY_BOUNDS_MS, LaneStatus, NodeRecord, SILENT_AFTER_MS, disagreements};

pub use actions::{Configured, Seen};
pub use foreign::Foreign;
pub use history::{AttemptsPoint, History, LoadPoint};
pub use rights::Refusals;
use shards::FoundShard;
pub use shards::{ShardReport, ShardSlot};

/// A client for a cluster, for any machine that can reach its Redis. Most methods block on Redis: do not call them from
/// an event loop.
#[derive(Debug)]
pub struct Cluster {
    clients: ShardClients,
    endpoints: Vec<Endpoint>,
    warnings: Vec<String>,
}

/// The status of a cluster.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterStatus {
    /// Redis' clock, in Unix ms. All times in the status are by this clock, except `clock_ms`.
    pub time_ms: u64,
    /// Offset of this machine's clock from Redis' clock. Positive if it is ahead.
    pub clock_skew_ms: i64,
    /// Server information.
    pub redis: RedisInfo,
    /// Identity of the data.
    pub identity: Identity,
    /// Nodes, oldest first.
    pub nodes: Vec<Node>,
    /// Endpoints, merged over all nodes.
    pub endpoints: Vec<MergedEndpoint>,
    /// Number of endpoints that are not listed: the maximum over the nodes.
    pub endpoints_truncated: usize,
    /// Longest lanes.
    pub lanes: Vec<LaneReport>,
    /// Number of lanes that are not listed.
    pub lanes_truncated: usize,
    /// Upper bounds of the buckets of every `latency.counts`, in ms. The last bucket has no bound.
    pub latency_bounds_ms: [u64; LATENCY_BOUNDS_MS.len()],
    /// Sums of the nodes' counters.
    pub counters: Map<String, Value>,
    /// Number of dead letters.
    pub dead_letters: usize,
    /// The shards, in the order of their numbers. What the others have in one that does not answer is missing in all sums.
    pub shards: Vec<ShardReport>,
    /// Number of occupied channels, by application.
    pub channels: BTreeMap<String, usize>,
    /// Keys under the prefix that another program has written.
    pub foreign_keys: Vec<Foreign>,
    /// Parts of the config in which running nodes have differed for ten minutes.
    pub disagreements: Vec<Disagreement>,
    /// Events in Redis.
    pub outbox: OutboxReport,
    /// Paused endpoints: id → start of the pause. Nodes apply a change within 2 s.
    pub paused: BTreeMap<String, u64>,
    /// Disabled endpoints, which have answered 410: id → time of the answer. Nodes apply a change within 2 s.
    pub disabled: BTreeMap<String, u64>,
}

/// The identity of the data, compared with that of this config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Identity of the data, if it has one.
    pub data: Option<String>,
    /// Identity of this config, if it has one.
    pub own: Option<String>,
    /// Schema version of the data, if there is data.
    pub schema: Option<u64>,
    /// Reason why nodes with this config must not work on the data.
    pub mismatch: Option<String>,
    /// Remedy for the mismatch.
    pub remedy: Option<&'static str>,
}

/// A node of the cluster.
#[derive(Clone, Debug, Serialize)]
pub struct Node {
    /// Liveness, derived from its last record.
    pub state: NodeLiveness,
    /// Time of its last record.
    pub written_ms: u64,
    /// Expiry of its lease, if it has one.
    pub lease_ms: Option<u64>,
    /// Offset of its clock from Redis' clock. Positive if it is ahead.
    pub clock_skew_ms: i64,
    /// Its last record.
    #[serde(flatten)]
    pub record: NodeRecord,
}

/// The liveness of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum NodeLiveness {
    /// It has written a record within the last 6 s.
    Running,
    /// It stopped in good order.
    Stopped,
    /// It has written nothing for more than 6 s: it is dead or cut off from Redis.
    Silent,
}

/// A lane of a node.
#[derive(Clone, Debug, Serialize)]
pub struct LaneReport {
    /// Node.
    pub node: String,
    /// Status of the lane.
    #[serde(flatten)]
    pub lane: LaneStatus,
}

/// The events in the outbox.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OutboxReport {
    /// Number of entries in all partitions. An entry is an event, or a dead letter that is sent again.
    pub events: usize,
    /// Partitions.
    pub partitions: Vec<Partition>,
}

/// A partition of the outbox.
#[derive(Clone, Debug, Serialize)]
pub struct Partition {
    /// Number of the shard.
    pub shard: Shard,
    /// Number of the partition.
    #[serde(rename = "partition")]
    pub number: u16,
    /// Number of entries.
    pub events: usize,
    /// Node that owns the partition.
    pub owner: Option<String>,
}

impl Cluster {
    /// Creates a client for the cluster of `config`. The first call connects.
    ///
    /// # Errors
    /// If a TLS file of the connection cannot be used.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        let (endpoints, warnings) = (config.endpoints.clone(), config.warnings.clone());
        Ok(Self { clients: ShardClients::of(config)?, endpoints, warnings })
    }

    /// Returns the status of the cluster.
    ///
    /// # Errors
    /// If the Redis of the first shard, which has the records of the nodes, cannot be reached or refuses the call.
    pub fn status(&mut self) -> Result<ClusterStatus, ClientError> {
        let first = self.call(FirstShard::read)?;
        let clock_skew_ms = skew(system_ms(), first.time_ms);
        let nodes = self.call(|redis, keys| first.nodes(redis, keys))?;
        let apps: BTreeSet<&String> = nodes.iter().flat_map(|node| &node.record.apps).collect();
        let shards: Vec<_> = self.clients.shards().map(|shard| (shard, self.shard(shard, &apps))).collect();
        let prefixes: Vec<&str> = self.clients.shards().map(|shard| self.clients.own(shard).prefix.as_str()).collect();
        let redis = self.call(|redis, _| RedisInfo::ask_all(redis, &prefixes))?;
        let found = || shards.iter().filter_map(|(_, found)| found.as_ref().ok());
        let runs = |node: &Node| node.state == NodeLiveness::Running;
        let mut lanes: Vec<LaneReport> = nodes
            .iter()
            .filter(|node| runs(node))
            .flat_map(|node| node.record.deliveries.lanes.iter().map(|lane| (node.record.node.clone(), lane.clone())))
            .map(|(node, lane)| LaneReport { node, lane })
            .collect();
        lanes.sort_by_key(|lane| std::cmp::Reverse(lane.lane.depth));
        let listed = lanes.len();
        lanes.truncate(AT_MOST);
        let left_out = nodes.iter().filter(|node| runs(node)).map(|node| node.record.deliveries.lanes_truncated);
        let lanes_truncated = listed - lanes.len() + left_out.sum::<usize>();
        let endpoints_left_out = nodes.iter().map(|node| node.record.deliveries.endpoints_truncated);
        let running =
            nodes.iter().filter(|node| runs(node)).map(|node| (node.record.node.as_str(), &node.record.configured));
        Ok(ClusterStatus {
            time_ms: first.time_ms,
            clock_skew_ms,
            identity: self.identity(found()),
            endpoints: merge::endpoints(nodes.iter().map(|node| (&node.record, runs(node)))),
            endpoints_truncated: endpoints_left_out.max().unwrap_or_default(),
            lanes,
            lanes_truncated,
            latency_bounds_ms: LATENCY_BOUNDS_MS,
            counters: merge::counters(nodes.iter().map(|node| &node.record)),
            dead_letters: found().map(|found| found.dead_letters).sum(),
            channels: shards::channels(found()),
            foreign_keys: found().flat_map(|found| found.foreign_keys.clone()).collect(),
            disagreements: disagreements(running, first.time_ms),
            outbox: shards::outbox(found()),
            shards: shards.iter().map(|(shard, found)| ShardReport::of(*shard, found, &redis)).collect(),
            redis: redis.info,
            paused: first.paused,
            disabled: first.disabled,
            nodes,
        })
    }

    /// Reads what a shard has.
    fn shard(&self, shard: Shard, apps: &BTreeSet<&String>) -> Result<FoundShard, ClientError> {
        self.clients.call(shard, |redis, keys| FoundShard::read(redis, keys, apps))
    }

    /// Compares the data of all shards with the config. The first one that differs counts.
    fn identity<'a>(&self, found: impl Iterator<Item = &'a FoundShard>) -> Identity {
        let mut identity = Identity { own: self.own().map(|cluster| cluster.name.clone()), ..Identity::default() };
        for FoundShard { shard, stamp, .. } in found {
            identity.data = identity.data.or_else(|| stamp.cluster().map(str::to_owned));
            identity.schema = identity.schema.max(stamp.schema);
            if let (None, Some(mismatch)) = (&identity.mismatch, self.clients.own(*shard).compare(stamp)) {
                identity.remedy = Some(mismatch.remedy());
                identity.mismatch = Some(mismatch.to_string());
            }
        }
        identity
    }

    fn own(&self) -> Option<&ClusterIdentity> {
        self.clients.own(Shard::FIRST).identity.as_ref()
    }

    /// Makes a call to the first shard.
    fn call<T>(&self, talk: impl FnOnce(&mut Connection, &OwnShard) -> RedisResult<T>) -> Result<T, ClientError> {
        self.clients.call(Shard::FIRST, talk)
    }
}

/// What only the first shard has.
struct FirstShard {
    time_ms: u64,
    written: Vec<(String, u64)>,
    leases: BTreeMap<String, i64>,
    paused: BTreeMap<String, u64>,
    disabled: BTreeMap<String, u64>,
}

/// The replies to the pipeline in [`FirstShard::read`]: time, nodes with the times of their records, leases, paused
/// endpoints, disabled endpoints.
type Answers = ((u64, u64), Vec<(String, f64)>, BTreeMap<String, f64>, BTreeMap<String, u64>, BTreeMap<String, String>);

impl FirstShard {
    fn read(redis: &mut Connection, keys: &OwnShard) -> RedisResult<Self> {
        let ((seconds, micros), written, leases, paused, disabled): Answers = redis::pipe()
            .cmd("TIME")
            .zrange_withscores(keys.key("status"), 0, -1)
            .zrange_withscores(keys.key("nodes"), 0, -1)
            .hgetall(keys.key("paused"))
            .hgetall(keys.key("disabled"))
            .query(redis)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "scores are whole times in ms")]
        Ok(Self {
            time_ms: seconds * 1000 + micros / 1000,
            written: written.into_iter().map(|(node, at)| (node, at as u64)).collect(),
            leases: leases.into_iter().map(|(node, until)| (node, until as i64)).collect(),
            paused,
            disabled: since(disabled),
        })
    }

    /// Returns the nodes that have a record, oldest first.
    fn nodes(&self, redis: &mut Connection, keys: &OwnShard) -> RedisResult<Vec<Node>> {
        if self.written.is_empty() {
            return Ok(Vec::new());
        }
        let records: Vec<String> = self.written.iter().map(|(name, _)| keys.key_of("status", name)).collect();
        let records: Vec<Option<Vec<u8>>> = redis::cmd("MGET").arg(records).query(redis)?;
        let mut nodes: Vec<Node> = self
            .written
            .iter()
            .zip(records)
            .filter_map(|((_, written_ms), record)| {
                let record: NodeRecord = serde_json::from_slice(&record?).ok()?;
                let lease = self.leases.get(&record.node).and_then(|until| u64::try_from(*until).ok());
                let state = match (record.stopped, self.time_ms.saturating_sub(*written_ms)) {
                    (true, _) => NodeLiveness::Stopped,
                    (false, age) if age > SILENT_AFTER_MS => NodeLiveness::Silent,
                    (false, _) => NodeLiveness::Running,
                };
                let clock_skew_ms = skew(record.clock_ms, *written_ms);
                Some(Node { state, written_ms: *written_ms, lease_ms: lease, clock_skew_ms, record })
            })
            .collect();
        nodes.sort_by_key(|node| node.record.started_ms);
        Ok(nodes)
    }
}

/// Parses the times of the entries of `disabled`, which are `{ms} {URL}`.
fn since(disabled: BTreeMap<String, String>) -> BTreeMap<String, u64> {
    let since = |(id, text): (String, String)| Some((id, text.split(' ').next()?.parse().ok()?));
    disabled.into_iter().filter_map(since).collect()
}

/// Returns the offset in ms of a clock that shows `ours` from one that shows `theirs`.
fn skew(ours: u64, theirs: u64) -> i64 {
    ours.cast_signed().wrapping_sub(theirs.cast_signed())
}
