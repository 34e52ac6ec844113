//! Actions that are possible in a state, within what docs/correctness.md guarantees.

use super::super::caller::{Call, Node};
use super::{Action, Flaw, IDS, Id, Lease, Past, Redis, State};

impl State {
    pub(in super::super) fn actions(&self, flaw: Option<Flaw>) -> Vec<Action> {
        let mut actions = Vec::new();
        let left = self.left;
        let is_stable = self.is_stable();
        for (n, node) in self.nodes.iter().enumerate() {
            if left.hooks > 0 {
                actions.push(Action::Hook(n));
            }
            match self.next_call(n, flaw) {
                Some(_) if self.is_unaware_of_loss(n) => {}
                Some(call) => {
                    actions.push(Action::Call(n));
                    if left.delays > 0 && !matches!(call, Call::Reap { .. }) {
                        actions.push(Action::GiveUp(n));
                    }
                }
                None => {}
            }
            if node.may_renew(self.process) {
                actions.push(Action::Renew(n));
                if node.settling == 0 {
                    actions.push(Action::Look(n));
                }
            }
            if left.lost_keys > 0 && node.may_compare(self.process) {
                actions.push(Action::Compare(n));
                if left.delays > 0 {
                    actions.push(Action::GiveUpCompare(n));
                }
            }
            if left.crashes > 0 && is_stable {
                actions.push(Action::Crash(n));
            }
        }
        actions.extend((0..self.late.len()).map(Action::Late));
        for id in 0..self.next_id.min(IDS) {
            match self.redis.leases[id] {
                Lease::Good if left.lapses > 0 && is_stable => actions.push(Action::Lapse(id)),
                Lease::Lapsed | Lease::Reaping if !self.spared[id] => actions.push(Action::Reap(id)),
                _ => {}
            }
        }
        if left.steps > 0 && self.redis.leases.contains(&Lease::Good) {
            actions.push(Action::StepClock);
        }
        if left.wipes > 0 && is_stable && self.is_loss_harmless() {
            actions.push(Action::Wipe);
        }
        if left.restores > 0 && self.is_loss_harmless() {
            match &self.saved {
                None => actions.extend([Action::Save, Action::Restart]),
                Some(saved) if self.may_be_restored(saved) => actions.push(Action::Restore),
                Some(_) => {}
            }
        }
        if left.lost_keys > 0 && is_stable && self.is_loss_harmless() {
            actions.push(Action::LoseLeases);
            if self.is_quiet(flaw) {
                actions.push(Action::LoseHolds);
            }
        }
        actions
    }

    fn is_known(&self) -> bool {
        self.nodes.iter().any(|node| node.past > Past::None || node.has_new_id)
    }

    /// Returns true if no data is lost, or all of it is restored.
    fn is_stable(&self) -> bool {
        (self.redis.settling == 0 && self.redis.is_with(self.process)) || !self.is_known()
    }

    /// Returns true if a node starts just after Redis lost all data. It cannot know about the loss.
    pub(super) fn is_unaware_of_loss(&self, n: usize) -> bool {
        self.redis.epoch == 0 && self.is_known() && self.nodes[n].past == Past::None && !self.nodes[n].has_new_id
    }

    /// Returns true if a loss of data is guaranteed to be harmless: no node is dead, cut off or in doubt about a batch.
    fn is_loss_harmless(&self) -> bool {
        let is_known = |id: Id| self.nodes.iter().any(|node| node.id == id);
        let unknown_leases = (0..IDS).any(|id| self.redis.leases[id] != Lease::None && !is_known(id));
        let at_home = |node: &Node| {
            let current = node.epoch == self.redis.epoch && self.redis.leases[node.id] == Lease::Good;
            let carried_out = self.redis.has_answered(node.id, node.batch);
            let in_doubt = node.looks_up_reply || (node.sent > 0 && carried_out);
            node.has_new_id || (current && !in_doubt)
        };
        let opening = self.late.iter().any(|call| matches!(call, Call::Open { .. }));
        let own = |node: &&Node| self.redis.is_of(node.cluster);
        !unknown_leases && !opening && self.nodes.iter().filter(own).all(at_home)
    }

    /// Returns true if Redis may restart with its save: no node has died since.
    fn may_be_restored(&self, saved: &Redis) -> bool {
        let pairs = saved.leases.iter().zip(&self.redis.leases);
        let registered =
            |(before, now): (&Lease, &Lease)| before == now || (*before, *now) == (Lease::None, Lease::Good);
        *saved != self.redis && saved.epoch == self.redis.epoch && pairs.into_iter().all(registered)
    }

    /// Returns true if every node has noticed that Redis lost all data.
    pub(super) fn has_noticed(&self) -> bool {
        self.nodes.iter().filter(|node| self.redis.is_of(node.cluster)).all(|node| node.epoch == self.redis.epoch)
    }

    /// Returns true if every node with a session is registered, or was reaped.
    pub(super) fn is_registered_everywhere(&self) -> bool {
        let is_forgotten = |node: &Node| {
            node.epoch == self.redis.epoch
                && self.redis.leases[node.id] == Lease::None
                && !self.redis.is_reaped(node.id)
        };
        !self.nodes.iter().any(is_forgotten)
    }
}
