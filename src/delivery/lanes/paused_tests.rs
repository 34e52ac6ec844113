//! Tests of pausing endpoints.

use super::*;

#[test]
fn a_paused_endpoint_starts_no_attempt_and_attempts_under_way_complete() {
    let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 8);
    let now = Instant::now() + Duration::from_secs(1);
    push(&mut lanes, "app", 0);
    let (first, second) = (lanes.next(now).unwrap(), lanes.next(now).unwrap());
    pause(&mut lanes, &["0"], now);
    push(&mut lanes, "app", 1);
    assert!(!lanes.is_done(), "two attempts are under way");
    for attempt in [first, second] {
        assert!(lanes.complete(attempt.lane, status(200).into(), now, 0.0).is_some());
    }
    assert_eq!(lanes.next(now).map(|attempt| place(&attempt)), Some(1));
    assert!(lanes.next(now + Duration::from_secs(3600)).is_none());
    let status = lanes.status(WallClock { at: now, unix_ms: 5 });
    assert_eq!((status.endpoints[0].state, status.endpoints[0].since_ms), (EndpointState::Paused, Some(5)));
    pause(&mut lanes, &[], now);
    assert_eq!(lanes.next(now).map(|attempt| place(&attempt)), Some(0));
}

#[test]
fn a_shutdown_does_not_wait_for_the_events_of_a_paused_endpoint() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    pause(&mut lanes, &["0"], Instant::now());
    push(&mut lanes, "app", 0);
    assert!(lanes.next(Instant::now()).is_none());
    assert!(lanes.is_done());
    assert_eq!(lanes.undelivered().waiting, 1);
    assert!(!lanes.longest_is_prompt(Instant::now()), "other endpoints do not wait for it");
}

#[test]
fn the_time_of_a_pause_does_not_count_towards_the_retry_window() {
    let patient = Endpoint { retry_for: Some(Duration::from_secs(8)), max_attempts: 100, ..endpoint(0) };
    let mut lanes = lanes(vec![patient], 8);
    push(&mut lanes, "app", 0);
    let (mut now, hour) = (Instant::now(), Duration::from_secs(3600));
    let attempt = lanes.next(now).unwrap();
    assert!(lanes.complete(attempt.lane, status(500).into(), now, 0.0).is_none());
    pause(&mut lanes, &["0"], now);
    now += hour;
    assert!(lanes.next(now).is_none());
    pause(&mut lanes, &["0"], now);
    now += hour;
    pause(&mut lanes, &[], now);
    now += Duration::from_secs(3);
    let attempt = lanes.next(now).unwrap();
    assert!(lanes.complete(attempt.lane, status(500).into(), now, 0.0).is_none(), "3 s + 4 s < 8 s");
    now += Duration::from_secs(4);
    let attempt = lanes.next(now).unwrap();
    assert!(lanes.complete(attempt.lane, status(500).into(), now, 0.0).is_some(), "7 s + 8 s > 8 s");
}

#[test]
fn the_wait_for_an_unknown_application_starts_anew_after_a_pause() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    let mut now = Instant::now();
    push(&mut lanes, "app", 0);
    pause(&mut lanes, &["0"], now);
    now += Duration::from_secs(3600);
    pause(&mut lanes, &[], now);
    let attempt = lanes.next(now).unwrap();
    assert!(lanes.complete(attempt.lane, AttemptResult::UnknownApplication.into(), now, 0.0).is_none());
}
