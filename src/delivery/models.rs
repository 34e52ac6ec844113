//! Models of a whole delivery: the dispatcher, its workers and their callers. The outbox is in memory, and the address guard
//! refuses every endpoint, so that an attempt ends without a network.

#![allow(clippy::unwrap_used, reason = "a model that cannot be set up has failed")]

use super::lanes::tests::endpoint;
use super::*;
use crate::config::{Backoff, Batching, Target};
use crate::event::{Event, EventKind};
use crate::secret::Secret;
use crate::support::memory_outbox::MemoryOutbox;
use crate::sync::{check, sleep, spawn};

/// A model has no clock, so a deadline that never passes shows a lost wake-up as a deadlock.
const NEVER: Duration = Duration::from_secs(3600);

const APP: &str = "app";

/// A delivery with its outbox.
struct Node {
    delivery: Delivery,
    outbox: Arc<MemoryOutbox>,
    /// Gets a message when an event was routed or acknowledged.
    done: Receiver<()>,
}

impl Node {
    /// Starts a delivery to `endpoints`. It sends nothing before the first call of `set_states` if it `is_held`.
    fn start(endpoints: Vec<Endpoint>, is_held: bool) -> Self {
        let apps = AppRegistry::default();
        apps.register(APP.into(), Credentials { key: "key".to_owned(), secret: Secret::new("secret") });
        let (acks, done) = unbounded();
        let routes = acks.clone();
        let outbox = Arc::new(
            MemoryOutbox::new(100)
                .after_acked(move || acks.send(()).unwrap())
                .after_routed(move || routes.send(()).unwrap()),
        );
        // Every event is sent at once and alone: a model has no clock for a flush interval.
        let batching =
            Batching { flush_interval: Duration::ZERO, span: Duration::ZERO, max_events: 1, max_bytes: 10_000 };
        let endpoints = endpoints.into_iter().map(|endpoint| Endpoint { batching, ..endpoint }).collect();
        let (held, events) = (is_held.then(|| Instant::now() + NEVER), Arc::clone(&outbox));
        let delivery = Delivery::start(held, events, endpoints, Arc::new(apps), Arc::default()).unwrap();
        Self { delivery, outbox, done }
    }

    fn deliver(&self, channel: &str) {
        let event = Event { app: APP.into(), channel: channel.into(), time_ms: 0, kind: EventKind::ChannelOccupied };
        self.outbox.append(vec![event]);
        self.delivery.wake();
    }

    /// Waits until every event is acknowledged or unwanted.
    fn wait_until_done(&self) {
        while self.outbox.queued() > 0 {
            self.done.recv().unwrap();
        }
    }

    /// Stops the delivery. Panics if a thread goes on.
    fn stop(&self) {
        assert!(self.delivery.stop(Instant::now() + NEVER));
    }

    /// Returns `true` if the dispatcher sleeps beyond the next timer and is not being woken.
    fn oversleeps(&self) -> bool {
        self.delivery.scheduler.lock().oversleeps(Instant::now())
    }
}

/// Returns endpoints that refuse every attempt, the first of which is the last.
fn refused(count: usize) -> Vec<Endpoint> {
    (0..count).map(|n| Endpoint { target: target(n), max_attempts: 1, ..endpoint(n) }).collect()
}

/// Returns a target that the address guard refuses.
fn target(n: usize) -> Target {
    Target::Url(format!("http://169.254.1.{n}/").try_into().unwrap())
}

#[test]
fn no_event_is_slept_through() {
    // No endpoint wants the events, so the model is small and needs many schedules.
    check(400, || {
        let node = Arc::new(Node::start(Vec::new(), false));
        let other = Arc::clone(&node);
        let outbox = spawn(move || other.deliver("a"));
        node.deliver("b");
        node.wait_until_done();
        node.deliver("c");
        outbox.join().unwrap();
        node.wait_until_done();
        node.stop();
    });
}

#[test]
fn no_lane_waits_for_a_worker_that_never_comes() {
    check(50, || {
        let node = Node::start(refused(3), false);
        node.deliver("a");
        node.deliver("b");
        node.wait_until_done();
        node.stop();
    });
}

#[test]
fn events_that_were_held_at_the_start_are_sent_once_the_paused_endpoints_are_known() {
    check(50, || {
        let node = Arc::new(Node::start(refused(1), true));
        let other = Arc::clone(&node);
        let reporter = spawn(move || other.delivery.set_states(EndpointStates::default()));
        node.deliver("a");
        node.wait_until_done();
        reporter.join().unwrap();
        node.stop();
    });
}

#[test]
fn the_dispatcher_never_sleeps_beyond_a_retry() {
    check(50, || {
        let hours = Backoff::Schedule([NEVER].into());
        let retried = |n| Endpoint { target: target(n), max_attempts: 2, backoff: hours.clone(), ..endpoint(n) };
        let node = Node::start(vec![retried(0), retried(1)], false);
        node.deliver("a");
        while node.delivery.scheduler.lock().lanes().undelivered().backing_off < 2 {
            assert!(!node.oversleeps());
            sleep(Duration::ZERO);
        }
        assert!(!node.oversleeps());
        node.stop();
    });
}

#[test]
fn a_flush_is_answered_when_the_last_event_is_acknowledged() {
    check(50, || {
        let node = Node::start(refused(2), false);
        node.deliver("a");
        assert_eq!(node.delivery.flush(Instant::now() + NEVER).total(), 0);
        assert_eq!(node.outbox.queued(), 0);
        node.stop();
    });
}

#[test]
fn a_stop_ends_every_thread_whatever_they_do() {
    check(50, || {
        let node = Node::start(refused(2), false);
        node.deliver("a");
        node.stop();
    });
}
