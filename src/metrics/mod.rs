//! Metrics in the text format of Prometheus: of one process, through a listener, or of the whole cluster, from the nodes'
//! records.
//!
//! | file | content |
//! |---|---|
//! | `family` | all metrics: name, type, labels, help |
//! | `page` | pure: formats samples as text |
//! | `samples` | pure: converts a record, or the status of a cluster, to samples |
//! | `listener` | the thread that answers `GET /metrics`, one connection at a time |
//! | `sources` | the sources of a node's record, for its metrics and for Redis |
//! | `request` | pure: parses a request and formats the response |
//!
//! The number of label values is bounded. Endpoints have their ids, at most 100 applications have labels of their own,
//! and reasons are from a fixed list. Text from clients or receivers never becomes a label.

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

/// The `Content-Type` of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
