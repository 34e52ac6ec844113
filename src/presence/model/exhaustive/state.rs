//! A state of the search, and what can happen in it.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Budget;
use super::caller::{Call, Node};
use crate::presence::model::protocol::{Answer, Change, Flaw, Holds, IDS, Id, KEYS, Key, Lease, Redis};

/// Calls in which a node has said everything.
const CALLS: usize = 10;

/// The cluster, its Redis, and what was told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) redis: Redis,
    pub(super) nodes: Vec<Node>,
    /// Calls that were given up, and may still be carried out.
    pub(super) late: Vec<Call>,
    pub(super) told: Holds,
    /// How often the channel was told to be occupied, and how often somebody asked for it.
    pub(super) occupied: u8,
    pub(super) asked: u8,
    pub(super) left: Budget,
    /// What Redis wrote down.
    pub(super) saved: Option<Redis>,
    pub(super) crashed: bool,
    pub(super) next_id: Id,
    pub(super) next_epoch: u8,
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
    Lapse(Id),
    /// Somebody takes one hold from a dead node.
    Reap(Id),
    Crash(usize),
    Wipe,
    /// Redis writes down what it has.
    Save,
    /// Redis has only what it wrote down last.
    Restore,
    Settle,
}

pub(super) type Broken = String;

impl State {
    pub(super) fn new(nodes: usize, left: Budget) -> Self {
        Self {
            redis: Redis::default(),
            nodes: (0..nodes).map(|id| Node { id, ..Node::default() }).collect(),
            late: Vec::new(),
            told: Holds::default(),
            occupied: 0,
            asked: 0,
            left,
            saved: None,
            crashed: false,
            next_id: nodes,
            next_epoch: 1,
        }
    }

    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        let left = self.left;
        let is_calm = self.redis.settled || !self.is_known();
        for (n, node) in self.nodes.iter().enumerate() {
            if left.hooks > 0 {
                actions.push(Action::Hook(n));
            }
            match node.next_call(self.next_epoch) {
                Some(_) if self.is_stranger(n) => {}
                Some(call) => {
                    actions.push(Action::Call(n));
                    if left.delays > 0 && !matches!(call, Call::Reap { .. }) {
                        actions.push(Action::GiveUp(n));
                    }
                }
                None => {}
            }
            if node.may_renew() {
                actions.push(Action::Renew(n));
            }
            if left.crashes > 0 && is_calm {
                actions.push(Action::Crash(n));
            }
        }
        actions.extend((0..self.late.len()).map(Action::Late));
        for id in 0..self.next_id.min(IDS) {
            match self.redis.leases[id] {
                Lease::Good if left.lapses > 0 && is_calm => actions.push(Action::Lapse(id)),
                Lease::Lapsed | Lease::Reaping => actions.push(Action::Reap(id)),
                _ => {}
            }
        }
        if left.wipes > 0 && self.may_be_wiped() {
            actions.push(Action::Wipe);
        }
        if left.restores > 0 && self.late.is_empty() && self.may_be_wiped() {
            match &self.saved {
                None => actions.push(Action::Save),
                Some(saved) if saved.leases == self.redis.leases && *saved != self.redis => {
                    actions.push(Action::Restore);
                }
                Some(_) => {}
            }
        }
        if self.redis.epoch != 0 && !self.redis.settled && self.has_noticed() {
            actions.push(Action::Settle);
        }
        actions
    }

    pub(super) fn is_known(&self) -> bool {
        self.nodes.iter().any(|node| node.had_epoch || node.reborn)
    }

    /// A node that starts just when Redis has lost everything cannot know that: docs/correctness.md.
    pub(super) fn is_stranger(&self, n: usize) -> bool {
        let node = &self.nodes[n];
        self.redis.epoch == 0 && self.is_known() && !node.had_epoch && !node.reborn
    }

    /// Whether it is promised that a loss of all data does no harm: nobody is dead, cut off, or in doubt.
    pub(super) fn may_be_wiped(&self) -> bool {
        let is_known = |id: Id| self.nodes.iter().any(|node| node.id == id);
        let strangers = (0..IDS).any(|id| self.redis.leases[id] != Lease::None && !is_known(id));
        let at_home = |node: &Node| {
            let current = node.epoch == self.redis.epoch && self.redis.leases[node.id] == Lease::Good;
            let carried_out = self.redis.has_answered(node.id, node.batch);
            let in_doubt = node.must_put_back || node.asks || (node.sent > 0 && carried_out);
            node.reborn || (current && !in_doubt)
        };
        let opening = self.late.iter().any(|call| matches!(call, Call::Open { .. }));
        self.redis.settled && !strangers && !opening && self.nodes.iter().all(at_home)
    }

    /// Whether Redis has lost answers to the node, and the node does not know yet.
    fn is_behind(&self, node: &Node) -> bool {
        !node.must_forget && self.redis.has_lost(node.id, node.answered_to())
    }

    /// Whether everybody has noticed what Redis lost: that is what the time to settle is for.
    pub(super) fn has_noticed(&self) -> bool {
        let has = |node: &Node| node.epoch == self.redis.epoch && !self.is_behind(node);
        self.nodes.iter().all(has)
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
                let call = self.nodes[n].start_call(self.next_epoch);
                let answer = self.carry_out(&call, flaw)?;
                self.hear(n, &call, answer, flaw);
            }
            Action::GiveUp(n) => {
                self.left.delays -= 1;
                let call = self.nodes[n].start_call(self.next_epoch);
                self.late.push(call);
            }
            Action::Late(call) => {
                let call = self.late.remove(call);
                self.carry_out(&call, flaw)?;
            }
            Action::Renew(n) => {
                let node = &self.nodes[n];
                let answer = self.redis.renew(node.id, node.epoch, node.answered_to(), flaw);
                self.refused(n, answer, flaw);
            }
            Action::Lapse(id) => {
                self.left.lapses -= 1;
                self.redis.leases[id] = Lease::Lapsed;
            }
            Action::Reap(dead) => drop(self.carry_out(&Call::Reap { dead, epoch: self.redis.epoch }, flaw)?),
            Action::Crash(n) => {
                self.left.crashes -= 1;
                self.crashed = true;
                self.nodes[n] = Node { id: self.next_id, ..Node::default() };
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
                // The first to notice has all others wait: docs/correctness.md says what if it is not.
                let first = self.nodes.iter().position(|node| self.is_behind(node)).expect("a node to notice");
                self.take(Action::Renew(first), flaw)?;
                for _ in 0..2 {
                    if self.redis.settled && self.nodes[first].next_call(self.next_epoch).is_some() {
                        self.take(Action::Call(first), flaw)?;
                    }
                }
            }
            Action::Settle => self.redis.settled = true,
        }
        Ok(())
    }

    pub(super) fn carry_out(&mut self, call: &Call, flaw: Option<Flaw>) -> Result<Answer, Broken> {
        let mut told = Vec::new();
        let answer = match call {
            Call::Open { id, new_epoch, settles, restores } => {
                let epoch = self.redis.open(*id, *new_epoch, *settles, *restores, flaw);
                self.next_epoch = self.next_epoch.max(epoch + 1);
                Answer::Done
            }
            Call::Claim { id, epoch, batch, changes } => {
                self.redis.claim(*id, *epoch, *batch, changes, &mut told, flaw)
            }
            Call::Forget { id, epoch, answered } => self.redis.forget(*id, *epoch, *answered, 1, flaw),
            Call::Reassert { id, epoch, answered, holds } => self.redis.reassert(*id, *epoch, *answered, *holds, flaw),
            Call::Restored { id, epoch } => self.redis.restored(*id, *epoch),
            Call::Reap { dead, epoch } => self.redis.reap(*dead, *epoch, 1, &mut told, flaw),
        };
        for change in told {
            self.tell(change)?;
        }
        Ok(answer)
    }

    /// An event is told.
    pub(super) fn tell(&mut self, change: Change) -> Result<(), Broken> {
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
    pub(super) fn hear(&mut self, n: usize, call: &Call, answer: Answer, flaw: Option<Flaw>) {
        let node = &mut self.nodes[n];
        match (call, answer) {
            (Call::Open { .. }, _) => {
                node.must_put_back = node.had_session;
                node.must_forget = node.had_session && flaw != Some(Flaw::NotForgotten);
                node.must_say_so = false;
                (node.epoch, node.had_epoch, node.had_session, node.reborn) = (self.redis.epoch, true, true, false);
            }
            (Call::Claim { .. }, answer) if node.asks => {
                if let Answer::Decided(_) = answer {
                    node.answered();
                }
                self.start_over(n, flaw);
            }
            (Call::Claim { .. }, Answer::Decided(_)) => node.answered(),
            (Call::Forget { .. }, Answer::Taken { finished }) => node.must_forget = !finished,
            (Call::Reassert { .. }, Answer::Done) => (node.must_put_back, node.must_say_so) = (false, true),
            (Call::Restored { .. }, Answer::Done) => node.must_say_so = false,
            (Call::Reap { .. }, Answer::Alive | Answer::Taken { finished: true }) => node.buries = None,
            (_, answer) => self.refused(n, answer, flaw),
        }
    }

    pub(super) fn refused(&mut self, n: usize, answer: Answer, flaw: Option<Flaw>) {
        let node = &mut self.nodes[n];
        match answer {
            Answer::Lost | Answer::Behind => node.epoch = 0,
            Answer::Reaped if node.sent == 0 || flaw == Some(Flaw::NotAsked) => self.start_over(n, flaw),
            Answer::Reaped => node.asks = true,
            _ => {}
        }
    }

    /// A node goes on under a new id.
    pub(super) fn start_over(&mut self, n: usize, flaw: Option<Flaw>) {
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
        node.had_epoch = flaw != Some(Flaw::ForgottenEpoch);
        (node.id, node.epoch, node.sent, node.batch) = (self.next_id, 0, 0, 0);
        (node.had_session, node.must_put_back, node.asks, node.reborn) = (false, false, false, true);
        (node.must_forget, node.must_say_so) = (false, false);
        self.next_id += 1;
    }

    /// Everything heals: what is late is lost, the dead are reaped, the living say what they have to say. Then the last
    /// edge is the truth, and the visits of a node that was alone with its client were told one by one.
    pub(super) fn comes_to_rest(&self, flaw: Option<Flaw>) -> Result<(), Broken> {
        let mut rest = self.clone();
        rest.late.clear();
        for _ in 0..3 {
            for n in 0..rest.nodes.len() {
                if rest.nodes[n].may_renew() {
                    rest.take(Action::Renew(n), flaw)?;
                }
                for _ in 0..CALLS {
                    if !rest.is_stranger(n) && rest.nodes[n].next_call(rest.next_epoch).is_some() {
                        rest.take(Action::Call(n), flaw)?;
                    }
                }
            }
            if !rest.redis.settled && rest.has_noticed() {
                rest.redis.settled = true;
            }
            for id in 0..IDS {
                if rest.nodes.iter().any(|node| node.id == id) {
                    continue;
                }
                if rest.redis.leases[id] == Lease::Good {
                    rest.redis.leases[id] = Lease::Lapsed;
                }
                for _ in KEYS {
                    rest.take(Action::Reap(id), flaw)?;
                }
            }
        }
        let there = rest.nodes.iter().any(|node| node.there);
        if rest.told != (Holds { channel: there, user: there }) {
            return Err(format!("E2: at rest {:?} is told, and somebody is there: {there}", rest.told));
        }
        let visited: Vec<&Node> = rest.nodes.iter().filter(|node| node.comes > 0).collect();
        match visited[..] {
            [alone] if !rest.crashed && rest.occupied < alone.comes => {
                Err(format!("E1: {} of {} visits were told", rest.occupied, alone.comes))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}
