//! What is told beside deliveries and drops: how endpoints are, and each attempt to those who watch.

use std::time::{Duration, Instant};

use super::Dispatcher;
use crate::delivery::health::News;
use crate::delivery::retry::Answer;
use crate::telemetry::{Level, Outcome};

impl Dispatcher {
    /// Shows an attempt to those who watch, if somebody does.
    pub(super) fn note(&self, lane: usize, answer: &Answer, took: Duration) {
        let watch = self.telemetry.watch();
        if watch.is_on()
            && let Some(sight) = self.lanes.sight(lane, answer, took)
        {
            watch.note(Instant::now(), sight);
        }
    }

    /// Tells what the last answer changed.
    pub(super) fn tell_news(&mut self) {
        for (place, news) in self.lanes.take_news() {
            let endpoint = self.lanes.endpoint(place);
            let (url, id, label) = (endpoint.target.to_string(), endpoint.id.to_string(), endpoint.label());
            match news {
                News::Failing { reason, after } => {
                    self.telemetry.log(Level::Warning, format_args!("Endpoint {label} is failing: {reason}"));
                    let seconds = after.as_secs();
                    self.telemetry.report(Outcome::EndpointFailing { url, endpoint: id, reason, seconds });
                }
                News::Recovered { after } => {
                    let seconds = after.as_secs();
                    self.telemetry.log(Level::Info, format_args!("Endpoint {label} answers again after {seconds} s"));
                    self.telemetry.report(Outcome::EndpointRecovered { url, endpoint: id, seconds });
                }
            }
        }
    }
}
