use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::event::{CustomEvent, CustomName};

fn read(endpoint: &Value) -> Config {
    Config::from_value(json!({ "endpoints": [endpoint] })).unwrap()
}

fn endpoint(written: &Value) -> Endpoint {
    read(written).endpoints.remove(0)
}

#[test]
fn an_endpoint_may_want_events_of_both_kinds_of_either_or_none() {
    let wants_any = |app: &str, events: &[&str]| {
        endpoint(&json!({ "url": "https://a", "app_id": "mine", "events": events })).wants_any(&app.into())
    };
    assert!(wants_any("mine", &["member_added", "order.*"]));
    assert!(wants_any("mine", &["member_added"]) && wants_any("mine", &["order.*"]));
    assert!(!wants_any("mine", &[]));
    assert!(!wants_any("other", &["member_added"]));
}

#[test]
fn an_endpoint_of_custom_events_only_is_no_warning() {
    assert_eq!(read(&json!({ "url": "https://a", "events": ["order.*"] })).warnings, [""; 0]);
}

#[test]
fn a_custom_event_must_have_a_listed_name_and_every_event_must_pass_the_filter() {
    let filter = json!({ "channel_prefix": "a" });
    let endpoint = endpoint(&json!({ "url": "https://a", "events": ["order.*"], "filter": filter }));
    let admits =
        |channel: &str, kind| endpoint.admits(&Event { app: "app".into(), channel: channel.into(), time_ms: 0, kind });
    let custom = |name: &str| EventKind::Custom(CustomEvent::new(&CustomName::parse(name).unwrap(), None));
    assert!(admits("a", custom("order.paid")) && !admits("a", custom("user.paid")));
    assert!(admits("a", EventKind::ChannelOccupied) && !admits("b", EventKind::ChannelOccupied));
}

#[test]
fn a_label_has_the_name_or_if_the_query_is_hidden_the_id() {
    let plain = endpoint(&json!({ "url": "https://a/x" }));
    assert_eq!(plain.label(), "https://a/x");
    let named = endpoint(&json!({ "url": "https://a/x", "name": "Billing" }));
    assert_eq!(named.label(), "Billing (https://a/x)");
    let hiding = endpoint(&json!({ "url": "https://a/x?token=1" }));
    assert_eq!(hiding.label(), format!("{} ({})", hiding.target, hiding.id));
}

#[test]
fn the_endpoints_of_an_application_need_its_id() {
    for (id, problem) in [
        (json!(""), "is empty, expected the id of an application or \"*\""),
        (json!(null), "is missing, expected the id of an application or \"*\""),
        (json!("*"), "is not the id of an application"),
    ] {
        let refused = Config::from_value(json!({ "app_webhooks": [{ "app_id": id, "webhooks": [] }] })).unwrap_err();
        assert_eq!(refused.to_string(), format!("reverb.apps.apps.0.app_id: {problem}"));
    }
}

#[test]
fn a_numbered_endpoint_of_an_application_has_the_id_of_one_with_that_app_id() {
    let of_app = json!({ "app_id": "mine", "webhooks": [{ "url": "https://a" }] });
    let config = Config::from_value(json!({ "app_webhooks": [of_app] })).unwrap();
    assert_eq!(config.endpoints[0].id, endpoint(&json!({ "url": "https://a", "app_id": "mine" })).id);
}
