//! Tests of client events, events of the application and connections in the outbox.

use super::*;
use crate::event::{ClientEvent, ClientEventParts, CustomEvent, CustomName, MemberDetails};
use crate::presence::batch::{EventContent, OrderedEvent};

fn event(content: EventContent) -> BatchEntry {
    BatchEntry::Event(OrderedEvent { app: AppId::from("app"), channel: ChannelName::from("private-a"), content })
}

fn by_client() -> BatchEntry {
    let parts = ClientEventParts { event: b"client-x", socket: b"1.1", ..ClientEventParts::default() };
    event(EventContent::ByClient(ClientEvent::new(&parts)))
}

fn by_application() -> BatchEntry {
    event(EventContent::ByApplication(CustomEvent::new(&CustomName::parse("order.paid").unwrap(), None)))
}

impl Cluster {
    /// Returns the entries of the outbox, each with its fields.
    fn outbox(&mut self) -> Vec<Vec<String>> {
        let entries: Vec<(String, Vec<String>)> =
            redis::cmd("XRANGE").arg("wh:out:0").arg("-").arg("+").query(&mut self.redis).unwrap();
        entries.into_iter().map(|(_, fields)| fields).collect()
    }
}

#[test]
fn a_full_partition_refuses_client_events_and_takes_events_of_the_application() {
    let mut cluster = Cluster::start();
    "0".clone_into(&mut cluster.keys.outbox_limits);
    let a = cluster.node(1);
    let entries = vec![by_client(), by_application(), BatchEntry::Claim(Claim::join(channel("app", "private-a")))];
    let verdict = cluster
        .keys
        .claim(&mut cluster.redis, &a, &cluster.epoch, &ClaimBatch { number: 1, entries })
        .unwrap()
        .unwrap();
    assert_eq!((verdict.refused, verdict.edges.as_slice()), (1, b"1".as_slice()));
    assert_eq!(cluster.outbox(), [["e", "x3:app9:private-a10:order.paid0"], ["e", "o3:app9:private-a"]]);
}

#[test]
fn client_events_above_the_byte_limit_are_refused_and_edges_are_not() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    let length = "c3:app9:private-a8:client-x3:1.10:0".len();
    let counted = |cluster: &mut Cluster| -> Option<usize> {
        redis::cmd("HGET").arg("wh:out_bytes").arg("all").query(&mut cluster.redis).unwrap()
    };
    cluster.keys.outbox_limits = format!("1000:{}", 2 * length + 1);
    let claim = |cluster: &mut Cluster, number: u64, entries| {
        let batch = ClaimBatch { number, entries };
        cluster.keys.claim(&mut cluster.redis, &a, &cluster.epoch, &batch).unwrap().unwrap()
    };
    let join = |name: &str| BatchEntry::Claim(Claim::join(channel("app", name)));
    assert_eq!(claim(&mut cluster, 1, vec![join("private-a")]).edges, b"1");
    assert_eq!(counted(&mut cluster), None, "edges are not counted");
    assert_eq!(claim(&mut cluster, 2, vec![by_client()]).refused, 0);
    assert_eq!(counted(&mut cluster), Some(length), "{:?}", cluster.outbox());
    // The limit holds within one call as over several. Events of the application are never refused.
    let verdict = claim(&mut cluster, 3, vec![by_client(), by_client(), by_application(), join("private-b")]);
    assert_eq!((verdict.refused, verdict.edges.as_slice()), (1, b"1".as_slice()));
    let all = 2 * length + "x3:app9:private-a10:order.paid0".len();
    assert_eq!(counted(&mut cluster), Some(all));
    assert_eq!(claim(&mut cluster, 4, vec![by_client(), join("private-c")]).refused, 1);
    assert_eq!((counted(&mut cluster), cluster.outbox().len()), (Some(all), 6));
}

#[test]
fn an_edge_of_a_user_carries_the_connection_that_caused_it() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.node(1), cluster.node(2));
    let by =
        |socket: &str| Some(Box::new(MemberDetails { socket: socket.into(), data: b"{\"n\":1}".as_slice().into() }));
    let seven = || user("app", "presence-a", "7");
    let claims = [Claim::join(channel("app", "presence-a")), Claim::join(seven()).by(by("1.1"))];
    assert_eq!(cluster.edges(&a, &claims), "11");
    assert_eq!(cluster.edges(&b, &[Claim::join(seven()).by(by("2.1")), Claim::join(channel("app", "x"))]), "01");
    assert_eq!(cluster.edges(&a, &[Claim::leave(seven()).by(by("1.1"))]), "0");
    assert_eq!(cluster.edges(&b, &[Claim::leave(seven()).by(by("2.1"))]), "1");
    assert_eq!(
        cluster.outbox(),
        [
            vec!["e", "o3:app10:presence-a"],
            vec!["e", "a3:app10:presence-a7", "b", "3:1.1{\"n\":1}"],
            vec!["e", "o3:app1:x"],
            vec!["e", "r3:app10:presence-a7", "b", "3:2.1{\"n\":1}"],
        ]
    );
}

/// Returns the details of the connection `socket`, with `n` as the data of its user.
fn by(socket: &str, n: u8) -> MemberDetails {
    MemberDetails { socket: socket.into(), data: format!("{n}").into_bytes().into() }
}

impl Cluster {
    /// Returns the `member_removed` entries of the outbox.
    fn removed(&mut self) -> Vec<Vec<String>> {
        self.outbox().into_iter().filter(|fields| fields[1].starts_with('r')).collect()
    }

    /// Ends the grace of all departures.
    fn end_grace(&mut self, node: &NodeId) {
        for (hold, _) in
            redis::Commands::zrange_withscores::<_, Vec<(Vec<u8>, f64)>>(&mut self.redis, "wh:due", 0, -1).unwrap()
        {
            redis::cmd("ZADD").arg("wh:due").arg(1).arg(hold).exec(&mut self.redis).unwrap();
        }
        self.claim(node, &[]).unwrap();
    }
}

#[test]
fn the_last_connection_of_a_user_is_kept_during_the_grace() {
    let mut cluster = Cluster::start();
    cluster.keys.grace = LEASE;
    let (a, b) = (cluster.node(1), cluster.node(2));
    let member = |id: &str| user("app", "presence-a", id);
    cluster.edges(&a, &["7", "8", "9"].map(|id| Claim::join(member(id)).by(Some(Box::new(by("1.1", 1))))));
    let leaves = [
        Claim::leave(member("7")).by(Some(Box::new(by("1.2", 2)))),
        Claim::leave(member("8")).by(Some(Box::new(by("1.3", 3)))),
    ];
    assert_eq!(cluster.edges(&a, &leaves), "22");
    assert_eq!(cluster.edges(&a, &[Claim::leave(member("9"))]), "2", "sent by a node without connections");
    assert_eq!(cluster.edges(&b, &[Claim::join(member("8")).by(Some(Box::new(by("2.1", 4))))]), "3");
    cluster.end_grace(&a);
    let seven = vec!["e", "r3:app10:presence-a7", "b", "3:1.22"];
    assert_eq!(cluster.removed(), [seven.clone(), vec!["e", "r3:app10:presence-a9"]]);
    assert_eq!(cluster.edges(&b, &[Claim::leave(member("8"))]), "2");
    cluster.end_grace(&b);
    assert_eq!(cluster.removed()[2], ["e", "r3:app10:presence-a8"], "the entry of the earlier leave is gone");
    assert!(!cluster.all_keys().contains(&"wh:by".to_owned()));
}

#[test]
fn without_extended_payloads_no_connection_is_kept_during_the_grace() {
    let mut cluster = Cluster::start();
    cluster.keys.grace = LEASE;
    let a = cluster.node(1);
    let seven = user("app", "presence-a", "7");
    cluster.edges(&a, &[Claim::join(seven.clone())]);
    cluster.edges(&a, &[Claim::leave(seven)]);
    let mark: String = redis::cmd("HGET").arg("wh:epoch").arg("grace").query(&mut cluster.redis).unwrap();
    assert_eq!(mark, "1");
    assert!(!cluster.all_keys().contains(&"wh:by".to_owned()));
}

#[test]
fn events_have_distinct_ids_when_one_millisecond_overflows_after_the_clock_was_set_back() {
    let mut cluster = Cluster::start();
    let node = cluster.node(1);
    // Redis appends nothing with a later millisecond for an hour.
    let ahead = crate::cluster::system_ms() + 3_600_000;
    let last = format!("{ahead}-999998");
    redis::cmd("XADD").arg("wh:out:0").arg(&last).arg("e").arg("o3:app1:z").exec(&mut cluster.redis).unwrap();
    for n in 0..10 {
        cluster.edges(&node, &[Claim::join(channel("app", &n.to_string()))]);
    }
    let entries: Vec<(String, Vec<String>)> =
        redis::cmd("XRANGE").arg("wh:out:0").arg("-").arg("+").query(&mut cluster.redis).unwrap();
    let numbers = entries.iter().map(|(id, _)| id.split_once('-').unwrap().1.parse::<u64>().unwrap());
    assert_eq!(entries.len(), 11);
    assert!(numbers.max() < Some(1 << 20), "{entries:?}");
}
