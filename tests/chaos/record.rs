//! What is left of a run when it is over.

use std::path::PathBuf;

use crate::Ms;
use crate::checker::Report;
use crate::history::History;
use crate::receiver::Request;
use crate::schedule::Faults;

/// A run that is over.
pub(crate) struct Run {
    pub(crate) history: History,
    pub(crate) requests: Vec<Request>,
    pub(crate) faults: Faults,
    /// What did not come to rest.
    pub(crate) stuck: Option<String>,
    pub(crate) diary: Vec<(Ms, String)>,
}

impl Run {
    /// Writes all that happened into a file.
    pub(crate) fn write_down(&self, report: &Report, seed: u64) -> PathBuf {
        let mut lines = self.diary.clone();
        lines.extend(self.requests.iter().map(|request| {
            (request.at, format!("received at {} as {}: {} {}", request.path, request.id, request.app, request.body))
        }));
        lines.sort_by_key(|(at, _)| *at);
        let violations = report.violations.iter().map(ToString::to_string);
        let diary = lines.into_iter().map(|(at, line)| format!("{at} {line}"));
        let text: Vec<String> = violations.chain(diary).collect();
        let path = std::env::temp_dir().join(format!("chaos-{seed}-{}.log", std::process::id()));
        std::fs::write(&path, text.join("\n")).expect("a file for what happened");
        path
    }
}
