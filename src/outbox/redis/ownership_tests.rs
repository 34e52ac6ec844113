use super::*;

const OUT_OF_ORDER: usize = 100;

fn at(partition: u16, token: u64, seq: u64) -> Position {
    Position { shard: Shard::FIRST, partition, token, seq }
}

/// Begins an ownership without inherited batches. Returns its fencing token.
fn begin(ownership: &mut Ownership, partition: u16, token: u64) -> u64 {
    ownership.begin(partition, token, BTreeMap::new());
    token
}

#[test]
fn a_stream_is_trimmed_up_to_the_first_unacknowledged_event() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    let token = begin(&mut ownership, 3, 7);
    for seq in 1..=3 {
        ownership.read(at(3, token, seq));
    }
    ownership.routed(at(3, token, 1), 2);
    ownership.routed(at(3, token, 2), 0);
    ownership.routed(at(3, token, 3), 1);
    ownership.acked(at(3, token, 1));
    assert!(ownership.trimmable().is_empty());
    ownership.acked(at(3, token, 1));
    assert_eq!(ownership.trimmable(), [at(3, token, 2)]);
    ownership.trimmed(&[at(3, token, 2)]);
    assert!(ownership.trimmable().is_empty());
    ownership.acked(at(3, token, 3));
    assert_eq!(ownership.trimmable(), [at(3, token, 3)]);
    assert_eq!(ownership.outstanding(), 0);
}

#[test]
fn events_acknowledged_after_a_stuck_event_are_removed_one_by_one() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    let token = begin(&mut ownership, 3, 7);
    let last = 10 * OUT_OF_ORDER as u64;
    for seq in 1..=last {
        ownership.read(at(3, token, seq));
        ownership.routed(at(3, token, seq), 1);
    }
    let mut removed = Vec::new();
    for seq in 2..=last {
        ownership.acked(at(3, token, seq));
        removed.extend(ownership.take_out_of_order().into_iter().flat_map(|out_of_order| out_of_order.seqs));
        let left = usize::try_from(last).unwrap() - removed.len();
        assert!(left <= 2 * ownership.outstanding() + OUT_OF_ORDER, "{left} in the stream");
    }
    assert!(removed.is_sorted() && removed.first() == Some(&2));
    assert!(ownership.trimmable().is_empty(), "the first is stuck");
    assert_eq!(ownership.outstanding(), 1);
    ownership.acked(at(3, token, 1));
    assert_eq!(ownership.outstanding(), 0);
    assert_eq!(ownership.trimmable(), [at(3, token, last)]);
}

#[test]
fn events_acknowledged_out_of_order_are_trimmed_once_no_event_before_them_is_left() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    let token = begin(&mut ownership, 3, 7);
    for seq in 1..=1 + OUT_OF_ORDER as u64 {
        ownership.read(at(3, token, seq));
        ownership.routed(at(3, token, seq), 1);
    }
    for seq in 2..=1 + OUT_OF_ORDER as u64 {
        ownership.acked(at(3, token, seq));
    }
    ownership.acked(at(3, token, 1));
    assert!(ownership.take_out_of_order().is_empty());
    assert_eq!(ownership.trimmable(), [at(3, token, 1 + OUT_OF_ORDER as u64)]);
}

#[test]
fn events_that_could_not_be_removed_are_removed_later_unless_the_partition_was_lost() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    let acked_out_of_order = |ownership: &mut Ownership| {
        let token = begin(ownership, 3, 7);
        for seq in 1..=1 + OUT_OF_ORDER as u64 {
            ownership.read(at(3, token, seq));
            ownership.routed(at(3, token, seq), u32::from(seq == 1));
        }
        ownership.take_out_of_order()
    };
    let out_of_order = acked_out_of_order(&mut ownership);
    assert_eq!(out_of_order[0].seqs.len(), OUT_OF_ORDER);
    ownership.restore_out_of_order(out_of_order);
    let out_of_order = ownership.take_out_of_order();
    assert_eq!(out_of_order[0].seqs.len(), OUT_OF_ORDER);
    ownership.end(3, OwnershipEnd::Fenced);
    begin(&mut ownership, 3, 8);
    ownership.restore_out_of_order(out_of_order);
    assert!(ownership.take_out_of_order().is_empty());
}

#[test]
fn an_inherited_event_may_be_acknowledged_before_it_is_read_or_routed() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    ownership.begin(3, 7, BTreeMap::from([(1, 1), (2, 1), (3, 2)]));
    ownership.acked(at(3, 7, 1));
    ownership.read(at(3, 7, 1));
    ownership.read(at(3, 7, 2));
    ownership.acked(at(3, 7, 2));
    ownership.acked(at(3, 7, 3));
    ownership.read(at(3, 7, 3));
    ownership.routed(at(3, 7, 1), 0);
    ownership.routed(at(3, 7, 2), 1);
    ownership.routed(at(3, 7, 3), 0);
    assert_eq!(ownership.trimmable(), [at(3, 7, 1)]);
    ownership.acked(at(3, 7, 2));
    assert_eq!(ownership.trimmable(), [at(3, 7, 2)]);
    ownership.acked(at(3, 7, 3));
    assert_eq!(ownership.trimmable(), [at(3, 7, 3)]);
    assert_eq!(ownership.outstanding(), 0);
}

#[test]
fn a_partition_is_not_released_while_an_inherited_batch_is_in_flight() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    ownership.begin(3, 7, BTreeMap::from([(1, 2)]));
    ownership.retire_beyond(0);
    ownership.acked(at(3, 7, 1));
    assert!(ownership.releasable().is_empty());
    ownership.acked(at(3, 7, 1));
    assert_eq!(ownership.releasable(), [(3, 7)]);
}

#[test]
fn an_event_of_an_earlier_ownership_changes_nothing() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    let old = begin(&mut ownership, 3, 7);
    ownership.end(3, OwnershipEnd::Fenced);
    let new = begin(&mut ownership, 3, 8);
    ownership.read(at(3, new, 1));
    ownership.routed(at(3, new, 1), 1);
    ownership.acked(at(3, old, 1));
    assert_eq!(ownership.outstanding(), 1);
    assert_eq!(ownership.ended(at(3, old, 1)), Some(OwnershipEnd::Fenced));
    assert_eq!(ownership.ended(at(3, new, 1)), None);
}

#[test]
fn a_partition_beyond_the_share_is_not_read_and_is_released_when_all_is_acknowledged() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    let busy = begin(&mut ownership, 0, 7);
    let idle = begin(&mut ownership, 1, 8);
    ownership.read(at(0, busy, 1));
    ownership.routed(at(0, busy, 1), 1);
    ownership.retire_beyond(1);
    assert_eq!(ownership.readable(), [at(0, busy, 1)]);
    assert_eq!(ownership.releasable(), [(1, idle)]);
    assert_eq!(ownership.end(1, OwnershipEnd::Fenced), Some(idle));
    ownership.retire_beyond(0);
    assert!(ownership.releasable().is_empty());
    ownership.acked(at(0, busy, 1));
    assert_eq!(ownership.releasable(), [(0, busy)]);
}

#[test]
fn a_partition_with_old_events_is_read_even_beyond_the_share() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    let waiting = begin(&mut ownership, 0, 7);
    ownership.begin(1, 8, BTreeMap::from([(5, 1)]));
    ownership.read(at(0, waiting, 1));
    ownership.routed(at(0, waiting, 1), 1);
    ownership.retire_beyond(0);
    ownership.age();
    assert_eq!(ownership.readable(), []);
    ownership.age();
    assert_eq!(ownership.readable(), [at(0, waiting, 1), at(1, 8, 0)]);
    ownership.retire_beyond(0);
    assert_eq!(ownership.readable().len(), 2);

    // A newer event is not old yet.
    ownership.read(at(0, waiting, 2));
    ownership.routed(at(0, waiting, 2), 1);
    ownership.acked(at(0, waiting, 1));
    ownership.acked(at(1, 8, 5));
    ownership.retire_beyond(0);
    assert_eq!(ownership.readable(), []);
    assert_eq!(ownership.releasable(), [(1, 8)]);
}

#[test]
fn lost_events_are_left_out_and_events_of_other_nodes_are_an_error() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    let tokens = [(0, 7), (1, 8), (2, 9)].map(|(partition, token)| begin(&mut ownership, partition, token));
    let events = || {
        [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2)]
            .map(|(partition, seq)| at(partition, tokens[usize::from(partition)], seq))
    };
    assert_eq!(ownership.live(events().into_iter()), Ok(events().to_vec()));
    ownership.end(0, OwnershipEnd::Lost);
    assert_eq!(ownership.live(events().into_iter()), Ok(vec![events()[1], events()[2], events()[4]]));
    ownership.end(1, OwnershipEnd::Fenced);
    assert_eq!(ownership.live(events().into_iter()), Err(vec![tokens[1]]));
}

#[test]
fn a_refused_position_ends_its_own_ownership_only() {
    let mut ownership = Ownership::new(OUT_OF_ORDER);
    let (ours, refused) = (begin(&mut ownership, 3, 7), begin(&mut ownership, 4, 8));
    let positions = [at(4, refused, 5), at(4, refused, 6), at(3, 2, 5)];
    assert_eq!(ownership.fence(positions.into_iter()), [refused]);
    assert_eq!(ownership.held(), BTreeMap::from([(3, ours)]));
    assert_eq!(ownership.live([at(3, ours, 1), positions[0]].into_iter()), Err(vec![refused]));
}

#[test]
fn a_fully_acknowledged_stream_is_trimmed_up_to_its_last_event_even_if_that_was_removed() {
    let mut ownership = Ownership::new(1);
    let token = begin(&mut ownership, 3, 7);
    for seq in 1..=2 {
        ownership.read(at(3, token, seq));
        ownership.routed(at(3, token, seq), 1);
    }
    ownership.acked(at(3, token, 2));
    let out_of_order = ownership.take_out_of_order();
    assert_eq!(out_of_order, [OutOfOrder { partition: 3, token, seqs: vec![2] }]);
    ownership.acked(at(3, token, 1));
    assert_eq!(ownership.trimmable(), [at(3, token, 2)]);
}
