//! What is of a suspended application waits aside.

use std::collections::HashSet;

use super::*;
use crate::event::{ChannelName, ClientEvent, ClientEventParts};
use crate::presence::batch::Said;

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
        said: Said::ByClient(ClientEvent::new(&parts)),
    }
}

fn only(apps: &[&str]) -> HashSet<AppId> {
    apps.iter().copied().map(AppId::from).collect()
}

/// Takes everything as Redis would be told of it.
fn told(pending: &mut Pending) -> Vec<BatchEntry> {
    let mut told = Vec::new();
    while let Some(batch) = pending.batch() {
        told.extend(batch.entries.clone());
        pending.answered();
    }
    told
}

#[test]
fn the_batch_that_was_refused_goes_on_without_it_under_its_number_and_it_keeps_its_order() {
    let mut pending = Pending::new(100);
    pending.push_claims([join("bad", "a"), join("good", "a")]);
    assert_eq!(pending.batch().unwrap().number(), 1);
    pending.push_claims([leave("bad", "a"), leave("good", "a")]);
    assert!(!pending.suspend(only(&["bad"])));
    pending.push_event(event("bad", "b"));
    pending.push_claims([join("bad", "b"), join("good", "b")]);
    let first = pending.batch().unwrap();
    assert_eq!((first.number(), &first.entries[..]), (1, &[BatchEntry::Claim(join("good", "a"))][..]));
    assert_eq!(told(&mut pending), [join("good", "a"), leave("good", "a"), join("good", "b")].map(BatchEntry::Claim));
    assert_eq!((pending.unanswered_claims(), pending.waiting_events(), pending.is_empty()), (3, 1, false));

    assert!(pending.suspend(HashSet::new()));
    let [join_a, leave_a, join_b] = [join("bad", "a"), leave("bad", "a"), join("bad", "b")].map(BatchEntry::Claim);
    assert_eq!(told(&mut pending), [join_a, leave_a, BatchEntry::Event(event("bad", "b")), join_b]);
    assert!(pending.is_empty());
}

#[test]
fn what_waits_aside_is_bounded_and_is_not_yet_in_redis() {
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
fn a_node_that_starts_over_claims_it_with_the_rest() {
    let mut pending = Pending::new(100);
    pending.suspend(only(&["bad"]));
    let mut table = LocalTable::default();
    for app in ["bad", "good"] {
        table.subscribe(&AppId::from(app), b"a", b"1.1", None, None, &mut Vec::new());
        pending.push_claims([join(app, "a")]);
    }
    pending.start_over(&table);
    assert_eq!(told(&mut pending), [join("good", "a"), join("bad", "a")].map(BatchEntry::Claim));
}
