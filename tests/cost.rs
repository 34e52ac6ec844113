//! What an edge costs Redis: the same few commands on the same few keys, whatever else is in there.

mod support;

use std::collections::BTreeSet;

use resonate_webhooks::engine::Engine;
use serde_json::json;
use support::cluster::stat;
use support::engine::{APP, engine, eventually};
use support::monitor::{Monitor, ScriptCall};
use support::receiver::Receiver;
use support::redis::RedisServer;

/// The channel whose edges are looked at.
const ROOM: &[u8] = b"presence-room";

/// What an endpoint gets that asks for nothing else.
const USUAL: [&str; 5] = ["channel_occupied", "channel_vacated", "member_added", "member_removed", "client_event"];

/// What an endpoint may ask for beside it.
const COUNTS_AND_MISSES: [&str; 2] = ["subscription_count", "cache_miss"];

/// The most commands that a claim's call may need: measured, and a little room.
const MOST_COMMANDS: usize = 20;

/// Commands whose cost grows with the size of a key, or of the whole database.
const GROWING: [&str; 10] =
    ["keys", "scan", "hscan", "zscan", "hgetall", "hkeys", "hvals", "hlen", "smembers", "zrangebyscore"];

/// A node on a Redis, watched.
struct Watched {
    monitor: Monitor,
    node: Engine,
    claims: u64,
    redis: RedisServer,
}

impl Watched {
    fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with these events beside those that an endpoint gets anyway.
    fn start_with(more: &[&str]) -> Self {
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        let mut monitor = Monitor::start(&redis);
        let events = [&USUAL, more].concat();
        let endpoints = json!([{ "url": receiver.url("/hook"), "events": events }]);
        let settings = json!({ "ttl": 3600, "outbox_max_events": 1_000_000, "endpoints": endpoints });
        let node = engine(&redis, &receiver, &settings);
        // A session begins with a call without claims, by which it hears of departures that are due.
        eventually("the session has begun", || stat(&node, "redis_calls") > 0);
        monitor.script_calls();
        Self { monitor, node, claims: 0, redis }
    }

    /// Hands something over that makes this many claims, and returns the calls that judged them.
    fn judged(&mut self, claims: u64, hand_over: impl FnOnce(&Engine)) -> Vec<ScriptCall> {
        hand_over(&self.node);
        self.claims += claims;
        eventually("Redis judges", || stat(&self.node, "claims") >= self.claims);
        let mut calls = self.monitor.script_calls();
        calls.retain(is_claim);
        calls
    }

    /// The calls that judged a visit to the room: one for its beginning, one for its end.
    fn visit(&mut self, user: &[u8], claims: u64) -> Vec<ScriptCall> {
        let mut calls = self.judged(claims, |node| node.subscribed(APP, ROOM, b"visitor", Some(user)));
        calls.extend(self.judged(claims, |node| node.unsubscribed(APP, ROOM, b"visitor")));
        calls
    }
}

/// Whether this is a call of `claim.lua`: its fourth key is what the node holds. One that did nothing found that Redis does
/// not know the script yet.
fn is_claim(call: &ScriptCall) -> bool {
    let is_of_a_script = call.words[0].eq_ignore_ascii_case("evalsha") && !call.commands.is_empty();
    is_of_a_script && call.words.get(6).is_some_and(|key| key.starts_with("wh:held_users:"))
}

/// The commands of each call with the keys they touch, without the name of the node.
fn shape(calls: &[ScriptCall]) -> Vec<Vec<String>> {
    let touched = |command: &Vec<String>| {
        let key = command.get(1).cloned().unwrap_or_default();
        let family = |name: &str| key.starts_with(name).then(|| name.to_owned());
        let families = ["wh:held_users:", "wh:held_channels:", "wh:held_connections:", "wh:reply:"];
        let key = families.into_iter().find_map(family).unwrap_or(key);
        format!("{} {key} ({} words)", command[0].to_ascii_lowercase(), command.len())
    };
    calls.iter().map(|call| call.commands.iter().map(touched).collect()).collect()
}

/// The shape of a visit that begins and ends a channel and a user, on an empty Redis.
fn plain_visit() -> Vec<Vec<String>> {
    let visit = shape(&Watched::start().visit(b"7", 2));
    assert_eq!(visit.len(), 2, "a call for the beginning, and one for the end: {visit:#?}");
    for call in &visit {
        assert!((1..=MOST_COMMANDS).contains(&call.len()), "{call:#?}");
        let grows = |command: &&String| GROWING.iter().any(|growing| command.starts_with(&format!("{growing} ")));
        assert_eq!(call.iter().find(grows), None);
        let unasked = |command: &&String| command.contains("wh:counts") || command.contains("wh:miss");
        assert_eq!(call.iter().find(unasked), None, "nobody wants to know");
    }
    visit
}

/// The commands by which it is told what begins and ends a visit to a channel among so many, in a cluster that counts and looks for misses.
fn counted_visit_among(channels: u64) -> BTreeSet<String> {
    let mut watched = Watched::start_with(&COUNTS_AND_MISSES);
    watched.judged(channels, |node| {
        for n in 0..channels {
            node.subscribed(APP, format!("cache-{n}").as_bytes(), b"1.1", None);
            node.cache_seen(APP, format!("cache-{n}").as_bytes(), true);
        }
    });
    let numbers = |redis: &RedisServer| {
        let fields = redis::cmd("HLEN").arg("wh:counts").query::<u64>(&mut redis.connect());
        fields.unwrap_or_default()
    };
    eventually("all numbers are told", || numbers(&watched.redis) == channels);
    watched.monitor.script_calls();
    let mut calls = watched.judged(1, |node| {
        node.subscribed(APP, b"cache-room", b"visitor", None);
        node.cache_seen(APP, b"cache-room", true);
    });
    eventually("its number is told", || numbers(&watched.redis) == channels + 1);
    calls.extend(watched.judged(0, |_| {}));
    calls.extend(watched.judged(1, |node| node.unsubscribed(APP, b"cache-room", b"visitor")));
    let most = calls.iter().map(|call| call.commands.len()).max();
    assert!(most.is_some_and(|most| most <= MOST_COMMANDS + 5), "{calls:#?}");
    // The number and the miss may travel with the claim or behind it, so that each command is looked at by itself.
    let commands = shape(&calls).concat().into_iter();
    let touched = ["hget wh:counts ", "hset wh:counts ", "set wh:miss:"];
    commands.filter(|command| touched.iter().any(|touched| command.starts_with(touched))).collect()
}

#[test]
fn an_edge_costs_the_same_with_a_hundred_thousand_foreign_keys() {
    let mut watched = Watched::start();
    let fill = "for i = 1, 100000 do redis.call('SET', 'foreign:' .. i, i) end";
    redis::cmd("EVAL").arg(fill).arg(0).exec(&mut watched.redis.connect()).unwrap();
    assert_eq!(shape(&watched.visit(b"7", 2)), plain_visit());
}

#[test]
fn an_edge_costs_the_same_with_ten_channels_and_with_ten_thousand() {
    let visit_among = |channels: u64| {
        let mut watched = Watched::start();
        watched.judged(channels, |node| {
            for n in 0..channels {
                node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
            }
        });
        shape(&watched.visit(b"7", 2))
    };
    assert_eq!(visit_among(10), visit_among(10_000));
    assert_eq!(visit_among(10), plain_visit());
}

#[test]
fn a_number_and_a_miss_cost_the_same_with_ten_channels_and_with_three_thousand() {
    let few = counted_visit_among(10);
    assert_eq!(few.len(), 3, "a number is read and written, a miss is written: {few:?}");
    assert_eq!(few, counted_visit_among(3_000));
}

#[test]
fn an_edge_costs_the_same_with_ten_members_and_with_ten_thousand() {
    let visit_among = |members: u64| {
        let mut watched = Watched::start();
        watched.judged(members + 1, |node| {
            for n in 0..members {
                let member = format!("member-{n}");
                node.subscribed(APP, ROOM, member.as_bytes(), Some(member.as_bytes()));
            }
        });
        shape(&watched.visit(b"7", 1))
    };
    assert_eq!(visit_among(10), visit_among(10_000));
}

#[test]
fn who_joins_a_channel_that_is_held_here_costs_redis_nothing() {
    let mut watched = Watched::start();
    watched.judged(2, |node| node.subscribed(APP, ROOM, b"1.1", Some(b"7")));
    for n in 0..10_000 {
        watched.node.subscribed(APP, ROOM, format!("2.{n}").as_bytes(), Some(b"7"));
        watched.node.unsubscribed(APP, ROOM, format!("2.{n}").as_bytes());
    }
    // The only call is for who comes last, as somebody else.
    let calls = watched.judged(1, |node| node.subscribed(APP, ROOM, b"3.1", Some(b"8")));
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!(stat(&watched.node, "claims"), 3);
}
