//! How many sockets are on a channel, as Redis has yet to be told.
//!
//! A channel whose number has changed is noted once, however often it changes. What is noted is told together, and then
//! not again before a pause: ten thousand who join one channel are one number, or a few.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::LocalTable;
use crate::event::{AppId, ChannelName};
use crate::presence::batch::Count;

/// Numbers per script call.
const BATCH_COUNTS: usize = 256;

/// The channels whose number has changed.
#[derive(Debug)]
pub(super) struct Counts {
    /// The applications of which somebody wants to know, unless it is every one.
    only: Option<HashSet<AppId>>,
    changed: HashSet<(AppId, ChannelName)>,
    /// Those in the batch that is under way.
    telling: Vec<(AppId, ChannelName)>,
    pause: Duration,
    next_at: Instant,
}

impl Counts {
    /// Notes a channel that somebody came to, unless its members are told one by one.
    pub(super) fn changed(&mut self, app: &AppId, channel: &ChannelName) {
        if self.counts(app, channel) {
            self.changed.insert((app.clone(), channel.clone()));
        }
    }

    /// Whether the number of a channel is told.
    fn counts(&self, app: &AppId, channel: &ChannelName) -> bool {
        !channel.as_bytes().starts_with(b"presence-") && self.only.as_ref().is_none_or(|only| only.contains(app))
    }

    /// Nobody here is on any channel any more.
    pub(super) fn all_left(&mut self) {
        self.changed.clear();
    }

    /// Notes a channel that somebody left. When nobody is there any more it loses its number with its hold.
    pub(super) fn left(&mut self, app: &AppId, channel: &ChannelName, somebody_is_there: bool) {
        if somebody_is_there {
            self.changed(app, channel);
        } else {
            self.changed.remove(&(app.clone(), channel.clone()));
        }
    }
}

impl LocalTable {
    /// Redis is to know how many sockets there are, of `only` these applications, or of all. It is told once per `pause`,
    /// for the first time at `now`.
    pub(crate) fn count_sockets(&mut self, pause: Duration, only: Option<HashSet<AppId>>, now: Instant) {
        self.counts = Some(Counts { only, changed: HashSet::new(), telling: Vec::new(), pause, next_at: now });
    }

    /// When there are numbers to tell, if there are any.
    pub(crate) fn counts_due_at(&self) -> Option<Instant> {
        self.counts.as_ref().filter(|counts| !counts.changed.is_empty()).map(|counts| counts.next_at)
    }

    /// Whether there are numbers to tell now.
    pub(crate) fn has_counts(&self, now: Instant) -> bool {
        self.counts_due_at().is_some_and(|due| due <= now)
    }

    /// The numbers to tell now, if there are any, up to a batch of them.
    pub(crate) fn take_counts(&mut self, now: Instant) -> Vec<Count> {
        if !self.has_counts(now) {
            return Vec::new();
        }
        let Some(counts) = &mut self.counts else { return Vec::new() };
        counts.telling = counts.changed.iter().take(BATCH_COUNTS).cloned().collect();
        for channel in &counts.telling {
            counts.changed.remove(channel);
        }
        if counts.changed.is_empty() {
            counts.changed.shrink_to(BATCH_COUNTS);
            counts.next_at = now + counts.pause;
        }
        let mut taken = Vec::new();
        for (app, channel) in &counts.telling {
            let Some(entry) = self.apps.get_mut(app).and_then(|app| app.channels.get_mut(channel)) else { continue };
            let number = u32::try_from(entry.sockets.len()).unwrap_or(u32::MAX);
            if number != entry.told {
                entry.telling = number;
                taken.push(Count { app: app.clone(), channel: channel.clone(), number });
            }
        }
        taken
    }

    /// Redis has answered the batch with the numbers that were taken last.
    pub(crate) fn counts_are_told(&mut self, now: Instant) {
        let Some(counts) = &mut self.counts else { return };
        for (app, channel) in counts.telling.drain(..) {
            // One that was left and joined again meanwhile is another one, of which nothing is told.
            if let Some(entry) = self.apps.get_mut(&app).and_then(|app| app.channels.get_mut(&channel))
                && entry.telling > 0
            {
                entry.told = std::mem::take(&mut entry.telling);
                entry.told_at = Some(now);
            }
        }
    }

    /// Redis knows no number of this node.
    pub(crate) fn tell_counts_again(&mut self) {
        let Some(counts) = &mut self.counts else { return };
        counts.telling.clear();
        for (id, app) in &mut self.apps {
            for (name, entry) in &mut app.channels {
                (entry.told, entry.telling, entry.told_at) = (0, 0, None);
                counts.changed(id, name);
            }
        }
    }

    /// How many sockets on a channel Redis knew of, and whether that may not have been announced: it was told so after
    /// `since`. Of a channel of which nothing was told, Redis may still know the number of a visit that is over, until it hears
    /// of the leave. Then any number will do, if only it is announced: what was announced before is not true any more.
    pub(crate) fn told_count(&self, app: &AppId, channel: &ChannelName, since: Instant) -> (u32, bool) {
        if !self.counts.as_ref().is_some_and(|counts| counts.counts(app, channel)) {
            return (0, false);
        }
        match self.channel(app, channel.as_bytes()) {
            Some(entry) if entry.told > 0 => (entry.told, entry.told_at.is_some_and(|at| at >= since)),
            Some(_) => (1, true),
            // The number goes with the leave, which makes a difference.
            None => (1, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    /// A node that counts, and the time there.
    struct Node {
        table: LocalTable,
        now: Instant,
    }

    impl Node {
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

        /// What Redis knows of a channel, and whether it was told now.
        fn known(&self, channel: &str) -> (u32, bool) {
            self.table.told_count(&"app".into(), &channel.into(), self.now)
        }

        /// Tells what there is to tell, once the pause is over.
        fn told(&mut self) -> Vec<String> {
            self.now += PAUSE;
            let taken = self.taken();
            self.table.counts_are_told(self.now);
            taken
        }
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn many_who_come_within_a_pause_are_one_number() {
        let mut node = Node::new();
        node.join("news", "1.0");
        assert_eq!(node.told(), ["news 1"], "the first at once");
        for n in 1..10_000 {
            node.join("news", &format!("1.{n}"));
        }
        node.join("other", "1.1");
        assert_eq!(node.taken(), NOTHING, "not before the pause is over");
        assert!(node.table.counts_due_at() == Some(node.now + PAUSE));
        assert_eq!(node.told(), ["news 10000", "other 1"]);
        assert_eq!(node.told(), NOTHING);
    }

    #[test]
    fn a_number_that_is_what_it_was_is_not_told_again() {
        let mut node = Node::new();
        node.join("news", "1.1");
        node.told();
        node.join("news", "1.2");
        node.leave("news", "1.2");
        node.join("news", "1.1");
        assert_eq!(node.told(), NOTHING);
    }

    #[test]
    fn channels_of_an_application_of_which_nobody_wants_to_know_are_not_counted() {
        let mut node = Node::new();
        node.table.count_sockets(PAUSE, Some(HashSet::from([AppId::from("other")])), node.now);
        node.join("news", "1.1");
        assert_eq!((node.taken(), node.known("news")), (Vec::new(), (0, false)));
        node.table.subscribe(&"other".into(), b"news", b"1.1", None, None, &mut Vec::new());
        assert_eq!(node.taken(), ["news 1"]);
    }

    #[test]
    fn members_are_not_counted() {
        let mut node = Node::new();
        node.join("presence-a", "1.1");
        node.join("presence-cache-a", "1.1");
        assert_eq!(node.table.counts_due_at(), None);
        assert_eq!(node.known("presence-a"), (0, false));
    }

    #[test]
    fn a_channel_that_was_left_and_joined_again_is_told_anew_though_its_number_is_the_same() {
        let mut node = Node::new();
        node.join("news", "1.1");
        assert_eq!(node.taken(), ["news 1"]);
        node.leave("news", "1.1");
        assert_eq!(node.table.counts_due_at(), None, "its number goes with its hold");
        node.join("news", "1.2");
        node.table.counts_are_told(node.now);
        assert_eq!(node.known("news"), (1, true), "what was answered was of another visit, and is not true any more");
        assert_eq!(node.told(), ["news 1"]);
        assert_eq!(node.known("news"), (1, true));
        node.now += PAUSE;
        assert_eq!(node.known("news"), (1, false), "told long ago");
    }

    #[test]
    fn a_new_incarnation_tells_every_number_anew() {
        let mut node = Node::new();
        node.join("news", "1.1");
        node.join("presence-a", "1.1");
        node.told();
        node.table.tell_counts_again();
        assert_eq!(node.told(), ["news 1"]);
    }

    #[test]
    fn many_channels_are_told_in_portions_without_a_pause() {
        let mut node = Node::new();
        for n in 0..=BATCH_COUNTS {
            node.join(&format!("room-{n}"), "1.1");
        }
        assert_eq!(node.taken().len(), BATCH_COUNTS);
        node.table.counts_are_told(node.now);
        assert_eq!(node.taken().len(), 1);
    }
}
