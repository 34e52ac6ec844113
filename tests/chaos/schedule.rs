//! What goes wrong, and when. Pure: the seed decides.

use std::fmt;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::Ms;

/// Nodes that should be running.
pub(crate) const NODES: usize = 3;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The node in this place is killed; another process takes its place after `down`.
    Kill { place: usize, down: Ms },
    /// It ends as it should, and is followed by another one.
    End { place: usize, down: Ms },
    /// It stands still (SIGSTOP) for a while, perhaps beyond its lease.
    Stop { place: usize, still: Ms },
    /// Redis is killed, and started again from its log.
    KillRedis { down: Ms },
}

impl Fault {
    /// The next fault, and how long after the one before.
    pub(crate) fn draw(rng: &mut StdRng) -> (Ms, Self) {
        let after = rng.random_range(50..1100);
        let place = rng.random_range(0..NODES);
        let down = rng.random_range(0..1500);
        let fault = match rng.random_range(0..100) {
            0..74 => Self::Kill { place, down },
            74..84 => Self::End { place, down },
            84..94 => Self::Stop { place, still: rng.random_range(50..6000) },
            _ => Self::KillRedis { down: rng.random_range(0..1500) },
        };
        (after, fault)
    }
}

/// How often what went wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) kills: usize,
    pub(crate) ends: usize,
    pub(crate) stops: usize,
    pub(crate) redis_kills: usize,
    /// How long everything took to come to rest afterwards.
    pub(crate) rest: Ms,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, ends, stops, redis_kills, rest } = self;
        write!(
            f,
            "{kills} nodes killed, {ends} ended, {stops} stopped for a while, Redis killed {redis_kills} times, "
        )?;
        write!(f, "at rest after {:.1} s", Duration::from_millis(*rest).as_secs_f64())
    }
}
