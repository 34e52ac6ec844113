use super::super::claim::Change;
use super::*;

/// A table that records its claims as `+channel`, `-channel`, `+channel/user`, `-channel/user`.
#[derive(Default)]
struct Recorder {
    table: LocalTable,
    claims: Vec<Claim>,
}

impl Recorder {
    fn subscribe(&mut self, socket: &str, channel: &str, user: &str) -> Vec<String> {
        let app = AppId::from("app");
        let user = non_empty(user.as_bytes());
        self.table.subscribe(&app, channel.as_bytes(), socket.as_bytes(), user, None, &mut self.claims);
        self.recorded()
    }

    fn unsubscribe(&mut self, socket: &str, channel: &str) -> Vec<String> {
        self.table.unsubscribe(&AppId::from("app"), channel.as_bytes(), socket.as_bytes(), &mut self.claims);
        self.recorded()
    }

    fn close(&mut self, socket: &str) -> Vec<String> {
        self.table.close(&AppId::from("app"), socket.as_bytes(), &mut self.claims);
        self.recorded()
    }

    fn open(&mut self, socket: &str) -> Vec<String> {
        self.table.open(&AppId::from("app"), &SocketId::from(socket), &mut self.claims);
        self.recorded()
    }

    fn reconcile(&mut self, channel: &str, live: &[(&str, &str)]) -> (usize, Vec<String>) {
        let live: Vec<[&[u8]; 2]> = live.iter().map(|(socket, user)| [socket.as_bytes(), user.as_bytes()]).collect();
        let repairs = self.table.reconcile(&AppId::from("app"), channel.as_bytes(), &live, &mut self.claims);
        (repairs, self.recorded())
    }

    fn present(&mut self, channel: &str, live: &[(&str, &str)]) -> (usize, Vec<String>) {
        let live: Vec<[&[u8]; 2]> = live.iter().map(|(socket, user)| [socket.as_bytes(), user.as_bytes()]).collect();
        let repairs = self.table.present(&AppId::from("app"), channel.as_bytes(), &live, &mut self.claims);
        (repairs, self.recorded())
    }

    fn absent(&mut self, channel: &str, sockets: &[&str]) -> (usize, Vec<String>) {
        let sockets = sockets.iter().map(|socket| socket.as_bytes());
        let repairs = self.table.absent(&AppId::from("app"), channel.as_bytes(), sockets, &mut self.claims);
        (repairs, self.recorded())
    }

    fn recorded(&mut self) -> Vec<String> {
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
    let mut node = Recorder::default();
    assert_eq!(node.subscribe("1", "news", ""), ["+news"]);
    assert_eq!(node.subscribe("2", "news", ""), NOTHING);
    assert_eq!(node.unsubscribe("1", "news"), NOTHING);
    assert_eq!(node.unsubscribe("2", "news"), ["-news"]);
}

#[test]
fn a_connection_is_claimed_when_it_opens_and_left_after_its_channels() {
    let mut node = Recorder::default();
    assert_eq!(node.open("1"), ["+/1"]);
    assert_eq!(node.open("1"), NOTHING);
    node.subscribe("1", "presence-a", "7");
    assert_eq!(node.close("1"), ["-presence-a/7", "-presence-a", "-/1"]);
    assert_eq!(node.close("1"), NOTHING);
    assert!(node.table.is_empty());
    node.subscribe("2", "news", "");
    assert_eq!(node.close("2"), ["-news"], "its opening was not recorded");
}

#[test]
fn users_of_a_channel_without_a_name_are_not_claimed_as_connections() {
    let mut node = Recorder::default();
    assert_eq!(node.subscribe("1", "", "7"), ["+"]);
    assert_eq!(node.open("7"), ["+/7"]);
    assert_eq!(node.close("1"), ["-"]);
    assert_eq!(node.close("7"), ["-/7"]);
}

#[test]
fn a_users_claims_name_the_first_and_the_last_socket_with_the_data_of_the_first() {
    let (mut table, mut claims, app) = (LocalTable::default(), Vec::new(), AppId::from("app"));
    table.names_connections = true;
    table.subscribe(&app, b"presence-a", b"1", Some(b"7"), Some(b"{}"), &mut claims);
    table.subscribe(&app, b"presence-a", b"2", Some(b"7"), Some(b"[]"), &mut claims);
    table.close(&app, b"1", &mut claims);
    table.unsubscribe(&app, b"presence-a", b"2", &mut claims);
    let by: Vec<Option<MemberDetails>> = claims.into_iter().map(|claim| claim.by.map(|by| *by)).collect();
    let details = |socket: &str| Some(MemberDetails { socket: socket.into(), data: b"{}".as_slice().into() });
    assert_eq!(by, [None, details("1"), details("2"), None]);
}

#[test]
fn closing_all_leaves_the_connections_too() {
    let mut node = Recorder::default();
    node.open("1");
    node.table.close_all(&mut node.claims);
    assert_eq!(node.recorded(), ["-/1"]);
}

#[test]
fn a_user_joins_after_the_channel_and_leaves_before_it() {
    let mut node = Recorder::default();
    assert_eq!(node.subscribe("1", "presence-a", "7"), ["+presence-a", "+presence-a/7"]);
    assert_eq!(node.close("1"), ["-presence-a/7", "-presence-a"]);
}

#[test]
fn a_second_tab_of_a_user_is_silent() {
    let mut node = Recorder::default();
    node.subscribe("1", "presence-a", "7");
    assert_eq!(node.subscribe("2", "presence-a", "7"), NOTHING);
    assert_eq!(node.close("1"), NOTHING);
    assert_eq!(node.close("2"), ["-presence-a/7", "-presence-a"]);
}

#[test]
fn subscribing_again_on_the_same_socket_changes_nothing() {
    let mut node = Recorder::default();
    node.subscribe("1", "presence-a", "7");
    assert_eq!(node.subscribe("1", "presence-a", "7"), NOTHING);
    assert_eq!(node.unsubscribe("1", "presence-a"), ["-presence-a/7", "-presence-a"]);
    assert_eq!(node.close("1"), NOTHING);
}

#[test]
fn subscribing_again_as_another_user_replaces_the_user() {
    let mut node = Recorder::default();
    node.subscribe("1", "presence-a", "7");
    assert_eq!(node.subscribe("1", "presence-a", "8"), ["+presence-a/8", "-presence-a/7"]);
    assert_eq!(node.close("1"), ["-presence-a/8", "-presence-a"]);
}

#[test]
fn leaving_a_channel_never_joined_changes_nothing() {
    let mut node = Recorder::default();
    assert_eq!(node.unsubscribe("1", "news"), NOTHING);
    node.subscribe("1", "news", "");
    assert_eq!(node.unsubscribe("2", "news"), NOTHING);
    assert_eq!(node.close("2"), NOTHING);
}

#[test]
fn a_close_leaves_every_channel_in_the_order_of_joining() {
    let mut node = Recorder::default();
    for channel in ["b", "a", "c"] {
        node.subscribe("1", channel, "");
    }
    node.unsubscribe("1", "a");
    assert_eq!(node.close("1"), ["-b", "-c"]);
    assert_eq!(node.table.size(), (0, 0));
}

#[test]
fn a_close_leaves_the_remaining_channels_in_the_order_of_joining() {
    let mut recorder = Recorder::default();
    let name = |n: u32| format!("c{n:03}");
    for n in 0..300 {
        recorder.subscribe("1", &name(n), "");
        if n % 3 != 0 {
            recorder.unsubscribe("1", &name(n / 2));
        }
    }
    let left: Vec<String> = (0..300).filter(|n| !(0..300).any(|m| m % 3 != 0 && m / 2 == *n)).map(name).collect();
    let expected: Vec<String> = left.iter().map(|name| format!("-{name}")).collect();
    assert_eq!(recorder.close("1"), expected);
}

#[test]
fn gaps_of_left_channels_do_not_accumulate() {
    let mut recorder = Recorder::default();
    recorder.subscribe("1", "home", "");
    for n in 0..10_000 {
        recorder.subscribe("1", &format!("c{n}"), "");
        recorder.subscribe("1", &format!("c{}", n + 1), "");
        recorder.unsubscribe("1", &format!("c{n}"));
    }
    let joined = &recorder.table.apps[&AppId::from("app")].sockets[&SocketId::from("1")];
    assert!(joined.capacity() <= 16, "{}", joined.capacity());
    assert_eq!(recorder.close("1"), ["-home", "-c10000"]);
}

#[test]
fn gaps_are_closed_when_the_list_grows_and_half_of_it_are_gaps() {
    let mut recorder = Recorder::default();
    let listed = |recorder: &Recorder| recorder.table.apps[&AppId::from("app")].sockets[&SocketId::from("1")].len();
    (0..4).for_each(|n| _ = recorder.subscribe("1", &format!("c{n}"), ""));
    recorder.unsubscribe("1", "c0");
    recorder.subscribe("1", "c4", "");
    assert_eq!(listed(&recorder), 5, "there is one gap");
    (5..8).for_each(|n| _ = recorder.subscribe("1", &format!("c{n}"), ""));
    (1..5).for_each(|n| _ = recorder.unsubscribe("1", &format!("c{n}")));
    assert_eq!(listed(&recorder), 8, "the list has not grown");
    recorder.subscribe("1", "c8", "");
    assert_eq!(listed(&recorder), 4);
    let joined = &recorder.table.apps[&AppId::from("app")].sockets[&SocketId::from("1")];
    assert!(joined.capacity() >= 8, "the next channels need no new list: {}", joined.capacity());
    assert_eq!(recorder.close("1"), ["-c5", "-c6", "-c7", "-c8"]);
}

#[test]
fn reconciling_adds_sockets_before_it_removes_others() {
    let mut node = Recorder::default();
    node.subscribe("1", "presence-a", "7");
    let repaired = |repairs, claims: &[&str]| (repairs, claims.iter().map(|&claim| claim.to_owned()).collect());
    let replaced = repaired(3, &["+presence-a/8", "-presence-a/7"]);
    assert_eq!(node.reconcile("presence-a", &[("2", "8"), ("3", "8")]), replaced);
    assert_eq!(node.reconcile("presence-a", &[("2", "8"), ("3", "8")]), repaired(0, &[]));
    assert_eq!(node.reconcile("presence-a", &[]), repaired(2, &["-presence-a/8", "-presence-a"]));
    assert_eq!(node.reconcile("presence-b", &[("3", "9")]), repaired(1, &["+presence-b", "+presence-b/9"]));
    assert_eq!(node.close("3"), ["-presence-b/9", "-presence-b"]);
}

#[test]
fn a_partial_list_of_live_connections_only_adds_sockets() {
    let mut node = Recorder::default();
    node.subscribe("1", "presence-a", "7");
    let came = vec!["+presence-a/8".to_owned()];
    assert_eq!(node.present("presence-a", &[("2", "8"), ("3", "8")]), (2, came));
    assert_eq!(node.present("presence-a", &[("3", "8")]), (0, vec![]));
    assert_eq!(node.close("1"), ["-presence-a/7"], "the socket was not removed");
}

#[test]
fn absent_sockets_are_removed_once_and_others_stay() {
    let mut node = Recorder::default();
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
fn equal_names_in_two_apps_do_not_collide() {
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
fn holds_follow_from_the_sockets() {
    let mut node = Recorder::default();
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
    let mut channels: Vec<_> = node.table.channels().map(|(_, channel)| channel.as_text()).collect();
    channels.sort();
    assert_eq!(channels, ["news", "presence-a"]);
}
