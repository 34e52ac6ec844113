//! The system under test: real nodes without their threads, on a real Redis.

mod node;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use node::Node;
use redis::Connection;

use super::kinds::{Id, Key, ModelEvent, What};
use super::names::Names;
use super::operations::{Channel, Operation};
use super::reference::{Reference, batch::BATCH};
use super::rules::Rules;
use super::saved::Saved;
use crate::cluster::{Membership, SharedMembership};
use crate::config::{Address, Config, Connection as Settings};
use crate::event::{
    AppId, ChannelName, ClientEvent, ClientEventParts, Event, EventKind, NodeId, Shard, SocketId, UserId, take,
};
use crate::outbox::redis::codec;
use crate::presence::batch::ClaimBatch;
use crate::presence::scripts::tests::scripts_of_one_partition;
use crate::presence::table::non_empty;
use crate::presence::{
    Claimer, ClaimerParts, Intake, Intent, IntentQueue, NodeStates, OtherData, Packed, PresenceScripts,
    SharedNodeState, StopFlag,
};
use crate::redis::{self as ours, Link};
use crate::support::redis::RedisServer;
use crate::telemetry::Telemetry;

/// A lease that no case outlives. Leases lapse when an operation says so.
const LEASE: Duration = Duration::from_secs(7200);

/// More than a third of a lease. A node that is that much older renews its lease.
const THIRD: Duration = Duration::from_secs(2500);

/// Shorter than `THIRD`: a node that renews its lease has also fetched every departure whose grace is over.
const GRACE: Duration = Duration::from_secs(250);

/// Attempts at removing one particular hold. Redis picks holds at random; so many failures are no chance.
const REAPINGS: usize = 1000;

/// The nodes, and the events that they published.
pub(super) struct Stage {
    settings: ours::Settings,
    redis: Connection,
    keys: PresenceScripts,
    names: Arc<Names>,
    incarnations: Arc<AtomicU32>,
    nodes: Vec<Node>,
    /// Answered batches, with the membership under which they were sent.
    over: Vec<(Membership, Arc<ClaimBatch>)>,
    /// Last outbox entry that was read.
    cursor: String,
    rules: Rules,
}

impl Stage {
    /// Starts the nodes of `reference` on an empty Redis.
    pub(super) fn new(server: &RedisServer, reference: &Reference) -> Self {
        let connection = Settings { address: Address::Unix(server.socket()), ..Settings::default() };
        let config = Config { connection, ..Config::default() };
        let mut redis = server.connect();
        redis::cmd("FLUSHALL").exec(&mut redis).unwrap();
        let mut stage = Self {
            settings: ours::Settings::of(&config, Shard::FIRST).unwrap(),
            redis,
            // A single partition, so that the outbox shows the order of all events.
            keys: PresenceScripts {
                grace: if reference.grants_grace() { GRACE } else { Duration::ZERO },
                ..scripts_of_one_partition(LEASE)
            },
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

    /// Checks, with nothing under way, that the events add up to the truth.
    pub(super) fn at_rest(&self, reference: &Reference) {
        self.rules.at_rest(&reference.present());
        if self.keys.grace.is_zero() {
            self.rules.counts_at_rest(&reference.counts());
        }
    }

    /// Carries out the operation. `reference` has already done so.
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
            Operation::OwnershipEnd { node } => {
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

    /// Returns the intent that the hook of this operation would push.
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
                // Built directly, not from a message: the names here need not be valid JSON.
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

    /// Returns the keys that still have holds, departures or counts.
    pub(super) fn leftovers(&mut self) -> Vec<String> {
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut self.redis).unwrap();
        let names = keys.iter().map(|key| key.escape_ascii().to_string());
        names
            .filter(|key| {
                let families = ["wh:channels:", "wh:users:", "wh:connections:", "wh:held_", "wh:due", "wh:counts"];
                families.iter().any(|family| key.starts_with(family))
            })
            .collect()
    }

    /// Checks that the new events keep the rules and equal those of the reference. They are compared sorted: users who
    /// come or go at once may do so in any order. The rules check the rest of the order.
    fn compare(&mut self, reference: &Reference) {
        let mut published = self.published();
        for event in &published {
            self.rules.observe(event);
        }
        // The time at which a number is published depends on the step. The rules check the numbers.
        published.retain(|event| !matches!(event.what, What::Counted(_)));
        let mut expected = reference.published.clone();
        published.sort();
        expected.sort();
        assert_eq!(published, expected, "the events (left) differ from those of the reference (right)");
    }

    fn published(&mut self) -> Vec<ModelEvent> {
        type Entries = Vec<(String, Vec<(Vec<u8>, Vec<u8>)>)>;
        let mut range = redis::cmd("XRANGE");
        let entries: Entries =
            range.arg("wh:out:0").arg(format!("({}", self.cursor)).arg("+").query(&mut self.redis).unwrap();
        if let Some((last, _)) = entries.last() {
            self.cursor.clone_from(last);
        }
        let events = entries.into_iter().flat_map(|(_, fields)| fields);
        events.map(|(_, text)| self.model_event(codec::decode(&text, 0).expect("a valid event"))).collect()
    }

    fn model_event(&self, event: Event) -> ModelEvent {
        let (user, what) = match event.kind {
            EventKind::ChannelOccupied => (None, What::Came),
            EventKind::ChannelVacated => (None, What::Went),
            EventKind::MemberAdded { user } => (Some(UserId::new(user.as_bytes())), What::Came),
            EventKind::MemberRemoved { user } => (Some(UserId::new(user.as_bytes())), What::Went),
            EventKind::SubscriptionCount { count } => (None, What::Counted(count)),
            EventKind::CacheMiss => panic!("the model has no cache channels"),
            EventKind::ClientEvent(event) => {
                let ClientEventParts { data, user, .. } = event.parts();
                let number = std::str::from_utf8(data.unwrap()).unwrap().parse().unwrap();
                (user.map(UserId::new), What::Whispered(number))
            }
            other => panic!("no operation makes this event: {other:?}"),
        };
        ModelEvent { key: self.names.key(event.app.as_bytes(), event.channel.as_bytes(), user.as_ref()), what }
    }

    /// Lets a node continue after `later`.
    fn step(&mut self, node: usize, later: Duration) {
        let node = &mut self.nodes[node];
        let sent = node.membership.current().zip(node.batch());
        node.now += later;
        node.step();
        let answered = node.state.lock().pending.last_answered();
        self.over.extend(sent.filter(|(_, batch)| batch.number <= answered));
    }

    /// Sends an answered batch again. No node gets the reply.
    fn send_late(&mut self, which: usize) {
        if let Some(last) = self.over.len().checked_sub(1) {
            let (Membership { node, epoch }, batch) = &self.over[last - which % (last + 1)];
            let _ = self.keys.claim(&mut self.redis, node, epoch, batch).unwrap();
        }
    }

    /// Carries out a node's batch. The node does not get the reply.
    fn carry_out_unseen(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        let batch = node.batch().expect("a batch to send");
        let place = node.membership.current().expect("an open session");
        self.keys.claim(&mut self.redis, &place.node, &place.epoch, &batch).unwrap().unwrap();
    }

    fn lapse(&mut self, incarnation: Id) {
        redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(node_id(incarnation).as_str()).exec(&mut self.redis).unwrap();
    }

    /// Lets a reaper remove one hold of a kind, until it is the one that the reference removed. Redis picks it at
    /// random.
    fn reap_one(&mut self, incarnation: Id, reference: &Reference) {
        let epoch: String = redis::cmd("HGET").arg("wh:epoch").arg("id").query(&mut self.redis).unwrap();
        let saved = Saved::take(&mut self.redis);
        for _ in 0..REAPINGS {
            self.keys.reap(&mut self.redis, node_id(incarnation).as_str(), &epoch, 1).unwrap().unwrap();
            if self.held_by(incarnation) == reference.held_by(incarnation) {
                return;
            }
            saved.restore(&mut self.redis);
        }
        panic!("the reaper never removed the hold that the reference removed");
    }

    /// Returns the holds that Redis has of an incarnation.
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

    /// Numbers of connections are published only without a grace. With one, they come together with waiting departures,
    /// earlier than the reference expects.
    fn node_state(&self) -> SharedNodeState {
        let node_state = SharedNodeState::new(usize::MAX);
        node_state.lock().pending.set_portion(BATCH);
        if self.keys.grace.is_zero() {
            node_state.lock().table.count_sockets(Duration::ZERO, None, Instant::now());
        }
        node_state
    }

    fn start_node(&self) -> Node {
        let (telemetry, membership) = (Arc::<Telemetry>::default(), Arc::<SharedMembership>::default());
        let (queue, intents) = IntentQueue::new(16);
        let (queue, node_state) = (Arc::new(queue), Arc::new(NodeStates::new(vec![self.node_state()])));
        let state = Arc::clone(&node_state.shards[0]);
        let incarnations = Arc::clone(&self.incarnations);
        let cluster = ClaimerParts {
            link: Link::new(self.settings.clone(), Arc::clone(&telemetry)),
            keys: self.keys.clone(),
            audit: None,
            // Never: no single hold is lost here, and the reference can't predict the time of a comparison.
            compare_every: Duration::MAX,
            membership: Arc::clone(&membership),
            next_incarnation: Box::new(move || node_id(incarnations.fetch_add(1, Ordering::Relaxed) + 1)),
            others: OtherData::default(),
        };
        let stop = Arc::new(StopFlag::default());
        Node {
            intake: Intake::new(Arc::clone(&queue), intents, Arc::clone(&node_state), Arc::clone(&telemetry)),
            claimer: Claimer::new(Arc::clone(&state), cluster, stop, Arc::clone(&telemetry)),
            queue,
            state,
            membership,
            telemetry,
            now: Instant::now(),
        }
    }
}

fn node_id(incarnation: Id) -> NodeId {
    NodeId::new("node", 1, incarnation)
}

/// Socket ids are the same in both applications.
fn socket_id(socket: usize) -> Vec<u8> {
    format!("1.{socket}").into_bytes()
}
