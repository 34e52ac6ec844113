//! Tests of the limits: of a batch, and of what waits while Redis is unreachable.

use super::tests::{event, event_of, join, leave};
use super::*;
use crate::event::ChannelName;

fn seen(channel: &str) -> CacheSeen {
    CacheSeen { app: AppId::from("app"), channel: ChannelName::from(channel), empty: true }
}

#[test]
fn a_large_queue_is_sent_in_portions() {
    let mut pending = Pending::new(10_000);
    pending.push_claims((0..=BATCH_CLAIMS).map(|n| join(&n.to_string())));
    assert_eq!(pending.batch().map(|batch| batch.claims().count()), Some(BATCH_CLAIMS));
    pending.answered();
    assert_eq!(pending.batch().map(|batch| batch.claims().count()), Some(1));
}

#[test]
fn events_frozen_early_still_count_towards_the_byte_limit() {
    let mut pending = Pending::new(10_000);
    pending.set_portion(1);
    let data = vec![b'x'; EVENT_BYTES / 4];
    let long = || event_of("a", None, Some(&data));
    assert!((0..3).all(|_| pending.push_event(long())));
    assert!(pending.batch().is_some() && pending.push_event(long()));
    assert!(pending.next_batch().is_some());
    assert!(!pending.push_event(long()), "only events that were sent free room");
    assert_eq!(pending.waiting_events(), 4);
    pending.answered();
    assert!(pending.push_event(long()));
    assert!(!pending.push_event(long()));
}

#[test]
fn client_events_beyond_the_limit_are_refused_and_claims_are_not() {
    let mut pending = Pending::new(1);
    assert!(pending.push_event(event("a")));
    assert!(!pending.push_event(event("a")));
    assert_eq!(pending.push_claims([join("a"), join("b"), join("c")]), 0);
    assert_eq!(pending.unanswered_claims(), 3);
}

#[test]
fn long_client_events_are_limited_by_bytes() {
    let mut pending = Pending::new(10_000);
    let data = vec![b'x'; 1 << 20];
    let long = || event_of("a", None, Some(&data));
    let taken = (0..200).filter(|_| pending.push_event(long())).count();
    assert_eq!(taken, (EVENT_BYTES >> 20) - 1, "as many events as fit");
    assert_eq!(pending.waiting_events(), taken);
    assert!(pending.batch().is_some());
    assert_eq!(pending.waiting_events(), taken, "the outbox does not have them yet");
    pending.answered();
    assert_eq!(pending.waiting_events(), 0);
    assert_eq!((0..200).filter(|_| pending.push_event(long())).count(), taken, "answered events free room");
    pending.start_over(&LocalTable::default());
    assert_eq!((pending.waiting_events(), pending.push_event(long())), (taken, false));
}

#[test]
fn pairs_are_not_searched_for_on_every_claim() {
    let mut pending = Pending::new(10);
    pending.push_claims((0..50_000).map(|n| join(&n.to_string())));
    for n in 50_000..90_000 {
        pending.push_claims([join(&n.to_string())]);
    }
    assert_eq!(pending.unanswered_claims(), 90_000);
}

#[test]
fn a_batch_is_complete_when_it_is_full_or_frozen() {
    let mut pending = Pending::new(100);
    pending.portion = (10, 2);
    pending.push_claims([join("a")]);
    assert!(!pending.is_batch_complete());
    pending.push_cache(seen("b"));
    assert!(pending.is_batch_complete(), "an observation takes as long as a claim");
    pending.push_cache(seen("c"));
    assert_eq!(pending.batch().map(|batch| batch.entries.len()), Some(2));
    assert!(pending.is_batch_complete(), "it does not change any more");
    pending.answered();
    assert!(!pending.is_batch_complete());
}

#[test]
fn observations_beyond_the_limit_are_refused() {
    let mut pending = Pending::new(1);
    pending.push_cache(seen("a"));
    pending.push_cache(seen("b"));
    assert_eq!(pending.waiting_events(), 0, "observations are no events");
    assert_eq!(pending.batch().unwrap().entries, [BatchEntry::Cache(seen("a"))]);
}

#[test]
fn an_event_may_use_the_last_byte_of_a_shards_part() {
    let mut pending = Pending::new(100);
    pending.share_bytes(4);
    let empty = event_of("a", None, Some(b"")).bytes();
    assert!(pending.push_event(event_of("a", None, Some(&vec![b'x'; EVENT_BYTES / 4 - empty]))));
    assert!(!pending.push_event(event("a")));
}

#[test]
fn the_limits_remain_when_all_is_discarded() {
    let mut pending = Pending::new(100);
    pending.set_portion(2);
    pending.share_bytes(4);
    pending.clear();
    assert_eq!((pending.portion, pending.most_event_bytes, pending.limit), ((2, 2), EVENT_BYTES / 4, 100));
}

#[test]
fn opposite_claims_are_discarded_in_pairs_beyond_the_limit() {
    let mut pending = Pending::new(5);
    assert_eq!(pending.push_claims([join("a"), leave("a"), join("a"), leave("a"), join("b")]), 0, "they fit exactly");
    assert_eq!(pending.push_claims([join("c")]), 2);
    assert_eq!(pending.batch().unwrap().entries, [join("b"), join("c")].map(BatchEntry::Claim));
}

#[test]
fn pairs_are_searched_for_again_when_the_claims_have_doubled() {
    let mut pending = Pending::new(2);
    assert_eq!(pending.push_claims(["a", "b", "c"].map(join)), 0);
    assert_eq!(pending.push_claims(["a", "b", "c"].map(leave)), 0);
    assert_eq!(pending.push_claims([join("d")]), 3);
    assert_eq!(pending.unanswered_claims(), 1);
}
