//! Record of a finished run.

use std::path::PathBuf;

use crate::Ms;
use crate::checker::Report;
use crate::faults::Faults;
use crate::history::History;
use crate::receiver::Request;

/// A finished run.
pub(crate) struct Run {
    pub(crate) history: History,
    pub(crate) requests: Vec<Request>,
    pub(crate) faults: Faults,
    /// Description of everything that did not come to rest in time.
    pub(crate) stuck: Option<String>,
    pub(crate) timeline: Vec<(Ms, String)>,
}

impl Run {
    /// Writes the whole record to a file.
    pub(crate) fn write_log(&self, report: &Report, seed: u64) -> PathBuf {
        let mut lines = self.timeline.clone();
        lines.extend(self.requests.iter().map(|request| {
            (request.at, format!("received at {} as {}: {} {}", request.path, request.id, request.app, request.body))
        }));
        lines.sort_by_key(|(at, _)| *at);
        let violations = report.violations.iter().map(ToString::to_string);
        let timeline = lines.into_iter().map(|(at, line)| format!("{at} {line}"));
        let text: Vec<String> = violations.chain(timeline).collect();
        let path = std::env::temp_dir().join(format!("chaos-{seed}-{}.log", std::process::id()));
        std::fs::write(&path, text.join("\n")).expect("a file for what happened");
        path
    }
}
