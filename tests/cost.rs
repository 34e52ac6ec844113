//! Cost of an edge in Redis: the same few commands on the same few keys, whatever else Redis holds.

mod support;

use std::collections::BTreeSet;

use resonate_webhooks::engine::Engine;
use serde_json::json;
use support::cluster::stat;
use support::engine::{APP, engine, eventually};
use support::monitor::{Monitor, ScriptCall};
use support::receiver::Receiver;
use support::redis::RedisServer;

/// Channel of the measured edges.
const ROOM: &[u8] = b"presence-room";

/// Events that an endpoint gets by default.
const USUAL: [&str; 5] = ["channel_occupied", "channel_vacated", "member_added", "member_removed", "client_event"];

/// Events that an endpoint gets only if it lists them.
const COUNTS_AND_MISSES: [&str; 2] = ["subscription_count", "cache_miss"];

/// Maximum number of commands in one claim call: the measured number and a small margin.
const MOST_COMMANDS: usize = 20;

/// Commands whose cost grows with the size of a key or of the database.
const GROWING: [&str; 10] =
    ["keys", "scan", "hscan", "zscan", "hgetall", "hkeys", "hvals", "hlen", "smembers", "zrangebyscore"];

/// A node whose Redis is monitored.
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

    /// Starts a node whose endpoint also gets these events.
    fn start_with(more: &[&str]) -> Self {
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        let mut monitor = Monitor::start(&redis);
        let events = [&USUAL, more].concat();
        let endpoints = json!([{ "url": receiver.url("/hook"), "events": events }]);
        let settings = json!({ "ttl": 3600, "outbox_max_events": 1_000_000, "endpoints": endpoints });
        let node = engine(&redis, &receiver, &settings);
        // Opening a session makes a call without claims, which fetches due departures.
        eventually("the session to be open", || stat(&node, "redis_calls") > 0);
        monitor.script_calls();
        Self { monitor, node, claims: 0, redis }
    }

    /// Runs `hand_over`, which makes this many claims, and returns the claim calls.
    fn claim_calls(&mut self, claims: u64, hand_over: impl FnOnce(&Engine)) -> Vec<ScriptCall> {
        hand_over(&self.node);
        self.claims += claims;
        eventually("the decision of Redis", || stat(&self.node, "claims") >= self.claims);
        let mut calls = self.monitor.script_calls();
        calls.retain(is_claim);
        calls
    }

    /// Returns the claim calls of a visit to the room: one for its start, one for its end.
    fn visit(&mut self, user: &[u8], claims: u64) -> Vec<ScriptCall> {
        let mut calls = self.claim_calls(claims, |node| node.subscribed(APP, ROOM, b"visitor", Some(user)));
        calls.extend(self.claim_calls(claims, |node| node.unsubscribed(APP, ROOM, b"visitor")));
        calls
    }
}

/// Returns true for a call of `claim.lua`: its fourth key is a list of holds. A call without commands is not one; it
/// found that Redis does not know the script yet.
fn is_claim(call: &ScriptCall) -> bool {
    let is_of_a_script = call.words[0].eq_ignore_ascii_case("evalsha") && !call.commands.is_empty();
    is_of_a_script && call.words.get(6).is_some_and(|key| key.starts_with("wh:held_users:"))
}

/// Returns the commands of each call with their keys, without the id of the node.
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

/// Returns the shape of a visit that occupies and vacates a channel, with one user, on an empty Redis.
fn plain_visit() -> Vec<Vec<String>> {
    let visit = shape(&Watched::start().visit(b"7", 2));
    assert_eq!(visit.len(), 2, "one call for the start and one for the end: {visit:#?}");
    for call in &visit {
        assert!((1..=MOST_COMMANDS).contains(&call.len()), "{call:#?}");
        let grows = |command: &&String| GROWING.iter().any(|growing| command.starts_with(&format!("{growing} ")));
        assert_eq!(call.iter().find(grows), None);
        let unasked = |command: &&String| command.contains("wh:counts") || command.contains("wh:miss");
        assert_eq!(call.iter().find(unasked), None, "no endpoint wants counts or misses");
    }
    visit
}

/// Returns the commands of a visit to one of `channels` channels, in a cluster with counts and cache misses.
fn counted_visit_among(channels: u64) -> BTreeSet<String> {
    let mut watched = Watched::start_with(&COUNTS_AND_MISSES);
    watched.claim_calls(channels, |node| {
        for n in 0..channels {
            node.subscribed(APP, format!("cache-{n}").as_bytes(), b"1.1", None);
            node.cache_seen(APP, format!("cache-{n}").as_bytes(), true);
        }
    });
    let numbers = |redis: &RedisServer| {
        let fields = redis::cmd("HLEN").arg("wh:counts").query::<u64>(&mut redis.connect());
        fields.unwrap_or_default()
    };
    eventually("the numbers of all channels", || numbers(&watched.redis) == channels);
    watched.monitor.script_calls();
    let mut calls = watched.claim_calls(1, |node| {
        node.subscribed(APP, b"cache-room", b"visitor", None);
        node.cache_seen(APP, b"cache-room", true);
    });
    eventually("the number of the room", || numbers(&watched.redis) == channels + 1);
    calls.extend(watched.claim_calls(0, |_| {}));
    calls.extend(watched.claim_calls(1, |node| node.unsubscribed(APP, b"cache-room", b"visitor")));
    let most = calls.iter().map(|call| call.commands.len()).max();
    assert!(most.is_some_and(|most| most <= MOST_COMMANDS + 5), "{calls:#?}");
    // The number and the miss may come in the claim call or in a later one, so only the set of commands is compared.
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
        watched.claim_calls(channels, |node| {
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
    assert_eq!(few.len(), 3, "one read and one write of a number, one write of a miss: {few:?}");
    assert_eq!(few, counted_visit_among(3_000));
}

#[test]
fn an_edge_costs_the_same_with_ten_members_and_with_ten_thousand() {
    let visit_among = |members: u64| {
        let mut watched = Watched::start();
        watched.claim_calls(members + 1, |node| {
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
fn a_join_of_a_channel_that_the_node_holds_costs_redis_nothing() {
    let mut watched = Watched::start();
    watched.claim_calls(2, |node| node.subscribed(APP, ROOM, b"1.1", Some(b"7")));
    for n in 0..10_000 {
        watched.node.subscribed(APP, ROOM, format!("2.{n}").as_bytes(), Some(b"7"));
        watched.node.unsubscribed(APP, ROOM, format!("2.{n}").as_bytes());
    }
    // The only call is for the last socket, which is another user.
    let calls = watched.claim_calls(1, |node| node.subscribed(APP, ROOM, b"3.1", Some(b"8")));
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!(stat(&watched.node, "claims"), 3);
}
