//! Cache channels: what this node has said of them.
//!
//! A channel of Resonate's begins empty on each node, may get a payload, and keeps it until its last local subscriber has
//! left. So of each there is little to say: that it is empty, again after a pause, and once that it is not any more.

use std::time::{Duration, Instant};

use super::LocalTable;
use crate::event::{AppId, ChannelName};

impl LocalTable {
    /// That a cache channel is empty is said again after this time.
    pub(crate) const fn repeat_misses_after(&mut self, pause: Duration) {
        self.cache_pause = pause;
    }

    /// Somebody subscribed to a cache channel that had nothing for them. Returns its name if Redis is to be told.
    pub(crate) fn found_empty(&mut self, app: &AppId, channel: &[u8], now: Instant) -> Option<ChannelName> {
        let pause = self.cache_pause;
        let (name, entry) = self.cache_channel(app, channel)?;
        if entry.empty_at.is_some_and(|at| now.saturating_duration_since(at) < pause) {
            return None;
        }
        entry.empty_at = Some(now);
        Some(name)
    }

    /// A cache channel has a payload. Returns its name if Redis was told otherwise.
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
    use super::*;

    const PAUSE: Duration = Duration::from_secs(6);

    fn joined() -> LocalTable {
        let mut table = LocalTable::default();
        table.repeat_misses_after(PAUSE);
        table.subscribe(&"app".into(), b"cache-a", b"1.1", None, None, &mut Vec::new());
        table
    }

    #[test]
    fn an_empty_channel_is_told_of_once_per_pause() {
        let (mut table, now, app) = (joined(), Instant::now(), AppId::from("app"));
        assert_eq!(table.found_empty(&app, b"cache-a", now), Some("cache-a".into()));
        assert_eq!(table.found_empty(&app, b"cache-a", now + PAUSE / 2), None);
        assert_eq!(table.found_empty(&app, b"cache-a", now + PAUSE), Some("cache-a".into()));
        assert_eq!(table.found_empty(&app, b"cache-b", now), None, "nobody is on it");
    }

    #[test]
    fn a_payload_is_told_of_once_to_whom_the_channel_was_empty() {
        let (mut table, now, app) = (joined(), Instant::now(), AppId::from("app"));
        assert_eq!(table.found_filled(&app, b"cache-a"), None);
        table.found_empty(&app, b"cache-a", now);
        assert_eq!(table.found_filled(&app, b"cache-a"), Some("cache-a".into()));
        assert_eq!(table.found_filled(&app, b"cache-a"), None);
        assert_eq!(table.found_empty(&app, b"cache-a", now), Some("cache-a".into()));
    }

    #[test]
    fn who_joins_a_channel_that_all_had_left_finds_another_one() {
        let (mut table, now, app) = (joined(), Instant::now(), AppId::from("app"));
        table.found_empty(&app, b"cache-a", now);
        table.close(&app, b"1.1", &mut Vec::new());
        table.subscribe(&app, b"cache-a", b"1.2", None, None, &mut Vec::new());
        assert_eq!(table.found_empty(&app, b"cache-a", now), Some("cache-a".into()));
    }
}
