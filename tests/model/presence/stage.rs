//! The real thing: nodes without their threads, on a Redis.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::Connection;

use super::kinds::{Id, Key, Told, What};
use super::names::Names;
use super::operations::{Channel, Operation};
use super::reference::{Reference, batch::BATCH};
use super::rules::Rules;
use super::saved::Saved;
use crate::cluster::{Membership, SharedMembership};
use crate::config::{Address, Connection as Settings};
use crate::event::{
    AppId, ChannelName, ClientEvent, ClientEventParts, Event, EventKind, NodeId, SocketId, UserId, take,
};
use crate::outbox::redis::codec;
use crate::presence::batch::ClaimBatch;
use crate::presence::table::non_empty;
use crate::presence::{
    Claimer, ClaimerParts, Intake, Intent, IntentQueue, Packed, PresenceScripts, SharedNodeState, StopFlag,
};
use crate::redis::{self as ours, Link};
use crate::support::redis::RedisServer;
use crate::telemetry::Telemetry;

/// Longer than any case takes: leases lapse when they are told to.
const LEASE: Duration = Duration::from_secs(7200);

/// More than a third of it, after which it is renewed.
const THIRD: Duration = Duration::from_secs(2500);

/// Shorter than that: who renews its lease has heard of every departure that is over.
const GRACE: Duration = Duration::from_secs(250);

/// Longer than a step takes, and nothing beside a lease.
const MOMENT: Duration = Duration::from_secs(1);

/// Turns after which a node that still has something to say never comes to rest.
const TURNS: usize = 20;

/// Reapings of one hold after which it is no chance that one is never taken.
const REAPINGS: usize = 1000;

/// The nodes, and what they told.
pub(super) struct Stage {
    settings: ours::Settings,
    redis: Connection,
    keys: PresenceScripts,
    names: Arc<Names>,
    incarnations: Arc<AtomicU32>,
    nodes: Vec<Node>,
    /// Batches that are over: whose, of which epoch.
    over: Vec<(Membership, Arc<ClaimBatch>)>,
    /// The last entry of the outbox that was read.
    cursor: String,
    rules: Rules,
}

/// A node whose threads are the test.
struct Node {
    queue: Arc<IntentQueue>,
    intake: Intake,
    claimer: Claimer,
    state: Arc<SharedNodeState>,
    membership: Arc<SharedMembership>,
    telemetry: Arc<Telemetry>,
    now: Instant,
}

impl Stage {
    /// The nodes of `reference` on an empty Redis.
    pub(super) fn new(server: &RedisServer, reference: &Reference) -> Self {
        let settings = Settings { address: Address::Unix(server.socket()), ..Settings::default() };
        let mut redis = server.connect();
        redis::cmd("FLUSHALL").exec(&mut redis).unwrap();
        let mut stage = Self {
            settings: ours::Settings::new(settings).unwrap(),
            redis,
            // One partition, so that the order of all events is to be seen.
            keys: PresenceScripts::new("wh", LEASE, 1).with_grace(if reference.grants_grace() {
                GRACE
            } else {
                Duration::ZERO
            }),
            names: Arc::clone(&reference.names),
            incarnations: Arc::default(),
            nodes: Vec::new(),
            over: Vec::new(),
            cursor: "0".to_owned(),
            rules: Rules::default(),
        };
        for _ in 0..reference.nodes() {
            let node = stage.start_node();
            stage.nodes.push(node);
        }
        stage
    }

    /// Nothing is under way: what was told is what is true.
    pub(super) fn at_rest(&self, reference: &Reference) {
        self.rules.at_rest(&reference.present());
        if self.keys.grace().is_zero() {
            self.rules.counts_at_rest(&reference.counts());
        }
    }

    /// Carries the operation out; `reference` has done so before.
    pub(super) fn apply(&mut self, operation: &Operation, reference: &Reference) {
        if let Some((node, intent)) = self.intent(operation, reference) {
            self.nodes[node].take_in(intent);
        }
        match operation {
            Operation::Step { node } => self.step(*node, Duration::ZERO),
            Operation::Renew { node } => self.step(*node, THIRD),
            Operation::LoseRequest { node } => drop(self.nodes[*node].batch()),
            Operation::LoseReply { node } => self.carry_out_unseen(*node),
            Operation::Late { which } => self.send_late(*which),
            Operation::Lapse { incarnation } => self.lapse(*incarnation),
            Operation::ReapOne { incarnation } => self.reap_one(*incarnation, reference),
            Operation::GraceOver => self.end_grace(),
            Operation::Crash { node } => self.nodes[*node] = self.start_node(),
            Operation::End { node } => {
                self.nodes[*node].end();
                self.nodes[*node] = self.start_node();
            }
            Operation::Wipe { node } => {
                redis::cmd("FLUSHALL").exec(&mut self.redis).unwrap();
                "0".clone_into(&mut self.cursor);
                self.rules.wiped();
                self.step(*node, THIRD);
            }
            Operation::Settle => {
                reference.settled.iter().for_each(|node| self.step(*node, THIRD));
            }
            _ => {}
        }
        self.compare(reference);
    }

    /// What the hooks of a node say of the operation.
    fn intent(&self, operation: &Operation, reference: &Reference) -> Option<(usize, Intent)> {
        Some(match operation {
            Operation::Subscribe { node, channel, socket, user } => {
                let text = Packed::new([self.channel(*channel), &socket_id(*socket), self.user(*user), b""]);
                (*node, Intent::Subscribed(self.app(channel.0), text))
            }
            Operation::Unsubscribe { node, channel, socket } => {
                let text = Packed::new([self.channel(*channel), &socket_id(*socket)]);
                (*node, Intent::Unsubscribed(self.app(channel.0), text))
            }
            Operation::Close { node, app, socket } => {
                (*node, Intent::Closed(self.app(*app), SocketId::new(&socket_id(*socket))))
            }
            Operation::OrderedEvent { node, channel, socket } => {
                let user = self.user(reference.user(*node, *channel, *socket));
                let (number, socket) = (reference.last_whisper().to_string(), socket_id(*socket));
                let event = ClientEvent::new(&ClientEventParts {
                    event: b"client-x",
                    socket: &socket,
                    user: non_empty(user),
                    data: Some(number.as_bytes()),
                });
                // As it is when its message has been read: names here need not be what JSON can say.
                (*node, Intent::ClientEvent(self.app(channel.0), ChannelName::new(self.channel(*channel)), event))
            }
            Operation::Reconcile { node, channel } => {
                let live = reference.live(*node, *channel).into_iter();
                let live = live.map(|(socket, user)| Packed::new([&socket_id(socket), self.user(user)])).collect();
                let name = ChannelName::new(self.channel(*channel));
                (*node, Intent::Live(self.app(channel.0), name, live))
            }
            _ => return None,
        })
    }

    /// What of anybody's holds is left in Redis.
    pub(super) fn traces(&mut self) -> Vec<String> {
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut self.redis).unwrap();
        let names = keys.iter().map(|key| key.escape_ascii().to_string());
        names
            .filter(|key| {
                let families = ["wh:channels:", "wh:users:", "wh:connections:", "wh:held_", "wh:due", "wh:counts"];
                families.iter().any(|family| key.starts_with(family))
            })
            .collect()
    }

    /// The events since the last comparison keep the rules, and are those of the reference. The users of a channel may
    /// come or go in any order where many do at once; the rules see to the rest of it.
    fn compare(&mut self, reference: &Reference) {
        let mut news = self.news();
        for told in &news {
            self.rules.observe(told);
        }
        // When a number is told depends on when it is asked for; the rules see to it.
        news.retain(|told| !matches!(told.what, What::Counted(_)));
        let mut expected = reference.news.clone();
        news.sort();
        expected.sort();
        assert_eq!(news, expected, "the events (left) are not what happened (right)");
    }

    fn news(&mut self) -> Vec<Told> {
        type Entries = Vec<(String, Vec<(Vec<u8>, Vec<u8>)>)>;
        let mut range = redis::cmd("XRANGE");
        let entries: Entries =
            range.arg("wh:out:0").arg(format!("({}", self.cursor)).arg("+").query(&mut self.redis).unwrap();
        if let Some((last, _)) = entries.last() {
            self.cursor.clone_from(last);
        }
        let events = entries.into_iter().flat_map(|(_, fields)| fields);
        events.map(|(_, text)| self.told(codec::decode(&text, 0).expect("an event"))).collect()
    }

    fn told(&self, event: Event) -> Told {
        let (user, what) = match event.kind {
            EventKind::ChannelOccupied => (None, What::Came),
            EventKind::ChannelVacated => (None, What::Went),
            EventKind::MemberAdded { user } => (Some(user.id().clone()), What::Came),
            EventKind::MemberRemoved { user } => (Some(user.id().clone()), What::Went),
            EventKind::SubscriptionCount { count } => (None, What::Counted(count)),
            EventKind::CacheMiss => panic!("nobody tells of cache channels here"),
            EventKind::ClientEvent(event) => {
                let ClientEventParts { data, user, .. } = event.parts();
                let number = std::str::from_utf8(data.unwrap()).unwrap().parse().unwrap();
                (user.map(UserId::new), What::Whispered(number))
            }
            other => panic!("nobody has done that: {other:?}"),
        };
        Told { key: self.names.key(event.app.as_bytes(), event.channel.as_bytes(), user.as_ref()), what }
    }

    /// A node goes on, this much later.
    fn step(&mut self, node: usize, later: Duration) {
        let node = &mut self.nodes[node];
        let sent = node.membership.current().zip(node.batch());
        node.now += later;
        node.step();
        let answered = node.state.lock().pending.last_answered();
        self.over.extend(sent.filter(|(_, batch)| batch.number() <= answered));
    }

    /// Whoever sent it does not hear the answer.
    fn send_late(&mut self, which: usize) {
        if let Some(last) = self.over.len().checked_sub(1) {
            let (Membership { node, epoch }, batch) = &self.over[last - which % (last + 1)];
            let _ = self.keys.claim(&mut self.redis, node, epoch, batch).unwrap();
        }
    }

    /// What is sent is carried out; the node does not hear of it.
    fn carry_out_unseen(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        let batch = node.batch().expect("something waits");
        let place = node.membership.current().expect("an open session");
        self.keys.claim(&mut self.redis, &place.node, &place.epoch, &batch).unwrap().unwrap();
    }

    fn lapse(&mut self, incarnation: Id) {
        redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(node_id(incarnation).as_str()).exec(&mut self.redis).unwrap();
    }

    /// A reaper takes one hold of a kind, whichever Redis gives it: it is to be the one that the reference took.
    fn reap_one(&mut self, incarnation: Id, reference: &Reference) {
        let epoch: String = redis::cmd("HGET").arg("wh:epoch").arg("id").query(&mut self.redis).unwrap();
        let saved = Saved::take(&mut self.redis);
        for _ in 0..REAPINGS {
            self.keys.reap(&mut self.redis, node_id(incarnation).as_str(), &epoch, 1).unwrap().unwrap();
            if self.held_by(incarnation) == reference.held_by(incarnation) {
                return;
            }
            saved.put_back(&mut self.redis);
        }
        panic!("the reaper never takes what the reference took");
    }

    /// What Redis has in the sets of an incarnation.
    fn held_by(&mut self, incarnation: Id) -> BTreeSet<Key> {
        let sets = ["users", "channels", "connections"].map(|kind| format!("wh:held_{kind}:{}", node_id(incarnation)));
        let holds: Vec<Vec<u8>> = redis::cmd("SUNION").arg(&sets).query(&mut self.redis).unwrap();
        let key = |hold: Vec<u8>| {
            let (app, rest) = take(&hold[1..]).unwrap();
            let (channel, user) = take(rest).unwrap();
            let user = (hold[0] == b'U').then(|| UserId::new(user));
            self.names.key(app, channel, user.as_ref())
        };
        holds.into_iter().map(key).collect()
    }

    fn end_grace(&mut self) {
        let due: Vec<Vec<u8>> = redis::cmd("ZRANGE").arg("wh:due").arg(0).arg(-1).query(&mut self.redis).unwrap();
        for hold in due {
            redis::cmd("ZADD").arg("wh:due").arg(1).arg(hold).exec(&mut self.redis).unwrap();
        }
    }

    fn app(&self, app: usize) -> AppId {
        AppId::new(&self.names.apps[app])
    }

    fn channel(&self, (_, channel): Channel) -> &[u8] {
        &self.names.channels[channel]
    }

    fn user(&self, user: Option<usize>) -> &[u8] {
        user.map_or(&[], |user| &self.names.users[user])
    }

    /// Numbers of connections are told where no departure waits that is announced with them, sooner than the reference knows.
    fn node_state(&self) -> SharedNodeState {
        let node_state = SharedNodeState::new(usize::MAX).in_batches_of(BATCH);
        if self.keys.grace().is_zero() { node_state.counting(Duration::ZERO, None) } else { node_state }
    }

    fn start_node(&self) -> Node {
        let (telemetry, membership) = (Arc::<Telemetry>::default(), Arc::<SharedMembership>::default());
        let (queue, intents) = IntentQueue::new(16);
        let (queue, node_state) = (Arc::new(queue), Arc::new(self.node_state()));
        let incarnations = Arc::clone(&self.incarnations);
        let cluster = ClaimerParts {
            link: Link::new(self.settings.clone(), Arc::clone(&telemetry)),
            keys: self.keys.clone(),
            audit: None,
            // Never: no single hold is lost here, and the reference has no clock that could tell when a node would look.
            compare_every: Duration::MAX,
            membership: Arc::clone(&membership),
            next_incarnation: Box::new(move || node_id(incarnations.fetch_add(1, Ordering::Relaxed) + 1)),
        };
        let stop = Arc::new(StopFlag::default());
        Node {
            intake: Intake::new(Arc::clone(&queue), intents, Arc::clone(&node_state), Arc::clone(&telemetry)),
            claimer: Claimer::new(Arc::clone(&node_state), cluster, stop, Arc::clone(&telemetry)),
            queue,
            state: node_state,
            membership,
            telemetry,
            now: Instant::now(),
        }
    }
}

impl Node {
    fn take_in(&mut self, intent: Intent) {
        self.queue.push(intent, self.telemetry.counters());
        self.intake.take_portion(None);
    }

    /// What it would send now, a moment after it has sent something. The one behind it is frozen with it.
    fn batch(&mut self) -> Option<Arc<ClaimBatch>> {
        self.now += MOMENT;
        let mut node_state = self.state.lock();
        let batch = node_state.batch(false, self.now);
        node_state.pending.next_batch();
        batch
    }

    /// Talks to Redis until there is nothing more to say, or Redis does not decide now.
    fn step(&mut self) {
        self.claimer.look_next();
        for _ in 0..TURNS {
            let is_held_up = self.claimer.step(self.now).is_some();
            let is_silent = || !self.state.lock().has_batch(self.now);
            if is_held_up || (self.membership.current().is_some() && is_silent()) {
                return;
            }
        }
        panic!("a node does not come to rest");
    }

    fn end(&mut self) {
        {
            let mut node_state = self.state.lock();
            let mut claims = Vec::new();
            node_state.table.close_all(&mut claims);
            node_state.pending.push_claims(claims);
        }
        self.step();
        self.claimer.leave_cluster();
    }
}

fn node_id(incarnation: Id) -> NodeId {
    NodeId::new("node", 1, incarnation)
}

/// The same in both applications.
fn socket_id(socket: usize) -> Vec<u8> {
    format!("1.{socket}").into_bytes()
}
