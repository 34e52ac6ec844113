//! The reference: what a cluster should do, on plain sets. It has no scripts, no portions and no threads.

pub(super) mod batch;
mod bounds;
mod reaping;
mod redis;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::kinds::{Id, Key, ModelEvent, What};
use super::names::Names;
use super::operations::{Channel, Operation, SOCKETS};
use redis::{Decision, Lease, Redis};

/// Subscriptions by channel and socket, with the user of each.
type Sockets = BTreeMap<(Channel, usize), Option<usize>>;

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
struct Node {
    id: Id,
    /// Live sockets, and those that the hooks have reported.
    live: Sockets,
    table: Sockets,
    /// Changes and client events that Redis has not answered yet.
    waiting: VecDeque<ModelEvent>,
    /// Number of entries in the batch under way, if there is one.
    sent: Option<usize>,
    /// More entries were waiting when the batch was built.
    is_split: bool,
    /// Channels whose number of connections is not published yet. Empty where no numbers are published.
    counted: BTreeSet<Channel>,
    /// Departures whose grace began with the batch under way. `Some` once Redis has carried that batch out.
    carried_out: Option<Vec<Key>>,
    /// The node will fetch the departures whose grace is over.
    asks: bool,
    /// Departures whose grace began with a call of this node.
    departures: BTreeSet<Key>,
    /// Holds that Redis has confirmed.
    held: BTreeSet<Key>,
    /// Epoch of the node's session.
    epoch: Option<u32>,
    had_epoch: bool,
    had_session: bool,
    /// Renewals until the node confirms that Redis has its holds.
    waits: u32,
    unbroken_renewals: u32,
    /// Time on this node (ms).
    now: i64,
    /// Nodes whose lease has lapsed, and the time (ms) of the second check.
    suspects: BTreeMap<Id, i64>,
    dead: BTreeSet<Id>,
    /// Former id, whose reaping is not finished.
    predecessor: Option<Id>,
    paused: bool,
}

/// The expected state of a cluster, and the events of its last operation.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) names: Arc<Names>,
    /// Events that the last operation published.
    pub(super) published: Vec<ModelEvent>,
    /// Order of the nodes in the last `Settle`, each a third of a lease after the one before.
    pub(super) settled: Vec<usize>,
    nodes: Vec<Node>,
    redis: Redis,
    incarnations: Id,
    epochs: u32,
    events: u32,
    /// A grace has ended. A node learns that only from its clock.
    announced_late: bool,
}

/// Unbroken renewals after which a node may reap.
const RENEWALS: u32 = 3;

/// Time between two renewals, of one batch, and until the second check of a lapsed lease (ms).
const THIRD: i64 = 2_500_000;
const MOMENT: i64 = 1000;
const SECOND_LOOK: i64 = 2500;

/// Thirds of a lease within which all nodes have registered.
const WAITS: u32 = 2;

fn keys(sockets: &Sockets) -> BTreeSet<Key> {
    let both = |(((app, channel), _), user): (&(Channel, usize), &Option<usize>)| {
        [Key { app: *app, channel: *channel, user: None }, Key { app: *app, channel: *channel, user: *user }]
    };
    sockets.iter().flat_map(both).collect()
}

impl Reference {
    pub(super) fn new(names: Names, nodes: usize, grace: bool) -> Self {
        let mut cluster = Self {
            names: Arc::new(names),
            published: Vec::new(),
            settled: Vec::new(),
            nodes: vec![Node::default(); nodes],
            redis: Redis::new(grace),
            incarnations: 0,
            epochs: 0,
            events: 0,
            announced_late: false,
        };
        for n in 0..nodes {
            cluster.nodes[n].id = cluster.next_id();
        }
        cluster
    }

    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the incarnations with a lease in Redis.
    pub(super) fn incarnations(&self) -> Vec<Id> {
        self.redis.leases.keys().copied().collect()
    }

    /// Returns true if departures have a grace.
    pub(super) fn grants_grace(&self) -> bool {
        self.redis.grants_grace
    }

    /// Returns the number of the last client event.
    pub(super) fn last_whisper(&self) -> u32 {
        self.events
    }

    /// Returns the user of a socket, as the hooks have reported it.
    pub(super) fn user(&self, node: usize, channel: Channel, socket: usize) -> Option<usize> {
        self.nodes[node].table.get(&(channel, socket)).copied().flatten()
    }

    /// Returns the live connections of a channel.
    pub(super) fn live(&self, node: usize, channel: Channel) -> Vec<(usize, Option<usize>)> {
        let live = self.nodes[node].live.iter().filter(|((of, _), _)| *of == channel);
        live.map(|((_, socket), user)| (*socket, *user)).collect()
    }

    pub(super) fn carry_out(&mut self, operation: &Operation) {
        self.published.clear();
        match operation {
            Operation::Subscribe { node, channel, socket, user } => {
                let user = &user.filter(|_| self.names.may_have_users(*channel));
                self.nodes[*node].live.insert((*channel, *socket), *user);
                self.apply_hook(*node, |table| {
                    let _ = table.insert((*channel, *socket), *user);
                });
            }
            Operation::Unsubscribe { node, channel, socket } => {
                self.nodes[*node].live.remove(&(*channel, *socket));
                self.apply_hook(*node, |table| {
                    let _ = table.remove(&(*channel, *socket));
                });
            }
            Operation::Close { node, app, socket } => {
                let stays = |((of, _), who): &(Channel, usize), _: &mut _| of != app || who != socket;
                self.nodes[*node].live.retain(stays);
                self.apply_hook(*node, |table| table.retain(stays));
            }
            Operation::OrderedEvent { node, channel, socket } => {
                let user = self.user(*node, *channel, *socket);
                self.events += 1;
                let key = Key { app: channel.0, channel: channel.1, user };
                self.nodes[*node].waiting.push_back(ModelEvent { key, what: What::Whispered(self.events) });
            }
            Operation::SubscribeUnseen { node, channel, socket, user } => {
                let user = &user.filter(|_| self.names.may_have_users(*channel));
                self.nodes[*node].live.insert((*channel, *socket), *user);
            }
            Operation::UnsubscribeUnseen { node, channel, socket } => {
                self.nodes[*node].live.remove(&(*channel, *socket));
            }
            Operation::Reconcile { node, channel } => self.reconcile(*node, *channel),
            Operation::Step { node } => self.step(*node, false),
            Operation::Renew { node } => self.step(*node, true),
            Operation::LoseRequest { node } => {
                self.nodes[*node].now += MOMENT;
                self.nodes[*node].send();
            }
            Operation::LoseReply { node } => {
                let node = &mut self.nodes[*node];
                node.now += MOMENT;
                let sent = node.send();
                let Decision { published, leaving } = self.redis.decide(node.id, node.waiting.range(..sent));
                node.carried_out = Some(leaving);
                self.published.extend(published);
            }
            Operation::Late { .. } => {}
            Operation::Lapse { incarnation } => drop(self.redis.leases.insert(*incarnation, Lease::Lapsed)),
            Operation::ReapOne { incarnation } => drop(self.reap(*incarnation, 1)),
            Operation::GraceOver => {
                self.announced_late = true;
                self.redis.end_grace();
            }
            Operation::Pause { node } => self.nodes[*node].paused = true,
            Operation::Resume { node } => self.nodes[*node].paused = false,
            Operation::Crash { node } => self.restart(*node),
            Operation::OwnershipEnd { node } => {
                self.apply_hook(*node, BTreeMap::clear);
                self.nodes[*node].now -= MOMENT;
                self.step(*node, false);
                let id = self.nodes[*node].id;
                if self.redis.holds.get(&id).is_none_or(BTreeSet::is_empty) {
                    self.redis.leases.remove(&id);
                }
                self.restart(*node);
            }
            Operation::Wipe { node } => {
                self.redis = Redis::new(self.redis.grants_grace);
                self.step(*node, true);
            }
            Operation::Settle => {
                let all = || 0..self.nodes.len();
                let (first, last): (Vec<_>, Vec<_>) = all().partition(|node| self.nodes[*node].waits == 0);
                self.settled = [first, last.clone(), last].concat();
                self.settled.clone().into_iter().for_each(|node| self.step(node, true));
            }
        }
    }

    /// Applies a change that a hook reports. Keys that came or went make claims: channels first when they come, last
    /// when they go.
    fn apply_hook(&mut self, node: usize, change: impl FnOnce(&mut Sockets)) {
        let node = &mut self.nodes[node];
        let (before, sockets) = (keys(&node.table), node.table.keys().copied().collect::<BTreeSet<_>>());
        change(&mut node.table);
        let after = keys(&node.table);
        if !self.redis.grants_grace {
            let now: BTreeSet<_> = node.table.keys().copied().collect();
            for (channel, _) in now.symmetric_difference(&sockets) {
                let is_counted = !self.names.channels[channel.1].starts_with(b"presence-");
                if is_counted && now.iter().any(|(of, _)| of == channel) {
                    node.counted.insert(*channel);
                } else {
                    node.counted.remove(channel);
                }
            }
        }
        node.waiting.extend(after.difference(&before).map(|key| ModelEvent { key: *key, what: What::Came }));
        let went = before.iter().rev().filter(|key| !after.contains(key));
        node.waiting.extend(went.map(|key| ModelEvent { key: *key, what: What::Went }));
    }

    fn reconcile(&mut self, node: usize, channel: Channel) {
        let live = self.live(node, channel);
        for (socket, user) in &live {
            self.apply_hook(node, |table| {
                let _ = table.insert((channel, *socket), *user);
            });
        }
        for socket in (0..SOCKETS).filter(|socket| live.iter().all(|(alive, _)| alive != socket)) {
            self.apply_hook(node, |table| {
                let _ = table.remove(&(channel, socket));
            });
        }
    }

    /// Lets a node talk to Redis until it has nothing left to send.
    fn step(&mut self, n: usize, renew: bool) {
        let mut look = true;
        self.nodes[n].now += MOMENT;
        if renew {
            self.nodes[n].waits = self.nodes[n].waits.saturating_sub(1);
            self.nodes[n].now += THIRD;
        }
        loop {
            if self.nodes[n].epoch.is_none() {
                self.open(n);
                look = false;
            }
            let lost = self.nodes[n].epoch != self.redis.epoch;
            let lease = self.redis.leases.get(&self.nodes[n].id).copied().filter(|lease| *lease != Lease::Reaping);
            // Each step checks the lease once, and renews a lapsed one.
            if std::mem::take(&mut look) {
                match lease {
                    _ if lost => {
                        self.nodes[n].epoch = None;
                        continue;
                    }
                    None => {
                        self.start_over(n);
                        continue;
                    }
                    Some(lease) if renew || lease == Lease::Lapsed => self.renew(n, lease),
                    Some(_) => {}
                }
            }
            if self.nodes[n].waits == 0 {
                self.redis.unconfirmed.remove(&self.nodes[n].id);
            }
            let node = &self.nodes[n];
            let is_silent = node.waiting.is_empty() && node.sent.is_none() && node.counted.is_empty();
            if !self.reap_suspects(n) || (is_silent && !self.nodes[n].asks) {
                return;
            }
            let node = &mut self.nodes[n];
            if lost {
                node.epoch = None;
            } else if node.carried_out.is_some() {
                node.answered();
                node.asks = self.redis.has_over();
            } else if lease.is_none() {
                self.start_over(n);
            } else if self.redis.is_settling() {
                node.send();
                return;
            } else {
                let Decision { published, leaving } = self.redis.decide(node.id, node.waiting.iter());
                (node.sent, node.carried_out) = (Some(node.waiting.len()), Some(leaving));
                node.counted.clear();
                node.answered();
                node.asks = false;
                self.published.extend(published);
                return;
            }
        }
    }

    fn open(&mut self, n: usize) {
        if self.redis.epoch.is_none() {
            self.epochs += 1;
            self.redis.epoch = Some(self.epochs);
            if self.nodes[n].had_epoch {
                self.redis.unconfirmed.insert(self.nodes[n].id);
                self.nodes[n].waits = WAITS;
            }
        }
        let node = &mut self.nodes[n];
        self.redis.leases.insert(node.id, Lease::Good);
        if node.had_session {
            self.redis.unconfirmed.insert(node.id);
            self.redis.restore(node.id, &node.held, &node.departures);
        }
        node.asks = true;
        (node.epoch, node.had_epoch, node.had_session, node.unbroken_renewals) = (self.redis.epoch, true, true, 0);
    }

    fn renew(&mut self, n: usize, lease: Lease) {
        let node = &mut self.nodes[n];
        node.unbroken_renewals = if lease == Lease::Good { node.unbroken_renewals + 1 } else { 0 };
        self.redis.leases.insert(node.id, Lease::Good);
        node.asks = self.redis.has_over();
        if node.unbroken_renewals >= RENEWALS {
            let dead = self.redis.leases.iter().filter(|(_, lease)| **lease != Lease::Good);
            for (id, _) in dead.filter(|(id, _)| !node.dead.contains(id)) {
                node.suspects.entry(*id).or_insert(node.now + SECOND_LOOK);
            }
        }
    }

    /// Replaces the node with a new process without clients.
    fn restart(&mut self, n: usize) {
        let id = self.next_id();
        self.nodes[n] = Node { id, ..Node::default() };
    }

    fn next_id(&mut self) -> Id {
        self.incarnations += 1;
        self.incarnations
    }
}
