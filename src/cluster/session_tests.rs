use super::*;

const LEASE: Duration = Duration::from_secs(90);
const TIMEOUT: Duration = Duration::from_secs(5);

fn node(boot: u32) -> NodeId {
    NodeId::new("host", 1, boot)
}

#[test]
fn a_first_session_restores_nothing() {
    let mut session = Session::new(node(1), LEASE);
    assert_eq!(session.past(), Past::None);
    session.opened("a".into(), Instant::now());
    assert!(!session.must_restore());
    assert_eq!(session.past(), Past::Epoch, "nothing is lost");
}

#[test]
fn after_a_loss_of_all_data_a_settling_outlasts_a_renewal_and_holds_are_restored() {
    let now = Instant::now();
    let mut session = Session::new(node(1), LEASE);
    session.opened("a".into(), now);
    session.lost();
    assert_eq!(session.past(), Past::Session);
    assert!(session.settle_time(true, TIMEOUT) > LEASE / RENEWALS_PER_LEASE);
    assert!(session.settle_time(false, TIMEOUT) < Duration::from_secs(5), "all registered nodes are known");
    session.settles("s".into(), now + LEASE);
    session.opened("b".into(), now);
    assert!(session.must_restore());
    session.restored();
    assert_eq!(session.confirms(now), None);
    assert_eq!(session.confirms(now + LEASE), Some("s"));
    session.polled(String::new(), now + LEASE);
    assert_eq!(session.restored_for, "s");
    assert!(!session.has_restored());
}

#[test]
fn a_new_settling_is_confirmed_no_sooner_than_the_one_before() {
    let now = Instant::now();
    let mut session = Session::new(node(1), LEASE);
    session.opened("a".into(), now);
    session.settles("first".into(), now + LEASE);
    session.settles("first".into(), now);
    session.disconnected();
    session.settles("second".into(), now);
    assert_eq!(session.confirms(now), None);
    assert_eq!(session.confirms(now + LEASE), Some("second"));
    session.settles(String::new(), now);
    assert_eq!(session.settling(), "");
}

#[test]
fn unconfirmed_holds_are_restored_again_after_a_disconnect() {
    let now = Instant::now();
    let mut session = Session::new(node(1), LEASE);
    session.opened("a".into(), now);
    session.disconnected();
    assert!(session.epoch().is_some(), "nothing was to be restored");
    session.lost();
    session.opened("a".into(), now);
    session.restored();
    session.disconnected();
    assert_eq!((session.epoch(), session.past()), (None, Past::Session));
}

#[test]
fn a_node_polls_for_a_settling_once_a_second() {
    let now = Instant::now();
    let mut session = Session::new(node(1), LEASE);
    session.opened("a".into(), now);
    assert_eq!(session.confirms(now), None);
    assert_eq!(session.confirms(now + POLL_EVERY), Some(""));
    session.polled(String::new(), now + POLL_EVERY);
    assert_eq!(session.confirms(now + POLL_EVERY), None);
    session.poll_next();
    assert_eq!(session.confirms(now), Some(""));
}

#[test]
fn a_node_that_waits_to_confirm_still_polls() {
    let now = Instant::now();
    let mut session = Session::new(node(1), LEASE);
    session.opened("a".into(), now);
    session.settles("s".into(), now + LEASE);
    assert_eq!((session.confirms(now), session.confirms_at()), (None, Some(now + POLL_EVERY)));
    assert_eq!(session.confirms(now + POLL_EVERY), Some(""));
    session.polled("s".into(), now + POLL_EVERY);
    assert_eq!(session.confirms(now + POLL_EVERY), None, "the settling continues");
    assert_eq!(session.confirms(now + LEASE), Some("s"));
}

#[test]
fn restoring_is_given_up_after_a_whole_lease_of_rejections() {
    let now = Instant::now();
    let mut session = Session::new(node(1), LEASE);
    session.opened("a".into(), now);
    assert!(!session.is_blocked(now) && !session.is_blocked(now + 2 * LEASE), "nothing is to be restored");
    session.lost();
    session.opened("a".into(), now);
    assert!(!session.is_blocked(now));
    session.lost();
    session.opened("a".into(), now);
    assert!(session.is_blocked(now + LEASE), "opening the session again is no progress");
}

#[test]
fn a_reaped_node_starts_over_under_another_id() {
    let mut session = Session::new(node(1), LEASE);
    session.opened("a".into(), Instant::now());
    session.reaped(node(2));
    assert_eq!(session.node, node(2));
    assert_eq!(session.past(), Past::Epoch, "Redis may lose its data before the new session is open");
    session.opened("a".into(), Instant::now());
    assert!(!session.must_restore());
}

#[test]
fn renewals_outside_the_schedule_do_not_make_a_node_older() {
    let now = Instant::now();
    let mut session = Session::new(node(1), LEASE);
    session.opened("a".into(), now);
    for _ in 0..5 {
        assert!(!session.must_renew(now));
        session.renew_next();
        assert!(session.must_renew(now));
        session.renewed(true, now);
    }
    assert!(!session.may_reap());
    assert_eq!(session.renew_at, Some(now + LEASE / 3));
}

#[test]
fn only_a_node_with_a_whole_unbroken_lease_may_reap() {
    let now = Instant::now();
    let mut session = Session::new(node(1), LEASE);
    session.opened("a".into(), now);
    session.renewed(true, now + LEASE / 3);
    session.renewed(true, now + LEASE * 2 / 3);
    assert!(!session.may_reap());
    session.renewed(true, now + LEASE);
    assert!(session.may_reap());
    session.renewed(false, now + LEASE);
    assert!(!session.may_reap());
}
