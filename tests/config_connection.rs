//! Parsing of the connection to Redis: accepted values, and the error messages for all others.

#[path = "support/config.rs"]
mod support;

use std::time::Duration;

use resonate_webhooks::config::{Address, TlsFiles};
use serde_json::{Value, json};
use support::{accepted, refusal};

/// Returns the address that `connection` leads to.
fn address(connection: &Value) -> Address {
    accepted(json!({ "connection": connection })).connection.address
}

#[test]
fn the_scheme_selects_the_kind_of_connection() {
    let tls = |host: &str| Address::Tcp { host: host.to_owned(), port: 6379, tls: Some(TlsFiles::default()) };
    let tcp = |host: &str| Address::Tcp { host: host.to_owned(), port: 6379, tls: None };
    let unix = |path: &str| Address::Unix(path.into());
    for (connection, expected) in [
        (json!({"scheme": "tcp", "host": "redis"}), tcp("redis")),
        (json!({"scheme": "tls", "host": "redis"}), tls("redis")),
        (json!({"scheme": "TLS", "host": "redis"}), tls("redis")),
        (json!({"scheme": "rediss"}), tls("127.0.0.1")),
        (json!({"scheme": "tls", "host": "tcp://redis"}), tls("redis")),
        (json!({"scheme": "tcp", "host": "tls://redis"}), tls("redis")),
        (json!({"scheme": "", "host": "redis"}), tcp("redis")),
        (json!({"scheme": null, "host": "redis"}), tcp("redis")),
        (json!({"scheme": "unix", "path": "/run/redis.sock", "host": "redis"}), unix("/run/redis.sock")),
        (json!({"scheme": "unix", "host": "/run/redis.sock"}), unix("/run/redis.sock")),
        (json!({"scheme": "tcp", "host": "/run/redis.sock"}), unix("/run/redis.sock")),
        (json!({"scheme": "tls", "url": "redis://redis"}), tcp("redis")),
        (json!({"scheme": "tcp", "url": "rediss://redis?scheme=tcp"}), tls("redis")),
    ] {
        assert_eq!(address(&connection), expected, "{connection}");
    }
    for (connection, problem) in [
        (json!({"scheme": "tls1.3"}), "scheme: is not a supported scheme: use tcp, tls or unix"),
        (json!({"scheme": "unix", "host": "redis"}), "path: is required when the scheme is unix"),
        (json!({"scheme": "unix", "path": "redis.sock"}), "path: is not an absolute path"),
    ] {
        let refusal = refusal(json!({ "connection": connection }));
        assert_eq!(refusal, format!("resonate-webhooks.connection.{problem}"));
    }
}

#[test]
fn the_scheme_tls_applies_to_sentinels_too() {
    let Address::Sentinels(sentinels) = address(&json!({"scheme": "tls", "sentinels": "a:26379,b:26379"})) else {
        panic!("sentinels")
    };
    assert_eq!(sentinels.tls, Some(TlsFiles::default()));
}

#[test]
fn tls_files_may_have_the_names_of_php() {
    let files = |connection: Value| match address(&connection) {
        Address::Tcp { tls: Some(files), .. } => (files.ca, files.client.map(|client| (client.cert, client.key))),
        other => panic!("{other}"),
    };
    let path = |name: &str| Some(std::path::PathBuf::from(name));
    let pair = |cert: &str, key: &str| path(cert).zip(path(key));
    let context = json!({"cafile": "/ca.pem", "local_cert": "/a.crt", "local_pk": "/a.key"});
    assert_eq!(files(json!({"scheme": "tls", "context": context})), (path("/ca.pem"), pair("/a.crt", "/a.key")));
    let both =
        json!({"scheme": "tls", "context": context, "ca_file": "/own.pem", "client_cert": "/b", "client_key": "/c"});
    assert_eq!(files(both), (path("/own.pem"), pair("/b", "/c")));
    let in_one = json!({"scheme": "tls", "ssl": {"local_cert": "/a.pem"}});
    assert_eq!(files(in_one), (None, pair("/a.pem", "/a.pem")));
    let weak = accepted(json!({"connection": {"scheme": "tls", "context": {"stream": {"verify_peer": false}}}}));
    assert_eq!(
        weak.warnings,
        ["resonate-webhooks.connection.context.verify_peer has no effect: only cafile, local_cert and local_pk are \
          supported"]
    );
}

#[test]
fn the_connections_of_laravel_and_of_upstream_are_accepted_unchanged() {
    // The keys of Laravel 13's config/database.php, and those that the replaced package and its drivers read.
    let laravel = json!({
        "url": null, "host": "redis", "username": null, "password": null, "port": "6379", "database": "0",
        "max_retries": 3, "backoff_algorithm": "decorrelated_jitter", "backoff_base": 100, "backoff_cap": 1000,
    });
    let further = json!({
        "scheme": "tcp", "path": null, "context": [], "read_timeout": 60, "retry_interval": 0, "command_retries": 3,
        "name": "app", "tcp_keepalive": 60, "prefix": "app:", "persistent": true, "persistent_id": "app",
        "options": {}, "serializer": 1, "compression": 2, "compression_level": 3, "client": "phpredis", "cluster": false,
        "parameters": {}, "read_write_timeout": 0, "scan": null, "failover": 1, "protocol": 3, "alias": "app",
        "pack_ignore_numbers": true, "async_connect": false, "tcp_nodelay": true, "weight": 1, "role": "master",
    });
    for (connection, ignored) in [(laravel, 4), (further, 21)] {
        let config = accepted(json!({ "connection": connection }));
        assert_eq!(config.warnings.len(), ignored, "{:#?}", config.warnings);
        assert!(config.warnings.iter().all(|warning| warning.contains(" has no effect here: ")));
    }
}

#[test]
fn a_redis_url_overrides_the_other_keys() {
    let config = accepted(json!({"connection": {
        "url": "rediss://:from-url@redis.internal", "host": "other", "port": 1, "password": "other", "database": 9,
        "ca_file": "/etc/ca.pem",
    }}));
    let files = TlsFiles { ca: Some("/etc/ca.pem".into()), client: None };
    assert_eq!(
        config.connection.address,
        Address::Tcp { host: "redis.internal".to_owned(), port: 6379, tls: Some(files) }
    );
    assert_eq!(config.connection.database, 0, "the roster must see the same database");
    assert_eq!(config.connection.login.expect("a login").password.expose(), "from-url");
}

#[test]
fn sentinels_take_the_place_of_a_host() {
    let written = json!({"host": "redis", "port": 6379, "password": "p", "database": 2, "service": "",
        "sentinels": "10.0.0.1:26379, s2", "sentinel_password": "q"});
    let connection = accepted(json!({ "connection": written })).connection;
    assert_eq!(connection.address.to_string(), "mymaster (Sentinel at 10.0.0.1:26379, s2:26379)");
    let Address::Sentinels(sentinels) = connection.address else { panic!("no Sentinels") };
    assert_eq!(sentinels.login.expect("a login").password.expose(), "q");
    assert_eq!((connection.login.expect("a login").password.expose(), connection.database), ("p", 2));

    let nobody = accepted(json!({"connection": {"host": "redis", "sentinels": ""}})).connection;
    assert_eq!(nobody.address.to_string(), "redis:6379");
    let with_tls = json!({"sentinels": ["tls://s1"], "ca_file": "/ca.pem", "service": "main"});
    let Address::Sentinels(sentinels) = accepted(json!({ "connection": with_tls })).connection.address else {
        panic!("no Sentinels")
    };
    assert_eq!(sentinels.tls, Some(TlsFiles { ca: Some("/ca.pem".into()), client: None }));
}

#[test]
fn unusable_sentinels_are_refused_by_their_key() {
    assert_eq!(
        refusal(json!({"connection": {"sentinels": ["s1:0"]}})),
        "resonate-webhooks.connection.sentinels: \"s1:0\" has no port from 1 to 65535 after its colon"
    );
    assert_eq!(
        refusal(json!({"connection": {"sentinels": "s1", "url": "redis://h"}})),
        "resonate-webhooks.connection.url: cannot be combined with connection.sentinels: remove one of them"
    );
}

#[test]
fn client_certificate_and_key_of_redis_go_together_and_need_tls() {
    assert_eq!(
        refusal(json!({"connection": {"host": "tls://h", "client_cert": "/c.pem"}})),
        "resonate-webhooks.connection.client_key: is required with client_cert"
    );
    let config = accepted(json!({"connection": {"host": "h", "ca_file": "/ca.pem"}}));
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].contains("h:6379 is not encrypted"), "{}", config.warnings[0]);
}

#[test]
fn a_timeout_shorter_than_a_read_is_lengthened_with_a_warning() {
    let with_timeout = |timeout: f64| accepted(json!({ "connection": { "timeout": timeout } }));
    let config = with_timeout(0.05);
    assert_eq!(config.connection.timeout, Duration::from_millis(200));
    let warning = "resonate-webhooks.connection.timeout: 0.05 s is too short, because reads block while they wait for events; \
                   using 0.2 s";
    assert_eq!(config.warnings, [warning]);
    assert_eq!(with_timeout(0.2).warnings, Vec::<String>::new());
}

#[test]
fn a_timeout_that_may_cost_the_lease_warns_with_both_keys() {
    let with = |timeout: f64, ttl: u32| accepted(json!({ "connection": { "timeout": timeout }, "ttl": ttl })).warnings;
    let warning = "resonate-webhooks.connection.timeout: 5 s is more than a third of resonate-webhooks.ttl (10 s). If Redis \
                   hangs, one call can cost a node its lease: set it to 3.3 or less";
    assert_eq!(with(5.0, 10), [warning]);
    assert_eq!(with(5.0, 15), Vec::<String>::new());
}
