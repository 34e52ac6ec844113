//! Events that reach an endpoint: by application, event names and filter.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use resonate_webhooks::config::{Config, Endpoint};
use resonate_webhooks::event::{ClientEvent, ClientEventParts, Event, EventKind};
use serde_json::{Value, json};
use support::node::Node;
use support::receiver::Receiver;

const APPS: [&str; 2] = ["app", "other"];

const CHANNELS: [&str; 8] = [
    "news",
    "news-eu",
    "private-a",
    "private-a-eu",
    "presence-a",
    "presence-cache-a-eu",
    "cache-a",
    "private-encrypted-a",
];

const EVENTS: [&str; 5] = ["channel_occupied", "channel_vacated", "member_added", "member_removed", "client_event"];

const WHISPERS: [&str; 3] = ["client-typing", "client-chat-sent", "client-chat-typing"];

/// Parses endpoints as an operator writes them.
fn endpoints(written: &[Value]) -> Vec<Endpoint> {
    Config::from_value(json!({ "endpoints": written })).unwrap().endpoints
}

/// Returns event number `n`, which differs from every other one.
fn event(n: u64, app: &str, channel: &str, name: &str, whisper: &str) -> Event {
    let user = format!("u{n}").as_str().into();
    let kind = match name {
        "channel_occupied" => EventKind::ChannelOccupied,
        "channel_vacated" => EventKind::ChannelVacated,
        "member_added" => EventKind::MemberAdded { user },
        "member_removed" => EventKind::MemberRemoved { user },
        _ => EventKind::ClientEvent(ClientEvent::new(&ClientEventParts {
            event: whisper.as_bytes(),
            socket: b"1.1",
            user: None,
            data: Some(format!("{n}").as_bytes()),
        })),
    };
    Event { app: app.into(), channel: channel.into(), time_ms: 1_700_000_000_000 + n, kind }
}

/// Decides whether an endpoint wants an event, independently of the code under test.
fn wants(written: &Value, app: &str, channel: &str, name: &str, whisper: &str) -> bool {
    let list = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let filter = &written["filter"];
    let text = |key: &str| filter.get(key).map(|value| value.as_str().unwrap());
    let kind = match channel {
        "news" | "news-eu" => "public",
        "private-a" | "private-a-eu" => "private",
        "presence-a" => "presence",
        "presence-cache-a-eu" => "presence-cache",
        "cache-a" => "cache",
        _ => "private-encrypted",
    };
    let denied = name == "client_event"
        && filter.get("client_events").is_some_and(|_| whisper == "client-typing" || whisper == "client-chat-typing");
    (written["app_id"] == "*" || written["app_id"] == app)
        && list(&written["events"]).iter().any(|wanted| wanted == name)
        && text("channel_prefix").is_none_or(|prefix| channel.starts_with(prefix))
        && text("channel_suffix").is_none_or(|suffix| channel.ends_with(suffix))
        && text("channel_pattern").is_none_or(|_| channel.contains("-a"))
        && filter.get("channel_type").is_none_or(|types| list(types).iter().any(|wanted| wanted == kind))
        && !denied
}

fn endpoint() -> impl Strategy<Value = Value> {
    let filter = (
        prop::option::of(select(vec!["private-", "presence-", "n"])),
        prop::option::of(Just("-eu")),
        prop::option::of(Just(".*-a.*")),
        prop::option::of(subsequence(vec!["public", "private", "presence", "presence-cache", "cache"], 0..=5)),
        any::<bool>(),
    );
    let apps = select(vec!["*", APPS[0], APPS[1]]);
    (apps, subsequence(EVENTS.to_vec(), 0..=5), filter).prop_map(
        |(app, events, (prefix, suffix, pattern, types, deny))| {
            let mut filter = json!({});
            for (key, value) in [("channel_prefix", prefix), ("channel_suffix", suffix), ("channel_pattern", pattern)] {
                if let Some(value) = value {
                    filter[key] = json!(value);
                }
            }
            if let Some(types) = types {
                filter["channel_type"] = json!(types);
            }
            if deny {
                filter["client_events"] = json!({"allow": ["client-*"], "deny": ["*typing"]});
            }
            json!({ "app_id": app, "events": events, "filter": filter })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn an_endpoint_gets_exactly_the_events_that_it_wants(
        mut written in prop::collection::vec(endpoint(), 1..4),
        happened in prop::collection::vec(
            (select(APPS.to_vec()), select(CHANNELS.to_vec()), select(EVENTS.to_vec()), select(WHISPERS.to_vec())),
            1..60,
        ),
    ) {
        let receiver = Receiver::start();
        for (n, endpoint) in written.iter_mut().enumerate() {
            endpoint["url"] = json!(receiver.url(&format!("/{n}")));
        }
        let node = Node::start(endpoints(&written));
        let events = (0..).zip(&happened).map(|(n, (app, channel, name, whisper))| event(n, app, channel, name, whisper));
        node.deliver(events.collect());
        prop_assert_eq!(node.delivery.flush(Instant::now() + Duration::from_secs(10)).total(), 0);
        for (n, endpoint) in written.iter().enumerate() {
            for app in APPS {
                let expected: Vec<(&str, &str)> = happened
                    .iter()
                    .filter(|(of, channel, name, whisper)| *of == app && wants(endpoint, app, channel, name, whisper))
                    .map(|(_, channel, name, _)| (*name, *channel))
                    .collect();
                let key = format!("{app}-key");
                let bodies = receiver.received(&format!("/{n}"));
                let bodies = bodies.iter().filter(|request| request.header("x-pusher-key") == Some(&key));
                let got: Vec<Value> = bodies.flat_map(|request| request.json()["events"].as_array().unwrap().clone()).collect();
                let got: Vec<(&str, &str)> =
                    got.iter().map(|event| (event["name"].as_str().unwrap(), event["channel"].as_str().unwrap())).collect();
                prop_assert_eq!(got, expected);
            }
        }
    }
}

#[test]
fn an_unwanted_event_never_reaches_the_lane() {
    let receiver = Receiver::start();
    let wanting = json!({ "url": receiver.url("/"), "filter": { "channel_prefix": "private-" } });
    let node = Node::start(endpoints(&[wanting]));
    node.accept("app", ["news".to_owned(), "presence-a".to_owned()]);
    support::wait::eventually("the dispatcher to have seen the events", || (node.delivery.queued() == 0).then_some(()));
    assert_eq!(node.telemetry.counters.events_unwanted.get(), 2);
    assert_eq!(node.telemetry.counters.attempts.get(), 0);
}

#[test]
fn each_endpoint_has_its_own_batching() {
    let receiver = Receiver::start();
    let written = [
        json!({ "url": receiver.url("/alone"), "batching": { "enabled": false } }),
        json!({ "url": receiver.url("/threes"), "batching": { "max_events": 3, "duration": 60_000 } }),
        json!({ "url": receiver.url("/all") }),
    ];
    let node = Node::start(endpoints(&written));
    node.accept("app", (0..6).map(|n| format!("news-{n}")));
    let sizes = |path: &str, requests: usize| {
        receiver.wait_for(path, requests).iter().map(|request| request.channels().len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes("/alone", 6), [1; 6]);
    assert_eq!(sizes("/threes", 2), [3, 3]);
    assert_eq!(sizes("/all", 1), [6]);
}

#[test]
fn the_log_names_an_endpoint_by_its_name() {
    let receiver = Receiver::start();
    receiver.always("/", support::receiver::Answer::Status(500));
    let written = json!({ "url": receiver.url("/"), "name": "billing", "max_attempts": 1 });
    let node = Node::start(endpoints(&[written]));
    node.accept("app", ["news".to_owned()]);
    let line = format!("Webhook dropped after 1 attempts (HTTP 500): billing ({})", receiver.url("/"));
    support::wait::eventually("the log line", || {
        node.outcomes().iter().any(|outcome| format!("{outcome:?}").contains(&line)).then_some(())
    });
}
