use super::*;

const OVERTAKEN: usize = 100;

fn at(partition: u16, tenure: u64, seq: u64) -> Position {
    Position { partition, tenure, seq }
}

/// Begins a tenure without inherited batches.
fn begin(tenures: &mut Tenures, partition: u16, id: u64) -> u64 {
    tenures.begin(partition, id, BTreeMap::new());
    id
}

#[test]
fn a_stream_is_trimmed_up_to_the_first_event_that_a_lane_has_yet_to_pass() {
    let mut tenures = Tenures::new(OVERTAKEN);
    let id = begin(&mut tenures, 3, 7);
    for seq in 1..=3 {
        tenures.read(at(3, id, seq));
    }
    tenures.routed(at(3, id, 1), 2);
    tenures.routed(at(3, id, 2), 0);
    tenures.routed(at(3, id, 3), 1);
    tenures.passed(at(3, id, 1));
    assert!(tenures.trimmable().is_empty());
    tenures.passed(at(3, id, 1));
    assert_eq!(tenures.trimmable(), [at(3, id, 2)]);
    tenures.trimmed(&[at(3, id, 2)]);
    assert!(tenures.trimmable().is_empty());
    tenures.passed(at(3, id, 3));
    assert_eq!(tenures.trimmable(), [at(3, id, 3)]);
    assert_eq!(tenures.outstanding(), 0);
}

#[test]
fn what_was_settled_behind_a_stuck_event_is_removed_by_itself() {
    let mut tenures = Tenures::new(OVERTAKEN);
    let id = begin(&mut tenures, 3, 7);
    let last = 10 * OVERTAKEN as u64;
    for seq in 1..=last {
        tenures.read(at(3, id, seq));
        tenures.routed(at(3, id, seq), 1);
    }
    let mut removed = Vec::new();
    for seq in 2..=last {
        tenures.passed(at(3, id, seq));
        removed.extend(tenures.take_overtaken().into_iter().flat_map(|overtaken| overtaken.seqs));
        let left = usize::try_from(last).unwrap() - removed.len();
        assert!(left <= 2 * tenures.outstanding() + OVERTAKEN, "{left} in the stream");
    }
    assert!(removed.is_sorted() && removed.first() == Some(&2));
    assert!(tenures.trimmable().is_empty(), "the first is stuck");
    assert_eq!(tenures.outstanding(), 1);
    tenures.passed(at(3, id, 1));
    assert_eq!(tenures.outstanding(), 0);
    assert_eq!(tenures.trimmable(), [at(3, id, last)]);
}

#[test]
fn what_was_overtaken_is_trimmed_with_the_rest_once_nothing_stands_before_it() {
    let mut tenures = Tenures::new(OVERTAKEN);
    let id = begin(&mut tenures, 3, 7);
    for seq in 1..=1 + OVERTAKEN as u64 {
        tenures.read(at(3, id, seq));
        tenures.routed(at(3, id, seq), 1);
    }
    for seq in 2..=1 + OVERTAKEN as u64 {
        tenures.passed(at(3, id, seq));
    }
    tenures.passed(at(3, id, 1));
    assert!(tenures.take_overtaken().is_empty());
    assert_eq!(tenures.trimmable(), [at(3, id, 1 + OVERTAKEN as u64)]);
}

#[test]
fn what_could_not_be_removed_is_removed_later_unless_the_partition_was_lost() {
    let mut tenures = Tenures::new(OVERTAKEN);
    let overtake = |tenures: &mut Tenures| {
        let id = begin(tenures, 3, 7);
        for seq in 1..=1 + OVERTAKEN as u64 {
            tenures.read(at(3, id, seq));
            tenures.routed(at(3, id, seq), u32::from(seq == 1));
        }
        tenures.take_overtaken()
    };
    let overtaken = overtake(&mut tenures);
    assert_eq!(overtaken[0].seqs.len(), OVERTAKEN);
    tenures.put_back_overtaken(overtaken);
    let overtaken = tenures.take_overtaken();
    assert_eq!(overtaken[0].seqs.len(), OVERTAKEN);
    tenures.end(3, End::Fenced);
    begin(&mut tenures, 3, 8);
    tenures.put_back_overtaken(overtaken);
    assert!(tenures.take_overtaken().is_empty());
}

#[test]
fn what_a_lane_inherited_it_may_pass_before_the_event_is_read_or_routed() {
    let mut tenures = Tenures::new(OVERTAKEN);
    tenures.begin(3, 7, BTreeMap::from([(1, 1), (2, 1), (3, 2)]));
    tenures.passed(at(3, 7, 1));
    tenures.read(at(3, 7, 1));
    tenures.read(at(3, 7, 2));
    tenures.passed(at(3, 7, 2));
    tenures.passed(at(3, 7, 3));
    tenures.read(at(3, 7, 3));
    tenures.routed(at(3, 7, 1), 0);
    tenures.routed(at(3, 7, 2), 1);
    tenures.routed(at(3, 7, 3), 0);
    assert_eq!(tenures.trimmable(), [at(3, 7, 1)]);
    tenures.passed(at(3, 7, 2));
    assert_eq!(tenures.trimmable(), [at(3, 7, 2)]);
    tenures.passed(at(3, 7, 3));
    assert_eq!(tenures.trimmable(), [at(3, 7, 3)]);
    assert_eq!(tenures.outstanding(), 0);
}

#[test]
fn a_partition_is_not_released_while_a_batch_that_came_with_it_is_under_way() {
    let mut tenures = Tenures::new(OVERTAKEN);
    tenures.begin(3, 7, BTreeMap::from([(1, 2)]));
    tenures.retire_beyond(0);
    tenures.passed(at(3, 7, 1));
    assert!(tenures.releasable().is_empty());
    tenures.passed(at(3, 7, 1));
    assert_eq!(tenures.releasable(), [(3, 7)]);
}

#[test]
fn an_event_of_an_earlier_tenure_changes_nothing() {
    let mut tenures = Tenures::new(OVERTAKEN);
    let old = begin(&mut tenures, 3, 7);
    tenures.end(3, End::Fenced);
    let new = begin(&mut tenures, 3, 8);
    tenures.read(at(3, new, 1));
    tenures.routed(at(3, new, 1), 1);
    tenures.passed(at(3, old, 1));
    assert_eq!(tenures.outstanding(), 1);
    assert_eq!(tenures.ended(at(3, old, 1)), Some(End::Fenced));
    assert_eq!(tenures.ended(at(3, new, 1)), None);
}

#[test]
fn what_is_beyond_the_share_is_read_no_more_and_released_when_all_is_passed() {
    let mut tenures = Tenures::new(OVERTAKEN);
    let busy = begin(&mut tenures, 0, 7);
    let idle = begin(&mut tenures, 1, 8);
    tenures.read(at(0, busy, 1));
    tenures.routed(at(0, busy, 1), 1);
    tenures.retire_beyond(1);
    assert_eq!(tenures.readable(), [at(0, busy, 1)]);
    assert_eq!(tenures.releasable(), [(1, idle)]);
    assert_eq!(tenures.end(1, End::Fenced), Some(idle));
    tenures.retire_beyond(0);
    assert!(tenures.releasable().is_empty());
    tenures.passed(at(0, busy, 1));
    assert_eq!(tenures.releasable(), [(0, busy)]);
}

#[test]
fn of_many_events_those_of_other_nodes_are_named_and_those_that_redis_lost_are_left_out() {
    let mut tenures = Tenures::new(OVERTAKEN);
    let ids = [(0, 7), (1, 8), (2, 9)].map(|(partition, id)| begin(&mut tenures, partition, id));
    let events = || {
        [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2)].map(|(partition, seq)| at(partition, ids[usize::from(partition)], seq))
    };
    assert_eq!(tenures.live(events().into_iter()), Ok(events().to_vec()));
    tenures.end(0, End::Lost);
    assert_eq!(tenures.live(events().into_iter()), Ok(vec![events()[1], events()[2], events()[4]]));
    tenures.end(1, End::Fenced);
    assert_eq!(tenures.live(events().into_iter()), Err(vec![ids[1]]));
}

#[test]
fn a_tenure_of_which_redis_refused_something_is_over_and_others_are_not() {
    let mut tenures = Tenures::new(OVERTAKEN);
    let (ours, refused) = (begin(&mut tenures, 3, 7), begin(&mut tenures, 4, 8));
    let places = [at(4, refused, 5), at(4, refused, 6), at(3, 2, 5)];
    assert_eq!(tenures.fence(places.into_iter()), [refused]);
    assert_eq!(tenures.held(), BTreeMap::from([(3, ours)]));
    assert_eq!(tenures.live([at(3, ours, 1), places[0]].into_iter()), Err(vec![refused]));
}

#[test]
fn a_stream_of_which_all_is_settled_is_trimmed_up_to_the_last_event_though_that_was_removed() {
    let mut tenures = Tenures::new(1);
    let id = begin(&mut tenures, 3, 7);
    for seq in 1..=2 {
        tenures.read(at(3, id, seq));
        tenures.routed(at(3, id, seq), 1);
    }
    tenures.passed(at(3, id, 2));
    let overtaken = tenures.take_overtaken();
    assert_eq!(overtaken, [Overtaken { partition: 3, tenure: id, seqs: vec![2] }]);
    tenures.passed(at(3, id, 1));
    assert_eq!(tenures.trimmable(), [at(3, id, 2)]);
}
