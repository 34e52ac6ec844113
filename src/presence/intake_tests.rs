//! Tests of the intake.

use super::*;
use crate::event::{CustomName, Shard};
use crate::presence::SharedNodeState;
use crate::presence::batch::BatchEntry;
use crate::support::wait::eventually;

/// Claims, and events of either kind, that wait for Redis per shard.
const LIMIT: usize = 8;

/// An intake with the hooks' side of its queue.
struct Node {
    queue: Arc<IntentQueue>,
    states: Arc<NodeStates>,
    telemetry: Arc<Telemetry>,
    intake: Intake,
}

impl Node {
    fn new(capacity: usize, shards: u8) -> Self {
        let (queue, intents) = IntentQueue::new(capacity);
        let states = NodeStates::new((0..shards).map(|_| SharedNodeState::new(LIMIT)).collect());
        let (queue, states, telemetry) = (Arc::new(queue), Arc::new(states), Arc::new(Telemetry::default()));
        let intake = Intake::new(Arc::clone(&queue), intents, Arc::clone(&states), Arc::clone(&telemetry));
        Self { queue, states, telemetry, intake }
    }

    fn push(&self, intent: Intent) {
        self.queue.push(intent, &self.telemetry.counters);
    }

    /// Has the intake apply `intents`, and returns how many it took.
    fn apply<const N: usize>(&mut self, intents: [Intent; N]) -> usize {
        for intent in intents {
            self.push(intent);
        }
        self.intake.take_portion(None).0
    }

    /// Returns the sockets on a channel, in order.
    fn sockets(&self, channel: &str) -> Vec<SocketId> {
        let state = self.states.lock(Shard::FIRST).state;
        let mut sockets: Vec<_> = state.table.sockets(&app(), channel.as_bytes()).cloned().collect();
        sockets.sort();
        sockets
    }

    /// Returns the entries of the next batch that are not claims, and answers it.
    fn others(&self) -> Vec<BatchEntry> {
        let mut state = self.states.lock(Shard::FIRST).state;
        let entries = state.pending.batch().map(|batch| batch.entries.clone()).unwrap_or_default();
        state.pending.answered();
        entries.into_iter().filter(|entry| !matches!(entry, BatchEntry::Claim(_))).collect()
    }
}

fn app() -> AppId {
    AppId::from("app")
}

fn opened(socket: &str) -> Intent {
    Intent::Opened(app(), socket.into())
}

fn subscribed(channel: &str, socket: &str, user: &str) -> Intent {
    Intent::Subscribed(app(), Packed::new([channel.as_bytes(), socket.as_bytes(), user.as_bytes(), b""]))
}

/// A message for `private-a` from a socket that the host found on `channel`.
fn message(channel: &str) -> Intent {
    let message = br#"{"event":"client-x","channel":"private-a","data":{}}"#;
    Intent::Message(app(), Packed::new([channel.as_bytes(), b"1.1", b"", message]))
}

fn live(sockets: &[(&str, &str)]) -> Vec<Packed<2>> {
    sockets.iter().map(|(socket, user)| Packed::new([socket.as_bytes(), user.as_bytes()])).collect()
}

#[test]
fn an_intent_counts_as_waiting_until_it_is_applied() {
    let Node { queue, states, telemetry, mut intake } = Node::new(8, 1);
    let intents = intake.intents.clone();
    queue.push(subscribed("a", "1.1", ""), &telemetry.counters);

    let entering = states.lock(Shard::FIRST);
    let thread = std::thread::spawn(move || intake.run());
    eventually("the intake to take the intent", || intents.is_empty().then_some(()));
    assert_eq!(queue.waiting(), 1);
    drop(entering);

    eventually("the intake to apply the intent", || (queue.waiting() == 0).then_some(()));
    assert_eq!(states.size(), (1, 1));
    queue.push(Intent::Stop, &telemetry.counters);
    thread.join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn the_intake_naps_after_traffic_and_then_sleeps_until_the_next_intent() {
    let Node { queue, states, telemetry, mut intake } = Node::new(8, 1);
    let (sender, thread_folder) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        sender.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
        intake.run();
    });
    let status = std::path::Path::new("/proc").join(thread_folder.recv().unwrap()).join("status");
    // Each sleep of a thread is a voluntary context switch, see `man 5 proc_pid_status`.
    let sleeps = || {
        let status = std::fs::read_to_string(&status).unwrap();
        let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        switches.trim().parse::<u32>().unwrap()
    };
    queue.push(subscribed("a", "1.1", ""), &telemetry.counters);
    let slept = eventually("the intake to nap, and then to sleep", || {
        let before = sleeps();
        std::thread::sleep(20 * NAP);
        (before >= QUIET_NAPS && sleeps() == before).then_some(before)
    });
    assert!(slept < 2 * QUIET_NAPS, "{slept}");

    queue.push(subscribed("b", "1.1", ""), &telemetry.counters);
    eventually("the intake to apply the next intent", || (queue.waiting() == 0).then_some(()));
    assert_eq!(states.size(), (2, 1));
    queue.push(Intent::Stop, &telemetry.counters);
    thread.join().unwrap();
}

#[test]
fn a_portion_has_the_intents_in_the_queue_and_the_late_ones_after_them() {
    let mut node = Node::new(2, 1);
    assert_eq!(node.apply([opened("1.1"), opened("1.2"), opened("1.3")]), 3);
    assert_eq!((node.states.pending(), node.telemetry.counters.intents.get()), ((3, 0), 3));
    assert_eq!(node.apply([]), 0);
}

#[test]
fn a_socket_is_closed_in_all_shards() {
    let mut node = Node::new(64, 4);
    node.apply([opened("1.1")]);
    (0..20).for_each(|n| node.push(subscribed(&format!("channel-{n}"), "1.1", "")));
    node.apply([]);
    assert_eq!(node.states.size(), (20, 1));
    node.apply([Intent::Closed(app(), "1.1".into())]);
    assert_eq!(node.states.size(), (0, 0));
    assert!(node.states.shards.iter().all(|shard| shard.lock().table.is_empty()), "the connection was closed too");
}

#[test]
fn ignored_channels_have_no_intents() {
    let mut node = Node::new(8, 1);
    node.apply([subscribed("#a", "1.1", ""), subscribed("a", "1.1", "")]);
    assert_eq!(node.states.size(), (1, 1));
}

#[test]
fn comparisons_with_live_connections_are_counted_as_repairs() {
    let mut node = Node::new(8, 1);
    let channel = || ChannelName::from("presence-a");
    node.apply([subscribed("presence-a", "1.1", "7")]);
    let repairs = |node: &Node| node.telemetry.counters.reconcile_repairs.get();
    node.apply([Intent::Live(app(), channel(), live(&[("1.2", "8")]))]);
    assert_eq!((node.sockets("presence-a"), repairs(&node)), (vec!["1.2".into()], 2));
    node.apply([Intent::Present(app(), channel(), live(&[("1.2", "8"), ("1.3", "9")]))]);
    assert_eq!((node.sockets("presence-a"), repairs(&node)), (vec!["1.2".into(), "1.3".into()], 3));
    node.apply([Intent::Absent(app(), channel(), vec!["1.2".into(), "1.4".into()])]);
    assert_eq!((node.sockets("presence-a"), repairs(&node)), (vec!["1.3".into()], 4));
}

#[test]
fn a_client_event_waits_after_the_subscription_of_its_sender() {
    let mut node = Node::new(8, 1);
    let repairs = |node: &Node| node.telemetry.counters.reconcile_repairs.get();
    node.apply([message("private-a")]);
    assert_eq!((node.sockets("private-a"), repairs(&node)), (vec!["1.1".into()], 1), "the subscription was missed");
    node.apply([message("private-a")]);
    assert_eq!((node.states.pending(), repairs(&node)), ((1, 2), 1));
}

#[test]
fn a_message_that_names_another_channel_is_refused() {
    let mut node = Node::new(8, 1);
    node.apply([message("private-b")]);
    assert_eq!((node.states.pending(), node.telemetry.counters.client_events_refused.get()), ((0, 0), 1));
}

#[test]
fn client_events_are_dropped_while_too_many_wait_for_redis() {
    let mut node = Node::new(64, 1);
    (0..LIMIT + 2).for_each(|_| node.push(message("private-a")));
    node.apply([]);
    assert_eq!((node.states.pending(), node.telemetry.counters.client_events_dropped.get()), ((1, LIMIT), 2));
}

#[test]
fn events_of_the_application_that_are_dropped_are_counted_and_logged() {
    let mut node = Node::new(64, 1);
    let name = CustomName::parse("order.paid").unwrap();
    let custom = || Intent::Custom(app(), "".into(), CustomEvent::new(&name, None));
    (0..LIMIT).for_each(|_| node.push(custom()));
    node.apply([]);
    assert_eq!((node.states.pending(), node.telemetry.outcomes.take(9).len()), ((0, LIMIT), 0));
    node.apply([custom(), custom()]);
    assert_eq!(node.telemetry.counters.custom_events_dropped.get(), 2);
    assert_eq!(node.telemetry.outcomes.take(9).len(), 1, "one log line for several events");
}

#[test]
fn a_cache_channel_is_reported_when_it_turns_out_empty_and_when_it_has_a_payload() {
    let mut node = Node::new(8, 1);
    let seen = |empty| Intent::CacheSeen { app: app(), channel: "cache-a".into(), empty };
    let reported = |empty| vec![BatchEntry::Cache(CacheSeen { app: app(), channel: "cache-a".into(), empty })];
    node.apply([subscribed("cache-a", "1.1", ""), seen(false)]);
    assert_eq!(node.others(), vec![], "it was not reported as empty before");
    node.apply([seen(true)]);
    assert_eq!(node.others(), reported(true));
    node.apply([seen(false)]);
    assert_eq!(node.others(), reported(false));
}
