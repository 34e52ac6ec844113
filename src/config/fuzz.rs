//! Fuzzes the configuration and the filters of endpoints.

use std::collections::HashSet;

use serde_json::json;

use super::filter::matches;
use super::*;
use crate::event::{ChannelName, ClientEvent, ClientEventParts, Event, EventKind};
use crate::fuzz::{document, fuzz};

/// Part of every secret in the corpus.
const SECRET: &str = "hunter2";

/// Keys of lists. PHP gives the entries names, which may be those of any key.
const LISTS: [&str; 14] = [
    "allow",
    "app_ids",
    "backoff",
    "channel_name_ends_with",
    "channel_name_starts_with",
    "channel_prefix",
    "channel_suffix",
    "cluster",
    "deny",
    "events",
    "headers",
    "ignore_channel_prefixes",
    "previous_secrets",
    "sentinels",
];

/// The configs of the application to which a key may belong.
const ROOTS: [&str; 4] = ["resonate-webhooks", "reverb.apps.apps.", "queue.connections.", "database.redis."];

fn read(value: Value) -> Result<Config, ConfigError> {
    Config::read(value, &Environment::from([("AWS_REGION", "eu-west-1")]))
}

/// Returns the value as PHP has it: an empty array is a list.
fn as_in_php(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(as_in_php).collect(),
        Value::Object(entries) if entries.is_empty() => Value::Array(Vec::new()),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, as_in_php(value))).collect(),
        other => other,
    }
}

/// Returns what may be the user and the password of a URL. A password may have a slash: `user:p/ss@host`.
fn login(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return "" };
    let before_path = rest.split('/').next().unwrap_or_default();
    let is_host = before_path.split_once(':').is_none_or(|(_, port)| port.bytes().all(|digit| digit.is_ascii_digit()));
    let login = if before_path.contains('@') || is_host { before_path } else { rest }.rsplit_once('@');
    login.map_or("", |(login, _)| login)
}

/// Counts the occurrences of the secret where a secret belongs, and everywhere. `key` is the key of the value.
fn secrets(value: &Value, key: &str) -> (usize, usize) {
    let of_text = |text: &str| {
        let login = login(text);
        // The name of a user of Redis is no secret.
        let is_redis = !text.starts_with("http") && !text.starts_with("socks");
        let login = if is_redis { login.split_once(':').map_or("", |(_, password)| password) } else { login };
        let all = text.matches(SECRET).count();
        match key {
            "password" | "sentinel_password" | "secret" | "token" | "headers" | "previous_secrets" => (all, all),
            "connection" | "url" | "proxy" => (login.matches(SECRET).count(), all),
            _ => (0, all),
        }
    };
    let counts: Vec<(usize, usize)> = match value {
        Value::String(text) => vec![of_text(text)],
        Value::Array(items) => items.iter().map(|item| secrets(item, key)).collect(),
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(name, value)| {
                let key = match key {
                    "endpoints" => "endpoint",
                    list if LISTS.contains(&list) => list,
                    _ => name,
                };
                [secrets(value, key), (0, name.matches(SECRET).count())]
            })
            .collect(),
        _ => Vec::new(),
    };
    counts.into_iter().fold((0, 0), |(own, all), (more, others)| (own + more, all + others))
}

#[test]
fn an_empty_array_is_a_list_or_has_keys_and_a_refusal_names_a_key_and_no_secret() {
    fuzz("config", 2_000, |input| {
        let Ok(value) = serde_json::from_slice::<Value>(input) else { return };
        let found = read(value.clone());
        match (&found, read(as_in_php(value.clone()))) {
            // A list is no secret, not even an empty one.
            (_, Err(cached)) if cached.key.contains("previous_secrets") => {}
            (Err(found), Err(cached)) => assert_eq!(found.key, cached.key),
            (found, cached) => assert_eq!(*found, cached),
        }
        let shown = match &found {
            Ok(config) => {
                let ids: HashSet<&EndpointId> = config.endpoints.iter().map(|endpoint| &endpoint.id).collect();
                assert_eq!(ids.len(), config.endpoints.len(), "two endpoints have the same id");
                format!("{config:?}")
            }
            Err(error) => {
                assert!(ROOTS.iter().any(|root| error.key.starts_with(root)) && !error.problem.is_empty(), "{error:?}");
                error.to_string()
            }
        };
        let (hidden, all) = secrets(&value, "");
        assert!(hidden < all || !shown.contains(SECRET), "{shown}");
    });
}

/// Returns the texts of a condition, as an operator writes them.
fn texts(written: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match written {
        Value::Null => None,
        Value::Array(items) => Some(items.iter().map(text).collect()),
        Value::Object(entries) => Some(entries.values().map(text).collect()),
        other => Some(vec![text(other)]).filter(|texts| !texts[0].is_empty()),
    }
}

/// Matches a pattern with stars, letter by letter.
fn matches_stars(pattern: &[u8], name: &[u8]) -> bool {
    // For each beginning of the name, whether the pattern so far matches it.
    let mut matched = vec![false; name.len() + 1];
    matched[0] = true;
    for letter in pattern {
        if *letter == b'*' {
            let first = matched.iter().position(|matched| *matched).unwrap_or(matched.len());
            matched[first..].fill(true);
        } else {
            for end in (1..matched.len()).rev() {
                matched[end] = matched[end - 1] && name[end - 1] == *letter;
            }
            matched[0] = false;
        }
    }
    matched[name.len()]
}

/// Decides as the filter does, from its JSON.
fn admits(filter: &Value, channel: &[u8], name: &[u8]) -> bool {
    let value = |key: &str| filter.get(key).filter(|value| !value.is_null() && value.as_str() != Some(""));
    let written = |key: &str, alias: &str| value(key).or_else(|| value(alias)).and_then(texts);
    let not_empty = |texts: Vec<String>| -> Option<Vec<String>> {
        let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        Some(texts).filter(|texts| !texts.is_empty())
    };
    let any = |texts: Option<Vec<String>>, holds: &dyn Fn(&str) -> bool| {
        texts.is_none_or(|texts| texts.iter().any(|text| holds(text)))
    };
    let starts = |prefix: &str| channel.starts_with(prefix.as_bytes());
    let kinds = ["private-encrypted", "presence-cache", "private-cache", "presence", "private", "cache"];
    let kind = kinds.into_iter().find(|kind| starts(&format!("{kind}-"))).unwrap_or("public");
    let names = |key: &str| texts(filter.get("client_events").and_then(|names| names.get(key)).unwrap_or(&Value::Null));
    let is_named = |pattern: &str| matches_stars(pattern.as_bytes(), name);
    any(written("channel_prefix", "channel_name_starts_with").and_then(not_empty), &starts)
        && any(written("channel_suffix", "channel_name_ends_with").and_then(not_empty), &|suffix| {
            channel.ends_with(suffix.as_bytes())
        })
        && any(written("channel_type", "channel_type"), &|wanted| wanted == kind)
        && any(names("allow"), &is_named)
        && !names("deny").is_some_and(|denied| denied.iter().any(|pattern| is_named(pattern)))
}

/// Asks an endpoint with this filter. `None` if the filter is refused.
fn ask(filter: &Value, channel: &[u8], name: &[u8]) -> Option<bool> {
    let config = read(json!({ "endpoints": [{ "url": "http://a.test", "filter": filter }] })).ok()?;
    let parts = ClientEventParts { event: name, socket: b"1.1", ..ClientEventParts::default() };
    let kind = EventKind::ClientEvent(ClientEvent::new(&parts));
    let event = Event { app: "app".into(), channel: ChannelName::new(channel), time_ms: 0, kind };
    Some(config.endpoints[0].admits(&event))
}

#[test]
fn a_filter_decides_as_its_json_says() {
    fuzz("filter", 1_500, |input| {
        let Some((filter, rest)) = document(input) else { return };
        let [channel, name] = [0, 1].map(|n| rest.get(n).copied().unwrap_or_default());
        // Of few letters, so that parts of the pattern overlap in the name.
        let letters = |text: &[u8], letters: &[u8]| -> Vec<u8> {
            text.iter().take(8).map(|byte| letters[usize::from(*byte) % letters.len()]).collect()
        };
        for (pattern, name) in input.windows(8).zip(input.windows(16)).take(100) {
            let pattern = String::from_utf8(letters(pattern, b"a*b*")).unwrap();
            let name = letters(&name[8..], b"ab");
            assert_eq!(matches(&pattern, &name), matches_stars(pattern.as_bytes(), &name), "{pattern}");
        }
        let Some(admitted) = ask(&filter, channel, name) else { return };
        match texts(filter.get("channel_pattern").unwrap_or(&Value::Null)).and_then(|mut texts| texts.pop()) {
            None => assert_eq!(admitted, admits(&filter, channel, name), "{filter}"),
            // A pattern that matches a whole text also matches somewhere in it.
            Some(pattern) => {
                let found =
                    str::from_utf8(channel).is_ok_and(|text| regex_lite::Regex::new(&pattern).unwrap().is_match(text));
                assert!(!admitted || (found && admits(&filter, channel, name)), "{filter}");
                let is_plain = pattern.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                let expected = pattern.as_bytes() == channel && admits(&filter, channel, name);
                assert!(!is_plain || admitted == expected, "{filter}");
            }
        }
    });
}
