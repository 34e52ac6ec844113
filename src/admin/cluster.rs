//! The status of a cluster, read from its Redis.

mod actions;
mod foreign;
mod rights;

use std::collections::{BTreeMap, BTreeSet};

use redis::{Connection, RedisResult};
use serde::Serialize;
use serde_json::{Map, Value};
use strum::{IntoStaticStr, VariantArray};

use super::merge::{self, MergedEndpoint};
use super::redis_info::RedisInfo;
use crate::cluster::system_ms;
use crate::config::{ClusterIdentity, Config, ConfigError, Endpoint};
use crate::event::PARTITIONS;
use crate::outbox::redis::OutboxScripts;
use crate::redis::{Client, ClientError, Mismatch, Settings, Stamp};
use crate::report::{
    AT_MOST, Disagreement, LATENCY_BOUNDS_MS, LaneStatus, NodeRecord, SILENT_AFTER_MS, StatusKeys, disagreements,
};

pub use actions::{Configured, Seen};
pub use foreign::Foreign;
pub use rights::Refusals;

/// A client for a cluster, for any machine that can reach its Redis. Most methods block on Redis: do not call them from
/// an event loop.
#[derive(Debug)]
pub struct Cluster {
    keys: StatusKeys,
    outbox: OutboxScripts,
    client: Client,
    endpoints: Vec<Endpoint>,
    warnings: Vec<String>,
    identity: Option<ClusterIdentity>,
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
    /// Number of the partition.
    #[serde(rename = "partition")]
    pub number: u16,
    /// Number of entries.
    pub events: usize,
    /// Node that owns the partition.
    pub owner: Option<String>,
}

/// The replies to the pipeline in [`Cluster::find`]: time, nodes with the times of their records, leases, dead letters,
/// owners, paused endpoints, disabled endpoints, and identity and schema from two keys.
type Answers = (
    (u64, u64),
    Vec<(String, f64)>,
    BTreeMap<String, f64>,
    usize,
    BTreeMap<String, String>,
    BTreeMap<String, u64>,
    BTreeMap<String, String>,
    (Option<String>, Option<u64>),
    (Option<String>, Option<u64>),
);

/// The parsed replies.
struct Found {
    time_ms: u64,
    written: Vec<(String, u64)>,
    leases: BTreeMap<String, i64>,
    dead_letters: usize,
    paused: BTreeMap<String, u64>,
    disabled: BTreeMap<String, u64>,
    stamp: Stamp,
    /// By partition. The field `last_token` has the last fencing token.
    owners: BTreeMap<String, String>,
    lengths: Vec<usize>,
}

impl Cluster {
    /// Creates a client for the cluster of `config`. The first call connects.
    ///
    /// # Errors
    /// If a TLS file of the connection cannot be used.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        let settings = Settings::of(config)?;
        let (keys, outbox) = (StatusKeys::new(&config.key_prefix), OutboxScripts::new(&config.key_prefix));
        let (endpoints, warnings) = (config.endpoints.clone(), config.warnings.clone());
        let identity = config.cluster.clone();
        Ok(Self { keys, outbox, client: Client::new(settings), endpoints, warnings, identity })
    }

    /// Returns the status of the cluster.
    ///
    /// # Errors
    /// If Redis cannot be reached or refuses the call.
    pub fn status(&mut self) -> Result<ClusterStatus, ClientError> {
        let found = self.call(|redis, cluster| cluster.find(redis))?;
        let clock_skew_ms = skew(system_ms(), found.time_ms);
        let nodes = self.call(|redis, cluster| cluster.nodes(redis, &found))?;
        let (channels, foreign_keys) = self.call(|redis, cluster| cluster.channels(redis, &nodes))?;
        let redis = self.call(|redis, cluster| RedisInfo::ask_all(redis, &cluster.keys.prefix))?;
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
            time_ms: found.time_ms,
            clock_skew_ms,
            redis,
            identity: self.identity(&found.stamp),
            endpoints: merge::endpoints(nodes.iter().map(|node| (&node.record, runs(node)))),
            endpoints_truncated: endpoints_left_out.max().unwrap_or_default(),
            lanes,
            lanes_truncated,
            latency_bounds_ms: LATENCY_BOUNDS_MS,
            counters: merge::counters(nodes.iter().map(|node| &node.record)),
            dead_letters: found.dead_letters,
            channels,
            foreign_keys,
            disagreements: disagreements(running, found.time_ms),
            outbox: found.outbox(),
            paused: found.paused,
            disabled: found.disabled,
            nodes,
        })
    }

    fn identity(&self, stamp: &Stamp) -> Identity {
        let mismatch = stamp.mismatch(&self.keys.prefix, self.identity.as_ref());
        Identity {
            data: stamp.cluster().map(str::to_owned),
            own: self.identity.as_ref().map(|cluster| cluster.name.clone()),
            schema: stamp.schema,
            remedy: mismatch.as_ref().map(Mismatch::remedy),
            mismatch: mismatch.map(|mismatch| mismatch.to_string()),
        }
    }

    fn find(&self, redis: &mut Connection) -> RedisResult<Found> {
        let stamp = ["cluster", "schema"];
        let ((seconds, micros), written, leases, dead_letters, owners, paused, disabled, first, second): Answers =
            redis::pipe()
                .cmd("TIME")
                .zrange_withscores(self.keys.key("status"), 0, -1)
                .zrange_withscores(self.keys.key("nodes"), 0, -1)
                .xlen(self.outbox.dead_letters())
                .hgetall(self.outbox.owners())
                .hgetall(self.keys.key("paused"))
                .hgetall(self.keys.key("disabled"))
                .hmget(self.keys.key("epoch"), &stamp)
                .hmget(self.outbox.owners(), &stamp)
                .query(redis)?;
        let mut lengths = redis::pipe();
        for partition in 0..PARTITIONS {
            lengths.xlen(self.outbox.stream(partition));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "scores are whole times in ms")]
        Ok(Found {
            time_ms: seconds * 1000 + micros / 1000,
            written: written.into_iter().map(|(node, at)| (node, at as u64)).collect(),
            leases: leases.into_iter().map(|(node, until)| (node, until as i64)).collect(),
            dead_letters,
            paused,
            disabled: since(disabled),
            stamp: Stamp::read([first, second]),
            owners,
            lengths: lengths.query(redis)?,
        })
    }

    /// Returns the nodes that have a record, oldest first.
    fn nodes(&self, redis: &mut Connection, found: &Found) -> RedisResult<Vec<Node>> {
        if found.written.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = found.written.iter().map(|(name, _)| self.keys.record(name)).collect();
        let records: Vec<Option<Vec<u8>>> = redis::cmd("MGET").arg(keys).query(redis)?;
        let mut nodes: Vec<Node> = found
            .written
            .iter()
            .zip(records)
            .filter_map(|((_, written_ms), record)| {
                let record: NodeRecord = serde_json::from_slice(&record?).ok()?;
                let lease = found.leases.get(&record.node).and_then(|until| u64::try_from(*until).ok());
                let state = match (record.stopped, found.time_ms.saturating_sub(*written_ms)) {
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

    /// Returns the number of occupied channels of each application that a node knows, and the foreign keys.
    /// Applications with a foreign key have no number.
    fn channels(&self, redis: &mut Connection, nodes: &[Node]) -> RedisResult<(BTreeMap<String, usize>, Vec<Foreign>)> {
        let apps: BTreeSet<&String> = nodes.iter().flat_map(|node| &node.record.apps).collect();
        let names: Vec<&str> = apps.iter().map(|app| app.as_str()).collect();
        let foreign = foreign::keys(redis, &self.keys, &names)?;
        let (mut lengths, mut asked) = (redis::pipe(), Vec::new());
        for app in apps {
            if foreign.iter().all(|key| key.app_id.as_ref() != Some(app)) {
                lengths.hlen(self.keys.key(&format!("channels:{app}")));
                asked.push(app.clone());
            }
        }
        let lengths: Vec<usize> = if asked.is_empty() { Vec::new() } else { lengths.query(redis)? };
        Ok((asked.into_iter().zip(lengths).collect(), foreign))
    }

    fn call<T>(&self, talk: impl FnOnce(&mut Connection, &Self) -> RedisResult<T>) -> Result<T, ClientError> {
        self.client.call(|redis| talk(redis, self))
    }
}

impl Found {
    fn outbox(&self) -> OutboxReport {
        let partitions = (0..).zip(&self.lengths).map(|(number, events)| Partition {
            number,
            events: *events,
            // `{fencing token} {node}`
            owner: self
                .owners
                .get(&number.to_string())
                .and_then(|owner| owner.split_once(' '))
                .map(|(_, node)| node.to_owned()),
        });
        OutboxReport { events: self.lengths.iter().sum(), partitions: partitions.collect() }
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
