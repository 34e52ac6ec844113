use proptest::prelude::*;

use super::*;
use crate::event::{AppId, ChannelName, ClientEvent, ClientEventParts, UserId};
use crate::presence::batch::EventContent;

impl Pending {
    /// Limits the entries per batch.
    pub(crate) const fn set_portion(&mut self, entries: usize) {
        self.portion = (entries, entries);
    }

    /// Returns `true` if a batch is frozen after the one in flight.
    pub(crate) const fn has_next(&self) -> bool {
        self.next.is_some()
    }
}

fn hold(channel: &str) -> Hold {
    Hold { app: AppId::from("app"), channel: ChannelName::from(channel), user: None }
}

pub(super) fn join(channel: &str) -> Claim {
    Claim::join(hold(channel))
}

pub(super) fn leave(channel: &str) -> Claim {
    Claim::leave(hold(channel))
}

fn user_of(content: &EventContent) -> Option<UserId> {
    match content {
        EventContent::ByClient(event) => event.parts().user.map(UserId::new),
        EventContent::ByApplication(_) => None,
    }
}

pub(super) fn event(channel: &str) -> OrderedEvent {
    event_of(channel, None, None)
}

pub(super) fn event_of(channel: &str, user: Option<&[u8]>, data: Option<&[u8]>) -> OrderedEvent {
    let event = ClientEvent::new(&ClientEventParts { event: b"client-x", socket: b"1.1", user, data });
    OrderedEvent {
        app: AppId::from("app"),
        channel: ChannelName::from(channel),
        content: EventContent::ByClient(event),
    }
}

#[test]
fn a_batch_keeps_its_number_and_content_until_it_is_answered() {
    let mut pending = Pending::new(100);
    pending.push_claims([join("a")]);
    let first = pending.batch();
    pending.push_claims([leave("a")]);
    assert_eq!(pending.batch(), first);
    pending.answered();
    let second = pending.batch();
    assert_eq!(first.map(|batch| batch.number), Some(1));
    assert_eq!(second.map(|batch| batch.number), Some(2));
}

#[test]
fn client_events_keep_their_place_between_the_claims() {
    let mut pending = Pending::new(100);
    pending.push_claims([join("a")]);
    pending.push_event(event("a"));
    pending.push_claims([join("b"), leave("a")]);
    let batch = pending.batch().unwrap();
    let sent = batch.entries.iter().map(|entry| match entry {
        BatchEntry::Claim(Claim { hold, change, .. }) => format!("{change:?} {}", hold.channel.as_text()),
        BatchEntry::Event(event) => format!("Event {}", event.channel.as_text()),
        other => panic!("{other:?}"),
    });
    assert_eq!(sent.collect::<Vec<_>>(), ["Join a", "Event a", "Join b", "Leave a"]);
    pending.answered();
    assert!(pending.is_empty());
}

#[test]
fn a_full_batch_is_frozen_early_and_sent_after_the_one_in_flight() {
    let mut pending = Pending::new(10_000);
    pending.set_portion(2);
    pending.push_claims([join("a"), join("b"), join("c")]);
    let first = pending.batch();
    assert_eq!(pending.next_batch(), None, "the waiting claim waits for another one");
    pending.push_claims([join("d"), join("e")]);
    let second = pending.next_batch().unwrap();
    assert_eq!((second.number, second.claims().count(), pending.unanswered_claims()), (2, 2, 5));
    assert_eq!((pending.batch(), pending.next_batch()), (first, Some(Arc::clone(&second))), "neither changes");
    assert_eq!((pending.last_answered(), pending.is_empty()), (0, false));
    pending.answered();
    assert_eq!((pending.last_answered(), pending.batch(), pending.next_batch()), (1, Some(second), None));
    pending.answered();
    assert_eq!((pending.last_answered(), pending.unanswered_claims()), (2, 1));
    assert!(pending.next_batch().is_none(), "no batch is in flight");
}

#[test]
fn holds_of_a_batch_that_was_not_sent_are_neither_acknowledged_nor_lost_by_starting_over() {
    let app = AppId::from("app");
    let (mut table, mut pending) = (LocalTable::default(), Pending::new(100));
    pending.set_portion(1);
    let mut claims = Vec::new();
    for channel in [b"first", b"other", b"third"] {
        table.subscribe(&app, channel, b"1", None, None, &mut claims);
    }
    pending.push_claims(claims.drain(..));
    assert!(pending.batch().is_some() && pending.next_batch().is_some());
    assert_eq!((pending.acknowledged(&table), pending.last_answered()), (vec![], 0));
    pending.answered();
    assert_eq!((pending.acknowledged(&table), pending.last_answered()), (vec![hold("first")], 1));
    assert!(pending.next_batch().is_some());
    pending.start_over(&table);
    pending.set_portion(100);
    let sent = pending.batch().map(Arc::unwrap_or_clone).unwrap();
    let channels: Vec<_> = sent.claims().map(|claim| claim.hold.clone()).collect();
    assert_eq!((sent.number, channels), (1, vec![hold("first"), hold("other"), hold("third")]));
}

#[test]
fn client_events_alone_make_a_batch() {
    let mut pending = Pending::new(100);
    pending.push_event(event("a"));
    assert_eq!(pending.batch().map(|batch| batch.entries.len()), Some(1));
    assert!(!pending.is_empty(), "Redis has not answered it");
    pending.answered();
    assert!(pending.is_empty());
    pending.batch_with(Vec::new);
    assert!(pending.is_empty(), "the batch in flight has no entries");
}

#[test]
fn unanswered_claims_are_not_acknowledged() {
    let app = AppId::from("app");
    let mut table = LocalTable::default();
    let mut pending = Pending::new(100);
    let mut claims = Vec::new();
    table.subscribe(&app, b"known", b"1", None, None, &mut claims);
    table.subscribe(&app, b"leaving", b"1", None, None, &mut claims);
    pending.push_claims(claims.drain(..));
    pending.batch();
    pending.answered();
    table.unsubscribe(&app, b"leaving", b"1", &mut claims);
    table.subscribe(&app, b"coming", b"1", None, None, &mut claims);
    pending.push_claims(claims.drain(..));
    pending.batch();
    let mut acknowledged = pending.acknowledged(&table);
    acknowledged.sort_by(|a, b| a.channel.cmp(&b.channel));
    assert_eq!(acknowledged, [hold("known"), hold("leaving")]);
}

/// A node with users on `presence-a`, and the changes that the intake would queue.
struct Visitors {
    table: LocalTable,
    pending: Pending,
}

impl Visitors {
    /// Returns a node whose `users` have joined and were answered.
    fn known(users: &[&str]) -> Self {
        let mut visitors = Self { table: LocalTable::default(), pending: Pending::new(100) };
        for user in users {
            visitors.come(user);
        }
        if visitors.pending.batch().is_some() {
            visitors.pending.answered();
        }
        visitors
    }

    fn come(&mut self, user: &str) {
        let mut claims = Vec::new();
        let name = user.as_bytes();
        self.table.subscribe(&AppId::from("app"), b"presence-a", name, Some(name), None, &mut claims);
        self.pending.push_claims(claims);
    }

    fn go(&mut self, user: &str) {
        let mut claims = Vec::new();
        self.table.close(&AppId::from("app"), user.as_bytes(), &mut claims);
        self.pending.push_claims(claims);
    }

    fn event(&mut self, user: &str) {
        let event = event_of("presence-a", Some(user.as_bytes()), None);
        assert!(self.pending.push_event(event));
    }

    /// Starts over and returns the entries that the node sends under its new id.
    fn start_over(mut self) -> Vec<String> {
        self.pending.start_over(&self.table);
        assert!(self.pending.acknowledged(&self.table).is_empty(), "the new id has no holds yet");
        let batch = self.pending.batch().map(Arc::unwrap_or_clone);
        batch.into_iter().flat_map(|batch| batch.entries).map(|entry| describe(&entry)).collect()
    }
}

/// Describes an entry: `+a` for a join, `-a` for a leave, `*a` for an event; `#` is the channel.
fn describe(entry: &BatchEntry) -> String {
    let (sign, user) = match entry {
        BatchEntry::Claim(claim) => (if claim.change == Change::Join { '+' } else { '-' }, claim.hold.user.clone()),
        BatchEntry::Event(event) => ('*', user_of(&event.content)),
        BatchEntry::Cache(_) | BatchEntry::Count(_) => panic!("not pushed here"),
    };
    format!("{sign}{}", user.map_or("#".into(), |user| user.as_text().into_owned()))
}

#[test]
fn starting_over_claims_what_is_served_unless_its_claim_waits() {
    let mut visitors = Visitors::known(&["a"]);
    visitors.event("a");
    visitors.come("b");
    assert_eq!(visitors.start_over(), ["+#", "+a", "*a", "+b"]);
}

#[test]
fn starting_over_neither_loses_nor_repeats_a_pending_stay() {
    let mut visitors = Visitors::known(&[]);
    visitors.come("a");
    visitors.event("a");
    visitors.pending.batch();
    visitors.go("a");
    visitors.come("b");
    assert_eq!(visitors.start_over(), ["+#", "+a", "*a", "-a", "-#", "+#", "+b"]);
}

#[test]
fn starting_over_leaves_departures_of_the_old_id_to_the_reaper() {
    let mut visitors = Visitors::known(&["a", "b"]);
    visitors.go("a");
    visitors.go("b");
    visitors.come("a");
    assert_eq!(visitors.start_over(), ["+#", "+a"]);
}

#[test]
fn starting_over_sends_a_client_event_within_a_stay_of_its_sender() {
    let mut visitors = Visitors::known(&["a", "b"]);
    visitors.event("a");
    visitors.go("b");
    visitors.go("a");
    assert_eq!(visitors.start_over(), ["+#", "+a", "*a", "-a", "-#"]);
}

#[test]
fn starting_over_leaves_the_departure_from_a_channel_without_a_name_to_the_reaper() {
    let mut pending = Pending::new(100);
    let opened = Claim::join(Hold::connection(AppId::from("app"), &"1.1".into()));
    pending.push_claims([opened.clone(), leave("")]);
    pending.start_over(&LocalTable::default());
    assert_eq!(pending.batch().unwrap().entries, [BatchEntry::Claim(opened)], "a connection needs no channel");
}

#[test]
fn starting_over_sends_a_user_within_a_stay_of_the_channel() {
    let mut visitors = Visitors::known(&["a"]);
    visitors.come("b");
    visitors.go("b");
    visitors.go("a");
    assert_eq!(visitors.start_over(), ["+#", "+b", "-b", "-#"]);
}

/// A channel with users, as the local table makes it: a user only joins a channel that is held.
#[derive(Debug, Clone, Copy)]
enum Step {
    Subscribe(u8, u8),
    Close(u8),
    OrderedEvent,
    /// The claimer takes the batch to send and the next one.
    Freeze,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_u8, 0..3_u8).prop_map(|(socket, user)| Step::Subscribe(socket, user)),
        (0..4_u8).prop_map(Step::Close),
        Just(Step::OrderedEvent),
        Just(Step::Freeze),
    ]
}

proptest! {
    /// However many claims are discarded while Redis is unreachable, the remaining ones alternate for each hold, join the
    /// channel before its users, leave it after them, and end at the truth.
    #[test]
    fn coalesced_claims_still_alternate_and_end_at_the_truth(steps in prop::collection::vec(step(), 0..80)) {
        let app = AppId::from("app");
        let mut table = LocalTable::default();
        let mut pending = Pending::new(3);
        pending.set_portion(2);
        let mut claims = Vec::new();
        for step in steps {
            match step {
                Step::Subscribe(socket, user) => {
                    table.subscribe(&app, b"presence-a", &[socket], Some(&[b'a' + user]), None, &mut claims);
                }
                Step::Close(socket) => table.close(&app, &[socket], &mut claims),
                Step::OrderedEvent => { pending.push_event(event("presence-a")); }
                Step::Freeze => {
                    pending.batch();
                    pending.next_batch();
                }
            }
            pending.push_claims(claims.drain(..));
        }
        let mut held: HashSet<Option<UserId>> = HashSet::new();
        while let Some(batch) = pending.batch() {
            for claim in batch.claims() {
                let user = claim.hold.user.clone();
                match claim.change {
                    Change::Join => {
                        prop_assert!(user.is_none() || held.contains(&None), "a user before its channel");
                        prop_assert!(held.insert(user), "joined twice");
                    }
                    Change::Leave => {
                        prop_assert!(held.remove(&user), "left twice");
                        prop_assert!(user.is_some() || held.is_empty(), "the channel left before its users");
                    }
                }
            }
            pending.answered();
        }
        let truth: HashSet<Option<UserId>> = table.holds().map(|hold| hold.user).collect();
        prop_assert_eq!(held, truth);
    }
}
