//! Actions that are possible in a state of the search.

use std::collections::BTreeSet;

use super::caller::{STEPS, Step};
use super::state::State;
use crate::outbox::redis::model::protocol::{IDS, Lease};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Succeeds,
    /// The batch arrives; the reply gets lost.
    ReplyLost,
    Fails,
    /// The endpoint refuses the batch as too large. Its halves replace it.
    TooLarge,
    /// The last attempt fails and makes a dead letter, though the batch may have arrived.
    GivenUp {
        arrived: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Append(u16),
    /// The second node opens its session.
    Join(usize),
    /// A node makes a call and gets the reply.
    Call(usize, Step),
    /// A node makes a call and stops waiting for the reply.
    GiveUp(usize, Step),
    /// Redis carries out a call that its node stopped waiting for.
    Late(usize),
    TakeOver(usize),
    /// A takeover cannot read the data of the former owner.
    ReadFails(usize),
    Read(usize),
    Attempt(usize, Attempt),
    /// A batch is sent although Redis refuses to persist it.
    Unpersisted(usize),
    /// The outbox is full; the oldest waiting event becomes a dead letter.
    Full(usize),
    Lapse(usize),
    Renew(usize),
    Reap(usize),
    Crash(usize),
    Save,
    Restore,
}

impl State {
    /// Returns the actions of normal operation. They use up no budget.
    pub(super) fn steps(&self) -> Vec<Action> {
        let mut steps = Vec::new();
        for (n, node) in self.nodes.iter().enumerate() {
            steps.extend(STEPS.into_iter().filter(|step| node.may(*step)).map(|step| Action::Call(n, step)));
            steps.extend((!node.joined).then_some(Action::Join(n)));
            steps.extend((!node.fresh.is_empty()).then_some(Action::TakeOver(n)));
            steps.extend((!node.ownership.readable().is_empty()).then_some(Action::Read(n)));
            steps.extend(node.sending.then_some(Action::Attempt(n, Attempt::Succeeds)));
            steps.extend((self.redis.leases[node.id] == Lease::Lapsed).then_some(Action::Renew(n)));
        }
        steps
    }

    /// Returns the faults and new events that the budget allows.
    pub(super) fn faults(&self) -> Vec<Action> {
        let (left, mut actions) = (self.left, Vec::new());
        for partition in 0..2 {
            actions.extend((left.events > 0).then_some(Action::Append(partition)));
        }
        for (n, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.joined) {
            let lease = self.redis.leases[node.id];
            if left.delays > 0 {
                let asks = |step: &Step| node.clone().start(*step, &mut BTreeSet::new(), None).is_some();
                let steps = STEPS.into_iter().filter(|step| node.may(*step) && asks(step));
                actions.extend(steps.map(|step| Action::GiveUp(n, step)));
                actions.extend((!node.fresh.is_empty()).then_some(Action::ReadFails(n)));
            }
            if node.sending && left.failures > 0 {
                actions.extend([Attempt::ReplyLost, Attempt::Fails].map(|attempt| Action::Attempt(n, attempt)));
            }
            let has_halves = node.trying.as_ref().is_some_and(|batch| batch.events.len() > 1);
            let halves = node.sending && left.halves > 0 && has_halves;
            actions.extend(halves.then_some(Action::Attempt(n, Attempt::TooLarge)));
            if node.sending && left.dead_letters > 0 {
                let given_up = [true, false].map(|arrived| Attempt::GivenUp { arrived });
                actions.extend(given_up.map(|attempt| Action::Attempt(n, attempt)));
            }
            actions.extend((left.dead_letters > 0 && !node.waiting.is_empty()).then_some(Action::Full(n)));
            let unpersisted = left.unpersisted > 0 && node.may(Step::Persist);
            actions.extend(unpersisted.then_some(Action::Unpersisted(n)));
            let others_live = self.nodes.iter().all(|node| self.redis.leases[node.id] != Lease::Lapsed);
            actions.extend((left.lapses > 0 && others_live).then_some(Action::Lapse(n)));
            if left.crashes > 0 && self.next_id < IDS {
                actions.push(Action::Crash(n));
                actions.extend((lease == Lease::Lapsed).then_some(Action::Reap(n)));
            }
        }
        actions.extend((0..self.late.len()).map(Action::Late));
        if left.restores > 0 {
            match &self.saved {
                None => actions.push(Action::Save),
                Some(saved) if saved.leases == self.redis.leases && *saved != self.redis => {
                    actions.push(Action::Restore);
                }
                Some(_) => {}
            }
        }
        actions
    }
}
