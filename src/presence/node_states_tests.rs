//! Tests of the assignment of channels and sockets to shards.

use std::time::Duration;

use super::*;
use crate::event::{ClientEvent, ClientEventParts};
use crate::presence::Packed;
use crate::presence::batch::{EventContent, OrderedEvent};

const SHARDS: u8 = 3;

const SECOND: Duration = Duration::from_secs(1);

fn app() -> AppId {
    AppId::from("app")
}

fn states(shards: u8) -> NodeStates {
    NodeStates::new((0..shards).map(|_| SharedNodeState::new(8)).collect())
}

fn shard(number: u8) -> Shard {
    Shard::new(number).unwrap()
}

fn subscribed(channel: &str) -> Intent {
    Intent::Subscribed(app(), Packed::new([channel.as_bytes(), b"1.1", b"", b""]))
}

/// Subscribes a socket in a locked shard, as the intake does.
fn subscribe(locked: &mut LockedShard<'_>, channel: &str) {
    let mut claims = Vec::new();
    locked.state.table.subscribe(&app(), channel.as_bytes(), b"1.1", None, None, &mut claims);
    locked.state.pending.push_claims(claims);
    locked.record_sockets();
}

/// Returns a channel of each shard.
fn channels() -> Vec<String> {
    let of = |number| {
        let mut names = (0..).map(|n| format!("c{n}"));
        names.find(|name| Shard::of(&app(), name.as_bytes(), SHARDS) == shard(number)).unwrap()
    };
    (0..SHARDS).map(of).collect()
}

#[test]
fn an_intent_belongs_to_the_shard_of_its_channel() {
    let (one, several) = (states(1), states(SHARDS));
    assert_eq!((one.shards.len(), several.shards.len()), (1, 3));
    assert_eq!((one.are_several(), several.are_several()), (false, true));
    assert_eq!(one.shards[0].lock().table.socket_changes, None, "the table of one shard has all sockets");
    for (number, channel) in (0..).zip(channels()) {
        assert_eq!(several.shard_of_intent(&subscribed(&channel)), shard(number));
        assert_eq!(one.shard_of_intent(&subscribed(&channel)), Shard::FIRST);
        let own = several.of(&app(), channel.as_bytes());
        assert!(std::ptr::eq(own, &raw const *several.shards[usize::from(number)]));
    }
    assert_eq!(several.shard_of_intent(&Intent::Stop), Shard::FIRST);
}

#[test]
fn a_socket_is_closed_in_the_shards_of_its_channels_and_of_its_connection() {
    let (states, socket) = (states(SHARDS), SocketId::from("1.1"));
    let own = Shard::of(&app(), socket.as_bytes(), SHARDS);
    let shards = || states.shards_of_socket(&app(), &socket).collect::<Vec<_>>();
    assert_eq!((shards(), states.size()), (vec![own], (0, 0)));
    let channels = channels();
    for (number, channel) in (0..).zip(&channels) {
        subscribe(&mut states.lock(shard(number)), channel);
    }
    assert_eq!((shards(), states.size()), (Shard::all(SHARDS).collect(), (3, 1)), "three channels, one socket");
    for (number, channel) in (0..).zip(&channels) {
        let mut locked = states.lock(shard(number));
        locked.state.table.unsubscribe(&app(), channel.as_bytes(), b"1.1", &mut Vec::new());
        locked.record_sockets();
        assert_eq!(shards(), Shard::all(SHARDS).filter(|n| *n > shard(number) || *n == own).collect::<Vec<_>>());
    }
    assert_eq!((shards(), states.size()), (vec![own], (0, 0)));
}

#[test]
fn one_shard_counts_its_sockets_itself() {
    let states = states(1);
    subscribe(&mut states.lock(Shard::FIRST), "a");
    subscribe(&mut states.lock(Shard::FIRST), "b");
    assert_eq!((states.size(), states.pending()), ((2, 1), (2, 0)));
}

#[test]
fn claims_and_events_of_all_shards_are_pending() {
    let states = states(SHARDS);
    for (number, channel) in (0..).zip(channels()) {
        let mut locked = states.lock(shard(number));
        subscribe(&mut locked, &channel);
        let event = ClientEvent::new(&ClientEventParts { event: b"client-x", ..ClientEventParts::default() });
        let (app, channel) = (app(), channel.as_str().into());
        locked.state.pending.push_event(OrderedEvent { app, channel, content: EventContent::ByClient(event) });
    }
    assert_eq!((states.pending(), states.undecided_claims()), ((3, 3), vec![1, 1, 1]));
}

#[test]
fn a_wait_for_several_shards_leaves_half_of_the_time() {
    let began = Instant::now();
    let empty = states(SHARDS);
    empty.wait_until_empty(began + 60 * SECOND);
    let one = states(1);
    subscribe(&mut one.lock(Shard::FIRST), "a");
    one.wait_until_empty(began + SECOND / 2);
    assert!(began.elapsed() >= SECOND / 2, "one shard has all of the time");
    let (several, began) = (states(SHARDS), Instant::now());
    subscribe(&mut several.lock(shard(2)), "a");
    several.wait_until_empty(began + 4 * SECOND);
    assert!((2 * SECOND..4 * SECOND).contains(&began.elapsed()), "{:?}", began.elapsed());
}

/// Locks the first of `shards` for a subscription, moves to each of the others and unlocks the last one. Returns `true` if
/// that wakes a thread that waits for claims in the first one.
fn wakes(shards: &[u8]) -> bool {
    let (states, (checks, checked)) = (states(SHARDS), std::sync::mpsc::channel());
    std::thread::scope(|scope| {
        let claimer = &states.shards[usize::from(shards[0])];
        let until = Instant::now() + 20 * SECOND;
        let waiting = scope.spawn(move || {
            claimer.wait_until(until, |state| {
                checks.send(()).unwrap();
                !state.pending.is_empty()
            })
        });
        checked.recv().unwrap();
        // The thread holds the lock from its check until it sleeps.
        let mut locked = states.lock(shard(shards[0]));
        subscribe(&mut locked, "a");
        for number in shards {
            locked = locked.move_to(shard(*number));
            assert_eq!(locked.shard, shard(*number));
        }
        locked.unlock();
        waiting.join().unwrap()
    })
}

#[test]
fn the_claimers_of_all_shards_of_a_portion_are_woken() {
    for shards in [&[0][..], &[0, 1], &[2, 1], &[0, 1, 0], &[0, 1, 0, 1]] {
        assert!(wakes(shards), "{shards:?}");
    }
}
