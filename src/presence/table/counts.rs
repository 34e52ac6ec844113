//! Connection counts that Redis does not have yet.
//!
//! A channel whose count has changed is noted once, however often it changes. Noted counts are sent together, at most once
//! per pause: if 10 000 sockets join one channel at once, Redis gets one count or a few.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::LocalTable;
use crate::event::{AppId, ChannelName};
use crate::presence::batch::Count;

/// Most counts per script call.
const BATCH_COUNTS: usize = 256;

/// The channels whose count has changed.
#[derive(Debug)]
pub(super) struct Counts {
    /// The applications to count. `None` means all.
    only: Option<HashSet<AppId>>,
    changed: HashSet<(AppId, ChannelName)>,
    /// The channels in the batch under way.
    sending: Vec<(AppId, ChannelName)>,
    pause: Duration,
    next_at: Instant,
}

impl Counts {
    /// Notes a channel that a socket joined. Presence channels are not counted.
    pub(super) fn changed(&mut self, app: &AppId, channel: &ChannelName) {
        if self.counts(app, channel) {
            self.changed.insert((app.clone(), channel.clone()));
        }
    }

    /// Returns `true` if the channel is counted.
    fn counts(&self, app: &AppId, channel: &ChannelName) -> bool {
        !channel.as_bytes().starts_with(b"presence-") && self.only.as_ref().is_none_or(|only| only.contains(app))
    }

    /// Forgets all notes, after all sockets have left.
    pub(super) fn all_left(&mut self) {
        self.changed.clear();
    }

    /// Notes a channel that a socket left. If it was the last one, the count goes with the hold.
    pub(super) fn left(&mut self, app: &AppId, channel: &ChannelName, is_occupied: bool) {
        if is_occupied {
            self.changed(app, channel);
        } else {
            self.changed.remove(&(app.clone(), channel.clone()));
        }
    }
}

impl LocalTable {
    /// Enables counts for the applications in `only`, or for all with `None`. They are sent once per `pause`, first at
    /// `now`.
    pub(crate) fn count_sockets(&mut self, pause: Duration, only: Option<HashSet<AppId>>, now: Instant) {
        self.counts = Some(Counts { only, changed: HashSet::new(), sending: Vec::new(), pause, next_at: now });
    }

    /// Returns when to send counts next, if any are noted.
    pub(crate) fn counts_due_at(&self) -> Option<Instant> {
        self.counts.as_ref().filter(|counts| !counts.changed.is_empty()).map(|counts| counts.next_at)
    }

    /// Returns `true` if there are counts to send now.
    pub(crate) fn has_counts(&self, now: Instant) -> bool {
        self.counts_due_at().is_some_and(|due| due <= now)
    }

    /// Takes the counts to send now, at most one batch of them.
    pub(crate) fn take_counts(&mut self, now: Instant) -> Vec<Count> {
        if !self.has_counts(now) {
            return Vec::new();
        }
        let Some(counts) = &mut self.counts else { return Vec::new() };
        counts.sending = counts.changed.iter().take(BATCH_COUNTS).cloned().collect();
        for channel in &counts.sending {
            counts.changed.remove(channel);
        }
        if counts.changed.is_empty() {
            counts.changed.shrink_to(BATCH_COUNTS);
            counts.next_at = now + counts.pause;
        }
        let mut taken = Vec::new();
        for (app, channel) in &counts.sending {
            let Some(entry) = self.apps.get_mut(app).and_then(|app| app.channels.get_mut(channel)) else { continue };
            let number = u32::try_from(entry.sockets.len()).unwrap_or(u32::MAX);
            if number != entry.confirmed {
                entry.sending = number;
                taken.push(Count { app: app.clone(), channel: channel.clone(), number });
            }
        }
        taken
    }

    /// Marks the counts that were taken last as answered by Redis.
    pub(crate) fn counts_answered(&mut self, now: Instant) {
        let Some(counts) = &mut self.counts else { return };
        for (app, channel) in counts.sending.drain(..) {
            // If the channel was left and joined again meanwhile, the entry is new and has no count under way.
            if let Some(entry) = self.apps.get_mut(&app).and_then(|app| app.channels.get_mut(&channel))
                && entry.sending > 0
            {
                entry.confirmed = std::mem::take(&mut entry.sending);
                entry.confirmed_at = Some(now);
            }
        }
    }

    /// Notes all channels again, because Redis has no counts of this node.
    pub(crate) fn resend_counts(&mut self) {
        let Some(counts) = &mut self.counts else { return };
        counts.sending.clear();
        for (id, app) in &mut self.apps {
            for (name, entry) in &mut app.channels {
                (entry.confirmed, entry.sending, entry.confirmed_at) = (0, 0, None);
                counts.changed(id, name);
            }
        }
    }

    /// Returns the count of a channel that Redis has, and `true` if it may not have been announced: Redis got it after
    /// `since`. If this node has sent no count since it joined, Redis may still have the count of its stay before, until it
    /// carries out the leave. Then any number works as long as it is announced: the number announced last is outdated.
    pub(crate) fn confirmed_count(&self, app: &AppId, channel: &ChannelName, since: Instant) -> (u32, bool) {
        if !self.counts.as_ref().is_some_and(|counts| counts.counts(app, channel)) {
            return (0, false);
        }
        match self.channel(app, channel.as_bytes()) {
            Some(entry) if entry.confirmed > 0 => (entry.confirmed, entry.confirmed_at.is_some_and(|at| at >= since)),
            Some(_) => (1, true),
            // The leave removes the count, whatever it is, and must count as a change.
            None => (1, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    /// A table that counts, with its clock.
    struct CountingTable {
        table: LocalTable,
        now: Instant,
    }

    impl CountingTable {
        fn new() -> Self {
            let mut table = LocalTable::default();
            let now = Instant::now();
            table.count_sockets(PAUSE, None, now);
            Self { table, now }
        }

        fn join(&mut self, channel: &str, socket: &str) {
            self.table.subscribe(&"app".into(), channel.as_bytes(), socket.as_bytes(), None, None, &mut Vec::new());
        }

        fn leave(&mut self, channel: &str, socket: &str) {
            self.table.unsubscribe(&"app".into(), channel.as_bytes(), socket.as_bytes(), &mut Vec::new());
        }

        fn taken(&mut self) -> Vec<String> {
            let taken = self.table.take_counts(self.now).into_iter();
            let mut taken: Vec<String> =
                taken.map(|count| format!("{} {}", count.channel.as_text(), count.number)).collect();
            taken.sort();
            taken
        }

        /// Returns the count that Redis has, and `true` if it may not have been announced.
        fn known(&self, channel: &str) -> (u32, bool) {
            self.table.confirmed_count(&"app".into(), &channel.into(), self.now)
        }

        /// Sends the noted counts after the pause, and returns them.
        fn sent(&mut self) -> Vec<String> {
            self.now += PAUSE;
            let taken = self.taken();
            self.table.counts_answered(self.now);
            taken
        }
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn many_joins_within_a_pause_are_sent_as_one_count() {
        let mut node = CountingTable::new();
        node.join("news", "1.0");
        assert_eq!(node.sent(), ["news 1"], "the first is sent at once");
        for n in 1..10_000 {
            node.join("news", &format!("1.{n}"));
        }
        node.join("other", "1.1");
        assert_eq!(node.taken(), NOTHING, "none is sent before the pause is over");
        assert!(node.table.counts_due_at() == Some(node.now + PAUSE));
        assert_eq!(node.sent(), ["news 10000", "other 1"]);
        assert_eq!(node.sent(), NOTHING);
    }

    #[test]
    fn an_unchanged_count_is_not_sent_again() {
        let mut node = CountingTable::new();
        node.join("news", "1.1");
        node.sent();
        node.join("news", "1.2");
        node.leave("news", "1.2");
        node.join("news", "1.1");
        assert_eq!(node.sent(), NOTHING);
        assert_eq!(node.known("news"), (1, false), "Redis still has the count");
    }

    #[test]
    fn the_count_after_a_leave_is_sent() {
        let mut node = CountingTable::new();
        node.join("news", "1.1");
        node.join("news", "1.2");
        assert_eq!(node.sent(), ["news 2"]);
        node.leave("news", "1.2");
        assert_eq!(node.sent(), ["news 1"]);
    }

    #[test]
    fn no_count_is_due_after_all_sockets_have_left() {
        let mut node = CountingTable::new();
        node.join("news", "1.1");
        node.table.close_all(&mut Vec::new());
        assert_eq!(node.table.counts_due_at(), None);
    }

    #[test]
    fn applications_without_counts_are_not_counted() {
        let mut node = CountingTable::new();
        node.table.count_sockets(PAUSE, Some(HashSet::from([AppId::from("other")])), node.now);
        node.join("news", "1.1");
        assert_eq!((node.taken(), node.known("news")), (Vec::new(), (0, false)));
        node.table.subscribe(&"other".into(), b"news", b"1.1", None, None, &mut Vec::new());
        assert_eq!(node.taken(), ["news 1"]);
    }

    #[test]
    fn presence_channels_are_not_counted() {
        let mut node = CountingTable::new();
        node.join("presence-a", "1.1");
        node.join("presence-cache-a", "1.1");
        assert_eq!(node.table.counts_due_at(), None);
        assert_eq!(node.known("presence-a"), (0, false));
    }

    #[test]
    fn a_channel_that_was_left_and_joined_again_sends_the_same_count_anew() {
        let mut node = CountingTable::new();
        node.join("news", "1.1");
        assert_eq!(node.taken(), ["news 1"]);
        node.leave("news", "1.1");
        assert_eq!(node.table.counts_due_at(), None, "the count is removed with the hold");
        node.join("news", "1.2");
        node.table.counts_answered(node.now);
        assert_eq!(node.known("news"), (1, true), "the answered count was of the earlier stay");
        assert_eq!(node.sent(), ["news 1"]);
        assert_eq!(node.known("news"), (1, true));
        node.now += PAUSE;
        assert_eq!(node.known("news"), (1, false), "it was answered long ago");
    }

    #[test]
    fn a_new_incarnation_sends_all_counts_again() {
        let mut node = CountingTable::new();
        node.join("news", "1.1");
        node.join("presence-a", "1.1");
        node.sent();
        node.table.resend_counts();
        assert_eq!(node.sent(), ["news 1"]);
    }

    #[test]
    fn many_counts_are_sent_in_portions_without_a_pause() {
        let mut node = CountingTable::new();
        for n in 0..=BATCH_COUNTS {
            node.join(&format!("room-{n}"), "1.1");
        }
        assert_eq!(node.taken().len(), BATCH_COUNTS);
        node.table.counts_answered(node.now);
        assert_eq!(node.taken().len(), 1);
    }
}
