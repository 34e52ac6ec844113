//! Status and administration of a cluster, from any machine that can reach its Redis.
//!
//! It uses the keys of the nodes' records (see [`crate::report`]), and reads those of presence and outbox. Only an
//! adoption writes the latter: it replaces their identity and ends their leases. Applications ask it who is there.

mod adoption;
mod cluster;
#[cfg(test)]
mod fuzz;
mod merge;
mod presence;
mod redis_cluster;
mod redis_info;

pub use adoption::Adoption;
pub use cluster::{
    AttemptsPoint, Cluster, ClusterStatus, Configured, Foreign, History, Identity, LoadPoint, NodeLiveness, Refusals,
    Seen, ShardReport,
};
pub use merge::MergedEndpoint;
pub use presence::{NamePage, Presence, PresenceError};
pub use redis_cluster::{RedisCluster, ShardSlot};
pub(crate) use redis_info::RedisInfo;
