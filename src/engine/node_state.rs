//! Creates the node states from the configuration.

use std::time::Duration;

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
    let limit = config.connection.part_of(PENDING_LIMIT);
    let node_state = SharedNodeState::new(limit).repeating_misses_after(config.cache_miss_ttl / MISSES_PER_TTL);
    node_state.lock().pending.share_bytes(config.connection.shards);
    if demands.details.any() {
        node_state.lock().table.name_connections();
    }
    if !demands.counts.any() {
        return node_state;
    }
    let pause = (config.subscription_count_interval / REPORTS_PER_INTERVAL).min(LONGEST_REPORT_PAUSE);
    node_state.counting(pause, demands.counts.single())
}
