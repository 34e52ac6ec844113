//! Redis with Sentinels: real servers, a real Sentinel, and a master that dies.

#![allow(clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redis::{Connection, RedisResult};
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::event::Shard;
use resonate_webhooks::redis::{Link, LinkError, Settings};
use resonate_webhooks::telemetry::Telemetry;
use serde_json::{Value, json};
use support::cluster::stat;
use support::engine::{APP, engine, eventually};
use support::receiver::{Received, Receiver};
use support::watched::Watched;

fn link(connection: &Value) -> Link {
    let config = Config::from_value(json!({ "connection": connection })).expect("a valid config");
    Link::new(Settings::of(&config, Shard::FIRST).expect("usable settings"), Arc::<Telemetry>::default())
}

/// Returns the port of the server at the other end of the link.
fn port(connection: &mut Connection) -> RedisResult<u16> {
    let (_, port): (String, u16) = redis::cmd("CONFIG").arg("GET").arg("port").query(connection)?;
    redis::cmd("SET").arg("key").arg("value").exec(connection)?;
    Ok(port)
}

#[test]
fn a_link_finds_the_master_and_after_its_death_the_new_one() {
    let mut watched = Watched::start();
    let mut link = link(&watched.connection());
    assert_eq!(link.with(port), Ok(watched.master.port()));
    watched.master.kill();
    eventually("a connection to the new master", || link.with(port) == Ok(watched.replica.port()));
}

#[test]
fn a_dead_sentinel_is_skipped() {
    let watched = Watched::start();
    let sentinels = ["127.0.0.1:1".to_owned(), format!("127.0.0.1:{}", watched.sentinel.port())];
    assert_eq!(link(&json!({ "sentinels": sentinels })).with(port), Ok(watched.master.port()));
}

#[test]
fn an_unknown_service_is_named_with_its_key() {
    let watched = Watched::start();
    let mut connection = watched.connection();
    connection["service"] = json!("other");
    let error = link(&connection).with(port).unwrap_err();
    assert!(matches!(error, LinkError::Refused { key: "service", .. }), "{error:?}");
}

#[test]
fn a_server_that_is_not_the_master_is_not_used() {
    let watched = Watched::start();
    // The Sentinel still takes this server for the master, but it now follows the replica.
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(watched.replica.port()).exec(&mut watched.master.connect()).unwrap();
    let error = link(&watched.connection()).with(port).unwrap_err();
    let expected = format!("127.0.0.1:{} is not the master yet", watched.master.port());
    assert_eq!(error, LinkError::Unavailable(expected));
}

#[test]
fn a_server_that_hides_its_role_is_trusted_as_the_sentinel_names_it() {
    let watched = Watched::start();
    redis::cmd("ACL").arg(&["SETUSER", "default", "-role"]).exec(&mut watched.master.connect()).unwrap();
    assert_eq!(link(&watched.connection()).with(port), Ok(watched.master.port()));
}

/// Waits until every claim is decided.
fn wait_for_claims(node: &Engine) {
    eventually("all claims to be decided", || stat(node, "queued_intents") + stat(node, "pending_claims") == 0);
}

/// Returns the received events.
fn events(receiver: &Receiver) -> Vec<String> {
    receiver.received("/hook").iter().flat_map(Received::events).collect()
}

#[test]
fn a_failover_during_visits_costs_no_edge() {
    let mut watched = Watched::start();
    let receiver = Receiver::start();
    let node = engine(&watched.master, &receiver, &json!({ "connection": watched.connection() }));
    let (all_decided, events) = (|| wait_for_claims(&node), || events(&receiver));
    for n in 0..20 {
        node.subscribed(APP, format!("stays-{n}").as_bytes(), b"1.1", None);
        node.subscribed(APP, format!("leaves-{n}").as_bytes(), b"1.2", None);
    }
    all_decided();
    eventually("the first edges", || events().len() == 40 && watched.master.outbox_events() == 0);
    // The replica's missing data would be lost with the master. Here it has everything.
    watched.replicate();
    watched.master.kill();
    for n in 0..20 {
        node.unsubscribed(APP, format!("leaves-{n}").as_bytes(), b"1.2");
        node.subscribed(APP, format!("comes-{n}").as_bytes(), b"1.1", None);
    }
    all_decided();
    node.closed(APP, b"1.1");
    all_decided();
    eventually("the last edges", || events().len() >= 2 * 60);
    assert!(node.end(Duration::from_secs(1)).is_nothing());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in events() {
        *counts.entry(event).or_default() += 1;
    }
    assert_eq!(counts.len(), 2 * 60, "{counts:?}");
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn data_lost_in_a_failover_is_restored_and_edges_keep_alternating() {
    let mut watched = Watched::start();
    let receiver = Receiver::start();
    let node = engine(&watched.master, &receiver, &json!({ "connection": watched.connection() }));
    let (all_decided, events) = (|| wait_for_claims(&node), || events(&receiver));
    node.subscribed(APP, b"stays", b"1.1", None);
    node.subscribed(APP, b"leaves", b"1.2", None);
    all_decided();
    // An acknowledgement that is lost with the master makes its event come again.
    eventually("an empty outbox", || watched.master.outbox_events() == 0);
    watched.replicate();
    // From here on the replica gets no data, and the receiver gets everything.
    watched.replica.hang();
    redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("replica").exec(&mut watched.master.connect()).unwrap();
    node.subscribed(APP, b"comes", b"1.1", None);
    node.unsubscribed(APP, b"leaves", b"1.2");
    all_decided();
    eventually("the edges", || events().len() == 4);
    watched.master.kill();
    watched.replica.resume();

    node.subscribed(APP, b"leaves", b"1.2", None);
    node.closed(APP, b"1.1");
    all_decided();
    eventually("the last edges", || events().len() >= 7);
    assert!(node.end(Duration::from_secs(1)).is_nothing());
    let told = |channel: &str| {
        let names = events().into_iter().filter_map(|event| event.strip_suffix(channel).map(str::to_owned));
        names.map(|name| name.trim_end().trim_start_matches("channel_").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told("stays"), ["occupied", "vacated"]);
    assert_eq!(told("comes"), ["occupied", "vacated"], "the lost hold is restored");
    assert_eq!(told("leaves"), ["occupied", "vacated", "occupied", "vacated"], "the lost departure is published once");
}
