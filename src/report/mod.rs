//! How a node is doing, as it tells through Redis.
//!
//! Every node writes a record of itself every two seconds, and once more when it stops in good order. It is of bounded
//! size, and goes away with its node. Nothing of the deliveries waits for it.
//!
//! Keys behind `{prefix}:`:
//! - `status`: sorted set, node → when it last wrote its record (ms by Redis' clock).
//! - `status:{node}`: string, the [`NodeRecord`] as JSON, with an expiry. The node keeps this name if it has to go on as
//!   another incarnation.
//! - `paused`: hash, id of an endpoint → since when somebody wants nothing to be sent to it (ms by Redis' clock). The nodes
//!   learn of it whenever they write.
//! - `disabled`: hash, id of an endpoint that has answered 410 → since when (ms), a space, and the URL that did, without a
//!   query. The node that got the answer writes it; all learn of it whenever they write. It holds for that URL only.
//! - `watch`: string, there while somebody watches, with an expiry of ten seconds.
//! - `watched`: stream, attempts as JSON ([`Sight`](crate::telemetry::Sight)) while it is; capped, with an expiry.
//!
//! Nothing in them is secret.

mod agreement;
mod event_counters;
mod latency;
mod record;
mod scripts;
mod states;

pub use agreement::{Disagreement, Part, Parts};
pub(crate) use agreement::{disagreements, hash_of};
pub(crate) use event_counters::{AppCounters, EventCounters};
pub use latency::{LATENCY_BOUNDS_MS, Latency};
pub(crate) use record::{AT_MOST, OTHER_APPS, WallClock};
pub use record::{DeliveryStatus, EndpointState, EndpointStatus, LaneStatus, NodeRecord, RedisErrors};
pub(crate) use scripts::{Keys, SILENT_AFTER_MS, put_together as put_script_together};
pub(crate) use states::EndpointStates;
