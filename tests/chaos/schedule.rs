//! What happens in a run, and when. Pure: the seed decides, whatever the machine makes of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::Ms;
use crate::crowd::{Asked, Crowd};
use crate::network::{Call, Trouble, Way};
use crate::servers::{Failure, RIGHTS};

/// Nodes that should be running.
pub(crate) const NODES: usize = 3;

/// Between two orders to one node, at most. So few that what they lead to is delivered in the time that the faults leave
/// for it, batches being short: a backlog that only grows would be all that a long run sees.
const ORDERS_EVERY: Ms = 30;

/// The longest that a node of a run collects events, and so the longest time that a batch spans (ms).
pub(crate) const FLUSH_INTERVAL: Ms = 50;

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Node process number `life` starts in this place.
    Start { place: usize, life: usize, kind: Kind, flush_interval: Ms },
    /// People come and go on the node in this place.
    Tell { place: usize, asked: Asked },
    /// The node is killed.
    Kill { place: usize },
    /// It ends as it should, and everybody on it leaves.
    End { place: usize, asked: Asked },
    /// It stands still (SIGSTOP).
    Stop { place: usize },
    /// It goes on (SIGCONT).
    GoOn { place: usize },
    /// Something goes wrong between it and Redis.
    Trouble { place: usize, trouble: Trouble, lasts: Ms },
    /// Something goes wrong with Redis.
    Fail(Failure),
    /// It is mended.
    Mend,
    /// Redis' clock is set: so many milliseconds ahead of what it should be.
    SetClock { ahead: i64 },
    /// Redis loses keys of presence, one after the other; the number says which.
    LoseKeys { choice: u64 },
}

/// What a node process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An engine in a small program of its own.
    Engine,
    /// PHP with the extension and the plugin.
    Php,
}

/// A share of the nodes, in a hundred, that are PHP with the extension.
const PHP_SHARE: u32 = 30;

/// A share, in a hundred, of the nodes standing still or cut off that are not killed when they would be.
const SPARED: u32 = 70;

/// A step of Redis' clock is longer than a lease: every lease lapses, or none does.
const SMALLEST_STEP: i64 = 4000;

/// The acts of a seed, in order.
pub(crate) struct Script {
    rng: StdRng,
    agenda: BTreeMap<(Ms, u64), Item>,
    noted: u64,
    lives: usize,
    places: [Option<Running>; NODES],
    redis_is_well: bool,
    clock_is_right: bool,
}

/// A node in its place.
struct Running {
    life: usize,
    crowd: Crowd,
    still_until: Option<Ms>,
    /// Until when its network has trouble.
    trouble_until: Ms,
}

/// What is due at some time.
#[derive(Clone, Copy)]
enum Item {
    Fault,
    Start { place: usize },
    Order { place: usize, life: usize },
    GoOn { place: usize, life: usize },
    Mend,
    ClockIsRight,
}

impl Script {
    /// The script of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut script = Self {
            rng: StdRng::seed_from_u64(seed),
            agenda: BTreeMap::new(),
            noted: 0,
            lives: 0,
            places: std::array::from_fn(|_| None),
            redis_is_well: true,
            clock_is_right: true,
        };
        for place in 0..NODES {
            script.note(0, Item::Start { place });
        }
        script.note(1000, Item::Fault);
        script
    }

    /// The next act, and when it is due, in milliseconds from the beginning.
    pub(crate) fn next(&mut self) -> (Ms, Act) {
        loop {
            // A fault is always noted for some time to come.
            let Some(((at, _), item)) = self.agenda.pop_first() else { unreachable!("an empty agenda") };
            if let Some(act) = self.take(at, item) {
                return (at, act);
            }
        }
    }

    fn note(&mut self, at: Ms, item: Item) {
        self.noted += 1;
        self.agenda.insert((at, self.noted), item);
    }

    fn take(&mut self, at: Ms, item: Item) -> Option<Act> {
        match item {
            Item::Fault => {
                let after = self.rng.random_range(50..650);
                self.note(at + after, Item::Fault);
                self.fault(at)
            }
            Item::Start { place } => {
                let life = self.lives;
                self.lives += 1;
                let kind = if self.rng.random_ratio(PHP_SHARE, 100) { Kind::Php } else { Kind::Engine };
                let flush_interval = self.rng.random_range(10..=FLUSH_INTERVAL);
                self.places[place] =
                    Some(Running { life, crowd: Crowd::new(place, life), still_until: None, trouble_until: 0 });
                self.note(at, Item::Order { place, life });
                Some(Act::Start { place, life, kind, flush_interval })
            }
            Item::Order { place, life } => {
                let after = self.rng.random_range(0..ORDERS_EVERY);
                let running = self.places[place].as_mut().filter(|running| running.life == life)?;
                if let Some(until) = running.still_until {
                    self.note(until, Item::Order { place, life });
                    return None;
                }
                let asked = running.crowd.next(&mut self.rng);
                self.note(at + after, Item::Order { place, life });
                asked.map(|asked| Act::Tell { place, asked })
            }
            Item::GoOn { place, life } => {
                let running = self.places[place].as_mut().filter(|running| running.life == life)?;
                running.still_until = None;
                Some(Act::GoOn { place })
            }
            Item::Mend => {
                self.redis_is_well = true;
                Some(Act::Mend)
            }
            Item::ClockIsRight => {
                self.clock_is_right = true;
                Some(Act::SetClock { ahead: 0 })
            }
        }
    }

    fn fault(&mut self, at: Ms) -> Option<Act> {
        let place = self.rng.random_range(0..NODES);
        let down = self.rng.random_range(0..1500);
        match self.rng.random_range(0..131) {
            0..38 => {
                let running = self.places[place].as_ref()?;
                // What becomes of a node that is cut off shows when it is not, later.
                if (running.still_until.is_some() || at < running.trouble_until) && self.rng.random_ratio(SPARED, 100) {
                    return None;
                }
                self.places[place] = None;
                self.note(at + down, Item::Start { place });
                Some(Act::Kill { place })
            }
            38..46 => {
                let running = self.places[place].take_if(|running| running.still_until.is_none());
                let mut crowd = running?.crowd;
                self.note(at + down, Item::Start { place });
                Some(Act::End { place, asked: crowd.end() })
            }
            46..58 => {
                let until = at + self.rng.random_range(50..12_000);
                let running = self.places[place].as_mut().filter(|running| running.still_until.is_none())?;
                running.still_until = Some(until);
                let life = running.life;
                self.note(until, Item::GoOn { place, life });
                Some(Act::Stop { place })
            }
            58..94 => {
                let (trouble, lasts) = self.trouble();
                self.places[place].as_mut()?.trouble_until = at + lasts;
                Some(Act::Trouble { place, trouble, lasts })
            }
            94..99 => self.redis_fails(at, Failure::Killed, down),
            99..101 => self.redis_fails(at, Failure::Stopped, down),
            101..109 => {
                let lasts = self.rng.random_range(500..8000);
                self.redis_fails(at, Failure::Full, lasts)
            }
            109..118 => {
                let right = RIGHTS[self.rng.random_range(0..RIGHTS.len())];
                let lasts = self.rng.random_range(100..right.longest);
                self.redis_fails(at, Failure::Forbids(right), lasts)
            }
            118..120 => {
                let lasts = self.rng.random_range(200..4000);
                self.redis_fails(at, Failure::Demoted, lasts)
            }
            120..124 => {
                let lasts = self.rng.random_range(1000..6000);
                self.redis_fails(at, Failure::FailedOver, lasts)
            }
            124..128 => self.clock_is_set(at),
            _ => Some(Act::LoseKeys { choice: self.rng.random() }),
        }
    }

    fn redis_fails(&mut self, at: Ms, failure: Failure, lasts: Ms) -> Option<Act> {
        if !self.redis_is_well {
            return None;
        }
        self.redis_is_well = false;
        self.note(at + lasts, Item::Mend);
        Some(Act::Fail(failure))
    }

    fn clock_is_set(&mut self, at: Ms) -> Option<Act> {
        if !self.clock_is_right {
            return None;
        }
        self.clock_is_right = false;
        let by = match self.rng.random_range(0..10) {
            0..6 => self.rng.random_range(SMALLEST_STEP..15_000),
            6..9 => self.rng.random_range(60_000..600_000),
            _ => 3_600_000,
        };
        let lasts = self.rng.random_range(200..8000);
        self.note(at + lasts, Item::ClockIsRight);
        Some(Act::SetClock { ahead: if self.rng.random() { by } else { -by } })
    }

    /// Something that goes wrong with a network, and for how long.
    fn trouble(&mut self) -> (Trouble, Ms) {
        let call =
            [Call::Claim, Call::Claim, Call::Claim, Call::Keep, Call::Pass, Call::Any][self.rng.random_range(0..6)];
        let way = if self.rng.random() { Way::Request } else { Way::Reply };
        let delay = self.rng.random_range(1..120);
        let trouble = match self.rng.random_range(0..100) {
            0..35 => Trouble::CutsReply(call),
            35..42 => Trouble::HalfCloses(way),
            42..50 => Trouble::Slow(delay),
            50..60 => Trouble::LosesAll,
            60..68 => Trouble::LosesReplies,
            68..72 => Trouble::LosesRequests,
            72..76 => Trouble::Refuses,
            _ => Trouble::HoldsBack(call),
        };
        (trouble, self.rng.random_range(100..6000))
    }
}

/// How often what went wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) kills: usize,
    pub(crate) ends: usize,
    pub(crate) stops: usize,
    pub(crate) troubles: usize,
    pub(crate) redis_kills: usize,
    pub(crate) redis_stops: usize,
    pub(crate) redis_full: usize,
    pub(crate) rights: usize,
    pub(crate) demotions: usize,
    pub(crate) failovers: usize,
    pub(crate) clock_steps: usize,
    pub(crate) lost_keys: usize,
    /// Node processes that were PHP with the extension.
    pub(crate) php_nodes: usize,
    /// All node processes.
    pub(crate) nodes: usize,
    /// How long everything took to come to rest afterwards.
    pub(crate) rest: Ms,
}

impl Faults {
    /// Something goes wrong with Redis.
    pub(crate) const fn count(&mut self, failure: Failure) {
        match failure {
            Failure::Killed => self.redis_kills += 1,
            Failure::Stopped => self.redis_stops += 1,
            Failure::Full => self.redis_full += 1,
            Failure::Forbids(_) => self.rights += 1,
            Failure::Demoted => self.demotions += 1,
            Failure::FailedOver => self.failovers += 1,
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, ends, stops, troubles, php_nodes, nodes, rest, .. } = self;
        write!(
            f,
            "{nodes} nodes, {php_nodes} of them PHP; {kills} killed, {ends} ended, {stops} stopped for a while, "
        )?;
        let Self { redis_kills, redis_stops, redis_full, rights, demotions, failovers, clock_steps, lost_keys, .. } =
            self;
        write!(
            f,
            "{troubles} network troubles; Redis killed {redis_kills}, stopped {redis_stops}, full {redis_full}, "
        )?;
        write!(f, "without a right {rights}, demoted {demotions} and failed over {failovers} times, ")?;
        write!(f, "its clock set {clock_steps} times, {lost_keys} keys lost; ")?;
        write!(f, "at rest after {:.1} s", Duration::from_millis(*rest).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts(seed: u64, time: Ms) -> Vec<(Ms, Act)> {
        let mut script = Script::new(seed);
        std::iter::repeat_with(|| script.next()).take_while(|(at, _)| *at < time).collect()
    }

    #[test]
    fn the_same_seed_is_the_same_script_and_another_one_is_not() {
        assert_eq!(acts(1, 30_000), acts(1, 30_000));
        assert_ne!(acts(1, 3000), acts(2, 3000));
        assert_eq!(acts(1, 60_000)[..500], acts(1, 30_000)[..500], "a longer run begins like a shorter one");
    }

    #[test]
    fn a_script_holds_everything_that_can_go_wrong() {
        let acts = acts(1, 1_800_000);
        assert!(acts.is_sorted_by_key(|(at, _)| *at));
        let count = |wanted: fn(&Act) -> bool| acts.iter().filter(|(_, act)| wanted(act)).count();
        let started = |wanted: Kind| {
            acts.iter().filter(|(_, act)| matches!(act, Act::Start { kind, .. } if *kind == wanted)).count()
        };
        assert!(started(Kind::Php) > 50 && started(Kind::Engine) > 100);
        assert!(count(|act| matches!(act, Act::Kill { .. })) > 200);
        assert!(count(|act| matches!(act, Act::End { .. })) > 20);
        assert!(count(|act| matches!(act, Act::Trouble { trouble: Trouble::HoldsBack(_), .. })) > 20);
        assert!(count(|act| matches!(act, Act::Trouble { trouble: Trouble::CutsReply(Call::Claim), .. })) > 20);
        for failure in [Failure::Killed, Failure::Stopped, Failure::Full, Failure::Demoted, Failure::FailedOver] {
            assert!(acts.iter().any(|(_, act)| *act == Act::Fail(failure)), "{failure:?}");
        }
        for right in RIGHTS {
            assert!(acts.iter().any(|(_, act)| *act == Act::Fail(Failure::Forbids(right))), "{right:?}");
        }
        assert!(count(|act| matches!(act, Act::Fail(_))) - count(|act| *act == Act::Mend) <= 1);
        assert!(count(|act| matches!(act, Act::SetClock { ahead: 1.. })) > 5);
        assert!(count(|act| matches!(act, Act::SetClock { ahead: ..0 })) > 5);
        assert!(count(|act| matches!(act, Act::LoseKeys { .. })) > 10);
        assert!(count(|act| matches!(act, Act::Stop { .. })) >= count(|act| matches!(act, Act::GoOn { .. })));
    }

    #[test]
    fn a_node_that_stands_still_hears_nothing() {
        let mut still = [false; NODES];
        for (_, act) in acts(3, 300_000) {
            match act {
                Act::Stop { place } => still[place] = true,
                Act::GoOn { place } | Act::Start { place, .. } => still[place] = false,
                Act::Tell { place, .. } => assert!(!still[place]),
                _ => {}
            }
        }
    }
}
