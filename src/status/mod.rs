//! How a cluster is doing, for whoever is on call: from any machine that reaches its Redis.
//!
//! Every node writes a record of itself every two seconds, and once more when it stops in good order. It is of bounded
//! size, and goes away with its node. Nothing of the deliveries waits for it.
//!
//! Keys behind `{prefix}:`, beside those of presence and outbox, which are only read here; but an adoption writes their
//! identity and ends their leases:
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
mod cluster;
mod latency;
mod merge;
mod record;
mod redis_info;
mod reporter;
mod scripts;
mod sources;

pub(crate) use agreement::hash_of;
pub use agreement::{Disagreement, Part, Parts};
pub use cluster::{Cluster, ClusterStatus, Configured, Foreign, Identity, NodeState, Refusals, Seen, StatusError};
pub use latency::{LATENCY_BOUNDS_MS, Latency};
pub use merge::MergedEndpoint;
pub(crate) use record::{APPS_AT_MOST, AT_MOST, OTHER_APPS, WallClock};
pub use record::{DeliveryStatus, EndpointState, EndpointStatus, LaneStatus, NodeRecord, RedisErrors};
pub(crate) use reporter::Reporter;
pub use scripts::Adoption;
pub(crate) use sources::Sources;
