//! The grace of departures on one node: when to ask Redis for departures that have become edges, and which of this node's
//! own departures to send again if Redis loses its data.
//!
//! The timers are in Redis and any node can fire them, so a timer survives the node that set it. A node learns of other
//! nodes' departures by asking once per grace: a departure that it has not seen yet cannot be due before it asks again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::batch::{BatchEntry, ClaimBatch};
use super::claim::Hold;
use super::scripts::Verdict;
use crate::redis::millis;

/// Range of the random delay between the time at which a departure is due and the query for it. One query then announces
/// several departures that are due close together, and the nodes ask at different times, so mostly one announces and the
/// others find nothing.
const MARGIN: (Duration, Duration) = (Duration::from_millis(30), Duration::from_millis(130));

/// Shortest time between two queries for departures of other nodes.
const LOOK: Duration = Duration::from_millis(150);

/// Longest time that Redis lets a departure wait (ms): the longest grace that the config allows, and a delay. A later end of
/// a grace is from before the clock was set back; see `scripts/fix_times.lua`.
const LONGEST_WAIT: u64 = 301_000;

/// A node's view of the departures in their grace.
#[derive(Debug)]
pub(crate) struct Grace {
    /// Grace that this node gives a departure.
    granted: Duration,
    pub(crate) ask_at: Option<Instant>,
    /// Departures that began their grace through this node and may still be in it: when the grace ends (Unix ms), a number in
    /// the order in which they began, and the hold.
    departures: BTreeMap<(u64, u64), Hold>,
    next_number: u64,
}

impl Grace {
    /// Returns the state of a node that gives departures the grace `granted`; zero for none.
    pub(crate) const fn new(granted: Duration) -> Self {
        Self { granted, ask_at: None, departures: BTreeMap::new(), next_number: 0 }
    }

    /// Sends the next batch even if it is empty. Departures of stopped nodes may be waiting.
    pub(crate) const fn ask_now(&mut self, now: Instant) {
        self.ask_at = Some(now);
    }

    /// Returns `true` if it is time to ask Redis.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.ask_at.is_some_and(|at| at <= now)
    }

    /// Records a departure of this node whose grace began at `time_ms`.
    pub(crate) fn began(&mut self, hold: Hold, time_ms: u64) {
        self.departures.insert((time_ms.saturating_add(millis(self.granted)), self.next_number), hold);
        self.next_number += 1;
    }

    /// Updates the state with the verdict on a batch.
    pub(crate) fn judged(&mut self, batch: &ClaimBatch, verdict: &Verdict, now: Instant) {
        for (entry, edge) in batch.judged().zip(&verdict.edges) {
            if let (BatchEntry::Claim(claim), b'2') = (entry, edge) {
                self.began(claim.hold.clone(), verdict.time_ms);
            }
        }
        let latest = verdict.time_ms.saturating_add(LONGEST_WAIT);
        while let Some(late) = self.departures.last_entry().filter(|late| late.key().0 > latest) {
            let ((_, number), hold) = late.remove_entry();
            self.departures.insert((latest, number), hold);
        }
        if verdict.next_due != Some(Duration::ZERO) {
            // Everything that was due has been announced.
            while let Some(over) = self.departures.first_entry().filter(|over| over.key().0 <= verdict.time_ms) {
                over.remove();
            }
        }
        self.schedule(verdict.next_due, now);
    }

    /// Plans the next query, given the time until the next departure is due according to Redis.
    pub(crate) fn schedule(&mut self, next_due: Option<Duration>, now: Instant) {
        let look = (!self.granted.is_zero()).then(|| self.granted.max(LOOK));
        let due =
            next_due.map(|wait| if wait.is_zero() { wait } else { wait + rand::random_range(MARGIN.0..MARGIN.1) });
        self.ask_at = look.into_iter().chain(due).min().map(|wait| now + wait);
    }

    /// Returns the departures to send again after Redis has lost its data, in the order in which their grace ends.
    pub(crate) fn departures(&self) -> Vec<(u64, Hold)> {
        self.departures.iter().map(|((due_ms, _), hold)| (*due_ms, hold.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{AppId, ChannelName};
    use crate::presence::claim::{Change, Claim};

    const SECOND: Duration = Duration::from_secs(1);

    fn hold(channel: &str) -> Hold {
        Hold { app: AppId::from("app"), channel: ChannelName::from(channel), user: None }
    }

    fn left(channel: &str) -> BatchEntry {
        BatchEntry::Claim(Claim { hold: hold(channel), change: Change::Leave, by: None })
    }

    /// Applies a verdict at `time_ms` on departures from `channels`, each with a result in `edges`.
    fn judged(grace: &mut Grace, channels: &[&str], edges: &[u8], time_ms: u64, next_due: Option<Duration>) {
        let batch = ClaimBatch { number: 1, entries: channels.iter().map(|channel| left(channel)).collect() };
        let verdict = Verdict { time_ms, edges: edges.to_vec(), announced: 0, counted: 0, refused: 0, next_due };
        grace.judged(&batch, &verdict, Instant::now());
    }

    #[test]
    fn a_departure_is_remembered_until_redis_has_announced_it() {
        let mut grace = Grace::new(5 * SECOND);
        judged(&mut grace, &["a", "b", "c"], b"212", 1_000, Some(5 * SECOND));
        let departures = [(6_000, hold("a")), (6_000, hold("c"))];
        assert_eq!(grace.departures(), departures, "the grace of b did not begin");
        judged(&mut grace, &[], b"", 5_999, None);
        assert_eq!(grace.departures(), departures, "it is not over");
        judged(&mut grace, &[], b"", 6_000, Some(Duration::ZERO));
        assert_eq!(grace.departures(), departures, "Redis has more to announce");
        judged(&mut grace, &[], b"", 6_000, None);
        assert_eq!(grace.departures(), []);
    }

    #[test]
    fn departures_after_the_clock_was_set_back_are_forgotten_like_others() {
        let mut grace = Grace::new(5 * SECOND);
        judged(&mut grace, &["before"], b"2", 1_000_000, Some(5 * SECOND));
        judged(&mut grace, &["after"], b"2", 100_000, Some(5 * SECOND));
        assert_eq!(grace.departures().len(), 2);
        judged(&mut grace, &[], b"", 105_000, None);
        assert_eq!(grace.departures(), [(100_000 + 301_000, hold("before"))], "Redis may wait as long as that");
        judged(&mut grace, &[], b"", 401_000, None);
        assert_eq!(grace.departures(), []);
    }

    #[test]
    fn redis_is_asked_once_per_grace_and_shortly_after_the_next_departure() {
        let (mut grace, now) = (Grace::new(5 * SECOND), Instant::now());
        assert_eq!((grace.ask_at, grace.is_due(now)), (None, false));
        let mut wait = |next_due| {
            grace.schedule(next_due, now);
            grace.ask_at.unwrap() - now
        };
        assert_eq!(wait(None), 5 * SECOND);
        assert_eq!(wait(Some(Duration::ZERO)), Duration::ZERO);
        assert_eq!(wait(Some(9 * SECOND)), 5 * SECOND);
        let soon = wait(Some(SECOND));
        assert!((SECOND + MARGIN.0..SECOND + MARGIN.1).contains(&soon), "{soon:?}");
        assert!(!grace.is_due(now + SECOND) && grace.is_due(now + 2 * SECOND));
        grace.ask_now(now);
        assert_eq!((grace.ask_at, grace.is_due(now)), (Some(now), true));
    }

    #[test]
    fn a_verdict_plans_the_next_query() {
        let mut grace = Grace::new(Duration::ZERO);
        judged(&mut grace, &[], b"", 0, Some(Duration::ZERO));
        assert!(grace.is_due(Instant::now()));
    }

    #[test]
    fn a_node_without_a_grace_asks_only_for_departures_that_it_knows_and_one_with_a_short_grace_not_too_often() {
        let now = Instant::now();
        let mut none = Grace::new(Duration::ZERO);
        none.schedule(None, now);
        assert_eq!(none.ask_at, None);
        let mut short = Grace::new(Duration::from_millis(1));
        short.schedule(None, now);
        assert_eq!(short.ask_at, Some(now + LOOK));
    }
}
