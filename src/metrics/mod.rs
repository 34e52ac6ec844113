//! Metrics in the text format of Prometheus: of one process, by a listener of its own, or of the whole cluster, from what
//! its nodes have written down.
//!
//! | file | what happens there |
//! |---|---|
//! | `family` | every metric there is: name, type, labels, meaning |
//! | `page` | pure: samples become text |
//! | `samples` | pure: what a record, or the status of a cluster, says in samples |
//! | `listener` | the thread that answers `GET /metrics`, one connection at a time |
//! | `sources` | where it stands how this node is doing, for its own metrics and for its record in Redis |
//! | `request` | pure: what a connection asks for, and what it is answered |
//!
//! Endpoints go by their ids, applications are a hundred at most and the rest together, reasons are a few words: what
//! clients or receivers send never makes a label.

mod family;
mod listener;
mod page;
mod request;
mod samples;
mod sources;

pub use family::{Family, MetricKind, Scope, families};
pub(crate) use listener::Listener;
pub use samples::{of_cluster, of_process};
pub(crate) use sources::Sources;

/// What the text is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
