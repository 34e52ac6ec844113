//! What really happened, as far as it can be known from outside.

use std::collections::BTreeMap;

use crate::Ms;
use crate::clock::Steps;

/// A channel, or a presence user on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) app: String,
    pub(crate) channel: String,
    pub(crate) user: Option<String>,
}

/// What a node was asked for, concerning one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Its first socket came, or its last one left.
    Hold(bool),
    /// A client event with this text.
    Whisper(String),
}

/// A [`What`] and when it happened: after `from`, and before `to` if it is known to have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The number of the order that it followed from, counted from 1.
    pub(crate) order: u64,
    pub(crate) what: What,
    pub(crate) from: Ms,
    pub(crate) to: Option<Ms>,
}

/// One node process, from its start to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    /// When it was killed, or ended with claims undecided: what it held is taken from it some time after.
    pub(crate) gone: Option<Ms>,
    /// When Redis had carried out all that a dead node had sent, or will never have.
    pub(crate) settled: Ms,
    /// When claims of its were passed on to Redis, oldest first; nothing that it was asked for happened before one that
    /// came later.
    pub(crate) claims: Vec<Ms>,
    /// When it may not have been able to renew its lease.
    pub(crate) silences: Vec<(Ms, Ms)>,
    /// When it was heard to say that it had been taken for dead.
    pub(crate) reaped: Vec<Ms>,
}

/// A time in which a node was taken for dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Absence {
    /// The earliest time at which its holds were taken.
    pub(crate) from: Ms,
    /// When it noticed.
    pub(crate) noticed: Ms,
    /// The latest time at which its holds were taken. While edges settle, a node can notice that it was taken for dead before
    /// that; but it sends no claim before.
    pub(crate) to: Ms,
}

/// How long a node is silent at least before it is taken for dead: its lease, less the time since it was renewed, and a
/// little for clocks.
pub(crate) const SILENCE: Ms = 1900;

/// How long it may take until a node is heard that says something.
const HEARING: Ms = 600;

impl Life {
    /// When it was taken for dead and came back, once in each of these times: it was silent for long enough, and said
    /// afterwards that this is what happened, or was killed before it could.
    pub(crate) fn absences(&self) -> Vec<Absence> {
        let mut absences = Vec::new();
        for (since, until) in self.silent_times() {
            let from = since + SILENCE;
            let said = self.reaped.iter().filter(|said| from <= **said && **said <= until + HEARING);
            absences.extend(said.map(|said| Absence { from, noticed: *said, to: self.earliest(*said) }));
            let gone = self.gone.filter(|gone| from <= *gone && *gone <= until);
            absences.extend(gone.map(|gone| Absence { from, noticed: gone, to: gone }));
        }
        absences
    }

    /// When something may have happened at the earliest that it was asked for at `from`; never, when no claim followed.
    pub(crate) fn earliest(&self, from: Ms) -> Ms {
        self.claims.get(self.claims.partition_point(|claim| *claim < from)).copied().unwrap_or(Ms::MAX)
    }

    /// From when on a dead node's holds may be taken from it.
    pub(crate) fn reapable(&self) -> Option<Ms> {
        let gone = self.gone?;
        let silent = self.silent_times().into_iter().find(|(since, until)| *since <= gone && gone <= *until);
        Some(silent.map_or(gone, |(since, _)| since) + SILENCE)
    }

    /// The silences, those in one where no renewal was possible in between.
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

/// What every node was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) lives: Vec<Life>,
    /// How Redis' clock was set.
    pub(crate) clock: Steps,
    /// By key and life, in order.
    pub(crate) steps: BTreeMap<Key, BTreeMap<usize, Vec<Step>>>,
}

impl History {
    /// A node was asked for something. When it was judged is said by [`Self::judged`].
    pub(crate) fn asked(&mut self, life: usize, key: Key, what: What, order: u64, from: Ms) {
        let steps = self.steps.entry(key).or_default().entry(life).or_default();
        steps.push(Step { order, what, from, to: None });
    }

    /// A life is over: `judged` tells when all its orders up to which number had been judged, oldest first.
    ///
    /// A client event is judged by nobody; it is in Redis when a claim behind it is.
    pub(crate) fn judged(&mut self, life: usize, judged: &[(u64, Ms)]) {
        let when = |order: u64| judged.iter().find(|(up_to, _)| *up_to >= order).map(|(_, at)| *at);
        let mut claims: Vec<u64> = Vec::new();
        let of_life = || self.steps.values().filter_map(|lives| lives.get(&life)).flatten();
        claims.extend(of_life().filter(|step| matches!(step.what, What::Hold(_))).map(|step| step.order));
        claims.sort_unstable();
        for step in self.steps.values_mut().filter_map(|lives| lives.get_mut(&life)).flatten() {
            step.to = match step.what {
                What::Hold(_) => when(step.order),
                What::Whisper(_) => {
                    claims.get(claims.partition_point(|claim| *claim <= step.order)).and_then(|next| when(*next))
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_happens_before_a_claim_was_passed_on() {
        let life = Life { claims: vec![10, 20, 20, 40], ..Life::default() };
        assert_eq!([5, 10, 15, 21, 41].map(|from| life.earliest(from)), [10, 10, 20, 40, Ms::MAX]);
    }

    #[test]
    fn a_node_was_away_when_it_was_silent_for_long_and_says_so() {
        let silent = Life { silences: vec![(5000, 7000), (1000, 2000), (1500, 4000)], ..Life::default() };
        assert_eq!(silent.absences(), []);
        let absence = |noticed, to| [Absence { from: 2900, noticed, to }];
        let back = Life { reaped: vec![3500], claims: vec![3400, 3700], ..silent.clone() };
        assert_eq!(back.absences(), absence(3500, 3700));
        assert_eq!(Life { reaped: vec![2500, 9000], ..silent.clone() }.absences(), []);
        let killed = |gone| Life { gone: Some(gone), ..silent.clone() };
        assert_eq!(killed(3500).absences(), absence(3500, 3500));
        assert_eq!(killed(4500).absences(), []);
        assert_eq!([3500, 4500].map(|gone| killed(gone).reapable()), [Some(2900), Some(6400)]);
        assert_eq!(silent.reapable(), None);
    }

    #[test]
    fn a_client_event_is_known_to_be_in_redis_when_the_claim_behind_it_was_judged() {
        let key = |channel: &str| Key { app: "a".into(), channel: channel.into(), user: None };
        let mut history = History::default();
        history.asked(0, key("c"), What::Hold(true), 1, 10);
        history.asked(0, key("c"), What::Whisper("w".into()), 2, 20);
        history.asked(0, key("d"), What::Hold(true), 3, 30);
        history.asked(0, key("d"), What::Whisper("x".into()), 4, 40);
        history.judged(0, &[(1, 15), (2, 25), (4, 45)]);
        let to = |channel: &str| history.steps[&key(channel)][&0].iter().map(|step| step.to).collect::<Vec<_>>();
        assert_eq!(to("c"), [Some(15), Some(45)]);
        assert_eq!(to("d"), [Some(45), None]);
    }
}
