//! Models of the queue between the hooks and the intake.

use super::*;
use crate::presence::SharedNodeState;
use crate::sync::{check, spawn};

/// A hook waits for no clock, so a deadline that never passes shows a lost intent as a deadlock.
const NEVER: Duration = Duration::from_secs(3600);

/// The hooks' side of a queue with room for `capacity` intents, and a thread that runs its intake.
struct Node {
    queue: Arc<IntentQueue>,
    states: Arc<NodeStates>,
    telemetry: Arc<Telemetry>,
}

impl Node {
    fn start(capacity: usize) -> Self {
        let (queue, intents) = IntentQueue::new(capacity);
        let (queue, states) = (Arc::new(queue), Arc::new(NodeStates::new(vec![SharedNodeState::new(8)])));
        let telemetry = Arc::new(Telemetry::default());
        let mut intake = Intake::new(Arc::clone(&queue), intents, Arc::clone(&states), Arc::clone(&telemetry));
        spawn(move || intake.run());
        Self { queue, states, telemetry }
    }

    fn push(&self, intent: Intent) {
        self.queue.push(intent, &self.telemetry.counters);
    }

    /// Waits until the node state has claims for so many holds.
    fn wait_for_claims(&self, claims: usize) {
        let shard = &self.states.shards[0];
        assert!(shard.wait_until(Instant::now() + NEVER, |state| state.pending.unanswered_claims() >= claims));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            while self.queue.waiting() > 0 {
                sleep(NAP);
            }
            self.push(Intent::Stop);
        }
    }
}

fn subscribed(channel: &str) -> Intent {
    Intent::Subscribed(AppId::from("app"), Packed::new([channel.as_bytes(), b"1.1", b"", b""]))
}

fn opened(socket: &str) -> Intent {
    Intent::Opened(AppId::from("app"), SocketId::from(socket))
}

#[test]
fn the_intake_sleeps_through_no_intent() {
    check(500, || {
        let node = Node::start(8);
        for (n, channel) in ["a", "b", "c"].into_iter().enumerate() {
            node.push(subscribed(channel));
            node.wait_for_claims(n + 1);
        }
    });
}

#[test]
fn an_intent_that_no_longer_waits_is_in_the_node_state() {
    check(500, || {
        let node = Node::start(2);
        for (n, socket) in ["1.1", "1.2", "1.3", "1.4"].into_iter().enumerate() {
            node.push(opened(socket));
            if node.queue.waiting() == 0 {
                assert_eq!(node.states.pending(), (n + 1, 0));
            }
        }
    });
}

#[test]
fn the_intake_sleeps_through_no_socket_that_opened_while_the_queue_was_full() {
    check(500, || {
        let node = Node::start(1);
        for socket in ["1.1", "1.2", "1.3"] {
            node.push(opened(socket));
        }
        node.wait_for_claims(3);
    });
}

#[test]
fn an_intent_that_does_not_fit_is_counted_and_its_channel_is_dirty() {
    check(500, || {
        let node = Node::start(1);
        let channels = ["a", "b", "c"];
        for channel in channels {
            node.push(subscribed(channel));
        }
        let dirty = node.queue.take_dirty().len();
        node.wait_for_claims(channels.len() - dirty);
        assert_eq!(node.telemetry.counters.hook_queue_overflows.get(), dirty as u64);
    });
}

#[test]
fn a_client_event_is_in_the_node_state_or_counted_as_dropped() {
    check(500, || {
        let node = Node::start(2);
        let message = br#"{"event":"client-x","channel":"private-a"}"#;
        let text = || Packed::new([b"private-a".as_slice(), b"1.1", b"", message]);
        for _ in 0..4 {
            node.push(Intent::Message(AppId::from("app"), text()));
        }
        while node.queue.waiting() > 0 {
            sleep(NAP);
        }
        let (_, events) = node.states.pending();
        assert_eq!(events as u64 + node.telemetry.counters.client_events_dropped.get(), 4);
    });
}
