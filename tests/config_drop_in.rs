//! Compatibility with the config of the replaced package, and with empty environment variables.

#[path = "support/config.rs"]
mod support;

use std::time::Duration;

use resonate_webhooks::config::{Address, AppScope, Config, EventSet};
use resonate_webhooks::event::{AppId, EventName};
use serde_json::{Value, json};
use support::{accepted, refusal};

/// Parses a config with this key only, which must give exactly one warning.
fn warned(key: &str, value: &Value) -> (Config, String) {
    let mut config = accepted(json!({ key: value }));
    assert_eq!(config.warnings.len(), 1, "{key} = {value}: {:#?}", config.warnings);
    let warning = config.warnings.remove(0);
    (config, warning)
}

#[test]
fn a_number_out_of_range_is_clamped_with_a_warning_at_every_key_that_was_cast_before() {
    for (key, value, seconds) in [
        ("flush_interval", json!(0), 0.01),
        ("flush_interval", json!("0.0"), 0.01),
        ("flush_interval", json!(-1), 0.01),
        ("flush_interval", json!(7_200), 3_600.0),
        ("reconcile_interval", json!(0.0), 1.0),
        ("reconcile_interval", json!(1_000_000), 86_400.0),
        ("ttl", json!(0), 90.0),
        ("ttl", json!("2.5"), 90.0),
        ("ttl", json!(864_000), 86_400.0),
    ] {
        let (config, warning) = warned(key, &value);
        let read = match key {
            "flush_interval" => config.flush_interval,
            "reconcile_interval" => config.reconcile_interval,
            _ => config.ttl,
        };
        assert_eq!(read, Duration::from_secs_f64(seconds), "{key} = {value}");
        assert!(warning.starts_with(&format!("resonate-webhooks.{key}: ")), "{warning}");
        assert!(warning.contains(&format!("; using {seconds}")), "{warning}");
    }
    let (_, warning) = warned("flush_interval", &json!(0));
    assert_eq!(
        warning,
        "resonate-webhooks.flush_interval: 0 is out of range: must be from 0.01 to 3600; using 0.01. If the variable is \
         empty, a cast in an old config file turns it into 0: remove the cast"
    );
}

#[test]
fn any_number_of_attempts_works() {
    let attempts = |value: Value| {
        let config = accepted(json!({ "max_attempts": value, "endpoints": [{ "url": "https://a.example" }] }));
        (config.endpoints[0].max_attempts, config.warnings.len())
    };
    assert_eq!(attempts(json!(101)), (101, 0));
    assert_eq!(attempts(json!(1_000_000)), (1_000_000, 0));
    assert_eq!(attempts(json!(0)), (1, 1));
    assert_eq!(attempts(json!(-5)), (1, 1));
    assert_eq!(attempts(json!(3.7)), (3, 1));
    assert_eq!(attempts(json!(2_000_000)), (1_000_000, 1));
    assert!(refusal(json!({ "max_attempts": "many" })).ends_with("max_attempts: \"many\" is not a number"));
    assert!(refusal(json!({ "ttl": "90s" })).ends_with("ttl: \"90s\" is not a number"));
}

#[test]
fn an_event_that_resembles_none_is_ignored_with_a_warning() {
    let config = accepted(json!({ "endpoints": [
        { "url": "https://a.example", "events": ["member_added", "*", "disconnected", "", null, 7] },
        { "url": "https://b.example", "events": ["everything"] },
    ] }));
    assert_eq!(config.endpoints[0].events, EventSet::from_iter([EventName::MemberAdded]));
    let places: Vec<_> = config.warnings.iter().map(|warning| warning.split(", ").next().unwrap_or_default()).collect();
    assert_eq!(
        places,
        [
            "resonate-webhooks.endpoints.0.events.1: unknown event \"*\"",
            "resonate-webhooks.endpoints.0.events.2: unknown event \"disconnected\"",
            "resonate-webhooks.endpoints.0.events.5: unknown event \"7\"",
            "resonate-webhooks.endpoints.1.events.0: unknown event \"everything\"",
            "resonate-webhooks.endpoints.1.events is empty: this endpoint receives nothing",
        ]
    );
    assert_eq!(
        refusal(json!({ "endpoints": [{ "events": ["chanel_vacated"] }] })),
        "resonate-webhooks.endpoints.0.events.0: unknown event \"chanel_vacated\", did you mean \"channel_vacated\"?"
    );
}

#[test]
fn an_empty_text_means_the_same_as_no_key() {
    let keys = [
        "connection",
        "key_prefix",
        "cluster_name",
        "ttl",
        "departure_grace",
        "subscription_count_interval",
        "cache_miss_ttl",
        "ignore_channel_prefixes",
        "flush_interval",
        "reconcile_interval",
        "max_attempts",
        "timeout",
        "connect_timeout",
        "retry_for",
        "retry_after_max",
        "https_only",
        "proxy",
        "deny_private_networks",
        "allow_link_local",
        "batch_max_events",
        "batch_max_bytes",
        "outbox_max_events",
        "dead_letter_max",
        "dead_letter_days",
        "queue_size",
        "roster",
        "shutdown_timeout",
        "metrics_listen",
        "metrics_public",
        "metrics_route",
        "metrics_middleware",
        "reverb",
        "dashboard",
        "endpoints",
        "endpoints_refresh",
        "previous_secrets",
    ];
    for key in keys {
        assert_eq!(accepted(json!({ key: "" })), Config::default(), "{key}");
    }
    let connection = [
        "url",
        "scheme",
        "host",
        "port",
        "path",
        "username",
        "password",
        "cluster",
        "sentinels",
        "service",
        "sentinel_username",
        "sentinel_password",
        "database",
        "timeout",
        "ca_file",
        "client_cert",
        "client_key",
        "context",
    ];
    let empty: serde_json::Map<_, _> = connection.map(|key| (key.to_owned(), json!(""))).into_iter().collect();
    assert_eq!(accepted(json!({ "connection": empty })), Config::default());

    let url = json!("https://a.example");
    let keys = [
        "lambda",
        "key",
        "secret",
        "previous_secrets",
        "name",
        "enabled",
        "events",
        "filter",
        "payload",
        "batching",
        "headers",
        "timeout",
        "connect_timeout",
        "max_attempts",
        "retry_for",
        "https_only",
        "proxy",
        "ca_file",
        "client_cert",
        "client_key",
        "deny_private_networks",
        "allow_link_local",
    ];
    for key in keys {
        let endpoint = json!({ "endpoints": [{ "url": url, key: "" }] });
        assert_eq!(accepted(endpoint), accepted(json!({ "endpoints": [{ "url": url }] })), "{key}");
    }
}

#[test]
fn an_endpoint_of_an_empty_application_receives_nothing_rather_than_everything() {
    let config = accepted(json!({ "endpoints": [{ "url": "https://a.example", "app_id": "" }] }));
    assert_eq!(config.endpoints[0].apps, AppScope::Only(AppId::from("")));
    assert_eq!(
        config.warnings,
        [
            "resonate-webhooks.endpoints.0.app_id is empty: this endpoint receives nothing. Use \"*\" for all applications"
        ]
    );
    let config = accepted(json!({ "endpoints": [{ "url": "https://a.example", "app_id": null }] }));
    assert_eq!(config.endpoints[0].apps, AppScope::Every);
}

#[test]
fn what_other_clients_write_for_no_limit_and_no_port_works() {
    let (config, warning) = warned("connection", &json!({ "timeout": 0.0 }));
    assert_eq!(config.connection.timeout, Duration::from_secs(5));
    assert!(warning.starts_with("resonate-webhooks.connection.timeout: 0 is out of range"), "{warning}");

    for port in [0, -1] {
        let (config, warning) = warned("connection", &json!({ "host": "redis", "port": port }));
        assert_eq!(config.connection.address, Address::Tcp { host: "redis".to_owned(), port: 6379, tls: None });
        assert_eq!(warning, format!("resonate-webhooks.connection.port: {port} is not a port; using 6379"));
    }

    for port in [json!(0), json!("0"), json!(-1)] {
        let socket = accepted(json!({ "connection": { "host": "/run/redis.sock", "port": port } }));
        assert_eq!(socket.connection.address, Address::Unix("/run/redis.sock".into()));
        assert_eq!(socket.warnings, Vec::<String>::new());
    }
    assert_eq!(
        refusal(json!({ "connection": { "port": 65536 } })),
        "resonate-webhooks.connection.port: 65536 is out of range: must be from 1 to 65535"
    );
}

#[test]
fn a_whole_number_is_its_digits_where_text_is_expected() {
    let config = accepted(json!({ "key_prefix": 7, "connection": { "password": 12345 } }));
    assert_eq!(config.key_prefix, "7");
    assert_eq!(config.connection.login.unwrap().password.expose(), "12345");
}

#[test]
fn no_key_of_another_redis_client_counts_as_misspelt() {
    for key in ["name", "prefix", "persistent", "read_timeout", "retry_interval", "role", "scan", "options", "alias"] {
        let (config, warning) = warned("connection", &json!({ key: "x" }));
        assert_eq!(config, Config::default());
        assert_eq!(
            warning,
            format!("resonate-webhooks.connection.{key} has no effect here: it is a setting of other Redis clients")
        );
        for empty in [json!(null), json!(""), json!([]), json!({})] {
            assert_eq!(accepted(json!({ "connection": { key: empty } })), Config::default());
        }
    }
    // Elsewhere the same name is an unknown key.
    assert!(warned("role", &json!("x")).1.contains(": unknown key, ignored; expected one of "));
}
