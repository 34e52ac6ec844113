//! `connection.cluster`: a Redis Cluster in the config.

mod support;

use resonate_webhooks::config::{Address, Config, Seeds, TlsFiles};
use serde_json::{Value, json};
use support::config::{accepted, refusal};

fn seeds(connection: &Value) -> Seeds {
    match accepted(json!({ "connection": connection })).connection.address {
        Address::Cluster(seeds) => seeds,
        other => panic!("not a cluster: {other}"),
    }
}

#[test]
fn a_list_of_seeds_takes_the_place_of_a_host() {
    let connection = json!({"host": "other", "password": "p", "cluster": "10.0.0.1:7000, s2"});
    let config = accepted(json!({ "connection": connection })).connection;
    assert_eq!(config.login.expect("a login").password.expose(), "p");
    assert_eq!(config.address.to_string(), "10.0.0.1:7000, s2:6379 (Cluster)");
    assert_eq!(seeds(&json!({"cluster": ["[::1]:7000"]})).hosts, [("::1".to_owned(), 7000)]);
    for off in [json!(null), json!(""), json!([]), json!(false), json!("0")] {
        assert_eq!(accepted(json!({ "connection": {"cluster": off} })), Config::default());
    }
}

#[test]
fn the_server_at_the_url_or_the_host_may_be_the_only_seed() {
    assert_eq!(seeds(&json!({"cluster": true, "host": "r", "port": 7000})).hosts, [("r".to_owned(), 7000)]);
    assert_eq!(seeds(&json!({"cluster": 1, "host": "r"})).hosts, [("r".to_owned(), 6379)]);
    let by_url = accepted(json!({"connection": {"cluster": "true", "url": "rediss://:p@r:7000"}})).connection;
    let Address::Cluster(seeds) = by_url.address else { panic!("no cluster") };
    assert_eq!((seeds.hosts, seeds.tls), (vec![("r".to_owned(), 7000)], Some(TlsFiles::default())));
    assert_eq!(by_url.login.expect("a login").password.expose(), "p");
}

#[test]
fn tls_applies_to_all_servers_of_the_cluster() {
    let files = TlsFiles { ca: Some("/ca.pem".into()), client: None };
    for connection in [
        json!({"cluster": ["tls://a", "tls://b"], "ca_file": "/ca.pem"}),
        json!({"cluster": ["a", "b"], "scheme": "tls", "ca_file": "/ca.pem"}),
        json!({"cluster": true, "host": "tls://a", "ca_file": "/ca.pem"}),
    ] {
        assert_eq!(seeds(&connection).tls, Some(files.clone()));
    }
}

#[test]
fn every_key_gets_the_hash_tag_of_its_shard() {
    let prefixes = |settings: Value| {
        let config = accepted(settings);
        config.shards().map(|shard| config.prefix_of(shard)).collect::<Vec<_>>()
    };
    let cluster = |shards: Value| json!({"cluster": ["a"], "shards": shards});
    assert_eq!(prefixes(json!({ "connection": cluster(json!(1)) })), ["{wh:0}"]);
    assert_eq!(prefixes(json!({ "connection": cluster(json!("2")), "key_prefix": "chat" })), ["{chat:0}", "{chat:1}"]);
    assert_eq!(prefixes(json!({ "connection": {"cluster": ["a"]} })).len(), 16, "the default");
    assert_eq!(prefixes(json!({ "connection": {"shards": 2} })), ["{wh:0}", "{wh:1}"], "on one server");
    for one in [json!(null), json!(""), json!(1)] {
        assert_eq!(prefixes(json!({ "connection": {"shards": one} })), ["wh"]);
    }
    assert_eq!(
        prefixes(json!({ "key_prefix": "{chat}" })),
        ["{chat}"],
        "with one shard on one server it stays as it is"
    );
    let reason = "resonate-webhooks.key_prefix: must not contain a brace on a Redis Cluster or with several shards";
    for connection in [cluster(json!(null)), json!({"shards": 2})] {
        let refused = refusal(json!({ "connection": connection, "key_prefix": "{chat}" }));
        assert!(refused.starts_with(reason), "{refused}");
    }
}

#[test]
fn the_number_of_shards_is_a_power_of_two_up_to_64() {
    for shards in [1, 2, 4, 8, 16, 32, 64] {
        assert_eq!(accepted(json!({ "connection": {"cluster": ["a"], "shards": shards} })).connection.shards, shards);
    }
    for (shards, reason) in [
        (json!(3), "3 is not a power of two: must be 1, 2, 4, 8, 16, 32 or 64"),
        (json!(0), "0 is out of range: must be from 1 to 64"),
        (json!(128), "128 is out of range: must be from 1 to 64"),
        (json!(1.5), "1.5 is not a whole number"),
    ] {
        let refused = refusal(json!({ "connection": {"cluster": ["a"], "shards": shards} }));
        assert_eq!(refused, format!("resonate-webhooks.connection.shards: {reason}"));
    }
}

#[test]
fn the_roster_is_not_read_on_a_cluster() {
    let roster = json!({"key_prefix": "roster"});
    let config = accepted(json!({ "connection": {"cluster": ["a"]}, "roster": roster }));
    assert_eq!((config.roster, config.warnings), (None, Vec::new()));
    assert!(accepted(json!({ "roster": roster })).roster.is_some());
}

#[test]
fn what_cannot_be_used_is_refused_by_its_key() {
    let refused = |connection: &Value| refusal(json!({ "connection": connection }));
    let database = "must name database 0: a Redis Cluster has no other";
    for (connection, expected) in [
        (json!({"cluster": ["a"], "database": 1}), format!("database: {database}")),
        (json!({"cluster": true, "url": "redis://a/1"}), format!("url: {database}")),
        (
            json!({"cluster": ["a"], "url": "redis://a"}),
            "url: cannot be combined with a list in connection.cluster: remove one of them, or set connection.cluster to true"
                .to_owned(),
        ),
        (
            json!({"cluster": ["a"], "sentinels": "b"}),
            "cluster: cannot be combined with connection.sentinels: remove one of them".to_owned(),
        ),
        (
            json!({"cluster": true, "host": "/run/redis.sock"}),
            "cluster: needs a host and a port, not a socket path".to_owned(),
        ),
        (json!({"cluster": ["a:0"]}), "cluster: \"a:0\" has no port from 1 to 65535 after its colon".to_owned()),
    ] {
        assert_eq!(refused(&connection), format!("resonate-webhooks.connection.{expected}"));
    }
    let login = refused(&json!({"cluster": ["redis://:hunter2@a:1"]}));
    assert!(!login.contains("hunter2"), "{login}");
}
