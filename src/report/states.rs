//! The endpoint states that a node reads when it writes its record.

use std::collections::{BTreeMap, BTreeSet};

/// The ids of the endpoints that are paused.
pub(crate) type Pauses = BTreeSet<String>;

/// The states of endpoints that Redis has for all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndpointStates {
    /// Paused endpoints.
    pub(crate) paused: Pauses,
    /// Disabled endpoints: id → the URL that has answered 410, without its query.
    pub(crate) disabled: BTreeMap<String, String>,
}
