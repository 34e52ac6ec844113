//! Tests of replacing the list of endpoints.

use super::*;

/// Delivers all waiting events to endpoints that answer immediately.
fn deliver(lanes: &mut Lanes, now: Instant) {
    while let Some(attempt) = lanes.next(now) {
        assert!(lanes.complete(attempt.lane, status(200).into(), now, 0.0).is_some());
    }
}

#[test]
fn memory_does_not_grow_with_thousands_of_reloads() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    let now = Instant::now() + Duration::from_secs(60);
    for n in 1..5000_usize {
        let seq = u64::try_from(n).unwrap();
        // One endpoint stays, and one is in a single list.
        lanes.set_endpoints(vec![endpoint(0), endpoint(n)], now);
        for app in ["a", "b"] {
            assert_eq!(push(&mut lanes, app, seq).len(), 2);
        }
        deliver(&mut lanes, now);
    }
    assert!(lanes.endpoints.len() <= 4, "{}", lanes.endpoints.len());
    assert_eq!((lanes.ready.len(), lanes.health.len()), (lanes.endpoints.len(), lanes.endpoints.len()));
    assert!(lanes.entries.len() <= 8 && lanes.places.len() <= 8, "{} {}", lanes.entries.len(), lanes.places.len());
    let stays = lanes.endpoints.iter().position(|known| known.id == endpoint(0).id).unwrap();
    assert_eq!(lanes.health[stays].deliveries, 2 * 4999);
}

#[test]
fn a_removed_endpoint_leaves_its_places_to_another() {
    let mut lanes = lanes(vec![endpoint(1)], 8);
    let now = Instant::now() + Duration::from_secs(60);
    push(&mut lanes, "a", 0);
    deliver(&mut lanes, now);
    for endpoints in [vec![], vec![], vec![endpoint(2)]] {
        lanes.set_endpoints(endpoints, now);
    }
    push(&mut lanes, "a", 1);
    assert_eq!((lanes.endpoints.len(), lanes.entries.len(), lanes.places.len()), (1, 1, 1));
}

#[test]
fn a_removed_endpoint_keeps_its_place_while_an_event_waits_or_is_in_flight() {
    let mut lanes = lanes(vec![endpoint(1)], 8);
    let now = Instant::now() + Duration::from_secs(60);
    push(&mut lanes, "a", 0);
    let under_way = lanes.next(now).unwrap();
    push(&mut lanes, "a", 1);
    for n in 2..5 {
        lanes.set_endpoints(vec![endpoint(n)], now);
        assert_eq!(lanes.endpoint(0).id, endpoint(1).id);
    }
    let finished = lanes.complete(under_way.lane, status(200).into(), now, 0.0).unwrap();
    assert_eq!(finished.lane.endpoint, endpoint(1).id);
    assert_eq!(lanes.next_undeliverable(now).unwrap().lane.endpoint, endpoint(1).id);
    assert!(lanes.next_undeliverable(now).is_none());
    // The first reload frees the place, and the second gives it to another endpoint, which starts with fresh health.
    lanes.set_endpoints(vec![endpoint(5)], now);
    lanes.set_endpoints(vec![endpoint(6), endpoint(7), endpoint(8)], now);
    assert_ne!(lanes.endpoint(0).id, endpoint(1).id);
    assert_eq!(push(&mut lanes, "a", 2).len(), 3);
    deliver(&mut lanes, now);
    assert!(lanes.is_done());
    assert_eq!(lanes.health[0].deliveries, 1);
}

#[test]
fn an_endpoint_that_returns_with_the_next_list_keeps_its_state() {
    let mut lanes = lanes(vec![endpoint(1), endpoint(2)], 8);
    let now = Instant::now() + Duration::from_secs(60);
    push(&mut lanes, "a", 0);
    deliver(&mut lanes, now);
    lanes.set_endpoints(vec![endpoint(2)], now);
    lanes.set_endpoints(vec![endpoint(3), endpoint(1), endpoint(2)], now);
    let deliveries: Vec<u64> = (0..3).map(|place| lanes.health[place].deliveries).collect();
    assert_eq!((lanes.endpoint(0).id.as_str(), deliveries), ("1", vec![1, 1, 0]));
}

#[test]
fn a_lane_that_returns_in_another_place_is_freed_once() {
    let mut lanes = lanes(vec![endpoint(1)], 8);
    let now = Instant::now() + Duration::from_secs(60);
    for apps in [&["a", "b"][..], &["a"]] {
        for (seq, app) in (0..).zip(apps) {
            push(&mut lanes, app, seq);
        }
        deliver(&mut lanes, now);
        for endpoints in [vec![], vec![], vec![endpoint(1)]] {
            lanes.set_endpoints(endpoints, now);
        }
    }
    for app in ["a", "b", "c"] {
        push(&mut lanes, app, 9);
    }
    let mut places: Vec<usize> = lanes.places.values().copied().collect();
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2]);
}
