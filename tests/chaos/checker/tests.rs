use std::time::Duration;

use super::*;
use crate::Ms;
use crate::clock::Steps;
use crate::history::{Key, Life, What};
use crate::receiver::PATHS;

/// A handwritten run: one channel, one endpoint, times in steps of 100 ms.
#[derive(Default)]
struct Scenario {
    history: History,
    requests: Vec<Request>,
    orders: u64,
}

const START: Ms = 1_000_000;

fn time(step: u64) -> Ms {
    START + step * 100
}

fn key(user: Option<&str>) -> Key {
    Key { app: "a".into(), channel: "c".into(), user: user.map(Into::into) }
}

impl Scenario {
    fn lives(mut self, lives: usize) -> Self {
        self.history.lives = vec![vec![Life { claims: (1..100).map(time).collect(), ..Life::default() }]; lives];
        self
    }

    fn asked(mut self, life: usize, user: Option<&str>, what: What, from: u64, to: Option<u64>) -> Self {
        self.orders += 1;
        self.history.asked(life, key(user), what, self.orders, time(from));
        let lives = self.history.steps.get_mut(&key(user)).unwrap();
        lives.get_mut(&life).unwrap().last_mut().unwrap().to = to.map(time);
        self
    }

    /// The channel is joined or left, and Redis decides that 50 ms later.
    fn holds(self, life: usize, hold: bool, at: u64) -> Self {
        self.asked(life, None, What::Hold(hold), at, Some(at + 1))
    }

    fn gone(mut self, life: usize, at: u64) -> Self {
        self.history.lives[life][0].gone = Some(time(at));
        self
    }

    /// The node is silent for this time, and logs at its end that it was reaped.
    fn away(mut self, life: usize, from: u64, to: u64) -> Self {
        self.history.lives[life][0].silences.push((time(from), time(to)));
        self.history.lives[life][0].reaped.push(time(to));
        self
    }

    /// Both endpoints receive a request.
    fn received(self, id: &str, at: u64, events: &[&str]) -> Self {
        self.received_as_of(id, at, at, events)
    }

    /// The same, with a time in the request that differs from its arrival.
    fn received_as_of(mut self, id: &str, at: u64, shown: u64, events: &[&str]) -> Self {
        let events: Vec<_> = events
            .iter()
            .map(|event| match event.split(' ').collect::<Vec<_>>()[..] {
                ["whisper", text] => format!(r#"{{"name":"client_event","channel":"c","data":"{text}"}}"#),
                [name, user] => format!(r#"{{"name":"{name}","channel":"c","user_id":"{user}"}}"#),
                _ => format!(r#"{{"name":"{event}","channel":"c"}}"#),
            })
            .collect();
        let body = format!(r#"{{"time_ms":{},"events":[{}]}}"#, time(shown), events.join(","));
        for path in PATHS {
            self.requests.push(Request {
                at: time(at) + 30,
                path: path.to_owned(),
                id: id.to_owned(),
                app: "a".to_owned(),
                is_signed: true,
                is_accepted: true,
                body: body.clone(),
            });
        }
        self
    }

    /// Returns the faults at the first endpoint.
    fn faults(&self) -> Vec<Fault> {
        let report = check(&self.history, &self.requests, Instant::now() + Duration::from_secs(60));
        let at_first = report.violations.iter().filter(|violation| violation.details.contains(PATHS[0]));
        at_first.map(|violation| violation.fault).collect()
    }
}

/// A socket joins, leaves and joins again.
fn visits() -> Scenario {
    Scenario::default().lives(1).holds(0, true, 1).holds(0, false, 5).holds(0, true, 9)
}

#[test]
fn events_that_match_the_history_pass_even_when_repeated() {
    let scenario = visits()
        .received("m1", 1, &["channel_occupied"])
        .received("m2", 5, &["channel_vacated"])
        .received("m1", 1, &["channel_occupied"])
        .received("m3", 9, &["channel_occupied"]);
    assert_eq!(scenario.faults(), []);
    let report = check(&scenario.history, &scenario.requests, Instant::now() + Duration::from_secs(60));
    assert_eq!((report.edges, report.repeats), (3, 2));
    assert_eq!(report.verdict(), "0 duplicate, 0 missing, 0 out of order");
}

#[test]
fn a_refused_request_must_come_again_and_in_order() {
    let refused = |mut scenario: Scenario, id: &str| {
        let first = scenario.requests.iter().position(|request| request.id == id).unwrap();
        scenario.requests[first].is_accepted = false;
        scenario
    };
    let scenario = || {
        visits()
            .received("m1", 1, &["channel_occupied"])
            .received("m2", 5, &["channel_vacated"])
            .received("m2", 5, &["channel_vacated"])
            .received("m3", 9, &["channel_occupied"])
    };
    assert_eq!(refused(scenario(), "m2").faults(), []);
    assert_eq!(refused(scenario(), "m1").faults(), [Fault::Missing]);
    assert!(
        !refused(scenario().received("m1", 1, &["channel_occupied"]), "m1").faults().is_empty(),
        "the repeat arrived after a later event"
    );
}

#[test]
fn an_event_under_another_id_is_a_duplicate() {
    let scenario = visits()
        .received("m1", 1, &["channel_occupied"])
        .received("m2", 1, &["channel_occupied"])
        .received("m3", 5, &["channel_vacated"])
        .received("m4", 9, &["channel_occupied"]);
    assert_eq!(scenario.faults(), [Fault::Duplicate]);
}

#[test]
fn a_decided_edge_that_never_arrives_is_missing_in_the_middle_and_at_the_end() {
    let middle = visits().received("m1", 1, &["channel_occupied"]).received("m2", 9, &["channel_occupied"]);
    assert_eq!(middle.faults(), [Fault::Missing]);
    let end = visits().received("m1", 1, &["channel_occupied"]).received("m2", 5, &["channel_vacated"]);
    assert_eq!(end.faults(), [Fault::Missing]);
    assert_eq!(visits().faults().first(), Some(&Fault::Missing));
}

#[test]
fn edges_in_the_wrong_order_are_out_of_order() {
    let scenario = Scenario::default()
        .lives(1)
        .asked(0, None, What::Hold(true), 1, Some(2))
        .asked(0, None, What::Hold(false), 1, Some(2))
        .received("m1", 1, &["channel_vacated", "channel_occupied"]);
    assert_eq!(scenario.faults(), [Fault::OutOfOrder]);
}

#[test]
fn a_body_that_changes_under_its_id_is_altered() {
    let scenario = visits()
        .received("m1", 1, &["channel_occupied"])
        .received("m2", 5, &["channel_vacated"])
        .received("m3", 9, &["channel_occupied"])
        .received("m3", 9, &["channel_occupied", "channel_vacated"]);
    assert_eq!(scenario.faults(), [Fault::Altered]);
}

#[test]
fn an_edge_long_after_its_decision_is_not_accepted() {
    let scenario = Scenario::default().lives(1).holds(0, true, 1).received("m1", 9, &["channel_occupied"]);
    assert!(!scenario.faults().is_empty());
}

#[test]
fn an_edge_before_its_claim_was_forwarded_is_not_accepted() {
    let scenario = || Scenario::default().lives(1).asked(0, None, What::Hold(true), 1, Some(9));
    assert_eq!(scenario().received("m1", 4, &["channel_occupied"]).faults(), []);
    let mut cut_off = scenario().received("m1", 4, &["channel_occupied"]);
    cut_off.history.lives[0][0].claims = vec![time(8)];
    assert!(!cut_off.faults().is_empty());
}

#[test]
fn two_nodes_on_a_channel_make_one_edge_per_direction() {
    let scenario =
        || Scenario::default().lives(2).holds(0, true, 1).holds(1, true, 3).holds(0, false, 5).holds(1, false, 7);
    let right = scenario().received("m1", 1, &["channel_occupied"]).received("m2", 7, &["channel_vacated"]);
    assert_eq!(right.faults(), []);
    let early = scenario().received("m1", 1, &["channel_occupied"]).received("m2", 5, &["channel_vacated"]);
    assert!(!early.faults().is_empty(), "the other node still holds the channel");
}

#[test]
fn an_operation_undecided_at_a_kill_may_have_happened() {
    let scenario = || Scenario::default().lives(1).asked(0, None, What::Hold(true), 1, None).gone(0, 2);
    assert_eq!(scenario().faults(), []);
    let happened = scenario().received("m1", 1, &["channel_occupied"]).received("m2", 40, &["channel_vacated"]);
    assert_eq!(happened.faults(), []);
    let half = scenario().received("m1", 1, &["channel_occupied"]);
    assert_eq!(half.faults(), [Fault::Missing], "the holds of a dead node end");
    let soon = scenario().received("m1", 1, &["channel_occupied"]).received("m2", 15, &["channel_vacated"]);
    assert!(!soon.faults().is_empty(), "its lease has not lapsed yet");
    let late = scenario().received("m1", 40, &["channel_occupied"]).received("m2", 50, &["channel_vacated"]);
    assert!(!late.faults().is_empty(), "a dead node joins nothing");
    let mut held_back = scenario().received("m1", 40, &["channel_occupied"]).received("m2", 50, &["channel_vacated"]);
    held_back.history.lives[0][0].settled = time(40);
    assert_eq!(held_back.faults(), [], "a call that it sent may arrive late");
}

#[test]
fn an_operation_decided_before_a_kill_did_happen() {
    assert_eq!(Scenario::default().lives(1).holds(0, true, 1).gone(0, 3).faults(), [Fault::Missing]);
}

#[test]
fn a_stopped_node_may_be_reaped_and_come_back() {
    let scenario = || {
        Scenario::default()
            .lives(1)
            .holds(0, true, 1)
            .received("m1", 1, &["channel_occupied"])
            .received("m2", 40, &["channel_vacated"])
            .received("m3", 45, &["channel_occupied"])
    };
    assert!(!scenario().faults().is_empty());
    assert_eq!(scenario().away(0, 15, 44).faults(), []);
    assert!(!scenario().away(0, 25, 44).faults().is_empty(), "the silence is too short");
    let mut unsaid = scenario().away(0, 15, 44);
    unsaid.history.lives[0][0].reaped.clear();
    assert!(!unsaid.faults().is_empty(), "it did not log that it was reaped");
    let twice =
        scenario().away(0, 15, 44).received("m4", 41, &["channel_vacated"]).received("m5", 42, &["channel_occupied"]);
    assert!(!twice.faults().is_empty(), "it was away only once");
}

#[test]
fn a_visit_during_an_absence_is_published_when_the_node_comes_back() {
    let scenario = || {
        Scenario::default()
            .lives(1)
            .asked(0, None, What::Hold(true), 20, Some(27))
            .asked(0, None, What::Whisper("w1".to_owned()), 20, Some(27))
            .asked(0, None, What::Hold(false), 20, Some(27))
            .away(0, 5, 26)
    };
    assert_eq!(scenario().received("m1", 26, &["channel_occupied", "whisper w1", "channel_vacated"]).faults(), []);
    assert!(!scenario().received("m1", 26, &["whisper w1"]).faults().is_empty(), "the channel is not occupied");
    assert_eq!(scenario().faults(), [Fault::Missing]);
}

#[test]
fn a_leave_during_an_absence_is_published_once() {
    let scenario = || {
        Scenario::default()
            .lives(1)
            .holds(0, true, 1)
            .asked(0, None, What::Hold(false), 30, Some(45))
            .received("m1", 1, &["channel_occupied"])
            .received("m2", 40, &["channel_vacated"])
            .away(0, 15, 44)
    };
    assert_eq!(scenario().faults(), []);
    let again = scenario().asked(0, None, What::Hold(true), 50, Some(51)).received("m3", 50, &["channel_occupied"]);
    assert_eq!(again.faults(), []);
    assert!(!scenario().received("m3", 45, &["channel_vacated"]).faults().is_empty());
}

#[test]
fn a_hold_that_lasts_through_an_absence_is_published_again() {
    let scenario =
        Scenario::default().lives(1).holds(0, true, 1).away(0, 15, 44).received("m1", 1, &["channel_occupied"]);
    assert_eq!(scenario.received("m2", 40, &["channel_vacated"]).faults(), [Fault::Missing]);
}

#[test]
fn client_events_must_arrive_once_and_in_order() {
    let whisper = |text: &str| What::Whisper(text.to_owned());
    let scenario = || {
        let scenario = Scenario::default().lives(1).holds(0, true, 1);
        let scenario = scenario.asked(0, None, whisper("w1"), 2, Some(4)).asked(0, None, whisper("w2"), 2, Some(4));
        scenario.holds(0, false, 5).received("m1", 1, &["channel_occupied"])
    };
    let end = |scenario: Scenario| scenario.received("m9", 5, &["channel_vacated"]);
    assert_eq!(end(scenario().received("m2", 2, &["whisper w1", "whisper w2"])).faults(), []);
    assert_eq!(end(scenario().received("m2", 2, &["whisper w2", "whisper w1"])).faults(), [Fault::OutOfOrder]);
    assert_eq!(end(scenario().received("m2", 2, &["whisper w2"])).faults().len(), 1);
    let again = scenario().received("m2", 2, &["whisper w1", "whisper w2"]).received("m3", 2, &["whisper w2"]);
    assert_eq!(end(again).faults(), [Fault::Duplicate]);
    assert!(
        !scenario()
            .received("m8", 5, &["channel_vacated"])
            .received("m9", 2, &["whisper w1", "whisper w2"])
            .faults()
            .is_empty()
    );
}

#[test]
fn no_user_may_be_on_a_vacated_channel() {
    let scenario = |first: &[&str], last: &[&str]| {
        let scenario = Scenario::default().lives(1).holds(0, true, 1);
        let scenario = scenario.asked(0, Some("7"), What::Hold(true), 1, Some(2));
        let scenario = scenario.asked(0, Some("7"), What::Hold(false), 5, Some(6)).holds(0, false, 5);
        scenario.received("m1", 1, first).received("m2", 5, last)
    };
    let (came, left) = (["channel_occupied", "member_added 7"], ["member_removed 7", "channel_vacated"]);
    assert_eq!(scenario(&came, &left).faults(), []);
    let reversed = |events: [&'static str; 2]| [events[1], events[0]];
    assert_eq!(scenario(&reversed(came), &left).faults(), [Fault::OutOfOrder]);
    assert_eq!(scenario(&came, &reversed(left)).faults(), [Fault::OutOfOrder]);
}

#[test]
fn a_checker_without_time_reports_undecided() {
    let scenario = visits().received("m1", 1, &["channel_occupied"]);
    let report = check(&scenario.history, &scenario.requests, Instant::now());
    assert_eq!(report.verdict(), "0 duplicate, 0 missing, 0 out of order, 2 undecided");
}

#[test]
fn events_are_checked_by_real_time_whatever_redis_clock_showed() {
    const HOUR: u64 = 36_000;
    // The stream continues with the highest time that it has seen, one hour ahead.
    let occupied_again = |scenario: Scenario| scenario.received_as_of("m3", 9, 5 + HOUR, &["channel_occupied"]);
    let vacated = |scenario: Scenario, id: &str| scenario.received_as_of(id, 5, 5 + HOUR, &["channel_vacated"]);
    let begun = || {
        let mut scenario = visits().received("m1", 1, &["channel_occupied"]);
        scenario.history.clock = Steps(vec![(time(4), 3_600_000), (time(7), 0)]);
        scenario
    };
    assert_eq!(occupied_again(vacated(begun(), "m2")).faults(), []);
    assert_eq!(occupied_again(vacated(vacated(begun(), "m2"), "m4")).faults(), [Fault::Duplicate]);
    assert_eq!(occupied_again(begun()).faults(), [Fault::Missing]);
    let mut unknown = occupied_again(vacated(begun(), "m2"));
    unknown.history.clock = Steps::default();
    assert_ne!(unknown.faults(), []);
}

#[test]
fn an_event_happened_after_its_partition_was_empty_whatever_redis_clock_showed() {
    const HOUR: u64 = 36_000;
    let scenario = |visit: u64| {
        let mut scenario = Scenario::default().lives(1).holds(0, true, visit).holds(0, false, visit + 2);
        scenario.history.clock = Steps(vec![(time(4), 3_600_000), (time(7), 0)]);
        let partitions = (0..16).map(|partition| ((0, partition), vec![(time(50), time(51)), (time(90), time(91))]));
        scenario.history.empty = partitions.collect();
        scenario.received_as_of("m1", 70, 6 + HOUR, &["channel_occupied", "channel_vacated"])
    };
    assert_eq!(scenario(60).faults(), []);
    assert_ne!(scenario(5).faults(), [], "the outbox was empty after the visit and before its events arrived");
}
