//! Tests of entries of a suspended application, which are set aside.

use std::collections::HashSet;

use super::*;
use crate::event::{ChannelName, ClientEvent, ClientEventParts};
use crate::presence::batch::EventContent;

fn hold(app: &str, channel: &str) -> Hold {
    Hold { app: AppId::from(app), channel: ChannelName::from(channel), user: None }
}

fn join(app: &str, channel: &str) -> Claim {
    Claim::join(hold(app, channel))
}

fn leave(app: &str, channel: &str) -> Claim {
    Claim::leave(hold(app, channel))
}

fn event(app: &str, channel: &str) -> OrderedEvent {
    let parts = ClientEventParts { event: b"client-x", socket: b"1.1", user: None, data: None };
    OrderedEvent {
        app: AppId::from(app),
        channel: ChannelName::from(channel),
        content: EventContent::ByClient(ClientEvent::new(&parts)),
    }
}

fn only(apps: &[&str]) -> HashSet<AppId> {
    apps.iter().copied().map(AppId::from).collect()
}

/// Takes all batches, answers them and returns their entries.
fn sent(pending: &mut Pending) -> Vec<BatchEntry> {
    let mut sent = Vec::new();
    while let Some(batch) = pending.batch() {
        sent.extend(batch.entries.clone());
        pending.answered();
    }
    sent
}

#[test]
fn a_refused_batch_keeps_its_number_without_the_application_whose_entries_keep_their_order() {
    let mut pending = Pending::new(100);
    pending.push_claims([join("bad", "a"), join("good", "a")]);
    assert_eq!(pending.batch().unwrap().number, 1);
    pending.push_claims([leave("bad", "a"), leave("good", "a")]);
    assert!(!pending.suspend(only(&["bad"])));
    pending.push_event(event("bad", "b"));
    pending.push_claims([join("bad", "b"), join("good", "b")]);
    let first = pending.batch().unwrap();
    assert_eq!((first.number, &first.entries[..]), (1, &[BatchEntry::Claim(join("good", "a"))][..]));
    assert_eq!(sent(&mut pending), [join("good", "a"), leave("good", "a"), join("good", "b")].map(BatchEntry::Claim));
    assert_eq!((pending.unanswered_claims(), pending.waiting_events(), pending.is_empty()), (3, 1, false));

    assert!(pending.suspend(HashSet::new()));
    let [join_a, leave_a, join_b] = [join("bad", "a"), leave("bad", "a"), join("bad", "b")].map(BatchEntry::Claim);
    assert_eq!(sent(&mut pending), [join_a, leave_a, BatchEntry::Event(event("bad", "b")), join_b]);
    assert!(pending.is_empty());
}

#[test]
fn entries_set_aside_are_bounded_and_do_not_count_as_in_redis() {
    let mut pending = Pending::new(4);
    pending.suspend(only(&["bad"]));
    let pairs = (0..10).flat_map(|_| [join("bad", "a"), leave("bad", "a")]);
    assert!(pairs.map(|claim| pending.push_claims([claim])).sum::<usize>() > 0);
    assert!(pending.unanswered_claims() <= 4);
    let refused = (0..10).filter(|_| !pending.push_event(event("bad", "a"))).count();
    assert_eq!(refused, 6);
    let mut table = LocalTable::default();
    table.subscribe(&AppId::from("bad"), b"c", b"1.1", None, None, &mut Vec::new());
    pending.push_claims([join("bad", "c")]);
    assert!(!pending.acknowledged(&table).contains(&hold("bad", "c")));
}

#[test]
fn counts_in_a_refused_batch_are_not_set_aside() {
    let mut pending = Pending::new(100);
    pending.push_claims([join("bad", "a")]);
    let count = Count { app: AppId::from("bad"), channel: ChannelName::from("a"), number: 1 };
    assert_eq!(pending.batch_with(|| vec![count]).entries.len(), 2);
    pending.suspend(only(&["bad"]));
    pending.suspend(HashSet::new());
    assert_eq!(sent(&mut pending), [BatchEntry::Claim(join("bad", "a"))]);
}

#[test]
fn events_of_a_refused_batch_and_of_the_next_one_count_towards_the_byte_limit() {
    let mut pending = Pending::new(100);
    pending.set_portion(1);
    pending.most_event_bytes = 3 * event("bad", "a").bytes();
    let push = |pending: &mut Pending, app| pending.push_event(event(app, "a"));
    assert!(push(&mut pending, "bad") && pending.batch().is_some(), "the first one is sent");
    assert!(push(&mut pending, "abc") && pending.next_batch().is_some());
    pending.suspend(only(&["bad"]));
    assert!(push(&mut pending, "abc"));
    assert!(!push(&mut pending, "abc"), "three wait again");
}

#[test]
fn a_node_that_starts_over_claims_the_holds_of_a_suspended_application_too() {
    let mut pending = Pending::new(100);
    pending.suspend(only(&["bad"]));
    let mut table = LocalTable::default();
    for app in ["bad", "good"] {
        table.subscribe(&AppId::from(app), b"a", b"1.1", None, None, &mut Vec::new());
        pending.push_claims([join(app, "a")]);
    }
    pending.start_over(&table);
    assert_eq!(sent(&mut pending), [join("good", "a"), join("bad", "a")].map(BatchEntry::Claim));
}
