//! Redis Cluster: real clusters of three masters and three replicas, a master that dies, and a slot that moves.

#![allow(clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use redis::{Connection, RedisResult};
use resonate_webhooks::admin::{self, Cluster};
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::event::Shard;
use resonate_webhooks::redis::{Link, LinkError, Settings, Unfit};
use resonate_webhooks::telemetry::Telemetry;
use serde_json::{Value, json};
use support::certificates::PrivateCa;
use support::cluster::{all_decided, assert_alternating, events};
use support::engine::{APP, engine, eventually};
use support::receiver::{Answer, Receiver};
use support::redis::{RedisServer, documented_acl};
use support::redis_cluster::{RedisCluster, TAG, add_slots};

fn config(connection: &Value) -> Config {
    Config::from_value(json!({ "connection": connection })).expect("a valid config")
}

fn link(connection: &Value) -> Link {
    Link::new(Settings::of(&config(connection), Shard::FIRST).expect("usable settings"), Arc::<Telemetry>::default())
}

/// Writes to our slot. Returns the port of the server at the other end of the link.
fn port(connection: &mut Connection) -> RedisResult<u16> {
    redis::cmd("SET").arg(format!("{TAG}:mark")).arg("value").exec(connection)?;
    let (_, port): (String, u16) = redis::cmd("CONFIG").arg("GET").arg("port").query(connection)?;
    Ok(port)
}

fn node(cluster: &RedisCluster, receiver: &Receiver) -> Engine {
    engine(&cluster.servers[0], receiver, &json!({ "connection": cluster.connection(&[0, 1, 2]) }))
}

/// Returns what the status of the cluster shows.
fn shown(cluster: &RedisCluster) -> admin::RedisCluster {
    let mut client = Cluster::of(&config(&cluster.connection(&[0, 1, 2]))).expect("usable settings");
    client.status().expect("a status").redis.cluster.expect("a cluster")
}

#[test]
fn claims_and_deliveries_work_and_every_key_is_in_one_slot() {
    let cluster = RedisCluster::start();
    let receiver = Receiver::start();
    let node = node(&cluster, &receiver);
    for n in 0..20 {
        node.subscribed(APP, format!("channel-{n}").as_bytes(), b"1.1", None);
    }
    all_decided(&node);
    node.closed(APP, b"1.1");
    all_decided(&node);
    eventually("the edges", || events(&receiver).len() == 40);
    // In one transaction, since the node writes its status meanwhile.
    let (keys, in_slot): (Vec<String>, usize) = redis::pipe()
        .atomic()
        .cmd("KEYS")
        .arg("*")
        .cmd("CLUSTER")
        .arg("COUNTKEYSINSLOT")
        .arg(cluster.slot())
        .query(&mut cluster.connect())
        .expect("the keys and their number in the slot");
    assert!(keys.len() > 3 && keys.iter().all(|key| key.starts_with(&format!("{TAG}:"))), "{keys:?}");
    assert_eq!(in_slot, keys.len());
    for other in (0..3).filter(|other| *other != cluster.master()) {
        let keys: usize = redis::cmd("DBSIZE").query(&mut cluster.servers[other].connect()).expect("a number");
        assert_eq!(keys, 0);
    }
    assert!(node.end(Duration::from_secs(1)).is_nothing());
    assert_alternating(&receiver, 20);
}

#[test]
fn the_status_shows_slot_master_replicas_and_what_is_down() {
    let mut cluster = RedisCluster::start();
    let address = |n: usize| format!("127.0.0.1:{}", cluster.servers[n].port());
    let (master, replica, other) = (cluster.master(), cluster.replica(), (cluster.replica() - 2) % 3 + 3);
    let found = shown(&cluster);
    assert_eq!((found.slot.slot, found.slot.master), (cluster.slot(), Some(address(master))));
    assert_eq!((found.slot.replicas, found.down), (vec![address(replica)], Vec::<String>::new()));
    let expected = vec![address(other)];
    cluster.servers[other].kill();
    eventually("the dead replica", || shown(&cluster).down == expected);
}

#[test]
fn a_failover_during_visits_costs_no_edge() {
    let mut cluster = RedisCluster::start();
    let receiver = Receiver::start();
    let node = node(&cluster, &receiver);
    for n in 0..20 {
        node.subscribed(APP, format!("stays-{n}").as_bytes(), b"1.1", None);
        node.subscribed(APP, format!("leaves-{n}").as_bytes(), b"1.2", None);
    }
    all_decided(&node);
    eventually("the first edges", || events(&receiver).len() == 40 && cluster.outbox_events() == 0);
    receiver.always("/hook", Answer::Status(503));
    for n in 0..20 {
        node.subscribed(APP, format!("waits-{n}").as_bytes(), b"1.1", None);
    }
    all_decided(&node);
    // The replica's missing data would be lost with the master. Here it has everything, also events in the outbox.
    cluster.replicate();
    let master = cluster.master();
    cluster.servers[master].kill();
    receiver.always("/hook", Answer::Status(200));
    for n in 0..20 {
        node.unsubscribed(APP, format!("leaves-{n}").as_bytes(), b"1.2");
        node.subscribed(APP, format!("comes-{n}").as_bytes(), b"1.1", None);
    }
    all_decided(&node);
    node.closed(APP, b"1.1");
    all_decided(&node);
    eventually("the last edges", || events(&receiver).len() >= 2 * 80 && cluster.outbox_events() == 0);
    assert!(node.end(Duration::from_secs(1)).is_nothing());
    assert_eq!(events(&receiver).len(), 2 * 80);
    assert_alternating(&receiver, 80);
}

#[test]
fn a_slot_that_moves_during_visits_costs_no_edge() {
    let cluster = RedisCluster::start();
    let receiver = Receiver::start();
    let nodes = [node(&cluster, &receiver), node(&cluster, &receiver)];
    let channels: Vec<String> = (0..20).map(|n| format!("channel-{n}")).collect();
    let rounds = cluster.move_slot_during_visits(0, 1, nodes, &channels);
    assert!(rounds > 100, "visits went on while the slot moved: {rounds} rounds");
    assert_alternating(&receiver, 20);
}

#[test]
fn a_link_follows_its_slot_and_a_failover_and_knows_more_than_its_seeds() {
    let mut cluster = RedisCluster::start();
    let (master, next) = (cluster.master(), (cluster.master() + 1) % 3);
    let mut connection = cluster.connection(&[next]);
    connection["cluster"].as_array_mut().expect("seeds").insert(0, json!("127.0.0.1:1"));
    let mut link = link(&connection);
    assert_eq!(link.with(port), Ok(cluster.servers[master].port()), "a seed that is gone is skipped");
    cluster.move_slot(next, || {});
    let error = link.with(port).unwrap_err();
    assert!(error.to_string().contains("another server of the cluster has our slot"), "{error}");
    eventually("a connection to the new master", || link.with(port) == Ok(cluster.servers[next].port()));
    // The only living seed is gone too.
    cluster.servers[next].kill();
    let replica = cluster.servers[next + 3].port();
    eventually("a connection to the promoted replica", || link.with(port) == Ok(replica));
}

#[test]
fn a_half_moved_slot_is_reported_as_such() {
    let cluster = RedisCluster::start();
    let mut link = link(&cluster.connection(&[0]));
    link.with(port).expect("a write");
    let keys = |connection: &mut Connection| {
        redis::cmd("MGET").arg(format!("{TAG}:mark")).arg(format!("{TAG}:other")).exec(connection)
    };
    cluster.move_slot((cluster.master() + 1) % 3, || {
        let error = link.with(keys).unwrap_err();
        assert!(matches!(error, LinkError::Unavailable(_)), "{error:?}");
        assert!(error.to_string().contains("the cluster is moving our slot to another server"), "{error}");
    });
    eventually("the end of the move", || link.with(keys).is_ok());
}

#[test]
fn login_and_tls_apply_to_every_server_of_the_cluster() {
    let ca = PrivateCa::new();
    let server = RedisServer::start_with_tls(
        &ca,
        &["--requirepass", "secret", "--cluster-enabled", "yes", "--tls-cluster", "yes", "--tls-auth-clients", "no"],
    );
    let mut admin = server.connect();
    redis::cmd("AUTH").arg("secret").exec(&mut admin).expect("a login");
    redis::cmd("CLUSTER").arg("ADDSLOTS").arg((0..16_384).collect::<Vec<u16>>()).exec(&mut admin).expect("slots");
    let connection = |password: &str| {
        json!({
            "cluster": true, "shards": 1, "host": "tls://localhost", "port": server.tls_port(), "ca_file": ca.file(),
            "password": password, "timeout": 1,
        })
    };
    let mut secure = link(&connection("secret"));
    // The server notices only at its next tick that it has all slots.
    eventually("a write", || {
        secure.with(|redis| redis::cmd("PING").exec(redis)) == Ok(()) && secure.with(port).is_ok()
    });
    let error = link(&connection("other")).with(port).unwrap_err();
    assert!(matches!(error, LinkError::Refused { key: "password", .. }), "{error:?}");
}

#[test]
fn the_documented_rights_suffice() {
    let server = RedisServer::start_in_cluster(&[], &[]);
    add_slots(&server, 0..16_384);
    let mut rights: Vec<String> = documented_acl().into_iter().filter(|right| !right.contains("roster")).collect();
    rights.retain(|right| right != "+scan" && right != "~wh:*");
    rights.extend([format!("~{TAG}:*"), "+cluster|slots".to_owned()]);
    redis::cmd(&rights[0]).arg(&rights[1..]).exec(&mut server.connect()).expect("a user");
    let connection = json!({
        "cluster": true, "shards": 1, "host": "127.0.0.1", "port": server.port(), "username": "webhooks", "password": "secret",
    });
    let receiver = Receiver::start();
    let node = engine(&server, &receiver, &json!({ "connection": connection }));
    node.subscribed(APP, b"channel", b"1.1", None);
    node.closed(APP, b"1.1");
    eventually("the edges", || events(&receiver).len() == 2);
    let mut client = Cluster::of(&config(&connection)).expect("usable settings");
    assert_eq!(client.refusals().expect("an answer").forbidden, Vec::<String>::new());
    assert_eq!(client.status().expect("a status").redis.cluster, None, "CLUSTER NODES is not allowed");
    redis::cmd("ACL").arg(&["SETUSER", "webhooks", "+cluster|nodes"]).exec(&mut server.connect()).expect("a right");
    let shown = client.status().expect("a status").redis.cluster.expect("a cluster");
    assert!(shown.slot.master.is_some_and(|master| master.ends_with(&format!(":{}", server.port()))));
    assert!(node.end(Duration::from_secs(1)).is_nothing());
}

#[test]
fn a_server_that_is_not_in_a_cluster_is_refused_when_the_config_says_so() {
    let server = RedisServer::start();
    let error = link(&json!({ "cluster": true, "port": server.port() })).with(port).unwrap_err();
    assert_eq!(error, LinkError::Unfit(Unfit::NoCluster));
    assert_eq!(
        error.to_string(),
        "cannot be used: it is not in cluster mode: remove resonate-webhooks.connection.cluster"
    );
}

#[test]
fn a_cluster_that_lacks_the_slot_is_named() {
    let server = RedisServer::start_in_cluster(&[], &[]);
    add_slots(&server, 0..1);
    let error = link(&json!({ "cluster": true, "port": server.port() })).with(port).unwrap_err();
    let expected = format!("127.0.0.1:{} knows no server of slot ", server.port());
    assert!(matches!(&error, LinkError::Unavailable(reason) if reason.starts_with(&expected)), "{error:?}");
}

#[test]
fn a_server_whose_cluster_is_down_is_passed_over() {
    let [isolated, healthy] = [(); 2].map(|()| RedisServer::start_in_cluster(&[], &[]));
    // Like an old master that is cut off, it has our slot, and its cluster is down: one slot is missing.
    add_slots(&isolated, 0..16_383);
    add_slots(&healthy, 0..16_384);
    let seeds = [&isolated, &healthy].map(|server| format!("127.0.0.1:{}", server.port()));
    let mut link = link(&json!({ "cluster": seeds, "timeout": 1, "shards": 1 }));
    eventually("a write", || link.with(port) == Ok(healthy.port()));
}
