//! A state of the search, and what becomes of it.

mod actions;
mod rest;

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Budget;
use super::caller::{Awaits, Call, Node, Restoring};
use crate::presence::model::protocol::{Answer, Change, Flaw, Holds, IDS, Id, KEYS, Key, Lease, Past, Redis};

/// The cluster, its Redis, and what was told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) redis: Redis,
    /// The process of Redis that runs now.
    process: u8,
    pub(super) nodes: Vec<Node>,
    /// Calls that were given up, and may still be carried out.
    late: Vec<Call>,
    told: Holds,
    /// How often the channel was told to be occupied, and how often somebody asked for it.
    occupied: u8,
    asked: u8,
    left: Budget,
    /// What Redis wrote down.
    saved: Option<Redis>,
    /// Whose lease has lapsed by a step of the clock only: nobody reaps before all have had the time to renew.
    spared: [bool; IDS],
    crashed: bool,
    next_id: Id,
    /// For the next epoch or settling.
    next_token: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The client of a node comes, or goes.
    Hook(usize),
    /// A node makes its next call, and hears the answer.
    Call(usize),
    /// A node makes its next call, and gives it up.
    GiveUp(usize),
    /// A call that was given up is carried out.
    Late(usize),
    Renew(usize),
    /// A node looks whether a settling waits for it.
    Look(usize),
    /// A node compares its holds with Redis.
    Compare(usize),
    /// A node does so, and gives the call up.
    GiveUpCompare(usize),
    Lapse(Id),
    /// Redis' clock is set forward: all leases have lapsed.
    StepClock,
    /// Somebody takes one hold from a dead node.
    Reap(Id),
    Crash(usize),
    Wipe,
    /// Redis writes down what it has.
    Save,
    /// Redis starts again with what it wrote down last.
    Restore,
    /// Redis starts again, and has lost nothing.
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
            told: Holds::default(),
            occupied: 0,
            asked: 0,
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

    /// Whether somebody has something to say to Redis.
    pub(super) fn is_quiet(&self, flaw: Option<Flaw>) -> bool {
        (0..self.nodes.len()).all(|n| self.next_call(n, flaw).is_none())
    }

    pub(super) fn take(&mut self, action: Action, flaw: Option<Flaw>) -> Result<(), Broken> {
        match action {
            Action::Hook(n) => {
                self.left.hooks -= 1;
                let node = &mut self.nodes[n];
                node.there = !node.there;
                let order = if node.there { [Key::Channel, Key::User] } else { [Key::User, Key::Channel] };
                node.waiting.extend(order.map(|key| Change { key, held: node.there }));
                node.comes += u8::from(node.there);
                self.asked += u8::from(node.there);
            }
            Action::Call(n) => {
                let call = self.start_call(n, flaw);
                let answer = self.carry_out(&call, flaw)?;
                self.hear(n, &call, answer, flaw);
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
                self.hear(n, &call, answer, flaw);
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
                self.redis = self.saved.take().expect("something saved");
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

    /// What was on its way to the process before is lost.
    fn start_process(&mut self) {
        self.process += 1;
        self.late.clear();
    }

    fn start_call(&mut self, n: usize, flaw: Option<Flaw>) -> Call {
        let mut call = self.next_call(n, flaw).expect("something to say");
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
        let mut told = Vec::new();
        let answer = match call {
            Call::Open(opening) => {
                let answer = self.redis.open(*opening, flaw);
                self.spared[opening.id] &= self.redis.leases[opening.id] == Lease::Lapsed;
                answer
            }
            Call::Claim { id, epoch, batch, changes } => {
                self.redis.claim(*id, *epoch, *batch, changes, &mut told, flaw)
            }
            Call::Forget { id, epoch, answered, settling } => {
                self.redis.forget(*id, *epoch, *answered, *settling, 1, flaw)
            }
            Call::Reassert { id, epoch, answered, settling, holds } => {
                self.redis.reassert(*id, *epoch, *answered, *settling, *holds, flaw)
            }
            Call::Confirm(confirmation) => self.redis.confirm(*confirmation, flaw),
            Call::Reap { dead, epoch } => self.redis.reap(*dead, *epoch, 1, &mut told, flaw),
        };
        for change in told {
            self.tell(change)?;
        }
        Ok(answer)
    }

    /// An event is told.
    fn tell(&mut self, change: Change) -> Result<(), Broken> {
        if self.told.has(change.key) == change.held {
            return Err(format!("E1: {change:?} was told twice"));
        }
        self.told.set(change.key, change.held);
        if self.told.user && !self.told.channel {
            return Err("E3: somebody is on a channel that is not occupied".to_owned());
        }
        self.occupied += u8::from(change == Change { key: Key::Channel, held: true });
        if self.occupied > self.asked {
            return Err("E1: a visit was told that nobody made".to_owned());
        }
        Ok(())
    }

    /// A node hears the answer to its call.
    fn hear(&mut self, n: usize, call: &Call, answer: Answer, flaw: Option<Flaw>) {
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
                node.settles(settling, awaits);
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
            (Call::Claim { .. }, answer) if node.asks => {
                if let Answer::Decided(_) = answer {
                    node.answered();
                }
                self.start_over(n, flaw);
            }
            (Call::Claim { .. }, Answer::Decided(_)) => node.answered(),
            (Call::Forget { .. }, Answer::Taken { finished: true }) => node.restoring = Restoring::Restores,
            (Call::Forget { .. }, Answer::Taken { .. }) => {}
            (Call::Reassert { .. }, Answer::Done) => node.restoring = Restoring::Done,
            (Call::Confirm { .. }, Answer::Waits(settling)) => node.looked(settling),
            (Call::Reap { .. }, Answer::Alive | Answer::Taken { finished: true }) => node.buries = None,
            (_, answer) => self.refused(n, answer, flaw),
        }
    }

    fn refused(&mut self, n: usize, answer: Answer, flaw: Option<Flaw>) {
        let node = &mut self.nodes[n];
        // A renewal brings a lease back that was lost with all leases.
        let answer = match answer {
            Answer::Reaped => self.redis.renew(node.id, node.epoch, node.answered_to(), node.restored_for, flaw),
            answer => answer,
        };
        match answer {
            Answer::Lost | Answer::Behind => node.lost(),
            Answer::Reaped if node.sent == 0 || flaw == Some(Flaw::NotAsked) => self.start_over(n, flaw),
            Answer::Reaped => node.asks = true,
            _ => {}
        }
    }

    /// A node goes on under a new id.
    fn start_over(&mut self, n: usize, flaw: Option<Flaw>) {
        let node = &mut self.nodes[n];
        let gone = node.acknowledged();
        let mut waiting = std::mem::take(&mut node.waiting);
        if flaw == Some(Flaw::GivenUp) {
            waiting.clear();
        }
        for key in [Key::Channel, Key::User] {
            match waiting.iter().position(|change| change.key == key) {
                // Told by the reaper.
                Some(departure) if gone.has(key) => drop(waiting.remove(departure)),
                None if node.there => {
                    node.waiting.push(Change { key, held: true });
                    self.asked += u8::from(key == Key::Channel);
                }
                _ => {}
            }
        }
        node.waiting.extend(waiting);
        node.buries = (flaw != Some(Flaw::NotBuried)).then_some(node.id);
        node.past = if flaw == Some(Flaw::ForgottenEpoch) { Past::None } else { Past::Epoch };
        node.lost();
        node.settles(0, Awaits::Nothing);
        (node.id, node.sent, node.batch, node.restored_for) = (self.next_id, 0, 0, 0);
        (node.asks, node.reborn) = (false, true);
        self.next_id += 1;
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}
