//! Deliveries as they happen, while somebody watches: nothing is noted, and nothing written, when nobody does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Attempts noted between two looks of the reporter at most.
const NOTED_AT_MOST: usize = 500;

/// An attempt, as those see it who watch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sight {
    /// When it ended, in Unix ms by Redis' clock.
    pub time_ms: u64,
    /// The node that made it.
    pub node: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// Its name and URL, without secrets.
    pub label: String,
    /// Whose events.
    pub app_id: String,
    /// `webhook-id`.
    pub id: String,
    /// How many events.
    pub events: usize,
    /// Which attempt it was.
    pub attempt: u32,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// What was wrong, if something was.
    pub error: Option<String>,
    /// How long it took, in ms.
    pub took_ms: f64,
}

/// Where attempts are noted, each with the instant of its end.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    on: AtomicBool,
    noted: Mutex<Vec<(Instant, Sight)>>,
}

impl Watch {
    /// Whether somebody watches.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Somebody watches, or nobody any more.
    pub(crate) fn set(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
        if !on {
            self.take();
        }
    }

    /// Notes an attempt, if there is room.
    pub(crate) fn note(&self, now: Instant, sight: Sight) {
        let mut noted = self.noted.lock();
        if noted.len() < NOTED_AT_MOST {
            noted.push((now, sight));
        }
    }

    /// What was noted since the last time.
    pub(crate) fn take(&self) -> Vec<(Instant, Sight)> {
        std::mem::take(&mut self.noted.lock())
    }
}
