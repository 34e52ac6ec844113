use super::*;
use crate::cluster::{Entered, Past};
use crate::config::Config;
use crate::event::Shard;
use crate::support::redis::RedisServer;

impl MembershipScripts {
    /// Like [`Self::enter`], in a cluster that admits the node.
    pub(crate) fn open(&self, redis: &mut Connection, node: &NodeId, new_id: &str, past: Past) -> RedisResult<Entered> {
        self.enter(redis, node, new_id, "", past, true).map(|entered| entered.expect("a cluster that takes this node"))
    }
}

#[test]
fn a_node_that_joins_after_its_roster_was_seen_is_not_reported() {
    let server = RedisServer::start();
    let mut redis = server.connect();
    let scripts = MembershipScripts::of(&Config::default(), Shard::FIRST);
    let [auditor, late] = [1, 2].map(|pid| NodeId::new("host", pid, 0));
    scripts.open(&mut redis, &auditor, "epoch", Past::None).unwrap();
    let refresh = |process: &str, seconds: u64| {
        let (mut redis, key) = (server.connect(), format!("roster:news:{process}"));
        redis::cmd("HSET").arg(&key).arg("1.1").arg("").exec(&mut redis).unwrap();
        redis::cmd("EXPIRE").arg(&key).arg(seconds).exec(&mut redis).unwrap();
    };
    let every = Duration::from_secs(30);
    let mut audit = Audit::new(&Roster { key_prefix: "roster".into(), ttl: every }, every);
    let began = Instant::now();
    refresh("host-2", 80);
    refresh("host-3", 80);
    assert_eq!(audit.advance(&mut redis, &scripts, &auditor, began + every * 2).unwrap(), [""; 0]);
    assert_eq!(audit.suspects.len(), 2, "{audit:?}");
    scripts.open(&mut redis, &late, "epoch", Past::None).unwrap();
    refresh("host-2", 90);
    refresh("host-3", 90);
    assert_eq!(audit.advance(&mut redis, &scripts, &auditor, began + every * 4).unwrap(), ["host-3"]);
    assert_eq!(audit.advance(&mut redis, &scripts, &auditor, began + every * 6).unwrap(), [""; 0], "once");
}

#[test]
fn one_node_is_elected_until_it_is_gone() {
    let server = RedisServer::start();
    let mut redis = server.connect();
    let scripts = MembershipScripts::of(&Config::default(), Shard::FIRST);
    let [one, other] = [1, 2].map(|pid| NodeId::new("host", pid, 0));
    let mut stands = |node| scripts.elect(&mut redis, node, Duration::from_secs(60)).unwrap().is_some();
    assert_eq!([&one, &other, &one, &other].map(&mut stands), [true, false, true, false]);
    redis::cmd("DEL").arg("wh:audit").exec(&mut redis).unwrap();
    assert_eq!(
        [&other, &one].map(|node| scripts.elect(&mut redis, node, Duration::from_secs(60)).unwrap().is_some()),
        [true, false]
    );
}

#[test]
fn the_process_is_parsed_from_a_key_whatever_the_channel() {
    for (key, process) in [
        ("roster:presence-a:web-1-4711", Some("web-1-4711")),
        ("roster:app:presence-a:web-1-4711", Some("web-1-4711")),
        ("roster:a:b*[x]\n:host-1", Some("host-1")),
        ("a:prefix:::host-1", Some("host-1")),
        ("roster:news:we|rd host-7", Some("we-rd-host-7")),
        ("roster:news:host", None),
        ("roster:news:host-", None),
        ("roster:news:host-1a", None),
        ("roster:news:-1", None),
        ("roster:news:", None),
    ] {
        assert_eq!(process_of(key.as_bytes()).as_deref(), process, "{key}");
    }
    assert_eq!(process_of(b"roster:news:\xff-1"), None);
}

#[test]
fn a_prefix_is_escaped_in_the_glob() {
    assert_eq!(escaped("roster"), "roster");
    assert_eq!(escaped("a*[b]?\\"), "a\\*\\[b\\]\\?\\\\");
}
