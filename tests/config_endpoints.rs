//! Parsing of endpoints: accepted values, and the error messages for all others.

#[path = "support/config.rs"]
mod support;

use std::time::Duration;

use resonate_webhooks::config::{AddressRules, AppScope, Batching, Header};
use resonate_webhooks::event::{AppId, EventName};
use serde_json::{Value, json};
use support::{accepted, refusal};

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
    assert_eq!(theirs.batching.flush_interval, Duration::from_millis(50));
    assert_eq!(theirs.batching.max_events, 1_000);
}

#[test]
fn without_batching_every_event_is_sent_at_once_and_alone() {
    let batching = |written: Value| {
        accepted(json!({"endpoints": [{"url": "http://localhost/", "batching": written}]})).endpoints.remove(0).batching
    };
    let second = Duration::from_secs(1);
    let usual = Batching { flush_interval: second, span: second, max_events: 1_000, max_bytes: 262_144 };
    let alone = Batching { flush_interval: Duration::ZERO, span: Duration::ZERO, max_events: 1, ..usual };
    assert_eq!(batching(json!({"enabled": false, "max_events": 50})), alone);
    assert_eq!(batching(json!([])), usual);
    assert_eq!(batching(json!({"max_events": 50})), Batching { max_events: 50, ..usual });
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
            "filter.channel_pattern: \"a(\" is not a valid regular expression: found open group without closing ')'",
        ),
        (
            "filter",
            json!({"channel_pattern": "a)|(?:b"}),
            "filter.channel_pattern: \"a)|(?:b\" is not a valid regular expression: found closing ')' without matching '('",
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
    let headers: Vec<(&str, &str)> = config.endpoints[0].headers.iter().map(Header::parts).collect();
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
