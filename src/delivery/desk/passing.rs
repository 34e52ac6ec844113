//! Lanes that are done with events: whoever has to know is told.

use std::sync::Arc;
use std::time::Instant;

use super::Open;
use crate::config::{Endpoint, Payload};
use crate::delivery::lanes::{Ending, GivenUp, Passed, Withdrawn};
use crate::delivery::retry::GONE;
use crate::outbox::{self, DropReport, Fate, Flight, LaneId, Moves, Queued};
use crate::telemetry::{Level, OUTBOX_FULL, Outcome, UNCONFIGURED};

impl Open<'_> {
    /// Gives up some of the oldest waiting events of the longest lane, `count` at most. Returns how many.
    pub(crate) fn give_up(&mut self, count: usize) -> usize {
        let Some(given_up) = self.work.lanes.give_up(count) else { return 0 };
        let GivenUp { lane, endpoint, events, id, moves } = given_up;
        let fate = self.dropped(&lane, &id, Some(endpoint), &events, 0, OUTBOX_FULL);
        self.desk.outbox.passed(outbox::Passed {
            lane: &lane,
            events: &events,
            id: &id,
            body: None,
            payload: self.work.lanes.endpoint(endpoint).payload,
            moves,
            fate,
        });
        events.len()
    }

    /// Gives up a batch of an endpoint that is gone. `false` when there is none.
    pub(crate) fn give_up_unsent(&mut self, now: Instant) -> bool {
        if !self.may_send(now) {
            return false;
        }
        let unsent = self.work.lanes.next_unsent(now);
        if let Some(unsent) = &unsent {
            self.pass(unsent);
        }
        unsent.is_some()
    }

    /// Is done with dead letters that are not sent again. They stay dead letters.
    pub(crate) fn pass_withdrawn(&mut self) {
        for Withdrawn { lane, letters } in self.work.lanes.take_withdrawn() {
            self.desk.outbox.passed(outbox::Passed {
                lane: &lane,
                events: &letters,
                id: "",
                body: None,
                payload: Payload::default(),
                moves: Moves::Never,
                fate: Fate::Forgotten,
            });
        }
    }

    /// Tells everybody that a lane is done with a batch.
    pub(super) fn pass(&self, passed: &Passed) {
        let Passed { lane, endpoint, batch, attempts, ending, moves, farewell } = passed;
        let (desk, lanes) = (self.desk, &self.work.lanes);
        let target = &lanes.endpoint(*endpoint).target;
        let fate = match ending {
            Ending::Delivered { status } => {
                let counters = desk.telemetry.counters();
                counters.batches_delivered.add(1);
                counters.events_delivered.add(count(batch.events()) as u64);
                desk.telemetry.report(Outcome::Delivered {
                    url: target.configured(),
                    status: *status,
                    app_id: lane.app.as_text().into_owned(),
                    attempts: *attempts,
                    webhook_id: batch.id().to_owned(),
                    endpoint: lane.endpoint.to_string(),
                    events: count(batch.events()) as u64,
                });
                Fate::Delivered
            }
            Ending::Dropped { reason } => {
                self.dropped(lane, batch.id(), Some(*endpoint), batch.events(), *attempts, reason)
            }
            Ending::Forgotten => Fate::Forgotten,
        };
        if *farewell {
            desk.telemetry.log(
                Level::Warning,
                format_args!(
                    "Endpoint {} answered 410 Gone: nothing more is sent to it, by any server. To send again: php artisan \
                     resonate-webhooks:resume {}",
                    lanes.endpoint(*endpoint).label(),
                    lanes.endpoint(*endpoint).id
                ),
            );
            desk.telemetry.report(Outcome::EndpointDisabled {
                url: target.to_string(),
                endpoint: lane.endpoint.to_string(),
                reason: GONE.to_owned(),
            });
        }
        desk.outbox.passed(outbox::Passed {
            lane,
            events: batch.events(),
            id: batch.id(),
            body: batch.body(),
            payload: lanes.endpoint(*endpoint).payload,
            moves: *moves,
            fate,
        });
    }

    /// A batch was inherited for an endpoint that is not configured any more.
    pub(super) fn pass_unwanted(&self, flight: &Flight) {
        let fate = self.dropped(&flight.lane, &flight.id, None, &flight.events, 0, UNCONFIGURED);
        self.desk.outbox.passed(outbox::Passed {
            lane: &flight.lane,
            events: &flight.events,
            id: &flight.id,
            body: Some(&flight.body),
            payload: Payload::default(),
            moves: Moves::Own,
            fate,
        });
    }

    /// No lane wants this.
    pub(super) fn say_unwanted(&mut self, queued: &Queued) {
        let telemetry = &self.desk.telemetry;
        match queued.redelivery() {
            // Of what was inherited, lanes may have had it before.
            None if queued.resume.is_some() => {}
            // Its retry has ended.
            Some(redelivery) if self.work.lanes.is_known(redelivery) => self.tell_news(),
            None => telemetry.counters().events_unwanted.add(1),
            Some(redelivery) => telemetry.log(
                Level::Warning,
                format_args!("Webhook {} stays a dead letter: {UNCONFIGURED}", redelivery.id.escape_debug()),
            ),
        }
    }

    fn dropped(
        &self,
        lane: &LaneId,
        id: &str,
        endpoint: Option<usize>,
        events: &[Arc<Queued>],
        attempts: u32,
        reason: &str,
    ) -> Fate {
        let of_endpoint = |text: fn(&Endpoint) -> String| {
            endpoint.map_or_else(String::new, |endpoint| text(self.work.lanes.endpoint(endpoint)))
        };
        Fate::Dropped(Box::new(DropReport {
            telemetry: Arc::clone(&self.desk.telemetry),
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
        }))
    }
}

/// For how many events these stand.
fn count(events: &[Arc<Queued>]) -> usize {
    events.iter().map(|queued| queued.item.events()).sum()
}
