use std::net::TcpListener;

use super::super::tests::Fixture;
use super::*;
use crate::config::{Endpoint, Target};
use crate::delivery::Credentials;
use crate::delivery::lanes::tests::endpoint;
use crate::outbox::Outbox;
use crate::report::EndpointStates;
use crate::secret::Secret;
use crate::support::wait::{PATIENCE, eventually};
use crate::sync::bounded;

const SECOND: Duration = Duration::from_secs(1);

/// Adds `count` events to the lane of one application.
fn fill(fixture: &Fixture, count: usize) {
    for _ in 0..count {
        fixture.push("a");
    }
}

fn pause(fixture: &Fixture) {
    fixture.scheduler.set_states(EndpointStates { paused: ["0".to_owned()].into(), ..EndpointStates::default() });
}

fn waiting(fixture: &Fixture) -> usize {
    fixture.scheduler.lock().lanes().waiting
}

#[test]
fn one_round_routes_a_thousand_events() {
    let fixture = Fixture::new(1);
    let mut dispatcher = fixture.dispatcher();
    dispatcher.incoming.extend((0..=EVENTS_PER_ROUND).map(|_| fixture.taken("a")));
    dispatcher.route_incoming();
    assert_eq!((waiting(&fixture), dispatcher.incoming.len()), (EVENTS_PER_ROUND, 1));
}

#[test]
fn events_are_held_back_while_the_lanes_are_too_full_and_the_longest_is_prompt() {
    let fixture = Fixture::new(1);
    let mut dispatcher = fixture.dispatcher();
    fill(&fixture, fixture.outbox.max_events());
    assert!(!dispatcher.holds_back(), "the lanes are full");
    fill(&fixture, 1);
    assert!(dispatcher.holds_back());
    dispatcher.incoming.push_back(fixture.taken("a"));
    assert!(dispatcher.holds_back());
    dispatcher.route_incoming();
    dispatcher.drop_excess();
    assert_eq!((waiting(&fixture), dispatcher.incoming.len()), (11, 1));
    dispatcher.incoming[0].arrived = Instant::now().checked_sub(MAX_HOLD_BACK + SECOND).unwrap();
    assert!(!dispatcher.holds_back(), "an event has waited for too long");
    dispatcher.incoming.clear();
    pause(&fixture);
    assert!(!dispatcher.holds_back(), "the longest lane is paused");
}

#[test]
fn events_of_an_ended_ownership_are_removed_wherever_they_wait() {
    let fixture = Fixture::new(1);
    let mut dispatcher = fixture.dispatcher();
    fill(&fixture, 1);
    dispatcher.incoming.extend([0, 1].map(|token| {
        let mut queued = fixture.taken("a");
        queued.position.token = token;
        queued
    }));
    dispatcher.take();
    assert_eq!((waiting(&fixture), dispatcher.incoming.len()), (1, 2), "no ownership has ended");
    let ended = dispatcher.incoming[0].position.shard_token();
    fixture.outbox.revoke(ended);
    dispatcher.take();
    let tokens: Vec<u64> = dispatcher.incoming.iter().map(|queued| queued.position.token).collect();
    assert_eq!((waiting(&fixture), tokens), (0, vec![1]));
}

#[test]
fn the_oldest_events_beyond_the_limit_are_dropped_in_several_batches() {
    let fixture = Fixture::new(1);
    let mut dispatcher = fixture.dispatcher();
    fill(&fixture, 35);
    pause(&fixture);
    dispatcher.drop_excess();
    assert_eq!(waiting(&fixture), fixture.outbox.max_events());
    dispatcher.drop_excess();
    assert_eq!((waiting(&fixture), fixture.outcomes().len()), (fixture.outbox.max_events(), 3));
}

#[test]
fn one_worker_stays_idle_while_others_wait_for_a_hanging_endpoint() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let hanging = Endpoint { target: Target::Url(url.try_into().unwrap()), ..endpoint(0) };
    let fixture = Fixture::held(vec![hanging.clone()], None);
    fixture.scheduler.clients.set(&[hanging]).unwrap();
    for app in ["a", "b", "c", "d", "e"] {
        let credentials = Credentials { key: "key".to_owned(), secret: Secret::new("secret") };
        fixture.scheduler.apps.register(app.into(), credentials);
        fixture.push(app);
    }
    let mut dispatcher = fixture.dispatcher();
    dispatcher.start_attempts();
    assert_eq!(fixture.scheduler.lock().lanes().undelivered().in_flight, 4, "half of the permits");
    eventually("four requests", || (fixture.telemetry.counters.attempts.get() == 4).then_some(()));
    assert!(dispatcher.workers.idle() >= 1, "the system may refuse the next thread");
    fixture.scheduler.stop();
    fixture.scheduler.clients.shutdown();
}

#[test]
fn a_worker_completes_the_attempt_that_it_gets() {
    let fixture = Fixture::new(1);
    fixture.push("a");
    let mut dispatcher = fixture.dispatcher();
    dispatcher.start_attempts();
    let failed = || fixture.scheduler.lock().lanes().undelivered().backing_off == 1;
    eventually("a failed attempt", || failed().then_some(()));
}

#[test]
fn a_flush_ends_when_nothing_is_left_or_at_its_deadline() {
    let fixture = Fixture::new(1);
    let mut dispatcher = fixture.dispatcher();
    fixture.scheduler.lock().lanes().set_flushing(false);
    let (reply, left) = bounded(10);
    let flush = |dispatcher: &mut Dispatcher, deadline| {
        dispatcher.handle(Message::Flush { deadline, reply: reply.clone() });
        assert!(fixture.scheduler.lock().lanes().flushing);
        dispatcher.answer_flushes();
        left.try_recv().ok()
    };
    let now = Instant::now();
    assert_eq!(flush(&mut dispatcher, now + PATIENCE), Some(Undelivered::default()));
    assert!(!fixture.scheduler.lock().lanes().flushing, "no flush is left");

    dispatcher.incoming.push_back(fixture.taken("a"));
    assert_eq!(flush(&mut dispatcher, now + PATIENCE), None, "an event is not routed yet");
    fill(&fixture, 2);
    assert_eq!(flush(&mut dispatcher, now), Some(Undelivered { waiting: 3, ..Undelivered::default() }));
    assert!(fixture.scheduler.lock().lanes().flushing, "the first one waits");
    dispatcher.incoming.clear();
    dispatcher.answer_flushes();
    assert_eq!(left.try_recv().ok(), None, "events wait in a lane");
}

#[test]
fn the_attempt_of_a_worker_that_panicked_has_failed() {
    let fixture = Fixture::new(1);
    fixture.push("a");
    let mut dispatcher = fixture.dispatcher();
    let attempt = fixture.scheduler.lock().next(Instant::now()).unwrap();
    fixture.scheduler.messages.send(Message::Abandoned { lane: attempt.lane }).unwrap();
    dispatcher.wait_for_messages();
    assert_eq!(fixture.scheduler.lock().lanes().undelivered().backing_off, 1);
}

/// Returns how long a dispatcher without messages sleeps, at most `longest`.
fn slept(dispatcher: &mut Dispatcher, longest: Duration) -> Duration {
    let (began, (reply, _left)) = (Instant::now(), bounded(1));
    dispatcher.flushes = vec![Flush { deadline: began + longest, reply }];
    dispatcher.wait_for_messages();
    began.elapsed()
}

#[test]
fn the_dispatcher_does_not_sleep_while_events_are_not_routed() {
    let fixture = Fixture::new(1);
    let mut dispatcher = fixture.dispatcher();
    assert!(slept(&mut dispatcher, HOLD_BACK_INTERVAL) >= HOLD_BACK_INTERVAL, "nothing is to be done");
    fixture.scheduler.signalled.store(true, Ordering::SeqCst);
    assert!(slept(&mut dispatcher, PATIENCE) < PATIENCE, "the outbox has events");
    fixture.scheduler.signalled.store(false, Ordering::SeqCst);
    dispatcher.incoming.push_back(fixture.taken("a"));
    assert!(slept(&mut dispatcher, PATIENCE) < PATIENCE, "an event is not routed");
}

#[test]
fn a_dispatcher_that_holds_events_back_checks_for_room_from_time_to_time() {
    let fixture = Fixture::new(1);
    let mut dispatcher = fixture.dispatcher();
    fill(&fixture, fixture.outbox.max_events() + 1);
    // A lane that waits for a worker has no timer.
    fixture.scheduler.lock().due(Instant::now());
    dispatcher.incoming.push_back(fixture.taken("a"));
    assert!((HOLD_BACK_INTERVAL..PATIENCE).contains(&slept(&mut dispatcher, PATIENCE)));
}

#[test]
fn a_dispatcher_runs_until_it_is_stopped() {
    let fixture = Fixture::new(0);
    let mut dispatcher = fixture.dispatcher();
    let running = std::thread::spawn(move || dispatcher.run());
    fixture.append("a");
    fixture.scheduler.messages.send(Message::Events).unwrap();
    eventually("the event to leave the outbox", || (fixture.outbox.queued() == 0).then_some(()));
    fixture.scheduler.stop();
    fixture.scheduler.messages.send(Message::Stop).unwrap();
    running.join().unwrap();
}
