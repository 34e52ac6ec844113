//! Clock of the Redis servers. Sets it for them alone, and records its steps.

use std::path::PathBuf;

use crate::support::clock::ShiftedClock;
use crate::{Ms, now};

/// Maximum time between Redis' reading of the clock and its use of the value (ms).
const SLACK: Ms = 20;

/// The clock and its steps so far.
pub(crate) struct Clock {
    shifted: ShiftedClock,
    steps: Steps,
}

/// Steps of the clock, oldest first: real time, and by how many milliseconds the clock was ahead from then on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps(pub(crate) Vec<(Ms, i64)>);

impl Clock {
    /// Starts with the real time.
    pub(crate) fn new() -> Self {
        Self { shifted: ShiftedClock::new(), steps: Steps::default() }
    }

    /// Returns the environment of a process that uses this clock.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 2] {
        self.shifted.environment()
    }

    /// Sets the clock `ahead` milliseconds ahead of the real time, or back if that is negative.
    pub(crate) fn set(&mut self, ahead: i64) {
        if self.steps.0.last().map_or(0, |(_, ahead)| *ahead) != ahead {
            self.steps.0.push((now(), ahead));
            self.shifted.set(ahead);
        }
    }

    /// Returns the last step.
    pub(crate) fn last_step(&self) -> Option<(Ms, i64)> {
        self.steps.0.last().copied()
    }

    /// Returns all steps so far.
    pub(crate) fn steps(&self) -> Steps {
        self.steps.clone()
    }
}

impl Steps {
    /// Returns the earliest and latest real time of an event whose time by Redis' clock lies between `from` and `to`.
    /// After a step back, a stream gives events the time of its last entry until the clock has caught up.
    pub(crate) fn window(&self, from: Ms, to: Ms) -> (Ms, Ms) {
        if self.0.is_empty() {
            return (from, to);
        }
        let (from, to) = (from.saturating_sub(SLACK), to.saturating_add(SLACK));
        // The first moment at which the clock showed `from` or later, and the last one at which it showed `to` or
        // earlier.
        let first = self.spells().find_map(|(since, until, ahead)| {
            let at = from.saturating_add_signed(-ahead).max(since);
            (at <= until).then_some(at)
        });
        let last = self.spells().filter_map(|(since, until, ahead)| {
            let at = to.saturating_add_signed(-ahead).min(until);
            (at >= since).then_some(at)
        });
        (first.unwrap_or(Ms::MAX), last.last().unwrap_or(0))
    }

    /// Returns the first step forward since `since`.
    pub(crate) fn forward_since(&self, since: Ms) -> Option<Ms> {
        let mut steps = self.spells().zip(self.spells().skip(1));
        steps.find_map(|((_, at, before), (_, _, ahead))| (ahead > before && since <= at).then_some(at))
    }

    /// Returns the periods between steps: start, end, and by how much the clock was ahead.
    fn spells(&self) -> impl Iterator<Item = (Ms, Ms, i64)> {
        let ends = self.0.iter().map(|(at, _)| *at).chain([Ms::MAX]);
        let begins = [(0, 0)].into_iter().chain(self.0.iter().copied());
        begins.zip(ends).map(|((since, ahead), until)| (since, until, ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::redis::RedisServer;

    #[test]
    fn a_clock_that_was_never_set_shows_the_real_time() {
        assert_eq!(Steps::default().window(100, 200), (100, 200));
    }

    #[test]
    fn the_real_time_of_an_event_follows_from_the_steps_of_the_clock() {
        let ahead = Steps(vec![(100_000, 50_000), (110_000, 0)]);
        // Before the step; while the clock was ahead; a time that the clock skipped.
        assert_eq!(ahead.window(90_000, 90_000), (90_000 - SLACK, 90_000 + SLACK));
        assert_eq!(ahead.window(155_000, 155_000).0, 105_000 - SLACK);
        assert_eq!(ahead.window(120_000, 120_000), (100_000, 120_000 + SLACK));
        // After a step back, a stream that has seen this time gives it to every entry until the clock shows it again.
        assert_eq!(ahead.window(155_000, 155_000).1, 155_000 + SLACK);
        let behind = Steps(vec![(100_000, -50_000), (110_000, 0)]);
        assert_eq!(behind.window(99_000, 99_000), (99_000 - SLACK, 110_000));
        assert_eq!(behind.window(115_000, 115_000), (115_000 - SLACK, 115_000 + SLACK));
    }

    #[test]
    fn a_step_forward_is_one_that_sets_the_clock_further_ahead() {
        let steps = Steps(vec![(100, 5000), (200, 0), (300, -5000), (400, 0)]);
        let forward = [0, 100, 101, 400, 401].map(|since| steps.forward_since(since));
        assert_eq!(forward, [Some(100), Some(100), Some(400), Some(400), None]);
    }

    #[test]
    fn a_server_uses_the_shifted_clock() {
        let mut clock = Clock::new();
        let redis = RedisServer::start_in(&clock.environment(), &[]);
        let time = || {
            let (seconds, micros): (Ms, Ms) = redis::cmd("TIME").query(&mut redis.connect()).unwrap();
            seconds * 1000 + micros / 1000
        };
        for ahead in [0, 3_600_000, -61_500, 999, 0] {
            clock.set(ahead);
            let set = now();
            // Redis reads the clock once per turn of its event loop, Valkey after a fraction of a millisecond.
            loop {
                let (before, told, after) = (now(), time(), now());
                let shown = |at: Ms| at.saturating_add_signed(ahead);
                if shown(before) <= told + SLACK && told <= shown(after) + SLACK {
                    break;
                }
                assert!(before <= set + SLACK, "{ahead}: {before} {told} {after}");
            }
        }
    }
}
