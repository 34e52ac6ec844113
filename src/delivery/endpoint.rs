//! A receiver of webhooks, as the delivery needs it.

use std::time::Duration;

use crate::event::EventName;
use crate::names::AppId;
use crate::secret::Secret;

/// One entry of the `endpoints` list, checked.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its place in the configuration, which is its identity: two endpoints may share a URL.
    pub index: usize,
    /// Where to POST, without userinfo. Outcomes and logs show it.
    pub url: String,
    /// The userinfo of the URL as `user:password`, percent-decoded; sent as `Authorization: Basic`.
    pub userinfo: Option<Secret>,
    /// The application whose events it wants; `None` for every application.
    pub app: Option<AppId>,
    /// The events it wants.
    pub events: Vec<EventName>,
    /// Limit of a whole request, from the name lookup to the end of the answer.
    pub timeout: Duration,
    /// Limit of connecting, TLS included.
    pub connect_timeout: Duration,
    /// Attempts before a batch is given up.
    pub max_attempts: u32,
}

impl Endpoint {
    /// Whether it asked for events called `name` of `app`.
    #[must_use]
    pub fn wants(&self, app: &AppId, name: EventName) -> bool {
        self.app.as_ref().is_none_or(|only| only == app) && self.events.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_one_application_does_not_want_the_events_of_another() {
        let endpoint = Endpoint {
            index: 0,
            url: "http://localhost/".to_owned(),
            userinfo: None,
            app: Some("mine".into()),
            events: vec![EventName::ChannelOccupied],
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            max_attempts: 5,
        };
        assert!(endpoint.wants(&"mine".into(), EventName::ChannelOccupied));
        assert!(!endpoint.wants(&"mine".into(), EventName::ChannelVacated));
        assert!(!endpoint.wants(&"other".into(), EventName::ChannelOccupied));
    }
}
