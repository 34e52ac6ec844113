//! Dead letters, from the failed batch to its redelivery.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use redis::Commands;
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::outbox::{DeadLetter, DeadLetterId, DeadLetters};
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use support::engine::{APP, engine, eventually};
use support::receiver::{Answer, Received, Receiver};
use support::redis::RedisServer;

/// Starts an engine that gives a batch one attempt, unless `settings` say otherwise.
fn node(redis: &RedisServer, receiver: &Receiver, settings: &Value) -> Engine {
    let mut all = json!({ "max_attempts": 1 });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    engine(redis, receiver, &all)
}

fn dead_letters_of(redis: &RedisServer, settings: &Value) -> DeadLetters {
    let mut config = json!({ "connection": { "host": redis.socket() } });
    config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    DeadLetters::of(&Config::from_value(config).unwrap()).unwrap()
}

fn dead_letters(redis: &RedisServer) -> DeadLetters {
    dead_letters_of(redis, &json!({}))
}

/// Makes `count` dead letters, each of one channel: `news-0` and so on.
fn give_up(node: &Engine, redis: &RedisServer, count: usize) -> Vec<DeadLetter> {
    let mut dead_letters = dead_letters(redis);
    for n in 0..count {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
        eventually("the dead letter", || dead_letters.count().unwrap() == n + 1);
    }
    listed(redis, None, count)
}

/// Returns a page of dead letters with their bodies, which the list does not have.
fn listed(redis: &RedisServer, before: Option<&DeadLetterId>, limit: usize) -> Vec<DeadLetter> {
    let mut dead_letters = dead_letters(redis);
    let page = dead_letters.list(before, limit).unwrap();
    let with_body = |dead_letter: DeadLetter| {
        assert_eq!(dead_letter.body, None);
        dead_letters.find(&dead_letter.id).unwrap().unwrap_or(dead_letter)
    };
    page.into_iter().map(with_body).collect()
}

fn channels(dead_letters: &[DeadLetter]) -> Vec<String> {
    let channel = |dead_letter: &DeadLetter| {
        let body: Value = serde_json::from_str(dead_letter.body.as_ref().unwrap()).unwrap();
        body["events"][0]["channel"].as_str().unwrap().to_owned()
    };
    dead_letters.iter().map(channel).collect()
}

fn dropped(node: &Engine) -> usize {
    node.poll(10_000).iter().filter(|outcome| matches!(outcome, Outcome::Dropped { .. })).count()
}

#[test]
fn a_dead_letter_has_its_events_and_the_reason() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(503));
    let node = node(&redis, &receiver, &json!({}));
    let dead_letter = give_up(&node, &redis, 1).remove(0);
    let sent = receiver.received("/hook").remove(0);
    assert_eq!(dead_letter.body.unwrap().as_bytes(), sent.body);
    assert_eq!(Some(dead_letter.webhook_id.as_str()), sent.header("webhook-id"));
    assert_eq!((dead_letter.reason.as_str(), dead_letter.attempts, dead_letter.events), ("HTTP 503", 1, 1));
    assert_eq!((dead_letter.url, dead_letter.app_id.as_str()), (receiver.url("/hook"), "app"));
    assert_eq!(Some(dead_letter.time_ms), sent.json()["time_ms"].as_u64());
    assert!(dead_letter.id.time_ms() >= dead_letter.time_ms);
    assert_eq!(dead_letters(&redis).find(&dead_letter.id).unwrap().unwrap().webhook_id, dead_letter.webhook_id);
    assert_eq!(dead_letters(&redis).find(&DeadLetterId::parse("1-1").unwrap()).unwrap(), None);
}

#[test]
fn dead_letters_are_listed_newest_first_page_by_page() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(500));
    let node = node(&redis, &receiver, &json!({}));
    let all = give_up(&node, &redis, 5);
    assert_eq!(channels(&all), ["news-4", "news-3", "news-2", "news-1", "news-0"]);
    let page = listed(&redis, Some(&all[1].id), 2);
    assert_eq!(channels(&page), ["news-2", "news-1"]);
    assert!(listed(&redis, Some(&all[4].id), 2).is_empty());
}

#[test]
fn a_redelivered_dead_letter_keeps_id_and_body_is_signed_anew_and_is_removed() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500)]);
    let node = node(&redis, &receiver, &json!({}));
    let dead_letter = give_up(&node, &redis, 1).remove(0);
    node.register_app(APP, "key", "rotated");
    let first = receiver.received("/hook").remove(0);
    // Timestamps have whole seconds: waits until the next one differs.
    let second = |request: &Received| request.header("webhook-timestamp").unwrap().to_owned();
    eventually("the next second", || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        second(&first) != now.to_string()
    });

    assert_eq!(dead_letters(&redis).retry(std::slice::from_ref(&dead_letter.id)).unwrap(), 1);
    eventually("no dead letter to be left", || dead_letters(&redis).count().unwrap() == 0);
    let again = receiver.received("/hook").remove(1);
    assert_eq!((&again.body, again.header("webhook-id")), (&first.body, first.header("webhook-id")));
    assert_ne!(second(&again), second(&first));
    assert_ne!(again.header("x-pusher-signature"), first.header("x-pusher-signature"));
    eventually("an empty outbox", || redis.outbox_events() == 0);
    assert_eq!(node.stats().iter().find(|(name, _)| *name == "events_delivered"), Some(&("events_delivered", 1)));
}

#[test]
fn a_dead_letter_that_fails_again_is_one_dead_letter_with_all_its_attempts() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(500));
    let node = node(&redis, &receiver, &json!({}));
    let before = give_up(&node, &redis, 1).remove(0);
    receiver.always("/hook", Answer::Status(404));
    dead_letters(&redis).retry(std::slice::from_ref(&before.id)).unwrap();
    let after = wait_for_dead_letter(&redis, |dead_letter| dead_letter.id != before.id);
    assert_eq!((after.attempts, after.reason.as_str()), (2, "HTTP 404"));
    assert_eq!((after.webhook_id, after.body, after.time_ms), (before.webhook_id, before.body, before.time_ms));
    assert_eq!(dead_letters(&redis).count().unwrap(), 1);
    let mut told = 0;
    eventually("one outcome per drop", || {
        told += dropped(&node);
        told == 2
    });
}

fn wait_for_dead_letter(redis: &RedisServer, is: impl Fn(&DeadLetter) -> bool) -> DeadLetter {
    support::wait::eventually("the dead letter", || listed(redis, None, 10).into_iter().find(&is))
}

#[test]
fn a_dead_letter_is_redelivered_alone() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500)]);
    let node = node(&redis, &receiver, &json!({}));
    let dead_letter = give_up(&node, &redis, 1).remove(0);
    receiver.script("/hook", [Answer::Late(Duration::from_millis(300))]);
    node.subscribed(APP, b"slow", b"1.1", None);
    eventually("a batch under way", || receiver.received("/hook").len() == 2);
    dead_letters(&redis).retry(std::slice::from_ref(&dead_letter.id)).unwrap();
    for n in 0..3 {
        node.subscribed(APP, format!("later-{n}").as_bytes(), b"1.1", None);
    }
    eventually("all events", || receiver.received("/hook").iter().flat_map(Received::events).count() >= 6);
    let again: Vec<Vec<String>> = receiver
        .received("/hook")
        .iter()
        .skip(2)
        .map(Received::events)
        .filter(|e| e.contains(&first_of(&dead_letter)))
        .collect();
    assert_eq!(again, [[first_of(&dead_letter)]]);
}

#[test]
fn a_live_event_does_not_wait_for_dead_letters() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(500));
    let node = node(&redis, &receiver, &json!({}));
    let before = give_up(&node, &redis, 6);
    let slow = Duration::from_secs(2);
    receiver.always("/hook", Answer::Status(200));
    receiver.script("/hook", [Answer::Late(slow)]);
    assert_eq!(dead_letters(&redis).retry_all().unwrap(), 6);
    let under_way = receiver.wait_for("/hook", 7).remove(6);
    node.subscribed(APP, b"live", b"1.1", None);
    let live = receiver.wait_for("/hook", 8).remove(7);
    assert_eq!(live.channels(), ["live"]);
    assert!(live.at - under_way.at < slow, "it arrives before the dead letter is answered");
    eventually("the delivery of all dead letters", || dead_letters(&redis).count().unwrap() == 0);
    let again = receiver.received("/hook").split_off(8);
    let sent: Vec<String> = again.iter().map(|request| request.channels().remove(0)).collect();
    assert_eq!(sent, channels(&before[..5]).into_iter().rev().collect::<Vec<_>>(), "oldest first");
}

#[test]
fn a_failing_endpoint_gets_one_dead_letter_and_the_rest_of_the_retry_is_kept() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(500));
    let node = node(&redis, &receiver, &json!({ "max_attempts": 3, "backoff": [0.1] }));
    give_up(&node, &redis, 6);
    let mut told = 0;
    eventually("one outcome per drop", || {
        told += dropped(&node);
        told == 6
    });
    let before = receiver.received("/hook").len();
    assert_eq!(dead_letters(&redis).retry_all().unwrap(), 6);
    eventually("an empty outbox", || redis.outbox_events() == 0);
    assert_eq!(receiver.received("/hook").len(), before + 1, "one attempt");
    let mut counts: Vec<u64> =
        dead_letters(&redis).list(None, 10).unwrap().iter().map(|dead_letter| dead_letter.attempts).collect();
    counts.sort_unstable();
    assert_eq!(counts, [3, 3, 3, 3, 3, 4]);
    let mut said = Vec::new();
    eventually("the log line", || {
        said.extend(node.poll(10_000));
        said.iter()
            .any(|outcome| matches!(outcome, Outcome::Log { message, .. } if message.contains("Retry them when")))
    });
    assert_eq!(said.iter().filter(|outcome| matches!(outcome, Outcome::Dropped { .. })).count(), 1);

    receiver.always("/hook", Answer::Status(200));
    assert_eq!(dead_letters(&redis).retry_all().unwrap(), 6);
    eventually("the delivery of all dead letters", || dead_letters(&redis).count().unwrap() == 0);
}

fn first_of(dead_letter: &DeadLetter) -> String {
    format!("channel_occupied {}", channels(std::slice::from_ref(dead_letter))[0])
}

#[test]
fn a_redelivery_survives_the_death_of_its_node() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500), Answer::Hang]);
    let dying = node(&redis, &receiver, &json!({}));
    let dead_letter = give_up(&dying, &redis, 1).remove(0);
    dead_letters(&redis).retry(std::slice::from_ref(&dead_letter.id)).unwrap();
    eventually("the redelivery to begin", || receiver.received("/hook").len() == 2);
    dying.stop(Instant::now());
    let _successor = node(&redis, &receiver, &json!({}));
    eventually("the redelivery to succeed", || dead_letters(&redis).count().unwrap() == 0);
    // The successor may also have published the departures of the dead node's clients.
    let mut requests = receiver.received("/hook");
    requests.retain(|request| request.header("webhook-id") == Some(&dead_letter.webhook_id));
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[2].body, requests[1].body);
}

#[test]
fn a_dead_letter_that_was_forgotten_is_not_sent() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500)]);
    let first = node(&redis, &receiver, &json!({}));
    let dead_letter = give_up(&first, &redis, 1).remove(0);
    assert!(first.end(Duration::from_secs(1)).is_nothing());
    let sent = receiver.received("/hook").len();
    let mut dead_letters = dead_letters(&redis);
    dead_letters.retry(std::slice::from_ref(&dead_letter.id)).unwrap();
    assert_eq!(dead_letters.forget(std::slice::from_ref(&dead_letter.id)).unwrap(), 1);
    let next = node(&redis, &receiver, &json!({}));
    eventually("an empty outbox", || redis.outbox_events() == 0);
    assert!(next.flush(Duration::from_secs(5)).is_nothing());
    assert_eq!(receiver.received("/hook").len(), sent);
    assert_eq!(dead_letters.forget(std::slice::from_ref(&dead_letter.id)).unwrap(), 0);
    assert_eq!(dead_letters.retry(std::slice::from_ref(&dead_letter.id)).unwrap(), 0);
}

#[test]
fn all_dead_letters_are_redelivered_oldest_first() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(500));
    let node = node(&redis, &receiver, &json!({ "batch_max_events": 1 }));
    for n in 0..250 {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
    }
    let mut dead_letters = dead_letters(&redis);
    eventually("250 dead letters", || dead_letters.count().unwrap() == 250);
    let ids: Vec<String> =
        dead_letters.list(None, 250).unwrap().into_iter().rev().map(|dead_letter| dead_letter.webhook_id).collect();
    let before = receiver.received("/hook").len();
    receiver.always("/hook", Answer::Status(200));
    assert_eq!(dead_letters.retry_all().unwrap(), 250);
    eventually("the delivery of all dead letters", || dead_letters.count().unwrap() == 0);
    let again = receiver.received("/hook").split_off(before);
    let sent: Vec<&str> = again.iter().map(|request| request.header("webhook-id").unwrap()).collect();
    assert_eq!(sent, ids);
}

#[test]
fn a_dead_letter_whose_endpoint_is_not_configured_any_more_is_kept() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(500));
    let first = node(&redis, &receiver, &json!({}));
    let dead_letter = give_up(&first, &redis, 1).remove(0);
    first.stop(Instant::now());
    let next = node(&redis, &receiver, &json!({ "endpoints": [{ "url": receiver.url("/other") }] }));
    dead_letters(&redis).retry(std::slice::from_ref(&dead_letter.id)).unwrap();
    eventually("the log line", || {
        next.poll(100).iter().any(
            |outcome| matches!(outcome, Outcome::Log { message, .. } if message.contains("not configured any more")),
        )
    });
    eventually("an empty outbox", || redis.outbox_events() == 0);
    assert_eq!(dead_letters(&redis).find(&dead_letter.id).unwrap(), Some(dead_letter));
}

#[test]
fn dead_letters_over_the_limit_evict_the_oldest_and_log_it() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(500));
    let node = node(&redis, &receiver, &json!({ "dead_letter_max": 3 }));
    for n in 0..5 {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
        eventually("the dead letter", || receiver.received("/hook").len() == n + 1 && redis.outbox_events() == 0);
    }
    let kept = listed(&redis, None, 10);
    assert_eq!(channels(&kept), ["news-4", "news-3", "news-2"]);
    eventually("the evictions to be counted", || node.stats().contains(&("dead_letters_evicted", 2)));
    let said = node
        .poll(1000)
        .iter()
        .any(|outcome| matches!(outcome, Outcome::Log { message, .. } if message.contains("dead_letter_max")));
    assert!(said);
}

#[test]
fn an_endpoint_that_always_fails_does_not_evict_dead_letters_of_others() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/noisy", Answer::Status(500));
    receiver.always("/quiet", Answer::Status(500));
    let endpoints = json!({
        "noisy": { "url": receiver.url("/noisy"), "batching": { "enabled": false } },
        "quiet": { "url": receiver.url("/quiet"), "filter": { "channel_prefix": "first" } },
    });
    let node = node(&redis, &receiver, &json!({ "dead_letter_max_per_endpoint": 5, "endpoints": endpoints }));
    node.subscribed(APP, b"first", b"1.1", None);
    for n in 0..50 {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
    }
    let of = |found: &[DeadLetter], endpoint| found.iter().filter(|one| one.endpoint == endpoint).count();
    eventually("51 dead letters", || receiver.received("/noisy").len() == 51 && redis.outbox_events() == 0);
    let kept = dead_letters(&redis).list(None, 100).unwrap();
    assert_eq!((of(&kept, "noisy"), of(&kept, "quiet")), (5, 1));
    eventually("the evictions to be counted", || node.stats().contains(&("dead_letters_evicted", 46)));
    let says_so = |outcome: &Outcome| matches!(outcome, Outcome::Log { message, .. } if message.contains("dead_letter_max_per_endpoint = 5"));
    assert_eq!(
        node.poll(1000).iter().filter(|outcome| says_so(outcome)).count(),
        1,
        "one log line for 46 dead letters"
    );
}

#[test]
fn old_dead_letters_are_removed_by_servers_and_not_by_readers() {
    const DAY_MS: u64 = 86_400_000;
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let mut connection = redis.connect();
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut connection).unwrap();
    let fields = [("id", "msg_1"), ("endpoint", "e"), ("app_id", "app")];
    let ages = std::iter::repeat_n(31 * DAY_MS, 250).chain([8 * DAY_MS, DAY_MS, 1000]);
    for (n, age_ms) in (0..).zip(ages) {
        let id = format!("{}-{n}", seconds * 1000 - age_ms);
        connection.xadd::<_, _, _, _, ()>("wh:dead", id, &fields).unwrap();
    }
    // This client has the default, which keeps dead letters for seven days.
    let mut dead_letters = dead_letters(&redis);
    assert_eq!((dead_letters.count().unwrap(), dead_letters.list(None, 1000).unwrap().len()), (253, 253));
    assert_eq!(dead_letters.count().unwrap(), 253);

    let _node = engine(&redis, &receiver, &json!({ "dead_letter_days": 30 }));
    eventually("the removal of old dead letters", || dead_letters.count().unwrap() == 3);
    assert_eq!(dead_letters.forget_older_than(Duration::from_secs(3600)).unwrap(), 2);
    assert_eq!(dead_letters.list(None, 10).unwrap().len(), 1);
    assert_eq!(dead_letters.forget_older_than(Duration::ZERO).unwrap(), 1);
}

#[test]
fn a_node_that_lost_its_partitions_reports_no_drop_of_their_events() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Hang]);
    let former_owner = node(&redis, &receiver, &json!({ "timeout": 1 }));
    former_owner.subscribed(APP, b"news", b"1.1", None);
    eventually("a batch under way", || receiver.received("/hook").len() == 1);
    let mut connection = redis.connect();
    // A lease of its own: otherwise the node would take the partitions over.
    connection.zadd::<_, _, _, ()>("wh:nodes", "another", 9_999_999_999_999_u64).unwrap();
    for partition in 0..16 {
        connection.hset::<_, _, _, ()>("wh:owners", partition, "1 another").unwrap();
    }
    eventually("the node to have nothing left", || former_owner.flush(Duration::from_secs(1)).is_nothing());
    eventually("the end of its attempt", || {
        former_owner.stats().contains(&("attempts", 1)) && former_owner.stats().contains(&("queued_events", 0))
    });
    assert_eq!((dropped(&former_owner), dead_letters(&redis).count().unwrap(), redis.outbox_events()), (0, 0, 1));
}

#[test]
fn an_unreachable_redis_is_an_error_that_names_its_address() {
    let config = json!({ "connection": { "host": "/nowhere/redis.sock" } });
    let error = DeadLetters::of(&Config::from_value(config).unwrap()).unwrap().count().unwrap_err();
    assert!(error.to_string().starts_with("Redis at /nowhere/redis.sock: unreachable"), "{error}");
}
