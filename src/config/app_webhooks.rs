//! Endpoints of single applications: `app_webhooks`.

use serde::Deserialize;

use super::endpoint::{AppScope, EndpointEntry};
use super::value::List;

/// The endpoints of one application before they are resolved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with an app_id and webhooks")]
pub(super) struct OfApp {
    pub(super) app_id: AppScope,
    pub(super) webhooks: List<EndpointEntry>,
}
