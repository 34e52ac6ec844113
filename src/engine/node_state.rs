//! Creates the node states from the configuration.

use std::time::{Duration, Instant};

use super::demand::Demands;
use crate::config::Config;
use crate::presence::{NodeStates, SharedNodeState};

/// The maximum number of claims, and separately of client events, that wait for an unreachable Redis. Each takes at
/// most 100 MB or so. Beyond the limit, client events are refused, and pairs of claims that cancel each other are
/// dropped.
const PENDING_LIMIT: usize = 1 << 20;

/// The maximum number of times that a node reports its count of a channel within `subscription_count_interval`.
const REPORTS_PER_INTERVAL: u32 = 10;

/// The maximum time that a count waits in the node.
const LONGEST_REPORT_PAUSE: Duration = Duration::from_secs(1);

/// The maximum number of times that a node reports an empty cache channel within `cache_miss_ttl`.
const MISSES_PER_TTL: u32 = 10;

/// Creates the node states of all shards.
pub(super) fn node_states(config: &Config, demands: &Demands) -> NodeStates {
    NodeStates::new(config.shards().map(|_| node_state(config, demands)).collect())
}

fn node_state(config: &Config, demands: &Demands) -> SharedNodeState {
    let shared = SharedNodeState::new(config.connection.part_of(PENDING_LIMIT));
    let mut node_state = shared.lock();
    node_state.pending.share_bytes(config.connection.shards);
    node_state.table.cache_pause = config.cache_miss_ttl / MISSES_PER_TTL;
    node_state.table.names_connections = demands.details.any();
    if demands.counts.any() {
        let pause = (config.subscription_count_interval / REPORTS_PER_INTERVAL).min(LONGEST_REPORT_PAUSE);
        node_state.table.count_sockets(pause, demands.counts.single(), Instant::now());
    }
    drop(node_state);
    shared
}
