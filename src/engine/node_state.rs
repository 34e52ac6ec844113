//! Sets up node state by the configuration.

use std::time::Duration;

use super::demand::Demands;
use crate::config::Config;
use crate::presence::SharedNodeState;

/// Claims, and as many client events, that wait for an unreachable Redis: some 100 MB of claims at the worst, and no more
/// of client events. Beyond it client events are refused, and claims that cancel each other out are given up.
const PENDING_LIMIT: usize = 1 << 20;

/// How often a node tells how many are on a channel, within the time between two announcements.
const REPORTS_PER_INTERVAL: u32 = 10;

/// The longest that such a number waits in the node.
const LONGEST_REPORT_PAUSE: Duration = Duration::from_secs(1);

/// How often a node says that a cache channel is empty, within the time for which it is told of once.
const MISSES_PER_TTL: u32 = 10;

/// The node state of a node.
pub(super) fn node_state(config: &Config, demands: &Demands) -> SharedNodeState {
    let node_state = SharedNodeState::new(PENDING_LIMIT).repeating_misses_after(config.cache_miss_ttl / MISSES_PER_TTL);
    if demands.details.any() {
        node_state.lock().table.name_connections();
    }
    if !demands.counts.any() {
        return node_state;
    }
    let pause = (config.subscription_count_interval / REPORTS_PER_INTERVAL).min(LONGEST_REPORT_PAUSE);
    node_state.counting(pause, demands.counts.single())
}
