//! What is told beside deliveries and drops: how endpoints are, and each attempt to those who watch.

use std::time::{Duration, Instant};

use super::Open;
use crate::delivery::health::News;
use crate::delivery::retry::Answer;
use crate::telemetry::{Level, Outcome};

impl Open<'_> {
    /// Shows an attempt to those who watch, if somebody does.
    pub(super) fn note(&self, lane: usize, answer: &Answer, took: Duration, now: Instant) {
        let watch = self.desk.telemetry.watch();
        if watch.is_on()
            && let Some(sight) = self.work.lanes.sight(lane, answer, took)
        {
            watch.note(now, sight);
        }
    }

    /// Tells what the last answer changed.
    pub(super) fn tell_news(&mut self) {
        for (place, news) in self.work.lanes.take_news() {
            let (telemetry, endpoint) = (&self.desk.telemetry, self.work.lanes.endpoint(place));
            let (url, id, label) = (endpoint.target.to_string(), endpoint.id.to_string(), endpoint.label());
            match news {
                News::Failing { reason, after } => {
                    telemetry.log(Level::Warning, format_args!("Endpoint {label} is failing: {reason}"));
                    let seconds = after.as_secs();
                    telemetry.report(Outcome::EndpointFailing { url, endpoint: id, reason, seconds });
                }
                News::TooLarge { events } => telemetry.log(
                    Level::Warning,
                    format_args!(
                        "Endpoint {label} answered 413 to a batch of {events} events, which is sent in halves. A lower \
                         batch_max_bytes, or batching.max_events of this endpoint, saves these requests"
                    ),
                ),
                News::RetryEnded { reason } => telemetry.log(
                    Level::Warning,
                    format_args!(
                        "Endpoint {label} did not take a dead letter ({reason}): the rest of this retry stay dead letters. \
                         Repeat it when the endpoint answers"
                    ),
                ),
                News::Recovered { after } => {
                    let seconds = after.as_secs();
                    telemetry.log(Level::Info, format_args!("Endpoint {label} answers again after {seconds} s"));
                    telemetry.report(Outcome::EndpointRecovered { url, endpoint: id, seconds });
                }
            }
        }
    }
}
