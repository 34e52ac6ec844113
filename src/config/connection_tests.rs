use serde_json::{Value, json};

use super::*;
use crate::config::Config;

fn server(host: &str) -> Address {
    Address::Tcp { host: host.to_owned(), port: 6379, tls: None }
}

#[test]
fn a_limit_is_divided_among_the_shards() {
    let connection = Connection { shards: 4, ..Connection::default() };
    assert_eq!([8, 9].map(|limit| connection.part_of(limit)), [2, 3]);
}

#[test]
fn one_shard_has_the_configured_prefix_unless_it_is_in_a_cluster() {
    let cluster = Address::Cluster(Seeds { hosts: Vec::new(), tls: None });
    let untagged = |address: &Address, shards| {
        Connection { address: address.clone(), shards, ..Connection::default() }.untagged_prefix("wh")
    };
    assert_eq!(untagged(&server("redis"), 2).as_deref(), Some("wh"), "of a node that was configured with one shard");
    assert_eq!(untagged(&server("redis"), 1), None, "it is our own");
    assert_eq!(untagged(&cluster, 2), None);
}

#[test]
fn an_ipv6_address_is_shown_in_brackets() {
    let shown = ["redis", "::1"].map(|host| server(host).to_string());
    assert_eq!(shown, ["redis:6379", "[::1]:6379"]);
}

#[test]
fn a_url_without_tls_is_a_warning_only_if_the_scheme_asks_for_tls() {
    let warnings = |connection: Value| Config::from_value(json!({ "connection": connection })).unwrap().warnings;
    assert_eq!(warnings(json!({ "url": "redis://h" })), [""; 0]);
    assert_eq!(warnings(json!({ "url": "redis://h", "scheme": "tls" })).len(), 1);
}
