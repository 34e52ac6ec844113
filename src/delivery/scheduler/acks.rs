//! Acknowledges events to the outbox, and reports their deliveries and drops.

use std::sync::Arc;
use std::time::Instant;

use super::SchedulerGuard;
use crate::config::{Endpoint, Payload};
use crate::delivery::lanes::{FinishedBatch, Withdrawn};
use crate::outbox::{self, BatchOutcome, DropReport, InFlightBatch, LaneId, Moves, Queued};
use crate::telemetry::{Outcome, UNCONFIGURED};

impl SchedulerGuard<'_> {
    /// Acknowledges a batch that was delivered or dropped, and reports it.
    pub(super) fn ack(&self, finished: &FinishedBatch) {
        let FinishedBatch { lane, endpoint: place, batch, attempts, outcome, answer, moves, newly_disabled } = finished;
        let (telemetry, endpoint) = (&self.scheduler.telemetry, self.state.lanes.endpoint(*place));
        let report = match outcome {
            BatchOutcome::Delivered { status } => {
                let counters = &telemetry.counters;
                counters.batches_delivered.add(1);
                counters.events_delivered.add(count(&batch.events) as u64);
                telemetry.report(Outcome::Delivered {
                    url: endpoint.target.configured(),
                    status: *status,
                    app_id: lane.app.as_text().into_owned(),
                    attempts: *attempts,
                    webhook_id: batch.id.clone(),
                    endpoint: lane.endpoint.to_string(),
                    events: count(&batch.events) as u64,
                });
                None
            }
            BatchOutcome::Dropped { reason } => {
                let mut report = self.drop_report(lane, &batch.id, Some(endpoint), &batch.events, *attempts, reason);
                report.answer.clone_from(answer);
                Some(report)
            }
            BatchOutcome::Forgotten => None,
        };
        if *newly_disabled {
            self.report_disabled(*place);
        }
        self.scheduler.outbox.ack(outbox::Acked {
            lane,
            events: &batch.events,
            id: &batch.id,
            body: batch.body(),
            payload: endpoint.payload,
            moves: *moves,
            outcome,
            report,
        });
    }

    /// Drops up to `count` of the oldest waiting events of the longest lane. Returns their number.
    pub(crate) fn drop_oldest(&mut self, count: usize) -> usize {
        let Some(dropped) = self.state.lanes.drop_oldest(count) else { return 0 };
        self.ack(&dropped);
        dropped.batch.events.len()
    }

    /// Drops the next batch of a closed endpoint. Returns `false` when there is none.
    pub(crate) fn drop_undeliverable(&mut self, now: Instant) -> bool {
        if !self.may_send(now) {
            return false;
        }
        let dropped = self.state.lanes.next_undeliverable(now);
        if let Some(dropped) = &dropped {
            self.ack(dropped);
        }
        dropped.is_some()
    }

    /// Acknowledges the withdrawn redeliveries. Their dead letters remain.
    pub(crate) fn ack_withdrawn(&mut self) {
        for Withdrawn { lane, dead_letters } in self.state.lanes.take_withdrawn() {
            self.scheduler.outbox.ack(outbox::Acked {
                lane: &lane,
                events: &dead_letters,
                id: "",
                body: None,
                payload: Payload::default(),
                moves: Moves::Never,
                outcome: &BatchOutcome::Forgotten,
                report: None,
            });
        }
    }

    /// Drops an inherited batch whose endpoint is not configured here.
    pub(super) fn ack_unconfigured(&self, flight: &InFlightBatch) {
        let report = self.drop_report(&flight.lane, &flight.id, None, &flight.events, 0, UNCONFIGURED);
        self.scheduler.outbox.ack(outbox::Acked {
            lane: &flight.lane,
            events: &flight.events,
            id: &flight.id,
            body: Some(&flight.body),
            payload: Payload::default(),
            moves: Moves::Own,
            outcome: &BatchOutcome::dropped(UNCONFIGURED),
            report: Some(report),
        });
    }

    fn drop_report(
        &self,
        lane: &LaneId,
        id: &str,
        endpoint: Option<&Endpoint>,
        events: &[Arc<Queued>],
        attempts: u32,
        reason: &str,
    ) -> Box<DropReport> {
        let of_endpoint = |text: fn(&Endpoint) -> String| endpoint.map_or_else(String::new, text);
        Box::new(DropReport {
            telemetry: Arc::clone(&self.scheduler.telemetry),
            url: of_endpoint(|endpoint| endpoint.target.to_string()),
            configured_url: of_endpoint(|endpoint| endpoint.target.configured()),
            endpoint: of_endpoint(Endpoint::label),
            endpoint_id: lane.endpoint.to_string(),
            webhook_id: id.to_owned(),
            dead_letter: None,
            app_id: lane.app.as_text().into_owned(),
            events: count(events),
            attempts,
            reason: reason.to_owned(),
            answer: None,
        })
    }
}

/// Returns the number of events in these items. A dead letter counts all of its events.
fn count(events: &[Arc<Queued>]) -> usize {
    events.iter().map(|queued| queued.item.events()).sum()
}
