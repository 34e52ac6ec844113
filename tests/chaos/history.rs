//! History of a run, as far as it can be observed from outside.

use std::collections::{BTreeMap, HashMap};

use resonate_webhooks::event::{AppId, PARTITIONS, Shard, partition_of};

use crate::Ms;
use crate::clock::Steps;

/// A channel, or a presence user on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) app: String,
    pub(crate) channel: String,
    pub(crate) user: Option<String>,
}

/// An operation on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The first socket of the node came, or its last one left.
    Hold(bool),
    /// A client event with this text.
    Whisper(String),
}

/// An operation and its time: after `from`, and before `to` if it is known to have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Number of its order, starting at 1.
    pub(crate) order: u64,
    pub(crate) what: What,
    pub(crate) from: Ms,
    pub(crate) to: Option<Ms>,
}

/// One node process, from its start to its end, in one shard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    /// Time at which the process was killed, or ended with undecided claims. Its holds are removed some time later.
    pub(crate) gone: Option<Ms>,
    /// Time at which Redis has carried out everything that a dead node sent and that was not lost.
    pub(crate) settled: Ms,
    /// Times at which batches of claims were forwarded to Redis, oldest first. No operation happens before the first
    /// batch that follows its order.
    pub(crate) claims: Vec<Ms>,
    /// Periods in which it may have been unable to renew its lease.
    pub(crate) silences: Vec<(Ms, Ms)>,
    /// Times at which it logged that it was reaped in any shard.
    pub(crate) reaped: Vec<Ms>,
}

/// A period in which a node was reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Absence {
    /// Earliest time at which its holds were removed.
    pub(crate) from: Ms,
    /// Time at which it noticed.
    pub(crate) noticed: Ms,
    /// Latest time at which its holds were removed. While Redis is settling, a node can notice before that. But it
    /// sends no claim before its holds are gone.
    pub(crate) to: Ms,
}

/// Shortest silence before a node is reaped: its lease, minus the time since its last renewal, minus a margin for
/// clocks (ms).
pub(crate) const SILENCE: Ms = 1900;

/// Time between a step of Redis' clock that makes all leases lapse and the earliest removal of holds, minus a margin: nodes
/// may renew meanwhile (ms).
const SECOND_LOOK: Ms = 900;

/// Maximum time between a node's last renewal, or the step that made a reaper look at its lease for the first time, and its
/// silence (ms).
const LOOKED: Ms = 2100;

/// Maximum delay between a log line of a node and its arrival here (ms).
const HEARING: Ms = 600;

impl Life {
    /// Returns the periods in which it was reaped at most once and came back. It was silent for long enough, and
    /// afterwards logged that it was reaped, or was killed before it could.
    pub(crate) fn absences(&self, clock: &Steps) -> Vec<Absence> {
        let mut absences = Vec::new();
        for (since, until) in self.silent_times() {
            let from = lapses(since, clock);
            let said = self.reaped.iter().filter(|said| from <= **said && **said <= until + HEARING);
            absences.extend(said.map(|said| Absence { from, noticed: *said, to: self.earliest(*said) }));
            let gone = self.gone.filter(|gone| from <= *gone && *gone <= until);
            absences.extend(gone.map(|gone| Absence { from, noticed: gone, to: gone }));
        }
        absences
    }

    /// Returns the earliest time at which an operation ordered at `from` can have happened; `Ms::MAX` if no claim
    /// followed.
    pub(crate) fn earliest(&self, from: Ms) -> Ms {
        self.claims.get(self.claims.partition_point(|claim| *claim < from)).copied().unwrap_or(Ms::MAX)
    }

    /// Returns the earliest time at which a dead node's holds can be removed.
    pub(crate) fn reapable(&self, clock: &Steps) -> Option<Ms> {
        let gone = self.gone?;
        let silent = self.silent_times().into_iter().find(|(since, until)| *since <= gone && gone <= *until);
        Some(lapses(silent.map_or(gone, |(since, _)| since), clock))
    }

    /// Returns the silences, merged where no renewal was possible in between.
    fn silent_times(&self) -> Vec<(Ms, Ms)> {
        let mut silences = self.silences.clone();
        silences.sort_unstable();
        let mut times: Vec<(Ms, Ms)> = Vec::new();
        for (since, until) in silences {
            match times.last_mut() {
                Some(last) if since <= last.1 => last.1 = last.1.max(until),
                _ => times.push((since, until)),
            }
        }
        times
    }
}

/// Returns the earliest time at which the holds of a node that is silent since `since` can be removed.
fn lapses(since: Ms, clock: &Steps) -> Ms {
    let step = clock.forward_since(since.saturating_sub(LOOKED));
    step.map_or(Ms::MAX, |step| since.max(step + SECOND_LOOK)).min(since + SILENCE)
}

/// Orders to every node, and what became of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Node processes, and for each its lives in the shards.
    pub(crate) lives: Vec<Vec<Life>>,
    /// Steps of Redis' clock.
    pub(crate) clock: Steps,
    /// Times at which the outbox had no event, by shard and partition, oldest first: before and after the observation.
    pub(crate) empty: HashMap<(usize, u16), Vec<(Ms, Ms)>>,
    /// Operations by key and life, in order.
    pub(crate) steps: BTreeMap<Key, BTreeMap<usize, Vec<Step>>>,
}

impl History {
    /// Returns the life of a node process in the shard of `key`.
    pub(crate) fn life(&self, life: usize, key: &Key) -> &Life {
        &self.lives[life][key.shard(self.lives[life].len())]
    }

    /// Returns the latest time before `at` at which the partition of `key` had no event.
    pub(crate) fn was_empty(&self, key: &Key, at: Ms) -> Ms {
        let shards = self.lives.first().map_or(1, Vec::len);
        let times = self.empty.get(&(key.shard(shards), key.partition())).map_or(&[][..], Vec::as_slice);
        times.partition_point(|(_, until)| *until < at).checked_sub(1).map_or(0, |last| times[last].0)
    }

    /// Records an operation. [`Self::decided`] adds the time of its decision.
    pub(crate) fn asked(&mut self, life: usize, key: Key, what: What, order: u64, from: Ms) {
        let steps = self.steps.entry(key).or_default().entry(life).or_default();
        steps.push(Step { order, what, from, to: None });
    }

    /// Ends a life. `decided` has for each shard, oldest first, the numbers of orders up to which everything was decided,
    /// with the time.
    /// Client events have no decision. They are in Redis when a later claim of their shard is decided.
    pub(crate) fn decided(&mut self, life: usize, decided: &[Vec<(u64, Ms)>]) {
        let shards = decided.len();
        let mut claims: Vec<Vec<u64>> = vec![Vec::new(); shards];
        for (key, lives) in &self.steps {
            let holds = lives.get(&life).into_iter().flatten().filter(|step| matches!(step.what, What::Hold(_)));
            claims[key.shard(shards)].extend(holds.map(|step| step.order));
        }
        for claims in &mut claims {
            claims.sort_unstable();
        }
        for (key, lives) in &mut self.steps {
            let (claims, decided) = (&claims[key.shard(shards)], &decided[key.shard(shards)]);
            let when = |order: u64| decided.iter().find(|(up_to, _)| *up_to >= order).map(|(_, at)| *at);
            for step in lives.get_mut(&life).into_iter().flatten() {
                let next = claims.get(claims.partition_point(|claim| *claim <= step.order));
                step.to = match step.what {
                    What::Hold(_) => when(step.order),
                    What::Whisper(_) => next.and_then(|next| when(*next)),
                };
            }
        }
    }
}

impl Key {
    /// Returns its shard, of so many.
    pub(crate) fn shard(&self, shards: usize) -> usize {
        let shards = u8::try_from(shards).expect("a small number");
        Shard::of(&AppId::new(self.app.as_bytes()), self.channel.as_bytes(), shards).index()
    }

    /// Returns its partition of the outbox of its shard.
    fn partition(&self) -> u16 {
        partition_of(&AppId::new(self.app.as_bytes()), self.channel.as_bytes(), PARTITIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_happens_before_its_claim_is_forwarded() {
        let life = Life { claims: vec![10, 20, 20, 40], ..Life::default() };
        assert_eq!([5, 10, 15, 21, 41].map(|from| life.earliest(from)), [10, 10, 20, 40, Ms::MAX]);
    }

    #[test]
    fn a_node_was_away_if_it_was_silent_long_enough_and_logged_its_reaping() {
        let silent = Life { silences: vec![(5000, 7000), (1000, 2000), (1500, 4000)], ..Life::default() };
        let clock = &Steps::default();
        assert_eq!(silent.absences(clock), []);
        let absence = |noticed, to| [Absence { from: 2900, noticed, to }];
        let back = Life { reaped: vec![3500], claims: vec![3400, 3700], ..silent.clone() };
        assert_eq!(back.absences(clock), absence(3500, 3700));
        assert_eq!(Life { reaped: vec![2500, 9000], ..silent.clone() }.absences(clock), []);
        let killed = |gone| Life { gone: Some(gone), ..silent.clone() };
        assert_eq!(killed(3500).absences(clock), absence(3500, 3500));
        assert_eq!(killed(4500).absences(clock), []);
        assert_eq!([3500, 4500].map(|gone| killed(gone).reapable(clock)), [Some(2900), Some(6400)]);
        assert_eq!(silent.reapable(clock), None);
        let forward = |at| killed(4500).reapable(&Steps(vec![(at, 5000)]));
        assert_eq!([2300, 2500, 4700, 6000].map(forward), [Some(6400), Some(4500), Some(5600), Some(6400)]);
    }

    #[test]
    fn a_client_event_is_in_redis_once_a_later_claim_is_decided() {
        let key = |channel: &str| Key { app: "a".into(), channel: channel.into(), user: None };
        let mut history = History::default();
        history.asked(0, key("c"), What::Hold(true), 1, 10);
        history.asked(0, key("c"), What::Whisper("w".into()), 2, 20);
        history.asked(0, key("d"), What::Hold(true), 3, 30);
        history.asked(0, key("d"), What::Whisper("x".into()), 4, 40);
        history.decided(0, &[vec![(1, 15), (2, 25), (4, 45)]]);
        let to = |channel: &str| history.steps[&key(channel)][&0].iter().map(|step| step.to).collect::<Vec<_>>();
        assert_eq!(to("c"), [Some(15), Some(45)]);
        assert_eq!(to("d"), [Some(45), None]);
    }
}
