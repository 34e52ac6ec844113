//! What really happened, as far as it can be known from outside.

use std::collections::BTreeMap;

use crate::Ms;

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
    /// When it may have been taken for dead, having been silent for long: what it held was taken from it, and claimed
    /// again later.
    pub(crate) away: Vec<(Ms, Ms)>,
}

/// What every node was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) lives: Vec<Life>,
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
