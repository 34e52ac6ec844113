//! The outbox of a process without Redis: events live as long as the process and are bounded in number.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::{Fate, Handover, Item, LaneId, Outbox, Passed, Position, Queued, excess};
use crate::event::Event;

/// Keeps events in memory. What waits here is handed to the lanes at the next opportunity and waits there.
#[derive(Debug)]
pub struct MemoryOutbox {
    max_events: usize,
    origin: u64,
    queued: AtomicUsize,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    events: Vec<Queued>,
    seq: u64,
}

impl MemoryOutbox {
    /// An outbox in whose lanes at most `max_events` events wait, summed.
    #[must_use]
    pub fn new(max_events: usize) -> Self {
        Self { max_events, origin: rand::random(), queued: AtomicUsize::new(0), inbox: Mutex::default() }
    }
}

impl Outbox for MemoryOutbox {
    fn accept(&self, events: Vec<Event>) {
        let now = Instant::now();
        self.queued.fetch_add(events.len(), Ordering::Relaxed);
        let mut inbox = self.inbox.lock();
        for event in events {
            let position = Position { partition: 0, tenure: 0, seq: inbox.seq };
            inbox.seq += 1;
            inbox.events.push(Queued::new(Item::Event(event), position, now));
        }
    }

    fn take(&self, _waiting: usize) -> Handover {
        Handover { events: std::mem::take(&mut self.inbox.lock().events), ..Handover::default() }
    }

    fn excess(&self, waiting: usize) -> usize {
        excess(waiting, self.max_events)
    }

    fn routed(&self, _event: &Queued, lanes: &[LaneId]) {
        match lanes.len() {
            0 => self.queued.fetch_sub(1, Ordering::Relaxed),
            lanes => self.queued.fetch_add(lanes - 1, Ordering::Relaxed),
        };
    }

    fn passed(&self, passed: Passed<'_>) {
        self.queued.fetch_sub(passed.events.len(), Ordering::Relaxed);
        if let Fate::Dropped(report) = passed.fate {
            report.publish();
        }
    }

    fn origin(&self) -> u64 {
        self.origin
    }

    fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{EndpointId, Payload};
    use crate::event::EventKind;
    use crate::outbox::DropReport;
    use crate::outbox::Moves;
    use crate::telemetry::Telemetry;

    fn event() -> Event {
        Event { app: "a".into(), channel: "c".into(), time_ms: 1, kind: EventKind::ChannelOccupied }
    }

    fn lane(endpoint: &str) -> LaneId {
        LaneId { endpoint: EndpointId::new(endpoint), app: "a".into() }
    }

    fn pass(outbox: &MemoryOutbox, lane: &LaneId, event: &Arc<Queued>, fate: Fate) {
        let events = std::slice::from_ref(event);
        let payload = Payload::Pusher;
        outbox.passed(Passed { lane, events, id: "msg_1", body: None, payload, moves: Moves::All, fate });
    }

    #[test]
    fn an_event_is_queued_until_every_lane_that_wants_it_has_passed_it() {
        let outbox = MemoryOutbox::new(10);
        outbox.accept(vec![event(), event()]);
        let mut taken = outbox.take(0).events.into_iter().map(Arc::new);
        let (wanted, unwanted) = (taken.next().unwrap(), taken.next().unwrap());
        outbox.routed(&unwanted, &[]);
        outbox.routed(&wanted, &[lane("a"), lane("b")]);
        assert_eq!(outbox.queued(), 2);
        pass(&outbox, &lane("a"), &wanted, Fate::Delivered);
        assert_eq!(outbox.queued(), 1);
        let telemetry = Arc::new(Telemetry::default());
        let report = DropReport {
            telemetry: Arc::clone(&telemetry),
            url: "http://localhost".to_owned(),
            configured_url: "http://localhost".to_owned(),
            endpoint: "billing (http://localhost)".to_owned(),
            endpoint_id: "b".to_owned(),
            webhook_id: "msg_1".to_owned(),
            dead_letter: None,
            app_id: "a".to_owned(),
            events: 1,
            attempts: 5,
            reason: "HTTP 500".to_owned(),
        };
        pass(&outbox, &lane("b"), &wanted, Fate::Dropped(Box::new(report)));
        assert_eq!(outbox.queued(), 0);
        assert_eq!(telemetry.counters().events_dropped.get(), 1, "nobody else would say so");
    }

    #[test]
    fn positions_follow_the_order_of_acceptance() {
        let outbox = MemoryOutbox::new(10);
        outbox.accept(vec![event(), event()]);
        outbox.accept(vec![event()]);
        let seqs: Vec<u64> = outbox.take(0).events.iter().map(|queued| queued.position.seq).collect();
        assert_eq!(seqs, [0, 1, 2]);
    }

    #[test]
    fn a_full_outbox_makes_room_for_more_than_the_one_event_too_many() {
        let outbox = MemoryOutbox::new(1000);
        assert_eq!(outbox.excess(1000), 0);
        assert_eq!(outbox.excess(1001), 11);
    }
}
