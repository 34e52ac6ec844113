//! `docs/metrics.md`, the alerts and the dashboard name only metrics that exist, and the page names all of them.

#![allow(clippy::unwrap_used, reason = "a page that cannot be read fails the test")]

use resonate_webhooks::metrics::{Scope, families};
use serde_json::Value;

const PAGE: &str = include_str!("../docs/metrics.md");
const ALERTS: &str = include_str!("../docs/metrics-alerts.yml");
const DASHBOARD: &str = include_str!("../docs/grafana/resonate-webhooks.json");

/// Returns the table of the page, made from the code.
fn table() -> String {
    let rows = families().into_iter().map(|family| {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let place = if family.scope == Scope::Node { "process, cluster" } else { "cluster" };
        let (name, kind) = (&family.name, family.kind.to_string());
        format!("| `{name}` | {kind} | {} | {place} | {} |\n", labels.join(", "), family.help)
    });
    rows.collect()
}

/// Returns the names of metrics in a text.
fn names(text: &str) -> Vec<String> {
    let begins = text.match_indices("resonate_webhooks_").map(|(at, _)| &text[at..]);
    let name =
        |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_owned();
    begins.map(name).collect()
}

fn assert_known(what: &str, text: &str) {
    let known: Vec<String> = families()
        .into_iter()
        .flat_map(|family| match family.kind.to_string().as_str() {
            "histogram" => ["_bucket", "_sum", "_count"].map(|part| format!("{}{part}", family.name)).to_vec(),
            _ => vec![family.name],
        })
        .collect();
    let used = names(text);
    assert!(used.len() > 5, "{what} uses no metrics");
    for name in used {
        assert!(known.contains(&name), "{what} uses {name}, which does not exist");
    }
}

#[test]
fn the_page_lists_every_metric_with_its_type_labels_and_meaning() {
    let written: String = PAGE.split_inclusive('\n').filter(|line| line.starts_with("| `resonate_webhooks_")).collect();
    assert!(written == table(), "the table must be\n{}", table());
}

#[test]
fn the_alerts_use_only_existing_metrics() {
    assert_known("an alert", ALERTS);
}

#[test]
fn the_dashboard_is_valid_and_uses_only_existing_metrics() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap_or_else(|| panic!("no queries: {panel}")))
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(queries.iter().all(|query| query.contains("resonate_webhooks_")), "{queries:#?}");
    assert_known("the dashboard", &queries.join("\n"));
    let mut ids: Vec<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), panels.len(), "each panel must have its own id");
}
