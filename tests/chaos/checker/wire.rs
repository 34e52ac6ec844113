//! Reads the events of each channel and user from the requests, in the order in which the receiver accepted them.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Fault, Report, Violation};
use crate::Ms;
use crate::history::{History, Key};
use crate::receiver::Request;
use crate::schedule::FLUSH_INTERVAL;

/// An event of a key, as the receiver got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// `channel_occupied`, `member_added`.
    Up,
    /// `channel_vacated`, `member_removed`.
    Down,
    /// A client event with this text.
    Whisper(String),
}

impl Symbol {
    /// Returns true for an edge.
    pub(crate) const fn is_edge(&self) -> bool {
        matches!(self, Self::Up | Self::Down)
    }
}

/// An event, as it was first accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Occurrence {
    pub(crate) symbol: Symbol,
    /// Earliest and latest time at which it happened.
    pub(crate) window: (Ms, Ms),
    /// Its position among all events of its endpoint.
    pub(crate) place: usize,
    /// Id of the request.
    pub(crate) id: String,
}

/// Reads the requests for `path`. A repeated request counts once, when it is first accepted.
pub(super) fn read(
    path: &str,
    requests: &[Request],
    history: &History,
    report: &mut Report,
) -> BTreeMap<Key, Vec<Occurrence>> {
    let mut known: HashMap<&str, &Request> = HashMap::new();
    let mut accepted: HashSet<&str> = HashSet::new();
    let mut arrived: BTreeMap<Key, Vec<Occurrence>> = BTreeMap::new();
    let mut place = 0;
    for request in requests.iter().filter(|request| request.path == path) {
        if !request.is_signed {
            let details =
                format!("{path} {}: the signature does not match this attempt and {}", request.id, request.body);
            report.violations.push(Violation { fault: Fault::Altered, details });
        }
        if let Some(first) = known.get(request.id.as_str()) {
            report.repeats += 1;
            if first.body != request.body {
                let details = format!("{path} {}: the body is {}, but was {}", request.id, request.body, first.body);
                report.violations.push(Violation { fault: Fault::Altered, details });
            }
        }
        known.entry(&request.id).or_insert(request);
        if !request.is_accepted || !accepted.insert(&request.id) {
            continue;
        }
        for (key, occurrence) in events(request, history) {
            place += 1;
            arrived.entry(key).or_default().push(Occurrence { place, ..occurrence });
        }
    }
    arrived
}

/// Returns the events of a request. The request has the time of its first event; the others are close to it, before or
/// after. All happened since their partition last had no event.
fn events(request: &Request, history: &History) -> Vec<(Key, Occurrence)> {
    let body: serde_json::Value = serde_json::from_str(&request.body).expect("valid JSON");
    let time = body["time_ms"].as_u64().expect("a time");
    let first = history.clock.window(time, time);
    let first = (first.0, first.1.min(request.at.max(first.0)));
    let near = history.clock.window(time.saturating_sub(FLUSH_INTERVAL), time + FLUSH_INTERVAL);
    let near = (near.0, near.1.min(request.at));
    let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
    let events = body["events"].as_array().expect("a list of events").iter();
    let read = events.enumerate().map(|(n, event)| {
        let window = if n == 0 { first } else { near };
        let (symbol, has_user) = match event["name"].as_str().expect("a name") {
            "channel_occupied" => (Symbol::Up, false),
            "channel_vacated" => (Symbol::Down, false),
            "member_added" => (Symbol::Up, true),
            "member_removed" => (Symbol::Down, true),
            "client_event" => (Symbol::Whisper(text(&event["data"])), false),
            other => panic!("an unknown event: {other}"),
        };
        let user = has_user.then(|| text(&event["user_id"]));
        let key = Key { app: request.app.clone(), channel: text(&event["channel"]), user };
        let window = (window.0.max(history.was_empty(&key, request.at)), window.1);
        (key, Occurrence { symbol, window, place: 0, id: request.id.clone() })
    });
    read.collect()
}
