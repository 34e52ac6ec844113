//! Parsing of the configuration: accepted values, and the error messages for all others.

#[path = "support/config.rs"]
mod support;

use std::time::Duration;

use resonate_webhooks::config::{Address, AppScope, Config, EventSet};
use resonate_webhooks::event::EventName;
use serde_json::json;
use strum::VariantArray;
use support::{accepted, refusal};

#[test]
fn an_empty_config_means_all_defaults() {
    for nothing in [json!([]), json!({}), json!(null), json!({"connection": [], "endpoints": [], "ttl": null})] {
        assert_eq!(accepted(nothing), Config::default());
    }
}

#[test]
fn the_config_file_of_the_replaced_package_is_accepted() {
    let config = accepted(json!({
        "connection": {
            "url": null, "host": "redis", "port": "6380", "username": null, "password": "", "database": "2",
            "timeout": "2.5",
        },
        "key_prefix": "wh2",
        "ttl": 60,
        "flush_interval": 0.5,
        "reconcile_interval": 15.0,
        "max_attempts": 3,
        "endpoints": [{"url": "https://example.com/hook", "app_id": "*", "events": ["channel_occupied"]}],
    }));
    assert_eq!(config.connection.address, Address::Tcp { host: "redis".to_owned(), port: 6380, tls: None });
    assert_eq!(config.connection.login, None);
    assert_eq!(config.connection.database, 2);
    assert_eq!(config.connection.timeout, Duration::from_millis(2500));
    assert_eq!(config.key_prefix, "wh2");
    assert_eq!(config.ttl, Duration::from_secs(60));
    assert_eq!(config.flush_interval, Duration::from_millis(500));
    assert_eq!(config.reconcile_interval, Duration::from_secs(15));
    assert_eq!(config.endpoints.len(), 1);
    assert_eq!(config.endpoints[0].target.to_string(), "https://example.com/hook");
    assert_eq!(config.endpoints[0].apps, AppScope::Every);
    assert_eq!(config.endpoints[0].events, EventSet::from_iter([EventName::ChannelOccupied]));
    assert_eq!(config.endpoints[0].max_attempts, 3);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn counts_and_cache_misses_have_intervals_and_must_be_listed() {
    let (counts, misses) = (json!({"subscription_count_interval": "0.5"}), json!({"cache_miss_ttl": 3}));
    assert_eq!(accepted(json!({})).subscription_count_interval, Duration::from_secs(5));
    assert_eq!(accepted(counts).subscription_count_interval, Duration::from_millis(500));
    assert_eq!(accepted(json!({})).cache_miss_ttl, Duration::from_secs(60));
    assert_eq!(accepted(misses).cache_miss_ttl, Duration::from_secs(3));

    let config = accepted(json!({"endpoints": [
        {"url": "https://a.example"},
        {"url": "https://b.example", "events": ["cache_miss"]},
    ]}));
    assert_eq!(config.endpoints[0].events, EventSet::from_iter(EventName::USUAL));
    let wanted: Vec<bool> = EventName::VARIANTS.iter().map(|event| config.wants(*event)).collect();
    assert_eq!(wanted, [true, true, true, true, true, false, false, false, true]);
}

#[test]
fn departures_have_no_grace_by_default() {
    assert_eq!(accepted(json!({})).departure_grace, Duration::ZERO);
    assert_eq!(accepted(json!({"departure_grace": 3})).departure_grace, Duration::from_secs(3));
    assert_eq!(accepted(json!({"departure_grace": "0.25"})).departure_grace, Duration::from_millis(250));
}

#[test]
fn the_roster_has_the_prefix_and_ttl_from_the_plugin() {
    assert_eq!(accepted(json!({"roster": null})).roster, None);
    let roster = accepted(json!({"roster": []})).roster.unwrap();
    assert_eq!((roster.key_prefix.as_str(), roster.ttl), ("roster", Duration::from_secs(90)));
    let roster = accepted(json!({"roster": {"key_prefix": "r", "ttl": "30"}})).roster.unwrap();
    assert_eq!((roster.key_prefix.as_str(), roster.ttl), ("r", Duration::from_secs(30)));
    assert_eq!(
        refusal(json!({"roster": {"key_prefx": "r"}})),
        "resonate-webhooks.roster.key_prefx: unknown key, did you mean \"key_prefix\"?"
    );
    assert_eq!(
        refusal(json!({"roster": {"ttl": 0}})),
        "resonate-webhooks.roster.ttl: 0 is out of range: must be from 1 to 2592000 seconds"
    );
}

#[test]
fn a_list_may_have_gaps_or_names_for_keys_as_php_lists_do() {
    let config = accepted(json!({"endpoints": {
        "2": {"url": "https://a.example", "events": {"1": "client_event"}}, "billing": {"url": "https://b.example"},
    }}));
    assert_eq!(config.endpoints[1].id.as_str(), "billing");
    assert_eq!(
        refusal(json!({"endpoints": {"billing": {"url": true}}})),
        "resonate-webhooks.endpoints.billing.url: expected a string, found true or false"
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_key_that_was_probably_meant() {
    assert_eq!(
        refusal(json!({"flush_intervall": 1})),
        "resonate-webhooks.flush_intervall: unknown key, did you mean \"flush_interval\"?"
    );
    assert_eq!(
        refusal(json!({"connection": {"pasword": null}})),
        "resonate-webhooks.connection.pasword: unknown key, did you mean \"password\"?"
    );
}

#[test]
fn a_key_that_resembles_no_known_one_is_ignored_with_a_warning() {
    let config = accepted(json!({
        "telescope": true, "nothing": null, "none": [], "empty": "",
        "endpoints": [{"url": "https://a.example"}, {"url": "https://b.example", "colour": 1}],
        "app_webhooks": [{"app_id": "1", "webhooks": [{"url": "https://c.example", "batching": {"colour": {"a": 1}}}]}],
    }));
    assert_eq!(config.endpoints.len(), 3);
    let warned: Vec<_> =
        config.warnings.iter().filter_map(|warning| warning.split_once(';')).map(|(what, _)| what).collect();
    assert_eq!(
        warned,
        [
            "resonate-webhooks.telescope: unknown key, ignored",
            "resonate-webhooks.endpoints.1.colour: unknown key, ignored",
            "reverb.apps.apps.0.webhooks.0.batching.colour: unknown key, ignored",
        ]
    );
    let filter = json!({"endpoints": [{"url": "https://a.example", "filter": {"prefix": "a"}}]});
    assert!(refusal(filter).starts_with("resonate-webhooks.endpoints.0.filter.prefix: unknown key, expected one of "));
    assert_eq!(
        config.warnings[1],
        "resonate-webhooks.endpoints.1.colour: unknown key, ignored; expected one of url, lambda, queue, connection, name, enabled, app_id, event_types, events, filter, payload, batching, \
         key, secret, previous_secrets, headers, timeout, connect_timeout, \
         max_attempts, retry_for, backoff, rate_limit, https_only, proxy, ca_file, client_cert, client_key, deny_private_networks, \
         allow_link_local"
    );
}

#[test]
fn an_unknown_event_is_refused_with_the_event_that_was_probably_meant() {
    assert_eq!(
        refusal(json!({"endpoints": [{"events": ["member_added", "chanel_vacated"]}]})),
        "resonate-webhooks.endpoints.0.events.1: unknown event \"chanel_vacated\", did you mean \"channel_vacated\"?"
    );
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    for (value, problem) in [
        (json!({"cache_miss_ttl": 0}), "cache_miss_ttl: 0 is out of range: must be from 1 to 86400 seconds"),
        (json!({"departure_grace": -1}), "departure_grace: -1 is out of range: must be from 0 to 300 seconds"),
        (json!({"departure_grace": 301}), "departure_grace: 301 is out of range: must be from 0 to 300 seconds"),
        (
            json!({"endpoints": [{"url": "https://a.example", "max_attempts": 0}]}),
            "endpoints.0.max_attempts: 0 is out of range: must be from 1 to 1000000",
        ),
        (json!({"retry_for": 0}), "retry_for: 0 is out of range: must be from 1 to 86400 seconds"),
        (json!({"retry_after_max": 3601}), "retry_after_max: 3601 is out of range: must be from 0 to 3600 seconds"),
        (json!({"timeout": 0}), "timeout: 0 is out of range: must be from 0.001 to 3600 seconds"),
        (json!({"queue_size": 10}), "queue_size: 10 is out of range: must be from 1024 to 4194304"),
        (json!({"connection": {"port": 65536}}), "connection.port: 65536 is out of range: must be from 1 to 65535"),
    ] {
        assert_eq!(refusal(value), format!("resonate-webhooks.{problem}"));
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_without_being_repeated() {
    for (value, problem) in [
        (json!("x"), "resonate-webhooks: expected an array of settings, found a string"),
        (json!({"ttl": [1]}), "resonate-webhooks.ttl: expected a number, found a list"),
        (json!({"ttl": {"s": 1}}), "resonate-webhooks.ttl: expected a number, found an array with keys"),
        (json!({"ttl": "long"}), "resonate-webhooks.ttl: \"long\" is not a number"),
        (json!({"endpoints": "https://a.example"}), "resonate-webhooks.endpoints: expected a list, found a string"),
        (
            json!({"endpoints": {"url": "https://a.example"}}),
            "resonate-webhooks.endpoints.url: expected an array with a url, found a string",
        ),
        (
            json!({"connection": ["redis"]}),
            "resonate-webhooks.connection: expected an array with a url or a host, found a list",
        ),
        (
            json!({"connection": {"password": 1.5}}),
            "resonate-webhooks.connection.password: expected a string, found a number",
        ),
    ] {
        assert_eq!(refusal(value), problem);
    }
}

#[test]
fn no_secret_shows_in_debug_output_or_in_an_error() {
    let config = accepted(json!({
        "connection": {"username": "app", "password": "hunter2"},
        "endpoints": [{"url": "https://me:hunter3@example.com/"}],
    }));
    let debug = format!("{config:?}");
    assert!(debug.contains("example.com") && !debug.contains("hunter"), "{debug}");
    for broken in [
        json!({"connection": {"url": "redis://:hunter2@host:port"}}),
        json!({"connection": {"host": "redis://:hunter2@host"}}),
        json!({"connection": {"password": ["hunter2"]}}),
        json!({"endpoints": [{"url": "//me:hunter2@host/"}]}),
        json!({"endpoints": [{"url": "https://me:hunter2@host:port/"}]}),
        json!({"endpoints": [{"url": "https://me:hunter2@host/\n"}, {"url": "https://me:hunter2\n@host/"}]}),
        json!({"proxy": "http://me:hunter2@proxy:port"}),
        json!({"proxy": "ftp://me:hunter2@proxy"}),
    ] {
        let message = refusal(broken);
        assert!(!message.contains("hunter"), "{message}");
    }
}
