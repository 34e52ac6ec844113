//! The endpoint states that a node reads when it writes its record.

use std::collections::{BTreeMap, BTreeSet};

/// The ids of the endpoints that are paused.
pub(crate) type Pauses = BTreeSet<String>;

/// The states of endpoints that Redis has for all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndpointStates {
    /// Paused endpoints.
    pub(crate) paused: Pauses,
    /// The ids of endpoints that have answered 410 and were not resumed, each with that URL without its query.
    pub(crate) disabled: BTreeMap<String, String>,
}
