//! Attempts in real time, for operators who watch deliveries. Without a watcher, nothing is recorded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// The maximum number of attempts recorded between two reads of the reporter.
const NOTED_AT_MOST: usize = 500;

/// An attempt, as published to watchers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sight {
    /// End of the attempt, in Unix ms by Redis' clock.
    pub time_ms: u64,
    /// Node.
    pub node: String,
    /// Id of the endpoint.
    pub endpoint: String,
    /// Name and URL of the endpoint, without secrets.
    pub label: String,
    /// Application.
    pub app_id: String,
    /// `webhook-id` of the POST.
    pub id: String,
    /// Number of events.
    pub events: usize,
    /// Number of the attempt, starting at 1.
    pub attempt: u32,
    /// Status code, if there was a response.
    pub status: Option<u16>,
    /// Error, if the attempt failed.
    pub error: Option<String>,
    /// Beginning of the answer, if the attempt failed and it is kept.
    pub answer: Option<String>,
    /// Duration in ms.
    pub took_ms: f64,
}

/// The recorded attempts, each with the instant of its end.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    on: AtomicBool,
    noted: Mutex<Vec<(Instant, Sight)>>,
}

impl Watch {
    /// Returns `true` while there is a watcher.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Records whether there is a watcher. Without one, discards the recorded attempts.
    pub(crate) fn set(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
        if !on {
            self.take();
        }
    }

    /// Records an attempt, if there is room.
    pub(crate) fn note(&self, now: Instant, sight: Sight) {
        let mut noted = self.noted.lock();
        if noted.len() < NOTED_AT_MOST {
            noted.push((now, sight));
        }
    }

    /// Takes the attempts recorded since the last call.
    pub(crate) fn take(&self) -> Vec<(Instant, Sight)> {
        std::mem::take(&mut self.noted.lock())
    }
}
