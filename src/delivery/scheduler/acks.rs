//! Acknowledges events to the outbox, and reports their deliveries and drops.

use std::time::Instant;

use super::SchedulerGuard;
use crate::config::Payload;
use crate::delivery::lanes::FinishedBatch;
use crate::outbox::{self, BatchOutcome, DropReport, InFlightBatch, Moves, count_events};
use crate::telemetry::{Outcome, UNCONFIGURED};

impl SchedulerGuard<'_> {
    /// Acknowledges a batch that was delivered or dropped, and reports it.
    pub(super) fn ack(&self, finished: &FinishedBatch) {
        let FinishedBatch { lane, endpoint: place, batch, attempts, outcome, answer, moves } = finished;
        let (telemetry, endpoint) = (&self.scheduler.telemetry, self.state.lanes.endpoint(*place));
        let report = match outcome {
            BatchOutcome::Delivered { status } => {
                let counters = &telemetry.counters;
                counters.batches_delivered.add(1);
                counters.events_delivered.add(count_events(&batch.events) as u64);
                telemetry.report(Outcome::Delivered {
                    url: endpoint.target.configured(),
                    status: *status,
                    app_id: lane.app.as_text().into_owned(),
                    attempts: *attempts,
                    webhook_id: batch.id.clone(),
                    endpoint: lane.endpoint.to_string(),
                    events: count_events(&batch.events) as u64,
                });
                None
            }
            BatchOutcome::Dropped { reason } => Some(Box::new(DropReport {
                url: endpoint.target.to_string(),
                configured_url: endpoint.target.configured(),
                endpoint: endpoint.label(),
                endpoint_id: lane.endpoint.to_string(),
                webhook_id: batch.id.clone(),
                dead_letter: None,
                app_id: lane.app.as_text().into_owned(),
                events: count_events(&batch.events),
                attempts: *attempts,
                reason: reason.clone(),
                answer: answer.clone(),
            })),
            BatchOutcome::Forgotten => None,
        };
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
        for withdrawn in self.state.lanes.take_withdrawn() {
            self.ack(&withdrawn);
        }
    }

    /// Drops an inherited batch whose endpoint is not configured here.
    pub(super) fn ack_unconfigured(&self, flight: &InFlightBatch) {
        let report = DropReport {
            endpoint_id: flight.lane.endpoint.to_string(),
            webhook_id: flight.id.clone(),
            app_id: flight.lane.app.as_text().into_owned(),
            events: count_events(&flight.events),
            reason: UNCONFIGURED.to_owned(),
            ..DropReport::default()
        };
        self.scheduler.outbox.ack(outbox::Acked {
            lane: &flight.lane,
            events: &flight.events,
            id: &flight.id,
            body: Some(&flight.body),
            payload: Payload::default(),
            moves: Moves::Own,
            outcome: &BatchOutcome::dropped(UNCONFIGURED),
            report: Some(Box::new(report)),
        });
    }
}
