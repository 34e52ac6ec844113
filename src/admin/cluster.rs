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
use crate::config::{ClusterIdentity, Config, ConfigError, Endpoint};
use crate::event::Shard;
use crate::redis::{ClientError, OwnShard, ShardClients};
use crate::report::{AT_MOST, Disagreement, LATENCY_BOUNDS_MS, LaneStatus, NodeRecord, SILENT_AFTER_MS, disagreements};

pub use actions::{Configured, Seen};
pub use foreign::Foreign;
pub use history::{AttemptsPoint, History, LoadPoint};
pub use rights::Refusals;
pub use shards::ShardReport;
use shards::{FoundApps, FoundShard};

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

    /// Returns the status of the cluster. If the first shard does not answer, the nodes are missing, with their endpoints and
    /// lanes, and so are the paused and the disabled endpoints.
    ///
    /// # Errors
    /// If the Redis of no shard can be reached, or it refuses the calls.
    pub fn status(&mut self) -> Result<ClusterStatus, ClientError> {
        let all: Vec<Shard> = self.clients.shards().collect();
        let mut shards = ShardClients::ask_all(&all, |shard| self.clients.call(shard, FoundShard::read));
        let first = shards[0].as_mut().ok().and_then(|found| found.of_all.take()).unwrap_or_default();
        let FirstShard { nodes, paused, disabled } = first;
        let apps = self.read_apps(&mut shards, &nodes)?;
        let found = || shards.iter().filter_map(|found| found.as_ref().ok());
        let prefixes: Vec<&str> = all.iter().map(|shard| self.clients.own(*shard).prefix.as_str()).collect();
        let answered = found().map(|found| found.shard).next().unwrap_or(Shard::FIRST);
        let (redis, slots) = self.clients.call(answered, |redis, _| RedisInfo::ask_all(redis, &prefixes))?;
        let (time_ms, clock_skew_ms) =
            found().map(|found| (found.time_ms, found.clock_skew_ms)).next().unwrap_or_default();
        let (lanes, lanes_truncated) = lanes(&nodes);
        let endpoints_left_out = nodes.iter().map(|node| node.record.deliveries.endpoints_truncated);
        let running = nodes.iter().filter(|node| node.runs());
        let configured = running.map(|node| (node.record.node.as_str(), &node.record.configured));
        let slot = |shard: Shard| slots.get(shard.index()).map(|cluster| cluster.slot.clone());
        Ok(ClusterStatus {
            time_ms,
            clock_skew_ms,
            identity: self.identity(found()),
            endpoints: merge::endpoints(nodes.iter().map(|node| (&node.record, node.runs()))),
            endpoints_truncated: endpoints_left_out.max().unwrap_or_default(),
            lanes,
            lanes_truncated,
            latency_bounds_ms: LATENCY_BOUNDS_MS,
            counters: merge::counters(nodes.iter().map(|node| &node.record)),
            dead_letters: found().map(|found| found.dead_letters).sum(),
            channels: shards::channels(&apps),
            foreign_keys: apps.into_iter().flat_map(|apps| apps.foreign_keys).collect(),
            disagreements: disagreements(configured, time_ms),
            outbox: shards::outbox(found()),
            shards: all
                .iter()
                .zip(&shards)
                .map(|(shard, found)| ShardReport::of(*shard, found, slot(*shard)))
                .collect(),
            redis,
            paused,
            disabled,
            nodes,
        })
    }

    /// Reads what the shards that answered have of the nodes' applications. One that fails now counts as not answering.
    ///
    /// # Errors
    /// If no shard answers.
    fn read_apps(
        &self,
        shards: &mut [Result<FoundShard, ClientError>],
        nodes: &[Node],
    ) -> Result<Vec<FoundApps>, ClientError> {
        let apps: BTreeSet<&String> = nodes.iter().flat_map(|node| &node.record.apps).collect();
        let answered: Vec<Shard> = shards.iter().filter_map(|found| Some(found.as_ref().ok()?.shard)).collect();
        let results = ShardClients::ask_all(&answered, |shard| {
            self.clients.call(shard, |redis, keys| FoundApps::read(redis, keys, &apps))
        });
        let mut found = Vec::new();
        for (shard, result) in answered.into_iter().zip(results) {
            match result {
                Ok(apps) => found.push(apps),
                Err(error) => shards[shard.index()] = Err(error),
            }
        }
        match shards.iter().find_map(|found| found.as_ref().err()) {
            Some(failure) if found.is_empty() => Err(failure.clone()),
            _ => Ok(found),
        }
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

/// The data that only the first shard has.
#[derive(Default)]
struct FirstShard {
    /// The nodes that have a record, oldest first.
    nodes: Vec<Node>,
    paused: BTreeMap<String, u64>,
    disabled: BTreeMap<String, u64>,
}

/// The replies to the pipeline in [`FirstShard::read`]: nodes with the times of their records, leases, paused endpoints,
/// disabled endpoints.
type Answers = (Vec<(String, f64)>, BTreeMap<String, f64>, BTreeMap<String, u64>, BTreeMap<String, String>);

impl FirstShard {
    fn read(redis: &mut Connection, keys: &OwnShard, time_ms: u64) -> RedisResult<Self> {
        let (written, leases, paused, disabled): Answers = redis::pipe()
            .zrange_withscores(keys.key("status"), 0, -1)
            .zrange_withscores(keys.key("nodes"), 0, -1)
            .hgetall(keys.key("paused"))
            .hgetall(keys.key("disabled"))
            .query(redis)?;
        let records: Vec<String> = written.iter().map(|(name, _)| keys.key_of("status", name)).collect();
        let records: Vec<Option<Vec<u8>>> =
            if records.is_empty() { Vec::new() } else { redis::cmd("MGET").arg(records).query(redis)? };
        let parse = |((_, written), record): ((String, f64), Option<Vec<u8>>)| {
            let record = NodeRecord::read(&record?)?;
            let lease = leases.get(&record.node).copied().filter(|until| *until >= 0.0);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "scores are whole times in ms")]
            Some(Node::new(record, written as u64, lease.map(|until| until as u64), time_ms))
        };
        let mut nodes: Vec<Node> = written.into_iter().zip(records).filter_map(parse).collect();
        nodes.sort_by_key(|node| node.record.started_ms);
        Ok(Self { nodes, paused, disabled: since(disabled) })
    }
}

impl Node {
    fn new(record: NodeRecord, written_ms: u64, lease_ms: Option<u64>, time_ms: u64) -> Self {
        let state = match (record.stopped, time_ms.saturating_sub(written_ms)) {
            (true, _) => NodeLiveness::Stopped,
            (false, age) if age > SILENT_AFTER_MS => NodeLiveness::Silent,
            (false, _) => NodeLiveness::Running,
        };
        Self { state, written_ms, lease_ms, clock_skew_ms: skew(record.clock_ms, written_ms), record }
    }

    fn runs(&self) -> bool {
        self.state == NodeLiveness::Running
    }
}

/// Returns the longest lanes of running nodes, and the number of those left out.
fn lanes(nodes: &[Node]) -> (Vec<LaneReport>, usize) {
    let running = || nodes.iter().filter(|node| node.runs());
    let of_node = |node: &Node| {
        let name = node.record.node.clone();
        node.record.deliveries.lanes.clone().into_iter().map(move |lane| LaneReport { node: name.clone(), lane })
    };
    let mut lanes: Vec<LaneReport> = running().flat_map(of_node).collect();
    lanes.sort_by_key(|lane| std::cmp::Reverse(lane.lane.depth));
    let listed = lanes.len();
    lanes.truncate(AT_MOST);
    let left_out = running().map(|node| node.record.deliveries.lanes_truncated);
    let truncated = left_out.fold(listed - lanes.len(), usize::saturating_add);
    (lanes, truncated)
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
