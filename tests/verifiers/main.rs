//! Webhooks of an engine, verified by other code: Pusher's server libraries, the libraries of Standard Webhooks,
//! OpenSSL, and the functions of docs/receiving.md. Needs `scripts/with-verifiers`; see `make test-verifiers`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod conversation;
mod docs;
mod node_receiver;
mod rotation;
#[path = "../support/mod.rs"]
mod support;
mod verifier;
mod webhook;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conversation::{APPS, Conversation};
use node_receiver::NodeReceiver;
use resonate_webhooks::config::Config;
use resonate_webhooks::outbox::DeadLetters;
use serde_json::json;
use support::engine::{APP, engine};
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;
use support::wait::eventually;
use verifier::{Secrets, Verifier};
use webhook::{Webhook, now};

/// Returns the real secrets.
fn secrets() -> Secrets {
    APPS.map(|app| (app.key, app.secret)).into()
}

/// Asserts that every verifier refuses `webhook`. `wrong` says what is wrong with it.
fn assert_refused(verifiers: &mut [Verifier], webhook: &Webhook, secrets: &Secrets, wrong: &str) {
    for verifier in verifiers {
        assert_eq!(verifier.events(webhook, secrets), None, "{} accepted a webhook with {wrong}", verifier.name());
    }
}

/// Asserts that every verifier accepts `webhook`.
fn assert_taken(verifiers: &mut [Verifier], webhook: &Webhook) {
    let events = webhook.events();
    for verifier in verifiers {
        assert_eq!(verifier.events(webhook, &secrets()).as_ref(), Some(&events), "{}", verifier.name());
    }
}

#[test]
fn every_verifier_accepts_the_webhooks_of_an_engine_and_reads_the_right_events() {
    let conversation = Conversation::shared();
    for mut verifier in Verifier::all() {
        for app in APPS {
            let mut read = Vec::new();
            for webhook in conversation.webhooks_of(app) {
                let events = verifier.events(webhook, &secrets());
                read.extend(events.unwrap_or_else(|| panic!("{} refused {webhook:?}", verifier.name())));
            }
            assert_eq!(
                conversation::by_channel(read),
                conversation::expected_events(),
                "{} of {}",
                verifier.name(),
                app.key
            );
        }
    }
}

#[test]
fn every_verifier_refuses_a_changed_byte() {
    let mut verifiers = Verifier::all();
    for webhook in &Conversation::shared().webhooks {
        let length = webhook.body.len();
        // Long webhooks take more time.
        let places = if length < 50_000 { 25 } else { 3 };
        for at in (0..places).map(|place| place * (length - 1) / (places - 1)) {
            let mut changed = webhook.clone();
            changed.body[at] ^= 1;
            assert_refused(&mut verifiers, &changed, &secrets(), &format!("byte {at} changed"));
        }
    }
}

#[test]
fn every_verifier_refuses_the_same_json_in_other_bytes() {
    let mut verifiers = Verifier::all();
    for webhook in &Conversation::shared().webhooks {
        let spaced = [b" ", &webhook.body[..]].concat();
        let ended = [&webhook.body[..], b"\n"].concat();
        // As PHP's `json_encode` writes it by default.
        let escaped = serde_json::to_string(&webhook.json()).unwrap().replace('/', r"\/").into_bytes();
        for body in [spaced, ended, escaped] {
            let other = Webhook { body, ..webhook.clone() };
            assert_eq!(other.events(), webhook.events());
            if other.body != webhook.body {
                assert_refused(&mut verifiers, &other, &secrets(), "its JSON in another notation");
            }
        }
    }
}

#[test]
fn every_verifier_refuses_the_signature_of_another_application() {
    let mut verifiers = Verifier::all();
    let exchanged = Secrets::from([(APPS[0].key, APPS[1].secret), (APPS[1].key, APPS[0].secret)]);
    let known = Secrets::from([("unknown", "some secret")]);
    for webhook in &Conversation::shared().webhooks {
        assert_refused(&mut verifiers, webhook, &exchanged, "the secret of another application");
        assert_refused(&mut verifiers, webhook, &known, "an unknown key");
        for app in APPS.iter().filter(|app| Some(app.key) != webhook.header("x-pusher-key")) {
            let posing = webhook.with("x-pusher-key", app.key);
            assert_refused(&mut verifiers, &posing, &secrets(), "the key of another application");
        }
    }
}

#[test]
fn every_verifier_refuses_missing_and_invalid_headers() {
    let conversation = Conversation::shared();
    let webhook = &conversation.webhooks[0];
    let nonsense = ["", " ", ",", "v1", "v1,", "v1,%%%", "v2,AAAA", "é", "-1", "1e9", "0x10", "\u{661}"];
    let of_standard_webhooks = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-pusher-key"];
    for (mut verifiers, names) in [
        (Verifier::of_standard_webhooks(), &of_standard_webhooks[..]),
        (Verifier::of_pusher(), &["x-pusher-signature", "x-pusher-key"]),
    ] {
        for name in names {
            assert_refused(&mut verifiers, &webhook.without(name), &secrets(), &format!("no {name}"));
            for value in nonsense {
                let other = webhook.with(name, value);
                assert_refused(&mut verifiers, &other, &secrets(), &format!("{name}: {value}"));
            }
        }
    }
}

#[test]
fn standard_webhooks_covers_the_id_and_the_time() {
    let mut verifiers = Verifier::of_standard_webhooks();
    for webhook in &Conversation::shared().webhooks {
        let sent: u64 = webhook.header("webhook-timestamp").unwrap().parse().unwrap();
        let later = webhook.with("webhook-timestamp", &(sent + 1).to_string());
        assert_refused(&mut verifiers, &later, &secrets(), "another time");
        assert_refused(&mut verifiers, &webhook.with("webhook-id", "msg_1"), &secrets(), "another id");
    }
}

#[test]
fn a_genuine_webhook_is_refused_when_its_timestamp_is_too_far_from_now() {
    let conversation = Conversation::shared();
    let webhook = conversation.webhooks_of(APPS[0]).next().unwrap();
    let sent_at = |time: u64| webhook.signed_again(time, APPS[0].secret);

    let mut verifiers = Verifier::of_standard_webhooks();
    for time in [now(), now() - 240, now() + 240] {
        assert_taken(&mut verifiers, &sent_at(time));
    }
    for time in [0, now() - 360, now() + 360] {
        assert_refused(&mut verifiers, &sent_at(time), &secrets(), "a time six minutes off");
    }
}

#[test]
fn pushers_python_library_checks_the_time_of_the_events_and_the_node_library_does_not() {
    let [mut python, mut node] = ["pusher_library.py", "pusher_library.mjs"].map(Verifier::start);
    let happened_at = |time: u64| {
        let body = json!({ "time_ms": time * 1000, "events": [{ "name": "channel_occupied", "channel": "a" }] });
        Webhook::pushers(APPS[0].key, APPS[0].secret, body.to_string().into_bytes())
    };
    let (fresh, old) = (happened_at(now()), happened_at(now() - 600));
    for verifier in [&mut python, &mut node] {
        assert_eq!(verifier.events(&fresh, &secrets()), Some(fresh.events()), "{}", verifier.name());
    }
    assert_eq!(python.events(&old, &secrets()), None);
    assert_eq!(node.events(&old, &secrets()), Some(old.events()));
}

#[test]
fn a_resend_has_the_same_id_and_body_and_verifies_like_the_first() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500)]);
    let engine = engine(&redis, &receiver, &json!({}));
    engine.register_app(APP, APPS[0].key, APPS[0].secret);
    engine.subscribed(APP, "private-straße/\"東京\"".as_bytes(), b"1.1", None);
    let [first, again] = &receiver.wait_for("/hook", 2)[..] else { panic!("there are more than two") };
    assert_eq!((&again.body, again.header("webhook-id")), (&first.body, first.header("webhook-id")));
    assert_ne!(again.header("webhook-timestamp"), first.header("webhook-timestamp"));
    for webhook in [first, again].map(Webhook::from) {
        assert_eq!(webhook.events().len(), 1);
        assert_taken(&mut Verifier::all(), &webhook);
    }
}

#[test]
fn a_redelivered_dead_letter_verifies_with_the_current_secret() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500)]);
    let engine = engine(&redis, &receiver, &json!({ "max_attempts": 1 }));
    engine.subscribed(APP, "private-straße/\"東京\"".as_bytes(), b"1.1", None);
    let config = json!({ "connection": { "host": redis.socket() } });
    let mut dead_letters = DeadLetters::of(&Config::from_value(config).unwrap()).unwrap();
    let dead_letter = eventually("the dead letter", || dead_letters.list(None, 1).unwrap().pop());
    engine.register_app(APP, APPS[1].key, APPS[1].secret);
    assert_eq!(dead_letters.retry(&[dead_letter.id]).unwrap(), 1);
    let [first, again] = &receiver.wait_for("/hook", 2)[..] else { panic!("there are more than two") };
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("webhook-id"), again.header("webhook-id"));
    assert_taken(&mut Verifier::all(), &again.into());
    assert_refused(&mut Verifier::all(), &first.into(), &secrets(), "the old secret");
}

#[test]
fn the_openssl_commands_of_the_docs_compute_the_same_signatures() {
    for webhook in &Conversation::shared().webhooks {
        for name in ["x-pusher-signature", "webhook-signature"] {
            let app = APPS.iter().find(|app| Some(app.key) == webhook.header("x-pusher-key")).unwrap();
            let found = docs::run_command(&format!("{name}.sh"), webhook, app.secret);
            assert_eq!(webhook.header(name), Some(&*found));
        }
    }
}

#[test]
fn the_command_of_the_docs_makes_the_secret_for_standard_webhooks_libraries() {
    let conversation = Conversation::shared();
    for app in APPS {
        let webhook = conversation.webhooks_of(app).next().unwrap();
        let secret = docs::run_command("standard-webhooks-secret.sh", webhook, app.secret);
        assert_eq!(secret, format!("whsec_{}", STANDARD.encode(app.secret)));
    }
}

#[test]
fn the_node_receiver_of_the_docs_accepts_only_webhooks_of_an_engine() {
    let (redis, receiver, node) = (RedisServer::start(), Receiver::start(), NodeReceiver::start(APPS[0]));
    let settings = json!({ "endpoints": [{ "url": node.url() }, { "url": receiver.url("/hook") }] });
    let engine = engine(&redis, &receiver, &settings);
    engine.register_app(APP, APPS[0].key, APPS[0].secret);
    engine.subscribed(APP, b"room", b"1.1", None);
    assert_eq!(node.next_line(), "channel_occupied room");

    let webhook = Webhook::from(&receiver.wait_for("/hook", 1)[0]);
    assert_eq!(node.post(&webhook), 204);
    assert_eq!(node.next_line(), "channel_occupied room");
    let mut changed = webhook.clone();
    changed.body[20] ^= 1;
    for forged in [
        changed,
        webhook.with("webhook-id", "msg_1"),
        webhook.with("webhook-signature", "v1,AAAA"),
        webhook.without("webhook-signature"),
        webhook.with("x-pusher-key", APPS[1].key),
    ] {
        assert_eq!(node.post(&forged), 401);
    }
    engine.subscribed(APP, b"hall", b"1.1", None);
    assert_eq!(node.next_line(), "channel_occupied hall", "a forged webhook was read");
}
