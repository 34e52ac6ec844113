use super::*;
use crate::delivery::attempt::AttemptResult;
use crate::delivery::client::Clients;
use crate::delivery::lanes::tests::{endpoint, lanes, push, status};
use crate::event::{Event, EventKind, Shard};
use crate::outbox::{LaneId, Outbox};
use crate::support::memory_outbox::MemoryOutbox;
use crate::sync::{Receiver, unbounded};
use crate::telemetry::{Outcome, Telemetry, UNCONFIGURED};

const SECOND: Duration = Duration::from_secs(1);

/// A scheduler without threads.
pub(super) struct Fixture {
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) outbox: Arc<MemoryOutbox>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) messages: Receiver<Message>,
}

impl Fixture {
    /// Creates the scheduler of some endpoints.
    pub(super) fn new(endpoints: usize) -> Self {
        Self::held((0..endpoints).map(endpoint).collect(), None)
    }

    /// Creates a scheduler that sends nothing before `held_until`.
    pub(super) fn held(endpoints: Vec<Endpoint>, held_until: Option<Instant>) -> Self {
        let lanes = lanes(endpoints, 8);
        let outbox = Arc::new(MemoryOutbox::new(10));
        let telemetry = Arc::clone(&outbox.telemetry);
        let clients = Clients::new(&telemetry, || {});
        let events: Arc<dyn Outbox> = Arc::<MemoryOutbox>::clone(&outbox);
        let sender = BatchSender { clients, apps: Arc::default(), outbox: events, telemetry: Arc::clone(&telemetry) };
        let (to_dispatcher, messages) = unbounded();
        let scheduler = Arc::new(Scheduler::new(lanes, held_until, sender, to_dispatcher));
        Self { scheduler, outbox, telemetry, messages }
    }

    /// Creates the dispatcher with its standing workers.
    pub(super) fn dispatcher(&self) -> Dispatcher {
        let (scheduler, messages) = (Arc::clone(&self.scheduler), self.messages.clone());
        let workers = Workers::start(Arc::clone(&scheduler)).unwrap().0;
        let shortage = ThreadShortage::default();
        Dispatcher { scheduler, messages, workers, incoming: VecDeque::new(), flushes: Vec::new(), shortage }
    }

    /// Adds an event of `app` to its lanes.
    pub(super) fn push(&self, app: &str) {
        push(self.scheduler.lock().lanes(), app, 0);
    }

    /// Adds an event of `app` to the outbox.
    pub(super) fn append(&self, app: &str) {
        let event = Event { app: app.into(), channel: "c".into(), time_ms: 0, kind: EventKind::ChannelOccupied };
        self.outbox.append(vec![event]);
    }

    /// Adds an event of `app` to the outbox, and takes it.
    pub(super) fn taken(&self, app: &str) -> Queued {
        self.append(app);
        self.outbox.take().events.remove(0)
    }

    /// Returns the number of notifications since the last call.
    pub(super) fn notifications(&self) -> usize {
        std::iter::from_fn(|| self.messages.try_recv().ok())
            .inspect(|sent| assert!(matches!(sent, Message::Due)))
            .count()
    }

    /// Takes the outcomes for PHP, without log lines.
    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let outcomes = self.telemetry.outcomes.take(100);
        outcomes.into_iter().filter(|outcome| !matches!(outcome, Outcome::Log { .. })).collect()
    }
}

#[test]
fn a_dispatcher_without_a_thread_sleeps_even_if_more_lanes_are_due() {
    let fixture = Fixture::new(2);
    fixture.push("app");
    let mut guard = fixture.scheduler.lock();
    let now = Instant::now();
    let attempt = guard.next(now).unwrap();
    guard.requeue(attempt);
    push(guard.lanes(), "other", 1);
    assert!(guard.lanes().next_due().is_some_and(|due| due <= Instant::now()));
    assert!(guard.sleep(None, false).is_some_and(|until| until >= now + SPAWN_RETRY));
}

#[test]
fn a_stopped_scheduler_neither_starts_nor_completes_an_attempt() {
    let fixture = Fixture::new(1);
    fixture.push("a");
    fixture.push("b");
    let now = Instant::now();
    let attempt = fixture.scheduler.lock().next(now).unwrap();
    fixture.scheduler.stop();
    assert!(fixture.scheduler.is_stopped());
    assert!(fixture.scheduler.complete(attempt.lane, status(500).into()).is_none());
    let mut guard = fixture.scheduler.lock();
    assert_eq!(guard.lanes().undelivered().in_flight, 1, "a successor repeats it");
    assert!(guard.next(now).is_none());
    guard.lanes().set_endpoints(vec![], now);
    assert!(!guard.drop_undeliverable(now));
}

#[test]
fn nothing_is_sent_or_dropped_until_the_paused_endpoints_are_known_or_the_time_has_come() {
    let now = Instant::now() + SECOND;
    for is_known in [false, true] {
        let fixture = Fixture::held(vec![endpoint(0), endpoint(1)], Some(now + SECOND));
        fixture.push("a");
        let mut guard = fixture.scheduler.lock();
        guard.lanes().set_endpoints(vec![endpoint(0)], now);
        assert!(guard.next(now).is_none() && !guard.drop_undeliverable(now));
        assert_eq!(guard.sleep(None, false), Some(now + SECOND));
        drop(guard);
        if is_known {
            fixture.scheduler.set_states(EndpointStates::default());
            assert_eq!(fixture.notifications(), 1);
        }
        let mut guard = fixture.scheduler.lock();
        let at = if is_known { now } else { now + SECOND };
        assert!(guard.drop_undeliverable(at) && !guard.drop_undeliverable(at));
        assert!(guard.next(at).is_some());
    }
}

#[test]
fn a_paused_endpoint_gets_nothing() {
    let fixture = Fixture::new(1);
    fixture.push("a");
    fixture.scheduler.set_states(EndpointStates { paused: ["0".to_owned()].into(), ..EndpointStates::default() });
    assert!(fixture.scheduler.lock().next(Instant::now()).is_none());
}

#[test]
fn new_endpoints_apply_to_later_events_and_wake_the_dispatcher() {
    let fixture = Fixture::new(1);
    fixture.scheduler.set_endpoints(vec![endpoint(0), endpoint(1)]);
    assert_eq!(fixture.notifications(), 1);
    fixture.push("a");
    assert_eq!(fixture.scheduler.lock().lanes().waiting, 2);
}

#[test]
fn a_worker_takes_the_next_attempt_and_reserves_one_for_another_worker() {
    for limited in [false, true] {
        let fixture = Fixture::new(1);
        for app in ["a", "b", "c"] {
            fixture.push(app);
        }
        let first = {
            let mut guard = fixture.scheduler.lock();
            guard.lanes().limit_workers(limited.then_some(8));
            guard.next(Instant::now()).unwrap()
        };
        let next = fixture.scheduler.complete(first.lane, status(200).into()).unwrap();
        assert_eq!((first.id.app, next.id.app), ("a".into(), "b".into()));
        let guard = fixture.scheduler.lock();
        assert_eq!(guard.state.unassigned.len(), usize::from(!limited));
        assert_eq!(fixture.notifications(), 1, "the dispatcher has to start a worker");
    }
}

#[test]
fn the_last_attempt_of_a_worker_is_completed_without_a_notification() {
    let fixture = Fixture::new(1);
    fixture.push("a");
    let mut guard = fixture.scheduler.lock();
    guard.lanes().set_flushing(false);
    let attempt = guard.next(Instant::now() + SECOND).unwrap();
    drop(guard);
    assert!(fixture.scheduler.complete(attempt.lane, status(200).into()).is_none());
    assert_eq!(fixture.scheduler.lock().lanes().undelivered().total(), 0);
    assert_eq!(fixture.notifications(), 0);
}

#[test]
fn each_kind_of_work_for_the_dispatcher_notifies_it() {
    let now = Instant::now();
    let notifies = |set_up: &dyn Fn(&mut SchedulerGuard<'_>)| {
        let fixture = Fixture::new(2);
        let mut guard = fixture.scheduler.lock();
        guard.lanes().set_flushing(false);
        guard.state.asleep_until = Some(now);
        set_up(&mut guard);
        guard.notify_if_work_remains(now + SECOND);
        fixture.notifications() == 1
    };
    let due = |guard: &mut SchedulerGuard<'_>| {
        push(guard.lanes(), "a", 0);
        assert_eq!(guard.due(now + 9 * SECOND), 2);
    };
    assert!(!notifies(&|_| ()));
    assert!(!notifies(&due), "workers take it");
    assert!(!notifies(&|guard| guard.lanes().limit_workers(Some(8))));
    assert!(notifies(&|guard| guard.state.holding_back = true));
    assert!(notifies(&|guard| guard.lanes().flushing = true));
    assert!(notifies(&|guard| guard.lanes().set_endpoints(vec![endpoint(0)], now)), "events may have to be dropped");
    assert!(notifies(&|guard| {
        due(guard);
        guard.lanes().limit_workers(Some(8));
    }));
    assert!(notifies(&|guard| {
        due(guard);
        let attempt = guard.next(now + 9 * SECOND).unwrap();
        guard.requeue(attempt);
    }));
}

#[test]
fn a_timer_notifies_a_dispatcher_that_would_sleep_beyond_it() {
    let fixture = Fixture::new(1);
    fixture.push("a");
    let mut guard = fixture.scheduler.lock();
    guard.lanes().set_flushing(false);
    let due = guard.lanes().next_due().unwrap();
    let mut notifies = |asleep_until| {
        guard.wake_up();
        guard.state.asleep_until = asleep_until;
        guard.notify_if_work_remains(Instant::now());
        fixture.notifications() == 1
    };
    let asleep = [due.checked_sub(SECOND / 2), Some(due), Some(due + SECOND / 2), None];
    assert_eq!(asleep.map(&mut notifies), [false, false, true, true]);
}

#[test]
fn a_dispatcher_is_notified_once_until_it_wakes_up() {
    let fixture = Fixture::new(1);
    let mut guard = fixture.scheduler.lock();
    guard.notify();
    guard.notify();
    assert_eq!(fixture.notifications(), 1);
    guard.wake_up();
    assert!(guard.state.asleep_until.is_some_and(|until| until <= Instant::now()), "it is awake");
    guard.notify();
    assert_eq!(fixture.notifications(), 1);
}

#[test]
fn a_panic_under_the_lock_notifies_the_dispatcher() {
    let fixture = Fixture::new(1);
    let locked = || {
        let _guard = fixture.scheduler.lock();
        panic!("on purpose");
    };
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(locked)).is_err());
    assert_eq!(fixture.notifications(), 1);
}

#[test]
fn each_due_endpoint_and_each_attempt_without_a_thread_needs_a_worker() {
    let fixture = Fixture::new(2);
    fixture.push("a");
    let mut guard = fixture.scheduler.lock();
    let now = Instant::now();
    assert_eq!(guard.due(now), 2);
    let attempt = guard.next(now).unwrap();
    assert_eq!(guard.due(now), 1);
    guard.requeue(attempt);
    assert_eq!(guard.due(now), 2);
}

#[test]
fn a_routed_event_waits_once_for_each_endpoint_and_its_application_is_requested() {
    let fixture = Fixture::new(2);
    let queued = fixture.taken("a");
    let mut guard = fixture.scheduler.lock();
    guard.route(queued);
    assert_eq!((guard.lanes().waiting, fixture.outbox.queued()), (2, 2));
    assert_eq!(fixture.scheduler.apps.take_requested(Instant::now()), ["a".into()]);
}

#[test]
fn a_batch_of_another_node_is_sent_under_its_id_or_dropped_if_its_endpoint_is_not_configured() {
    let fixture = Fixture::new(1);
    let inherited = |index| InFlightBatch {
        lane: LaneId { endpoint: endpoint(index).id, app: "a".into(), shard: Shard::FIRST },
        id: format!("msg_{index}"),
        body: Vec::new(),
        events: vec![Arc::new(fixture.taken("a"))],
    };
    for index in [0, 1] {
        fixture.scheduler.lock().inherit(inherited(index));
    }
    let dropped = Outcome::Dropped {
        url: String::new(),
        app_id: "a".to_owned(),
        attempts: 0,
        reason: UNCONFIGURED.to_owned(),
        webhook_id: "msg_1".to_owned(),
        endpoint: "1".to_owned(),
        events: 1,
        dead_letter: None,
    };
    assert_eq!((fixture.outcomes(), fixture.outbox.queued()), (vec![dropped], 1));
    assert_eq!(fixture.scheduler.lock().next(Instant::now()).unwrap().batch.id, "msg_0");
}

#[test]
fn the_result_of_an_attempt_counts_once() {
    let fixture = Fixture::new(1);
    fixture.push("a");
    let attempt = fixture.scheduler.lock().next(Instant::now()).unwrap();
    for _ in 0..2 {
        fixture.scheduler.complete(attempt.lane, AttemptResult::Failed("refused".to_owned()).into());
    }
    assert_eq!(fixture.scheduler.lock().lanes().undelivered().backing_off, 1);
}
