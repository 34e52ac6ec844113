//! A state of the search, and the effect of each action on it.

mod actions;
mod rest;

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Budget;
use super::caller::{Awaits, Call, Node, Restoring};
use crate::presence::model::protocol::{Answer, Change, Flaw, Holds, IDS, Id, KEYS, Key, Lease, Past, Redis};

/// The cluster, its Redis, and the events published so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) redis: Redis,
    /// Current process of Redis.
    process: u8,
    pub(super) nodes: Vec<Node>,
    /// Calls whose nodes stopped waiting. Redis may still carry them out.
    late: Vec<Call>,
    published: Holds,
    /// Number of `occupied` events of the channel, and number of visits that could make one.
    occupied: u8,
    possible_visits: u8,
    left: Budget,
    /// The last save of Redis.
    saved: Option<Redis>,
    /// Nodes whose lease lapsed only by a step of the clock. No reaper takes them before all nodes could renew.
    spared: [bool; IDS],
    crashed: bool,
    next_id: Id,
    /// Id for the next epoch or settling.
    next_token: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The client of a node connects or disconnects.
    Hook(usize),
    /// A node makes its next call and gets the reply.
    Call(usize),
    /// A node makes its next call and stops waiting for the reply.
    GiveUp(usize),
    /// Redis carries out a call that its node stopped waiting for.
    Late(usize),
    Renew(usize),
    /// A node checks whether a settling waits for it.
    Look(usize),
    /// A node compares its holds with Redis.
    Compare(usize),
    /// A node compares its holds with Redis and stops waiting for the reply.
    GiveUpCompare(usize),
    Lapse(Id),
    /// Redis' clock is set forward: all leases lapse.
    StepClock,
    /// A reaper removes one hold of a dead node.
    Reap(Id),
    Crash(usize),
    Wipe,
    /// Redis saves its data.
    Save,
    /// Redis restarts with its last save.
    Restore,
    /// Redis restarts and loses nothing.
    Restart,
    /// The leases are deleted.
    LoseLeases,
    /// The hold sets are deleted, and every node compares its holds before anything else happens.
    LoseHolds,
}

pub(super) type Broken = String;

impl State {
    pub(super) fn new(nodes: usize, left: Budget) -> Self {
        let cluster = |id| if left.foreigners > 0 && id + 1 == nodes { 2 } else { 1 };
        Self {
            redis: Redis::default(),
            process: 1,
            nodes: (0..nodes).map(|id| Node { id, cluster: cluster(id), ..Node::default() }).collect(),
            late: Vec::new(),
            published: Holds::default(),
            occupied: 0,
            possible_visits: 0,
            left,
            saved: None,
            spared: [false; IDS],
            crashed: false,
            next_id: nodes,
            next_token: 1,
        }
    }

    fn next_call(&self, n: usize, flaw: Option<Flaw>) -> Option<Call> {
        let node = &self.nodes[n];
        let may_confirm = flaw == Some(Flaw::NotRegistered)
            || match node.awaits {
                Awaits::Nothing => true,
                Awaits::Registration => self.is_registered_everywhere(),
                Awaits::Notice => self.has_noticed(),
            };
        node.next_call(self.process, may_confirm).filter(|_| !node.is_shut_out)
    }

    /// Returns true if no node has a call to make.
    pub(super) fn is_quiet(&self, flaw: Option<Flaw>) -> bool {
        (0..self.nodes.len()).all(|n| self.next_call(n, flaw).is_none())
    }

    pub(super) fn take(&mut self, action: Action, flaw: Option<Flaw>) -> Result<(), Broken> {
        match action {
            Action::Hook(n) => {
                self.left.hooks -= 1;
                let node = &mut self.nodes[n];
                node.connected = !node.connected;
                let order = if node.connected { [Key::Channel, Key::User] } else { [Key::User, Key::Channel] };
                node.waiting.extend(order.map(|key| Change { key, held: node.connected }));
                node.visits += u8::from(node.connected);
                self.possible_visits += u8::from(node.connected);
            }
            Action::Call(n) => {
                let call = self.start_call(n, flaw);
                let answer = self.carry_out(&call, flaw)?;
                self.apply(n, &call, answer, flaw);
            }
            Action::GiveUp(n) => {
                self.left.delays -= 1;
                let call = self.start_call(n, flaw);
                self.late.push(call);
            }
            Action::Late(call) => {
                let call = self.late.remove(call);
                self.carry_out(&call, flaw)?;
            }
            Action::Renew(n) => {
                let node = &self.nodes[n];
                let answer = self.redis.renew(node.id, node.epoch, node.answered_to(), node.restored_for, flaw);
                self.spared[node.id] &= self.redis.leases[node.id] == Lease::Lapsed;
                self.refused(n, answer, flaw);
            }
            Action::Look(n) => {
                let call = Call::Confirm(self.nodes[n].confirmation());
                let answer = self.carry_out(&call, flaw)?;
                self.apply(n, &call, answer, flaw);
            }
            Action::Compare(n) => {
                let call = self.nodes[n].comparison();
                let answer = self.carry_out(&call, flaw)?;
                self.refused(n, answer, flaw);
            }
            Action::GiveUpCompare(n) => {
                self.left.delays -= 1;
                self.late.push(self.nodes[n].comparison());
            }
            Action::Lapse(id) => {
                self.left.lapses -= 1;
                self.redis.leases[id] = Lease::Lapsed;
            }
            Action::StepClock => {
                self.left.steps -= 1;
                for id in (0..IDS).filter(|id| self.redis.leases[*id] == Lease::Good).collect::<Vec<_>>() {
                    self.redis.leases[id] = Lease::Lapsed;
                    self.spared[id] = self.nodes.iter().any(|node| node.id == id);
                }
            }
            Action::Reap(dead) => drop(self.carry_out(&Call::Reap { dead, epoch: self.redis.epoch }, flaw)?),
            Action::Crash(n) => {
                self.left.crashes -= 1;
                self.crashed = true;
                self.nodes[n] = Node { id: self.next_id, cluster: self.nodes[n].cluster, ..Node::default() };
                self.next_id += 1;
            }
            Action::Wipe => {
                self.left.wipes -= 1;
                self.redis = Redis::default();
            }
            Action::Save => self.saved = Some(self.redis.clone()),
            Action::Restore => {
                self.left.restores -= 1;
                self.redis = self.saved.take().expect("a save to restore");
                self.start_process();
            }
            Action::Restart => {
                self.left.restores -= 1;
                self.start_process();
            }
            Action::LoseLeases => {
                self.left.lost_keys -= 1;
                self.redis.leases = [Lease::None; IDS];
            }
            Action::LoseHolds => {
                self.left.lost_keys -= 1;
                self.redis.holds = [Holds::default(); IDS];
                for n in 0..self.nodes.len() {
                    self.take(Action::Compare(n), flaw)?;
                }
            }
        }
        Ok(())
    }

    /// Calls to the former process are lost.
    fn start_process(&mut self) {
        self.process += 1;
        self.late.clear();
    }

    fn start_call(&mut self, n: usize, flaw: Option<Flaw>) -> Call {
        let mut call = self.next_call(n, flaw).expect("a call to make");
        let node = &mut self.nodes[n];
        if let Call::Open(opening) = &mut call {
            if node.new_id == 0 {
                (node.new_id, self.next_token) = (self.next_token, self.next_token + 1);
            }
            opening.new_id = node.new_id;
        }
        node.freeze(&call);
        call
    }

    fn carry_out(&mut self, call: &Call, flaw: Option<Flaw>) -> Result<Answer, Broken> {
        let mut published = Vec::new();
        let answer = match call {
            Call::Open(opening) => {
                let answer = self.redis.open(*opening, flaw);
                self.spared[opening.id] &= self.redis.leases[opening.id] == Lease::Lapsed;
                answer
            }
            Call::Claim { id, epoch, batch, changes } => {
                self.redis.claim(*id, *epoch, *batch, changes, &mut published, flaw)
            }
            Call::Forget { id, epoch, answered, settling } => {
                self.redis.forget(*id, *epoch, *answered, *settling, 1, flaw)
            }
            Call::Reassert { id, epoch, answered, settling, holds } => {
                self.redis.reassert(*id, *epoch, *answered, *settling, *holds, flaw)
            }
            Call::Confirm(confirmation) => self.redis.confirm(*confirmation, flaw),
            Call::Reap { dead, epoch } => self.redis.reap(*dead, *epoch, 1, &mut published, flaw),
        };
        for change in published {
            self.publish(change)?;
        }
        Ok(answer)
    }

    /// Publishes an event.
    fn publish(&mut self, change: Change) -> Result<(), Broken> {
        if self.published.has(change.key) == change.held {
            return Err(format!("E1: {change:?} was published twice"));
        }
        self.published.set(change.key, change.held);
        if self.published.user && !self.published.channel {
            return Err("E3: a user is on a channel that is not occupied".to_owned());
        }
        self.occupied += u8::from(change == Change { key: Key::Channel, held: true });
        if self.occupied > self.possible_visits {
            return Err("E1: a visit was published that did not happen".to_owned());
        }
        Ok(())
    }

    /// Applies the reply to a node's call.
    fn apply(&mut self, n: usize, call: &Call, answer: Answer, flaw: Option<Flaw>) {
        let process = self.process;
        let node = &mut self.nodes[n];
        match (call, answer) {
            (Call::Open(_), Answer::Opened { epoch, settling }) => {
                if node.restoring != Restoring::No {
                    node.lost();
                }
                let new_id = std::mem::take(&mut node.new_id);
                let awaits = match (settling == new_id, epoch == new_id) {
                    (false, _) => Awaits::Nothing,
                    (true, false) => Awaits::Registration,
                    (true, true) => Awaits::Notice,
                };
                node.set_settling(settling, awaits);
                node.process = process;
                if node.epoch == 0 {
                    node.opened(epoch, flaw != Some(Flaw::NotForgotten));
                } else if node.epoch != epoch {
                    node.lost();
                }
            }
            (Call::Open(_), Answer::Foreign) => {
                node.new_id = 0;
                node.waiting.clear();
                node.lost();
                node.is_shut_out = true;
            }
            (Call::Claim { .. }, answer) if node.looks_up_reply => {
                if let Answer::Decided(_) = answer {
                    node.answered();
                }
                self.start_over(n, flaw);
            }
            (Call::Claim { .. }, Answer::Decided(_)) => node.answered(),
            (Call::Forget { .. }, Answer::Removed { finished: true }) => node.restoring = Restoring::Restores,
            (Call::Forget { .. }, Answer::Removed { .. }) => {}
            (Call::Reassert { .. }, Answer::Done) => node.restoring = Restoring::Done,
            (Call::Confirm { .. }, Answer::Waits(settling)) => node.apply_confirmation(settling),
            (Call::Reap { .. }, Answer::Alive | Answer::Removed { finished: true }) => node.unfinished_reaping = None,
            (_, answer) => self.refused(n, answer, flaw),
        }
    }

    fn refused(&mut self, n: usize, answer: Answer, flaw: Option<Flaw>) {
        let node = &mut self.nodes[n];
        // A renewal restores a lease that was lost with all leases.
        let answer = match answer {
            Answer::Reaped => self.redis.renew(node.id, node.epoch, node.answered_to(), node.restored_for, flaw),
            answer => answer,
        };
        match answer {
            Answer::Lost | Answer::Behind => node.lost(),
            Answer::Reaped if node.sent == 0 || flaw == Some(Flaw::ReplyNotLookedUp) => self.start_over(n, flaw),
            Answer::Reaped => node.looks_up_reply = true,
            _ => {}
        }
    }

    /// Gives a reaped node a new id.
    fn start_over(&mut self, n: usize, flaw: Option<Flaw>) {
        let node = &mut self.nodes[n];
        let gone = node.acknowledged();
        let mut waiting = std::mem::take(&mut node.waiting);
        if flaw == Some(Flaw::ClaimsDropped) {
            waiting.clear();
        }
        for key in [Key::Channel, Key::User] {
            match waiting.iter().position(|change| change.key == key) {
                // The reaper has published it.
                Some(departure) if gone.has(key) => drop(waiting.remove(departure)),
                None if node.connected => {
                    node.waiting.push(Change { key, held: true });
                    self.possible_visits += u8::from(key == Key::Channel);
                }
                _ => {}
            }
        }
        node.waiting.extend(waiting);
        node.unfinished_reaping = (flaw != Some(Flaw::ReapingNotAwaited)).then_some(node.id);
        node.past = if flaw == Some(Flaw::ForgottenEpoch) { Past::None } else { Past::Epoch };
        node.lost();
        node.set_settling(0, Awaits::Nothing);
        (node.id, node.sent, node.batch, node.restored_for) = (self.next_id, 0, 0, 0);
        (node.looks_up_reply, node.has_new_id) = (false, true);
        self.next_id += 1;
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}
