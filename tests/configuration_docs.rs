//! `docs/configuration.md` matches the code: every key, default, example and variable.

#![allow(clippy::unwrap_used, reason = "a page that cannot be read has failed")]

use std::collections::{BTreeMap, BTreeSet};

use resonate_webhooks::config::Config;
use serde_json::{Value, json};

const PAGE: &str = include_str!("../docs/configuration.md");
const CONFIG_FILE: &str = include_str!("../php/config/resonate-webhooks.php");

/// Levels that have keys. An endpoint stands in place of `*`.
const LEVELS: [&str; 9] = [
    "",
    "connection.",
    "roster.",
    "dashboard.",
    "endpoints.*.",
    "endpoints.*.filter.",
    "endpoints.*.filter.client_events.",
    "endpoints.*.batching.",
    "endpoints.*.lambda.",
];

/// Documentation of a key.
#[derive(Debug, Default)]
struct Row {
    default: String,
    variable: String,
    example: String,
}

/// Returns the cell without code marks.
fn code(cell: &str) -> String {
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or_default().to_owned()
}

/// Returns the keys of the page, and the keys that are other spellings.
fn page() -> (BTreeMap<String, Row>, BTreeSet<String>) {
    let (mut rows, mut aliases) = (BTreeMap::new(), BTreeSet::new());
    let mut columns: Vec<&str> = Vec::new();
    for line in PAGE.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if matches!(cells[0], "key" | "theirs") {
            columns = cells;
        } else if cells[0].starts_with('`') {
            let cell = |name: &str| columns.iter().position(|column| *column == name).map_or("", |at| cells[at]);
            for key in cells[0].split(", ").map(code) {
                if columns[0] == "theirs" {
                    aliases.insert(key);
                    continue;
                }
                let default = if cell("default") == "as above" { "as above".to_owned() } else { code(cell("default")) };
                let row = Row { default, variable: code(cell("variable")), example: code(cell("example")) };
                assert!(rows.insert(key.clone(), row).is_none(), "{key} is there twice");
            }
        }
    }
    (rows, aliases)
}

/// Parses a value in PHP notation, as far as the page uses it.
fn php(text: &str) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    let is_map = text.contains("=>");
    let json = text.replace('\\', "\\\\").replace('\'', "\"").replace("=>", ":");
    let json = if is_map { json.replace('[', "{").replace(']', "}") } else { json };
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Returns the config with `value` at `key`.
fn with(mut config: Value, key: &str, value: Value) -> Value {
    let mut place = &mut config;
    for part in key.split('.') {
        let part = if part == "*" { "endpoint" } else { part };
        place = place.as_object_mut().unwrap().entry(part).or_insert_with(|| json!({}));
    }
    *place = value;
    config
}

/// Returns a config with one endpoint.
fn with_endpoint() -> Value {
    json!({ "endpoints": { "endpoint": { "url": "http://localhost/" } } })
}

/// Returns a config whose endpoint is a Lambda function.
fn with_function() -> Value {
    let function = json!({ "function_name": "hooks", "region": "eu-west-1" });
    json!({ "endpoints": { "endpoint": { "lambda": function } } })
}

/// Returns a config whose endpoint is a queue.
fn with_queue() -> Value {
    let sqs = json!({ "driver": "sqs", "prefix": "https://sqs/1", "region": "eu-west-1" });
    let connections = json!({ "redis": { "driver": "redis", "redis": "default" }, "sqs": sqs });
    json!({
        "endpoints": { "endpoint": { "queue": "hooks" } },
        "queues": { "default": "redis", "connections": connections },
    })
}

/// Returns a config whose endpoint has the target that `key` belongs to.
fn with_target_of(key: &str) -> Value {
    match key {
        "endpoints.*.queue" | "endpoints.*.connection" => with_queue(),
        _ if key.starts_with("endpoints.*.lambda.") => with_function(),
        _ => with_endpoint(),
    }
}

#[test]
fn the_docs_list_every_key_and_no_other() {
    let (rows, aliases) = page();
    for level in LEVELS {
        let nonsense = with(with_target_of(level), &format!("{level}qqqqqqqqqqqq"), json!(1));
        let said = match Config::from_value(nonsense) {
            Ok(config) => config.warnings,
            Err(error) => vec![error.to_string()],
        };
        let known = said.iter().find_map(|said| Some(said.split_once("expected one of ")?.1));
        let known = known.unwrap_or_else(|| panic!("{level}: {said:?}"));
        // Keys with levels of their own, and keys that users do not set.
        let parents = [
            "connection",
            "roster",
            "dashboard",
            "app_webhooks",
            // Set by the plugin: the list of applications.
            "app_ids",
            // Set by the plugin: the queue connections of the application.
            "queues",
            // Set by the plugin for endpoints of a provider.
            "endpoints_provided",
            // Set by the plugin from `cluster_name` or the application's name.
            "cluster",
            "endpoints",
            "filter",
            "batching",
            "client_events",
            "lambda",
        ];
        let is_parent =
            |key: &&str| parents.contains(key) && (!matches!(*key, "cluster" | "connection") || level.is_empty());
        let known: BTreeSet<String> =
            known.split(", ").filter(|key| !is_parent(key)).map(|key| format!("{level}{key}")).collect();
        let here = |key: &&String| key.strip_prefix(level).is_some_and(|rest| !rest.contains('.'));
        let documented: BTreeSet<String> = rows.keys().chain(&aliases).filter(here).cloned().collect();
        assert_eq!(documented, known);
    }
}

#[test]
fn every_documented_default_is_that_of_the_code() {
    let (rows, _) = page();
    let mut written = json!({});
    for (key, row) in rows.iter().filter(|(key, _)| !key.starts_with("endpoints.") && !key.starts_with("roster.")) {
        written = with(written, key, php(&row.default));
    }
    assert_eq!(Config::from_value(written).unwrap(), Config::default());

    let mut written = with_endpoint();
    for (key, row) in rows.iter().filter(|(key, row)| key.starts_with("endpoints.") && !row.default.is_empty()) {
        if row.default == "as above" {
            continue;
        }
        if key.starts_with("endpoints.*.lambda.") {
            let written = with(with_function(), key, php(&row.default));
            assert_eq!(Config::from_value(written).unwrap(), Config::from_value(with_function()).unwrap(), "{key}");
        } else {
            written = with(written, key, php(&row.default));
        }
    }
    assert_eq!(Config::from_value(written).unwrap(), Config::from_value(with_endpoint()).unwrap());

    let roster = |key: &str| php(&rows[key].default);
    let written = json!({ "roster": { "key_prefix": roster("roster.key_prefix"), "ttl": roster("roster.ttl") } });
    assert_eq!(Config::from_value(written).unwrap(), Config::from_value(json!({ "roster": [] })).unwrap());
}

#[test]
fn every_example_is_accepted_and_makes_a_difference() {
    let (rows, _) = page();
    for (key, row) in &rows {
        assert!(!row.example.is_empty(), "{key} has no example");
        // Some keys need another one.
        let mut before = with_target_of(key);
        let pair = [
            ("client_cert", "client_key"),
            ("password", "username"),
            ("access_key_id", "secret_access_key"),
            ("session_token", "access_key_id"),
            ("session_token", "secret_access_key"),
            ("key", "secret"),
            ("previous_secrets", "secret"),
        ];
        // The second key of these pairs also works alone.
        let both = |(a, b)| if a == "session_token" || b == "secret" { vec![(a, b)] } else { vec![(a, b), (b, a)] };
        for (one, other) in pair.into_iter().flat_map(both) {
            let sibling = key.strip_suffix(one).map(|level| format!("{level}{other}"));
            if let Some(sibling) = sibling.filter(|sibling| rows.contains_key(sibling) && !key.contains("sentinel")) {
                before = with(before, &sibling, php(&rows[&sibling].example));
            }
        }
        let secure = ["ca_file", "client_cert", "client_key"].iter().any(|name| key.ends_with(name));
        if key.starts_with("connection.") && (secure || key == "connection.context") {
            before = with(before, "connection.host", json!("tls://redis"));
        }
        if key == "connection.path" {
            before = with(before, "connection.scheme", json!("unix"));
        }
        if key.starts_with("connection.sentinel_") || key == "connection.service" {
            before = with(before, "connection.sentinels", json!("127.0.0.1:26379"));
            before = with(before, "connection.sentinel_password", json!("other"));
        }
        if ["https_only", "deny_private_networks", "allow_link_local"].iter().any(|name| key.ends_with(name)) {
            before = with(before, "endpoints.*.url", json!("https://localhost/"));
        }
        if let Some(name) =
            key.strip_prefix("endpoints.*.").filter(|_| row.default == "as above" && row.example == "false")
        {
            before = with(before, name, if name == "proxy" { json!("http://proxy:3128") } else { json!(true) });
        }
        let after = Config::from_value(with(before.clone(), key, php(&row.example)));
        let after = after.unwrap_or_else(|error| panic!("the example of {key}: {error}"));
        // The effect of these keys shows only in a refusal, together with another key, or in PHP.
        let elsewhere = [
            "https_only",
            "client_cert",
            "client_key",
            "access_key_id",
            "secret_access_key",
            "metrics_public",
            "metrics_route",
            "metrics_middleware",
            "reverb",
        ];
        let shows_elsewhere = key.starts_with("dashboard.") || elsewhere.iter().any(|name| key.ends_with(name));
        if !shows_elsewhere {
            assert_ne!(Some(after), Config::from_value(before).ok(), "{key}");
        }
    }
}

#[test]
fn every_variable_is_read_by_the_config_file_for_its_key() {
    let (rows, _) = page();
    let mut documented = BTreeSet::new();
    for (key, row) in rows.iter().filter(|(_, row)| !row.variable.is_empty()) {
        let name = key.rsplit('.').next().unwrap();
        let line = CONFIG_FILE.lines().find(|line| line.contains(&format!("env('{}'", row.variable)));
        let line = line.unwrap_or_else(|| panic!("{} is not read", row.variable));
        assert!(line.trim_start().starts_with(&format!("'{name}' =>")), "{key}: {line}");
        documented.insert(row.variable.as_str());
    }
    let read: BTreeSet<&str> = CONFIG_FILE
        .split("env('")
        .skip(1)
        .filter_map(|rest| rest.split('\'').next())
        .filter(|name| name.starts_with("RESONATE_WEBHOOKS_"))
        .collect();
    assert_eq!(documented, read);
}
