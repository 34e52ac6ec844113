//! Cache channels: what this node has reported about them.
//!
//! In Resonate a cache channel starts empty on each node, may get a payload, and keeps it until its last local subscriber
//! leaves. A node reports that a channel is empty, repeats that after a pause, and reports once that it has a payload.

use std::time::Instant;

use super::LocalTable;
use crate::event::{AppId, ChannelName};

impl LocalTable {
    /// Records a subscriber that found a cache channel empty. Returns the channel's name if Redis must be informed.
    pub(crate) fn found_empty(&mut self, app: &AppId, channel: &[u8], now: Instant) -> Option<ChannelName> {
        let pause = self.cache_pause;
        let (name, entry) = self.cache_channel(app, channel)?;
        if entry.empty_at.is_some_and(|at| now.saturating_duration_since(at) < pause) {
            return None;
        }
        entry.empty_at = Some(now);
        Some(name)
    }

    /// Records that a cache channel has a payload. Returns its name if it was reported empty before.
    pub(crate) fn found_filled(&mut self, app: &AppId, channel: &[u8]) -> Option<ChannelName> {
        let (name, entry) = self.cache_channel(app, channel)?;
        entry.empty_at.take().map(|_| name)
    }

    fn cache_channel(&mut self, app: &AppId, channel: &[u8]) -> Option<(ChannelName, &mut super::Channel)> {
        let channels = &mut self.apps.get_mut(app)?.channels;
        let name = channels.get_key_value(channel)?.0.clone();
        Some((name, channels.get_mut(channel)?))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(6);

    fn joined() -> LocalTable {
        let mut table = LocalTable { cache_pause: PAUSE, ..LocalTable::default() };
        table.subscribe(&"app".into(), b"cache-a", b"1.1", None, None, &mut Vec::new());
        table
    }

    #[test]
    fn an_empty_channel_is_reported_once_per_pause() {
        let (mut table, now, app) = (joined(), Instant::now(), AppId::from("app"));
        assert_eq!(table.found_empty(&app, b"cache-a", now), Some("cache-a".into()));
        assert_eq!(table.found_empty(&app, b"cache-a", now + PAUSE / 2), None);
        assert_eq!(table.found_empty(&app, b"cache-a", now + PAUSE), Some("cache-a".into()));
        assert_eq!(table.found_empty(&app, b"cache-b", now), None, "the channel has no subscriber");
    }

    #[test]
    fn a_payload_is_reported_once_and_only_after_a_miss() {
        let (mut table, now, app) = (joined(), Instant::now(), AppId::from("app"));
        assert_eq!(table.found_filled(&app, b"cache-a"), None);
        table.found_empty(&app, b"cache-a", now);
        assert_eq!(table.found_filled(&app, b"cache-a"), Some("cache-a".into()));
        assert_eq!(table.found_filled(&app, b"cache-a"), None);
        assert_eq!(table.found_empty(&app, b"cache-a", now), Some("cache-a".into()));
    }

    #[test]
    fn a_channel_that_was_left_and_joined_again_is_reported_anew() {
        let (mut table, now, app) = (joined(), Instant::now(), AppId::from("app"));
        table.found_empty(&app, b"cache-a", now);
        table.close(&app, b"1.1", &mut Vec::new());
        table.subscribe(&app, b"cache-a", b"1.2", None, None, &mut Vec::new());
        assert_eq!(table.found_empty(&app, b"cache-a", now), Some("cache-a".into()));
    }
}
