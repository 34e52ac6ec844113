//! Parsing of the configuration: accepted values, and the error messages for all others.

#[path = "support/config.rs"]
mod support;

use std::time::Duration;

use resonate_webhooks::config::{Address, AddressRules, AppScope, Batching, Config, EventSet, TlsFiles};
use resonate_webhooks::event::{AppId, EventName};
use serde_json::{Value, json};
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
    assert_eq!(config.connection.address, Address::Tcp { host: "redis".to_owned(), port: 6380 });
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
    let wanted = |event| config.wants(event);
    assert_eq!(EventName::ALL.map(wanted), [true, true, true, true, true, false, false, false, true]);
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
fn an_endpoint_inherits_the_global_limits_unless_it_has_its_own() {
    let config = accepted(json!({
        "timeout": 20, "connect_timeout": 2, "max_attempts": 7,
        "endpoints": [
            {"url": "https://a.example"},
            {"url": "https://b.example", "timeout": 1.5, "connect_timeout": 1, "max_attempts": 1},
        ],
    }));
    let limits = |index: usize| {
        let endpoint = &config.endpoints[index];
        (endpoint.timeout.as_secs_f64(), endpoint.connect_timeout.as_secs_f64(), endpoint.max_attempts)
    };
    assert_eq!(limits(0), (20.0, 2.0, 7));
    assert_eq!(limits(1), (1.5, 1.0, 1));
}

#[test]
fn an_endpoint_wants_its_events_of_its_application_only() {
    let config = accepted(json!({"endpoints": [
        {"url": "https://a.example", "app_id": 12, "events": ["member_added", "member_added"]},
    ]}));
    let endpoint = &config.endpoints[0];
    assert!(endpoint.wants(&AppId::from("12"), EventName::MemberAdded), "a numeric id equals its text");
    assert!(!endpoint.wants(&AppId::from("12"), EventName::MemberRemoved));
    assert!(!endpoint.wants(&AppId::from("1"), EventName::MemberAdded));
}

#[test]
fn an_endpoint_without_a_url_is_skipped_with_a_warning() {
    let config = accepted(json!({"endpoints": [
        {"url": "https://a.example"}, {"url": null}, {"url": "https://c.example"}, {"url": ""}, [],
    ]}));
    let keys = config.endpoints.iter().map(|endpoint| endpoint.key.as_str());
    assert_eq!(keys.collect::<Vec<_>>(), ["endpoints.0", "endpoints.2"]);
    assert_eq!(
        config.warnings,
        [1, 3, 4].map(|n| format!("resonate-webhooks.endpoints.{n}.url is empty: this endpoint is skipped"))
    );
}

#[test]
fn an_endpoint_that_wants_no_event_is_kept_with_a_warning() {
    let config = accepted(json!({"endpoints": [{"url": "https://a.example", "events": []}]}));
    assert!(config.endpoints[0].events.is_empty());
    assert_eq!(config.warnings, ["resonate-webhooks.endpoints.0.events is empty: this endpoint receives nothing"]);
}

#[test]
fn a_disabled_endpoint_in_the_config_is_ignored() {
    let endpoint = |enabled: Value| json!({"endpoints": [{"url": "http://localhost/", "enabled": enabled}]});
    for on in [json!(true), json!("1"), json!(""), json!(null)] {
        assert_eq!(accepted(endpoint(on)).endpoints.len(), 1);
    }
    for off in [json!(false), json!("off"), json!(0)] {
        let config = accepted(endpoint(off));
        assert_eq!((config.endpoints.len(), config.warnings), (0, Vec::new()));
    }
}

#[test]
fn numeric_keys_of_provided_endpoints_are_ids_unless_they_form_a_list() {
    let ids = |endpoints: &Value, provided: bool| -> Vec<String> {
        let config = accepted(json!({ "endpoints": endpoints, "endpoints_provided": provided }));
        config.endpoints.iter().map(|endpoint| endpoint.id.to_string()).collect()
    };
    let (list, rows) = (json!([{"url": "https://a"}]), json!({"7": {"url": "https://a"}, "12": {"url": "https://b"}}));
    let of_url = ids(&list, false);
    assert_eq!(ids(&list, true), of_url, "a list has no keys");
    assert_eq!(
        ids(&json!({"7": {"url": "https://a"}}), false),
        of_url,
        "a list with gaps in the config file has none either"
    );
    let mut keys = ids(&rows, true);
    keys.sort_unstable();
    assert_eq!(keys, ["12", "7"]);
    assert_eq!(ids(&json!({"7": {"url": "https://moved"}}), true), ["7"], "the key stays the id when the URL changes");
    assert_eq!(ids(&json!({"billing": {"url": "https://a"}}), true), ["billing"]);
}

#[test]
fn private_networks_are_denied_to_provided_endpoints_by_default() {
    let denied = |settings: Value| accepted(settings).endpoints[0].addresses.deny_private_networks;
    let list = || json!([{"url": "https://a"}]);
    assert!(!denied(json!({"endpoints": list()})));
    assert!(denied(json!({"endpoints": list(), "endpoints_provided": true})));
    assert!(denied(json!({"endpoints": list(), "endpoints_provided": true, "deny_private_networks": null})));
    assert!(!denied(json!({"endpoints": list(), "endpoints_provided": true, "deny_private_networks": false})));
    let own = json!([{"url": "https://a", "deny_private_networks": false}]);
    assert!(!denied(json!({"endpoints": own, "endpoints_provided": true})));
    assert!(denied(json!({"endpoints": list(), "deny_private_networks": true})));
}

#[test]
fn an_application_may_have_endpoints_of_its_own() {
    let config = accepted(json!({
        "endpoints": [{"url": "http://localhost/"}],
        "app_webhooks": {
            "0": {"app_id": "app-1", "webhooks": [{"url": "http://localhost/"}, {"url": "http://localhost/"}, {"url": ""}]},
            "2": {"app_id": 7, "webhooks": {"billing": {"url": "http://localhost/", "events": ["member_added"]}}},
        },
    }));
    let only = |app: &str| AppScope::Only(app.into());
    let scopes: Vec<AppScope> = config.endpoints.iter().map(|endpoint| endpoint.apps.clone()).collect();
    assert_eq!(scopes, [AppScope::Every, only("app-1"), only("app-1"), only("7")]);
    let ids: std::collections::BTreeSet<&str> = config.endpoints.iter().map(|endpoint| endpoint.id.as_str()).collect();
    assert!(ids.len() == 4 && ids.contains("7/billing"), "{ids:?}");
    assert_eq!(config.warnings, ["reverb.apps.apps.0.webhooks.2.url is empty: this endpoint is skipped"]);

    let refused = |webhook: Value| refusal(json!({"app_webhooks": [{"app_id": "app-1", "webhooks": [webhook]}]}));
    assert_eq!(
        refused(json!({"url": "http://localhost/", "event_typs": []})),
        "reverb.apps.apps.0.webhooks.0.event_typs: unknown key, did you mean \"event_types\"?"
    );
    assert_eq!(
        refused(json!({"url": "http://localhost/", "app_id": "app-2"})),
        "reverb.apps.apps.0.webhooks.0.app_id: cannot be set here, because the endpoint belongs to the application: remove \
         it"
    );
    assert_eq!(
        refusal(json!({"app_webhooks": [{"app_id": "app-1", "webhooks": "https://example.com"}]})),
        "reverb.apps.apps.0.webhooks: expected a list, found a string"
    );
}

#[test]
fn the_webhook_block_of_another_server_is_accepted() {
    let written = json!({"endpoints": [{
        "url": "http://localhost/",
        "event_types": ["channel_occupied"],
        "filter": {"channel_name_starts_with": "presence-", "channel_name_ends_with": "-eu"},
        "batching": {"enabled": true, "duration": 50},
    }]});
    let theirs = accepted(written).endpoints.remove(0);
    let ours = json!({"endpoints": [{
        "url": "http://localhost/",
        "events": ["channel_occupied"],
        "filter": {"channel_prefix": ["presence-"], "channel_suffix": "-eu"},
        "batching": {"duration": "50"},
    }]});
    assert_eq!(theirs, accepted(ours).endpoints.remove(0));
    assert_eq!(theirs.batching.flush_interval, Some(Duration::from_millis(50)));
    assert_eq!(theirs.batching.max_events, None);
}

#[test]
fn without_batching_every_event_is_sent_at_once_and_alone() {
    let batching = |written: Value| {
        accepted(json!({"endpoints": [{"url": "http://localhost/", "batching": written}]})).endpoints.remove(0).batching
    };
    let alone = Batching { flush_interval: Some(Duration::ZERO), span: None, max_events: Some(1) };
    assert_eq!(batching(json!({"enabled": false, "max_events": 50})), alone);
    assert_eq!(batching(json!([])), Batching::default());
    assert_eq!(batching(json!({"max_events": 50})), Batching { max_events: Some(50), ..Batching::default() });
}

#[test]
fn an_error_in_filter_or_batching_names_its_key() {
    let refused = |key: &str, value: Value| {
        let mut endpoint = json!({"url": "http://localhost/"});
        endpoint[key] = value;
        refusal(json!({"endpoints": [endpoint]}))
    };
    for (key, value, message) in [
        (
            "filter",
            json!({"channel_pattern": "a("}),
            "filter.channel_pattern: \"a(\" is not a valid regular expression: unclosed group",
        ),
        (
            "filter",
            json!({"channel_pattern": "a)|(?:b"}),
            "filter.channel_pattern: \"a)|(?:b\" is not a valid regular expression: unopened group",
        ),
        (
            "filter",
            json!({"channel_type": ["public", "privat"]}),
            "filter.channel_type.1: unknown channel type \"privat\", did you mean \"private\"?",
        ),
        (
            "filter",
            json!({"channel_type": "privat"}),
            "filter.channel_type: unknown channel type \"privat\", did you mean \"private\"?",
        ),
        (
            "filter",
            json!({"chanel_prefix": "a"}),
            "filter.chanel_prefix: unknown key, did you mean \"channel_prefix\"?",
        ),
        (
            "filter",
            json!({"client_events": {"alow": []}}),
            "filter.client_events.alow: unknown key, did you mean \"allow\"?",
        ),
        ("batching", json!({"duration": -1}), "batching.duration: -1 is out of range: must be from 0 to 3600000"),
        ("batching", json!({"max_events": 0}), "batching.max_events: 0 is out of range: must be from 1 to 10000"),
        ("name", json!("a\nb"), "name: contains a control character"),
    ] {
        assert_eq!(refused(key, value), format!("resonate-webhooks.endpoints.0.{message}"));
    }
}

#[test]
fn headers_are_checked_by_name_and_value_and_never_shown() {
    let config = accepted(json!({"endpoints": [{"url": "https://a", "headers": {
        "X-Tenant": "7", "Authorization": "Bearer hunter2", "X-Unset": null, "X-Empty": "",
    }}]}));
    let headers: Vec<(&str, &str)> =
        config.endpoints[0].headers.iter().map(|header| (header.name(), header.value().expose())).collect();
    assert_eq!(headers, [("X-Tenant", "7"), ("Authorization", "Bearer hunter2")]);
    assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
    assert!(!format!("{config:?}").contains("hunter2"));

    let refused = |headers: Value| refusal(json!({"endpoints": [{"url": "https://me:hunter2@a", "headers": headers}]}));
    for (headers, problem) in [
        (
            json!({"X-Pusher-Key": "k"}),
            "X-Pusher-Key: \"X-Pusher-Key\" is set by this package and cannot be overridden",
        ),
        (
            json!({"X-A": "hunter2\r\nX-B: c"}),
            "X-A: the value of \"X-A\" contains a character that is not allowed in a header",
        ),
        (json!({"X A": "b"}), "X A: \"X A\" is not a valid header name"),
        (json!({"X-A": "b", "x-a": "c"}), "x-a: is set twice"),
        (json!(["hunter2"]), "0: has no name: write the header as 'Name' => 'value'"),
        (
            json!({"authorization": "b"}),
            "authorization: cannot be combined with a user and password in the URL: remove one of them",
        ),
        (json!({"X-A": ["hunter2"]}), "X-A: expected a string, found a list"),
    ] {
        assert_eq!(refused(headers), format!("resonate-webhooks.endpoints.0.headers.{problem}"));
    }
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
        "telescope": true, "nothing": null,
        "endpoints": [{"url": "https://a.example"}, {"url": "https://b.example", "colour": 1}],
        "app_webhooks": [{"app_id": "1", "webhooks": [{"url": "https://c.example", "batching": {"colour": {}}}]}],
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
        "resonate-webhooks.endpoints.1.colour: unknown key, ignored; expected one of url, lambda, name, enabled, app_id, event_types, events, filter, payload, batching, \
         key, secret, previous_secrets, headers, timeout, connect_timeout, \
         max_attempts, retry_for, backoff, rate_limit, https_only, proxy, ca_file, client_cert, client_key, deny_private_networks, \
         allow_link_local"
    );
}

/// Returns the address that `connection` leads to.
fn address(connection: &Value) -> Address {
    accepted(json!({ "connection": connection })).connection.address
}

#[test]
fn the_scheme_selects_the_kind_of_connection() {
    let tls = |host: &str| Address::Tls { host: host.to_owned(), port: 6379, files: TlsFiles::default() };
    let tcp = |host: &str| Address::Tcp { host: host.to_owned(), port: 6379 };
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
        Address::Tls { files, .. } => (files.ca, files.client.map(|client| (client.cert, client.key))),
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
    for (connection, ignored) in [(laravel, 4), (further, 24)] {
        let config = accepted(json!({ "connection": connection }));
        assert_eq!(config.warnings.len(), ignored, "{:#?}", config.warnings);
        assert!(config.warnings.iter().all(|warning| warning.contains(" has no effect here: ")));
    }
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
fn an_endpoint_url_must_be_http() {
    assert_eq!(
        refusal(json!({"endpoints": [{}, {}, {"url": "ftp://x"}]})),
        "resonate-webhooks.endpoints.2.url: \"ftp://x\" is not an http(s) URL"
    );
}

#[test]
fn a_retry_window_without_max_attempts_is_the_only_limit() {
    let policy = |config: Value| {
        let endpoint = accepted(config).endpoints.remove(0);
        (endpoint.max_attempts, endpoint.retry_for.map(|window| window.as_secs()))
    };
    let one = json!([{"url": "https://a.example"}]);
    assert_eq!(policy(json!({"endpoints": one})), (5, None));
    assert_eq!(policy(json!({"retry_for": 300, "endpoints": one})), (u32::MAX, Some(300)));
    assert_eq!(policy(json!({"retry_for": 300, "max_attempts": 7, "endpoints": one})), (7, Some(300)));
    let own = |own: Value| json!({"max_attempts": 3, "endpoints": [own]});
    assert_eq!(policy(own(json!({"url": "https://a.example", "retry_for": "60"}))), (u32::MAX, Some(60)));
    assert_eq!(policy(own(json!({"url": "https://a.example", "retry_for": 60, "max_attempts": 9}))), (9, Some(60)));
    assert_eq!(policy(own(json!({"url": "https://a.example"}))), (3, None));
}

#[test]
fn https_only_refuses_an_unencrypted_url_by_its_key() {
    let refused = "is not encrypted, but https_only requires an https:// URL";
    for https_only in [json!(true), json!("1")] {
        assert_eq!(
            refusal(json!({"https_only": https_only, "endpoints": [{"url": "https://a"}, {"url": "http://b"}]})),
            format!("resonate-webhooks.endpoints.1.url: {refused}")
        );
    }
    assert_eq!(
        refusal(json!({"endpoints": {"billing": {"url": "http://b", "https_only": true}}})),
        format!("resonate-webhooks.endpoints.billing.url: {refused}")
    );
    accepted(json!({"https_only": true, "endpoints": [{"url": "http://b", "https_only": false}]}));
    assert_eq!(
        refusal(json!({"https_only": "sure"})),
        "resonate-webhooks.https_only: \"sure\" is neither true nor false"
    );
}

#[test]
fn an_endpoint_inherits_the_proxy_and_the_address_rules_unless_it_has_its_own() {
    let config = accepted(json!({
        "proxy": "http://me:hunter2@proxy:3128", "deny_private_networks": "true",
        "endpoints": [
            {"url": "https://a"},
            {"url": "https://b", "proxy": false, "deny_private_networks": false, "allow_link_local": true},
            {"url": "https://c", "proxy": "socks5://other:1080"},
            {"url": "https://d", "proxy": ""},
        ],
    }));
    let proxies = config.endpoints.iter().map(|endpoint| endpoint.proxy.as_ref().map(ToString::to_string));
    let shown = Some("http://proxy:3128".to_owned());
    assert_eq!(proxies.collect::<Vec<_>>(), [shown.clone(), None, Some("socks5://other:1080".to_owned()), shown]);
    let rules = |n: usize| config.endpoints[n].addresses;
    assert_eq!(rules(0), AddressRules { deny_private_networks: true, allow_link_local: false });
    assert_eq!(rules(1), AddressRules { deny_private_networks: false, allow_link_local: true });
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(
        config.warnings[0],
        "resonate-webhooks.endpoints.0 denies private networks, but the proxy http://proxy:3128 resolves its host name: \
         make the proxy refuse private addresses"
    );
    assert_eq!(config.warnings.len(), 2, "one more for the last endpoint: {:?}", config.warnings);
}

#[test]
fn client_certificate_and_key_go_together_and_need_https() {
    assert_eq!(
        refusal(json!({"endpoints": [{"url": "https://a", "client_cert": "/c.pem"}]})),
        "resonate-webhooks.endpoints.0.client_key: is required with client_cert"
    );
    let config = accepted(json!({"endpoints": [
        {"url": "https://a", "ca_file": "/ca.pem", "client_cert": "/c.pem", "client_key": "/k.pem"},
        {"url": "http://b", "ca_file": "/ca.pem"},
    ]}));
    assert_eq!(config.endpoints[0].tls.ca, Some("/ca.pem".into()));
    assert_eq!(
        config.warnings,
        ["resonate-webhooks.endpoints.1 has TLS files, but its connection is not encrypted: use an https:// URL"]
    );
}

#[test]
fn a_redis_url_overrides_the_other_keys() {
    let config = accepted(json!({"connection": {
        "url": "rediss://:from-url@redis.internal", "host": "other", "port": 1, "password": "other", "database": 9,
        "ca_file": "/etc/ca.pem",
    }}));
    let files = TlsFiles { ca: Some("/etc/ca.pem".into()), client: None };
    assert_eq!(config.connection.address, Address::Tls { host: "redis.internal".to_owned(), port: 6379, files });
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
