//! The status record of a node in Redis.
//!
//! Every node writes its record every two seconds, and once more when it stops in good order. The record has a bounded
//! size and expires after its node. No delivery waits for it.
//!
//! Keys, which all start with `{prefix}:`:
//! - `status`: sorted set, node → time of its last record (ms by Redis' clock).
//! - `status:{node}`: string, the [`NodeRecord`] as JSON, with an expiry. The name does not change when the node
//!   continues as another incarnation.
//! - `paused`: hash, id of a paused endpoint → start of the pause (ms by Redis' clock). Nodes read it when they write
//!   their record.
//! - `disabled`: hash, id of an endpoint that has answered 410 → time (ms), a space, and the URL without its query. The
//!   node that received the answer writes it; all read it when they write their record. It applies to that URL only.
//! - `watch`: string, exists while an operator watches deliveries; expires after ten seconds.
//! - `watched`: stream, attempts as JSON ([`Sight`](crate::telemetry::Sight)) while `watch` exists; capped, with an
//!   expiry.
//!
//! `history` describes the keys of the history. None of all these contains a secret.

mod agreement;
mod event_counters;
mod history;
mod latency;
mod record;
mod scripts;

pub use agreement::{ConfigPart, ConfigParts, Disagreement};
pub(crate) use agreement::{disagreements, hash_of};
pub(crate) use event_counters::{AppCounters, EventCounters};
pub(crate) use history::{
    Attempts, FAILURES, Load, MINUTE_MS, MINUTES, PendingHistory, Series, hour_of, numbers as history_numbers,
};
pub use latency::{LATENCY_BOUNDS_MS, Latency};
pub(crate) use record::{AT_MOST, EndpointStates, OTHER_APPS, WallClock};
pub use record::{DeliveryStatus, EndpointState, EndpointStatus, LaneStatus, NodeRecord, RedisErrors};
pub(crate) use scripts::SILENT_AFTER_MS;
