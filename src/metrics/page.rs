//! Formats samples as text: <https://prometheus.io/docs/instrumenting/exposition_formats/>. Pure.

use std::fmt::{Display, Write};

use super::family::{Family, families};

/// The samples so far, grouped by metric.
pub(super) struct MetricsPage {
    families: Vec<(Family, String)>,
}

impl MetricsPage {
    pub(super) fn new() -> Self {
        Self { families: families().into_iter().map(|family| (family, String::new())).collect() }
    }

    /// Adds a sample of the metric `name`, without the common prefix. `suffix` is for histograms, such as `_bucket`.
    pub(super) fn add(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let of_that_name = |family: &Family| family.name.strip_prefix("resonate_webhooks_") == Some(name);
        let Some((family, text)) = self.families.iter_mut().find(|(family, _)| of_that_name(family)) else {
            debug_assert!(false, "there is no metric called {name}");
            return;
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{suffix}", family.name);
        for (place, (label, value)) in labels.iter().enumerate() {
            let open = if place == 0 { '{' } else { ',' };
            let _ = write!(text, "{open}{label}=\"{}\"", escaped(value));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(text, "{close} {value}");
    }

    /// Returns the text. Metrics without samples are left out.
    pub(super) fn into_text(self) -> String {
        let mut page = String::new();
        for (family, samples) in self.families.iter().filter(|(_, samples)| !samples.is_empty()) {
            let Family { name, kind, help, .. } = family;
            let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{samples}");
        }
        page
    }
}

/// Escapes the value of a label. Control characters other than a newline are removed.
fn escaped(value: &str) -> String {
    let escaped = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    escaped.chars().filter(|character| !character.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_grouped_under_the_help_and_type_of_their_metric() {
        let mut page = MetricsPage::new();
        page.add("dead_letters", "", &[], 3);
        page.add("nodes", "", &[("state", "running")], 2);
        page.add("nodes", "", &[("state", "silent")], 0);
        assert_eq!(
            page.into_text(),
            "# HELP resonate_webhooks_nodes Nodes with a record\n\
             # TYPE resonate_webhooks_nodes gauge\n\
             resonate_webhooks_nodes{state=\"running\"} 2\n\
             resonate_webhooks_nodes{state=\"silent\"} 0\n\
             # HELP resonate_webhooks_dead_letters Dead letters\n\
             # TYPE resonate_webhooks_dead_letters gauge\n\
             resonate_webhooks_dead_letters 3\n"
        );
    }

    #[test]
    fn the_value_of_a_label_cannot_end_it_or_start_a_line() {
        let mut page = MetricsPage::new();
        page.add("events_total", "", &[("app", "a\"} 1\nb\\\r"), ("event", "x")], 1);
        let text = page.into_text();
        let sample = text.lines().last().unwrap_or_default();
        assert_eq!(sample, r#"resonate_webhooks_events_total{app="a\"} 1\nb\\",event="x"} 1"#);
    }
}
