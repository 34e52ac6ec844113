//! Reports endpoint changes to the log and to PHP, and attempts to watchers.

use std::time::Instant;

use super::SchedulerGuard;
use crate::delivery::attempt::EndedAttempt;
use crate::delivery::health::HealthTransition;
use crate::delivery::retry::HTTP_GONE;
use crate::outbox::Queued;
use crate::telemetry::{Outcome, UNCONFIGURED};

impl SchedulerGuard<'_> {
    /// Reports an attempt to the watchers, if any.
    pub(super) fn show_to_watchers(&self, lane: usize, ended: &EndedAttempt, now: Instant) {
        let watch = &self.scheduler.telemetry.watch;
        if watch.is_on()
            && let Some(sight) = self.state.lanes.sight(lane, ended)
        {
            watch.note(now, sight);
        }
    }

    /// Reports the endpoint changes that the last result caused.
    pub(super) fn report_transitions(&mut self) {
        for (place, transition) in self.state.lanes.take_transitions() {
            let (telemetry, endpoint) = (&self.scheduler.telemetry, self.state.lanes.endpoint(place));
            let (url, id, label) = (endpoint.target.to_string(), endpoint.id.to_string(), endpoint.label());
            match transition {
                HealthTransition::Failing { reason, answer, after } => {
                    telemetry.log_warning(format_args!("Endpoint {label} is failing: {reason}"));
                    let seconds = after.as_secs();
                    telemetry.report(Outcome::EndpointFailing { url, endpoint: id, reason, answer, seconds });
                }
                HealthTransition::Recovered { after } => {
                    let seconds = after.as_secs();
                    telemetry.log_info(format_args!("Endpoint {label} answers again after {seconds} s"));
                    telemetry.report(Outcome::EndpointRecovered { url, endpoint: id, seconds });
                }
                HealthTransition::TooLarge { events } => telemetry.log_warning(format_args!(
                        "Endpoint {label} answered 413 to a batch of {events} events. The batch is sent in halves. To avoid \
                         this, lower batch_max_bytes, or batching.max_events of this endpoint"
                    )),
                HealthTransition::Disabled => {
                    telemetry.log_warning(format_args!(
                        "Endpoint {label} answered 410 Gone and is now disabled on all servers. To send again: php artisan \
                         resonate-webhooks:resume {id}"
                    ));
                    telemetry.report(Outcome::EndpointDisabled { url, endpoint: id, reason: HTTP_GONE.to_owned() });
                }
                HealthTransition::RetryEnded { reason } => telemetry.log_warning(format_args!(
                        "Endpoint {label} refused a dead letter ({reason}). The other dead letters of this retry are kept. \
                         Retry them when the endpoint answers again"
                    )),
            }
        }
    }

    /// Counts or logs an event that no lane wants.
    pub(super) fn report_unwanted(&mut self, queued: &Queued) {
        let telemetry = &self.scheduler.telemetry;
        match queued.redelivery() {
            // The lanes of an earlier owner may have delivered it.
            None if queued.resume.is_some() => {}
            None => telemetry.counters.events_unwanted.add(1),
            // The retry has ended.
            Some(redelivery) if self.state.lanes.is_known(redelivery) => self.report_transitions(),
            Some(redelivery) => telemetry.log_warning(format_args!(
                "Webhook {} stays a dead letter: {UNCONFIGURED}",
                redelivery.id.escape_debug()
            )),
        }
    }
}
