//! What operators ask of a cluster, and do to it, from any machine that reaches its Redis.
//!
//! The keys are those of the nodes' records (see [`crate::report`]), and those of presence and outbox, which are only read
//! here; but an adoption writes their identity and ends their leases.

mod adoption;
mod cluster;
mod merge;
mod redis_info;

pub use adoption::Adoption;
pub use cluster::{Cluster, ClusterStatus, Configured, Foreign, Identity, NodeLiveness, Refusals, Seen};
pub use merge::MergedEndpoint;
pub(crate) use redis_info::RedisInfo;
