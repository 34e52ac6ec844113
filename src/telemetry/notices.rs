//! Notices: outcomes that a flood of deliveries cannot displace. They are drops, changes of endpoints and log lines.
//!
//! Notices have their own bounded queue. Log lines of one kind, which come from the same place in the code and have the
//! same subject, take only a part of it. Further lines are counted, and the next line of the kind reports their number.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::panic::Location;

use super::{Level, Outcome};

/// The maximum number of notices. The queue must be bounded, because the PHP side stops polling when a server drains.
const CAPACITY: usize = 8192;

/// The maximum number of drops among them, so that a flood of drops leaves room for other notices.
const DROPS: usize = CAPACITY / 4 * 3;

/// The maximum number of log lines of one kind.
const LINES_OF_A_KIND: usize = 16;

/// The kind of a log line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct NoticeKind {
    /// Place in the code.
    pub(super) at: &'static Location<'static>,
    /// Subject, if the same place logs about several.
    pub(super) subject: Box<str>,
}

/// The queue, oldest first.
#[derive(Default)]
pub(super) struct Notices {
    queue: VecDeque<(Outcome, Option<NoticeKind>)>,
    drops: usize,
    lines: HashMap<NoticeKind, Lines>,
    /// The number of lost notices since the last report.
    lost: u64,
}

/// The waiting lines of a kind.
#[derive(Default)]
struct Lines {
    kept: usize,
    /// The number of further lines, which are only counted.
    folded: u64,
}

impl Notices {
    /// Adds an outcome other than a log line. Returns `false` if the queue is full.
    pub(super) fn push(&mut self, outcome: Outcome) -> bool {
        let is_drop = matches!(outcome, Outcome::Dropped { .. });
        if is_drop && self.drops >= DROPS {
            self.lost += 1;
            return false;
        }
        let kept = self.keep(outcome, None);
        self.drops += usize::from(kept && is_drop);
        kept
    }

    /// Adds a log line or counts it. Returns `false` if the queue is full.
    pub(super) fn log(&mut self, level: Level, kind: NoticeKind, message: impl FnOnce() -> String) -> bool {
        if let Some(lines) = self.lines.get_mut(&kind)
            && lines.kept >= LINES_OF_A_KIND
        {
            lines.folded += 1;
            return true;
        }
        let kept = self.keep(Outcome::Log { level, message: message() }, Some(kind.clone()));
        if kept {
            self.lines.entry(kind).or_default().kept += 1;
        }
        kept
    }

    /// Takes the oldest notice.
    pub(super) fn pop(&mut self) -> Option<Outcome> {
        let Some((mut outcome, kind)) = self.queue.pop_front() else { return self.report_lost() };
        self.drops -= usize::from(matches!(outcome, Outcome::Dropped { .. }));
        if let Outcome::Log { message, .. } = &mut outcome
            && let Some(kind) = kind
            && let Some(lines) = self.lines.get_mut(&kind)
        {
            lines.kept -= 1;
            let folded = std::mem::take(&mut lines.folded);
            if folded > 0 {
                // Writing to a string never fails.
                let _ = write!(message, " (and {folded} more lines of this kind)");
            }
            if lines.kept == 0 {
                self.lines.remove(&kind);
            }
        }
        Some(outcome)
    }

    fn keep(&mut self, outcome: Outcome, kind: Option<NoticeKind>) -> bool {
        let room = self.queue.len() < CAPACITY;
        if room {
            self.queue.push_back((outcome, kind));
        } else {
            self.lost += 1;
        }
        room
    }

    /// Returns a log line with the number of lost notices, if there are any.
    fn report_lost(&mut self) -> Option<Outcome> {
        let lost = std::mem::take(&mut self.lost);
        let message = format!(
            "{lost} events and log lines for Laravel were lost, because a listener of WebhookDropped or a log channel is too \
             slow. Queue the listener"
        );
        (lost > 0).then_some(Outcome::Log { level: Level::Warning, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped() -> Outcome {
        let [url, app_id, reason, webhook_id, endpoint] = ["u", "a", "r", "msg_1", "e"].map(str::to_owned);
        Outcome::Dropped { url, app_id, attempts: 1, reason, webhook_id, endpoint, events: 1, dead_letter: None }
    }

    fn kind(subject: &str) -> NoticeKind {
        NoticeKind { at: Location::caller(), subject: subject.into() }
    }

    fn lines(notices: &mut Notices) -> Vec<String> {
        std::iter::from_fn(|| notices.pop())
            .map(|outcome| match outcome {
                Outcome::Log { message, .. } => message,
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn lines_of_one_kind_are_folded_and_others_are_not() {
        let mut notices = Notices::default();
        let noisy = kind("noisy");
        for n in 0..1_000 {
            assert!(notices.log(Level::Warning, noisy.clone(), || format!("noisy {n}")));
        }
        assert!(notices.log(Level::Warning, kind("quiet"), || "quiet".to_owned()));
        let lines = lines(&mut notices);
        assert_eq!(lines.len(), LINES_OF_A_KIND + 1);
        assert_eq!(lines[0], "noisy 0 (and 984 more lines of this kind)");
        assert_eq!(lines[1], "noisy 1");
        assert_eq!(lines[LINES_OF_A_KIND], "quiet");
        assert!(notices.lines.is_empty(), "kinds without waiting lines are removed");
    }

    #[test]
    fn a_flood_of_drops_leaves_room_and_reports_how_many_were_lost() {
        let mut notices = Notices::default();
        let kept = (0..CAPACITY).filter(|_| notices.push(dropped())).count();
        assert_eq!(kept, DROPS);
        assert!(notices.push(Outcome::EndpointDisabled {
            url: "u".to_owned(),
            endpoint: "e".to_owned(),
            reason: "HTTP 410".to_owned()
        }));
        for n in 0..CAPACITY {
            notices.log(Level::Error, kind(&n.to_string()), || "one of many kinds".to_owned());
        }
        assert_eq!(notices.queue.len(), CAPACITY);
        let lines = lines(&mut notices);
        // The drops over their limit, and the lines that did not fit beside the kept drops and the one other notice.
        let lost = (CAPACITY - DROPS) + (DROPS + 1);
        assert_eq!(lines.len(), CAPACITY + 1);
        assert!(
            lines[CAPACITY].starts_with(&format!("{lost} events and log lines for Laravel were lost")),
            "{}",
            lines[CAPACITY]
        );
        assert!(notices.lines.is_empty());
        assert_eq!(notices.pop(), None);
    }
}
