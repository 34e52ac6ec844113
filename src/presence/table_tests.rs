use super::super::claim::Change;
use super::*;

/// A table that writes its claims down as `+channel`, `-channel`, `+channel/user`, `-channel/user`.
#[derive(Default)]
struct Scribe {
    table: LocalTable,
    claims: Vec<Claim>,
}

impl Scribe {
    fn subscribe(&mut self, socket: &str, channel: &str, user: &str) -> Vec<String> {
        let app = AppId::from("app");
        let user = non_empty(user.as_bytes());
        self.table.subscribe(&app, channel.as_bytes(), socket.as_bytes(), user, None, &mut self.claims);
        self.said()
    }

    fn unsubscribe(&mut self, socket: &str, channel: &str) -> Vec<String> {
        self.table.unsubscribe(&AppId::from("app"), channel.as_bytes(), socket.as_bytes(), &mut self.claims);
        self.said()
    }

    fn close(&mut self, socket: &str) -> Vec<String> {
        self.table.close(&AppId::from("app"), socket.as_bytes(), &mut self.claims);
        self.said()
    }

    fn open(&mut self, socket: &str) -> Vec<String> {
        self.table.open(&AppId::from("app"), &SocketId::from(socket), &mut self.claims);
        self.said()
    }

    fn reconcile(&mut self, channel: &str, live: &[(&str, &str)]) -> Vec<String> {
        let live: Vec<[&[u8]; 2]> = live.iter().map(|(socket, user)| [socket.as_bytes(), user.as_bytes()]).collect();
        self.table.reconcile(&AppId::from("app"), channel.as_bytes(), &live, &mut self.claims);
        self.said()
    }

    fn present(&mut self, channel: &str, live: &[(&str, &str)]) -> (usize, Vec<String>) {
        let live: Vec<[&[u8]; 2]> = live.iter().map(|(socket, user)| [socket.as_bytes(), user.as_bytes()]).collect();
        let repairs = self.table.present(&AppId::from("app"), channel.as_bytes(), &live, &mut self.claims);
        (repairs, self.said())
    }

    fn absent(&mut self, channel: &str, sockets: &[&str]) -> (usize, Vec<String>) {
        let sockets = sockets.iter().map(|socket| socket.as_bytes());
        let repairs = self.table.absent(&AppId::from("app"), channel.as_bytes(), sockets, &mut self.claims);
        (repairs, self.said())
    }

    fn said(&mut self) -> Vec<String> {
        let claims = std::mem::take(&mut self.claims);
        claims
            .iter()
            .map(|Claim { hold, change, .. }| {
                let sign = if *change == Change::Join { '+' } else { '-' };
                let user = hold.user.as_ref().map_or_else(String::new, |user| format!("/{}", user.as_text()));
                format!("{sign}{}{user}", hold.channel.as_text())
            })
            .collect()
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn only_the_first_and_the_last_socket_of_a_channel_are_claims() {
    let mut node = Scribe::default();
    assert_eq!(node.subscribe("1", "news", ""), ["+news"]);
    assert_eq!(node.subscribe("2", "news", ""), NOTHING);
    assert_eq!(node.unsubscribe("1", "news"), NOTHING);
    assert_eq!(node.unsubscribe("2", "news"), ["-news"]);
}

#[test]
fn a_connection_that_was_told_of_is_a_claim_when_it_comes_and_when_all_else_of_it_is_gone() {
    let mut node = Scribe::default();
    assert_eq!(node.open("1"), ["+/1"]);
    assert_eq!(node.open("1"), NOTHING);
    node.subscribe("1", "presence-a", "7");
    assert_eq!(node.close("1"), ["-presence-a/7", "-presence-a", "-/1"]);
    assert_eq!(node.close("1"), NOTHING);
    assert!(node.table.is_empty());
    node.subscribe("2", "news", "");
    assert_eq!(node.close("2"), ["-news"], "nobody was told that it came");
}

#[test]
fn a_channel_without_a_name_has_no_users_that_could_be_taken_for_connections() {
    let mut node = Scribe::default();
    assert_eq!(node.subscribe("1", "", "7"), ["+"]);
    assert_eq!(node.open("7"), ["+/7"]);
    assert_eq!(node.close("1"), ["-"]);
    assert_eq!(node.close("7"), ["-/7"]);
}

#[test]
fn where_somebody_wants_to_know_a_user_comes_by_the_first_socket_and_goes_by_the_last_with_what_the_first_said() {
    let (mut table, mut claims, app) = (LocalTable::default(), Vec::new(), AppId::from("app"));
    table.name_connections();
    table.subscribe(&app, b"presence-a", b"1", Some(b"7"), Some(b"{}"), &mut claims);
    table.subscribe(&app, b"presence-a", b"2", Some(b"7"), Some(b"[]"), &mut claims);
    table.close(&app, b"1", &mut claims);
    table.unsubscribe(&app, b"presence-a", b"2", &mut claims);
    let by: Vec<Option<MemberDetails>> = claims.into_iter().map(|claim| claim.by.map(|by| *by)).collect();
    let details = |socket: &str| Some(MemberDetails { socket: socket.into(), data: b"{}".as_slice().into() });
    assert_eq!(by, [None, details("1"), details("2"), None]);
}

#[test]
fn what_ends_with_the_process_are_its_connections_too() {
    let mut node = Scribe::default();
    node.open("1");
    node.table.close_all(&mut node.claims);
    assert_eq!(node.said(), ["-/1"]);
}

#[test]
fn a_user_comes_after_the_channel_and_goes_before_it() {
    let mut node = Scribe::default();
    assert_eq!(node.subscribe("1", "presence-a", "7"), ["+presence-a", "+presence-a/7"]);
    assert_eq!(node.close("1"), ["-presence-a/7", "-presence-a"]);
}

#[test]
fn a_second_tab_of_a_user_is_silent() {
    let mut node = Scribe::default();
    node.subscribe("1", "presence-a", "7");
    assert_eq!(node.subscribe("2", "presence-a", "7"), NOTHING);
    assert_eq!(node.close("1"), NOTHING);
    assert_eq!(node.close("2"), ["-presence-a/7", "-presence-a"]);
}

#[test]
fn subscribing_again_on_the_same_socket_changes_nothing() {
    let mut node = Scribe::default();
    node.subscribe("1", "presence-a", "7");
    assert_eq!(node.subscribe("1", "presence-a", "7"), NOTHING);
    assert_eq!(node.unsubscribe("1", "presence-a"), ["-presence-a/7", "-presence-a"]);
    assert_eq!(node.close("1"), NOTHING);
}

#[test]
fn subscribing_again_as_another_user_replaces_the_user() {
    let mut node = Scribe::default();
    node.subscribe("1", "presence-a", "7");
    assert_eq!(node.subscribe("1", "presence-a", "8"), ["+presence-a/8", "-presence-a/7"]);
    assert_eq!(node.close("1"), ["-presence-a/8", "-presence-a"]);
}

#[test]
fn leaving_a_channel_never_joined_is_nothing() {
    let mut node = Scribe::default();
    assert_eq!(node.unsubscribe("1", "news"), NOTHING);
    node.subscribe("1", "news", "");
    assert_eq!(node.unsubscribe("2", "news"), NOTHING);
    assert_eq!(node.close("2"), NOTHING);
}

#[test]
fn a_close_leaves_every_channel_in_the_order_of_joining() {
    let mut node = Scribe::default();
    for channel in ["b", "a", "c"] {
        node.subscribe("1", channel, "");
    }
    node.unsubscribe("1", "a");
    assert_eq!(node.close("1"), ["-b", "-c"]);
    assert_eq!(node.table.size(), (0, 0));
}

#[test]
fn a_close_leaves_what_is_left_in_the_order_of_joining_however_often_the_socket_came_and_went() {
    let mut scribe = Scribe::default();
    let name = |n: u32| format!("c{n:03}");
    for n in 0..300 {
        scribe.subscribe("1", &name(n), "");
        if n % 3 != 0 {
            scribe.unsubscribe("1", &name(n / 2));
        }
    }
    let left: Vec<String> = (0..300).filter(|n| !(0..300).any(|m| m % 3 != 0 && m / 2 == *n)).map(name).collect();
    let expected: Vec<String> = left.iter().map(|name| format!("-{name}")).collect();
    assert_eq!(scribe.close("1"), expected);
}

#[test]
fn a_socket_that_comes_and_goes_for_ever_takes_no_more_room_for_that() {
    let mut scribe = Scribe::default();
    scribe.subscribe("1", "home", "");
    for n in 0..10_000 {
        scribe.subscribe("1", &format!("c{n}"), "");
        scribe.subscribe("1", &format!("c{}", n + 1), "");
        scribe.unsubscribe("1", &format!("c{n}"));
    }
    let joined = &scribe.table.apps[&AppId::from("app")].sockets[&SocketId::from("1")];
    assert!(joined.capacity() <= 16, "{}", joined.capacity());
    assert_eq!(scribe.close("1"), ["-home", "-c10000"]);
}

#[test]
fn reconciling_repairs_both_ways_and_never_empties_a_channel_on_the_way() {
    let mut node = Scribe::default();
    node.subscribe("1", "presence-a", "7");
    assert_eq!(node.reconcile("presence-a", &[("2", "8")]), ["+presence-a/8", "-presence-a/7"]);
    assert_eq!(node.reconcile("presence-a", &[("2", "8")]), NOTHING);
    assert_eq!(node.reconcile("presence-a", &[]), ["-presence-a/8", "-presence-a"]);
    assert_eq!(node.reconcile("presence-b", &[("3", "9")]), ["+presence-b", "+presence-b/9"]);
    assert_eq!(node.close("3"), ["-presence-b/9", "-presence-b"]);
}

#[test]
fn a_part_of_the_live_connections_adds_whom_it_names_and_removes_nobody() {
    let mut node = Scribe::default();
    node.subscribe("1", "presence-a", "7");
    let came = vec!["+presence-a/8".to_owned()];
    assert_eq!(node.present("presence-a", &[("2", "8"), ("3", "8")]), (2, came));
    assert_eq!(node.present("presence-a", &[("3", "8")]), (0, vec![]));
    assert_eq!(node.close("1"), ["-presence-a/7"], "nobody has removed it");
}

#[test]
fn sockets_that_are_not_on_a_channel_are_removed_once_and_nobody_else_is() {
    let mut node = Scribe::default();
    node.subscribe("1", "presence-a", "7");
    node.subscribe("2", "presence-a", "8");
    node.subscribe("2", "news", "");
    let left = vec!["-presence-a/8".to_owned()];
    assert_eq!(node.absent("presence-a", &["2", "3"]), (1, left));
    assert_eq!(node.absent("presence-a", &["2"]), (0, vec![]));
    assert_eq!(node.close("2"), ["-news"]);
    assert_eq!(node.close("1"), ["-presence-a/7", "-presence-a"]);
}

#[test]
fn equal_names_in_two_apps_are_apart() {
    let mut table = LocalTable::default();
    let mut claims = Vec::new();
    for app in ["a", "b"] {
        table.subscribe(&AppId::from(app), b"news", b"1", None, None, &mut claims);
    }
    assert_eq!(claims.len(), 2);
    table.close(&AppId::from("a"), b"1", &mut claims);
    assert_eq!(claims.len(), 3);
    assert!(table.subscription(&AppId::from("b"), b"news", b"1").is_some());
}

#[test]
fn the_holds_are_what_the_sockets_make_them() {
    let mut node = Scribe::default();
    node.subscribe("1", "presence-a", "7");
    node.subscribe("2", "presence-a", "8");
    node.subscribe("2", "news", "");
    let mut holds: Vec<String> = node
        .table
        .holds()
        .map(|hold| {
            format!("{}/{}", hold.channel.as_text(), hold.user.map_or_else(String::new, |u| u.as_text().into()))
        })
        .collect();
    holds.sort();
    assert_eq!(holds, ["news/", "presence-a/", "presence-a/7", "presence-a/8"]);
}
