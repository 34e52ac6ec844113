//! The pure protocol and the real scripts are twins: the same calls, however senseless, get the same answers and leave the
//! same behind. What the exhaustive search shows of the one is so true of the other.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use redis::Connection;

use super::protocol::{Answer, Change, Edges, Holds, Id, KEYS, Key, Lease, Redis};
use crate::event::{Event, EventKind};
use crate::names::{AppId, ChannelName, NodeId, UserId};
use crate::presence::batch::{Batch, Entry};
use crate::presence::claim::{Claim, Hold};
use crate::presence::scripts::{Fate, Keys, Reaped, Refusal, Verdict};
use crate::support::redis::RedisServer;

/// Incarnations that call.
const CALLERS: Id = 3;

/// Longer than any case takes.
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug)]
enum Call {
    Open { id: Id, settles: bool, restores: bool },
    Claim { id: Id, stale: bool, batch: u8, changes: Vec<Change> },
    Reassert { id: Id, stale: bool, answered: u8, holds: Holds },
    Forget { id: Id, stale: bool, answered: u8, portion: usize },
    Restored { id: Id, stale: bool },
    Renew { id: Id, stale: bool, answered: u8 },
    Reap { id: Id, stale: bool, portion: usize },
    Lapse { id: Id },
    Settle,
    Wipe,
}

fn call() -> impl Strategy<Value = Call> {
    let id = || 0..CALLERS;
    let stale = || prop::bool::weighted(0.1);
    let change = (prop::sample::select(KEYS.to_vec()), any::<bool>()).prop_map(|(key, held)| Change { key, held });
    let holds = (any::<bool>(), any::<bool>()).prop_map(|(channel, user)| Holds { channel, user });
    prop_oneof![
        4 => (id(), any::<bool>(), any::<bool>())
            .prop_map(|(id, settles, restores)| Call::Open { id, settles, restores }),
        2 => (id(), stale()).prop_map(|(id, stale)| Call::Restored { id, stale }),
        14 => (id(), stale(), 1..5_u8, prop::collection::vec(change, 1..5))
            .prop_map(|(id, stale, batch, changes)| Call::Claim { id, stale, batch, changes }),
        3 => (id(), stale(), 0..5_u8, holds)
            .prop_map(|(id, stale, answered, holds)| Call::Reassert { id, stale, answered, holds }),
        3 => (id(), stale(), 0..5_u8, 1..3_usize)
            .prop_map(|(id, stale, answered, portion)| Call::Forget { id, stale, answered, portion }),
        3 => (id(), stale(), 0..3_u8).prop_map(|(id, stale, answered)| Call::Renew { id, stale, answered }),
        6 => (id(), stale(), 1..3_usize).prop_map(|(id, stale, portion)| Call::Reap { id, stale, portion }),
        4 => id().prop_map(|id| Call::Lapse { id }),
        2 => Just(Call::Settle),
        1 => Just(Call::Wipe),
    ]
}

/// What a call tells its caller: the answer, and the departures that a reaper makes.
type Told = (Answer, BTreeSet<String>);

/// The real scripts.
struct Real {
    redis: Connection,
    keys: Keys,
}

fn node(id: Id) -> NodeId {
    NodeId::new("node", 1, u32::try_from(id).unwrap())
}

fn hold(key: Key) -> Hold {
    let user = (key == Key::User).then(|| UserId::from("7"));
    Hold { app: AppId::from("app"), channel: ChannelName::from("presence-a"), user }
}

fn refused(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Lost => Answer::Lost,
        Refusal::Behind => Answer::Behind,
        Refusal::Reaped => Answer::Reaped,
        Refusal::Settling(_) => Answer::Settling,
        Refusal::Suspended => unreachable!("no key is foreign"),
    }
}

fn departure(event: &Event) -> String {
    match event.kind {
        EventKind::ChannelVacated => format!("{:?}", Key::Channel),
        EventKind::MemberRemoved { .. } => format!("{:?}", Key::User),
        ref other => panic!("no departure: {other:?}"),
    }
}

impl Real {
    fn claim(&mut self, id: Id, epoch: &str, batch: u8, changes: &[Change]) -> Answer {
        let claim = |change: &Change| {
            let claim = if change.held { Claim::join } else { Claim::leave };
            Entry::Claim(claim(hold(change.key)))
        };
        let batch = Batch::new(batch.into(), changes.iter().map(claim).collect());
        match self.keys.claim(&mut self.redis, &node(id), epoch, &batch).unwrap() {
            Ok(Verdict { edges, .. }) => Answer::Decided(Edges::from_text(&edges)),
            Err(refusal) => refused(refusal),
        }
    }

    fn reassert(&mut self, id: Id, epoch: &str, answered: u8, holds: Holds) -> Answer {
        let holds: Vec<(Hold, i64)> =
            KEYS.into_iter().filter(|key| holds.has(*key)).map(|key| (hold(key), 0)).collect();
        let answer = self.keys.reassert(&mut self.redis, &node(id), epoch, answered.into(), holds.iter()).unwrap();
        answer.map_or_else(refused, |_| Answer::Done)
    }

    fn forget(&mut self, id: Id, epoch: &str, answered: u8, portion: usize) -> Answer {
        let answer = self.keys.forget(&mut self.redis, &node(id), epoch, answered.into(), portion, HOUR).unwrap();
        answer.map_or_else(refused, |finished| Answer::Taken { finished })
    }

    fn renew(&mut self, id: Id, epoch: &str, answered: u8) -> Answer {
        self.keys
            .renew(&mut self.redis, &node(id), epoch, answered.into())
            .unwrap()
            .map_or_else(refused, |_| Answer::Done)
    }

    fn reap(&mut self, id: Id, epoch: &str, portion: usize) -> Told {
        match self.keys.reap(&mut self.redis, node(id).as_str(), epoch, portion).unwrap() {
            Ok(Reaped { fate: Fate::Dead, events, finished, .. }) => {
                (Answer::Taken { finished }, events.iter().map(departure).collect())
            }
            Ok(_) => (Answer::Alive, BTreeSet::new()),
            Err(refusal) => (refused(refusal), BTreeSet::new()),
        }
    }

    /// What is in Redis of an incarnation: lease, place in hold sets, its own list of holds.
    fn left_behind(&mut self, id: Id) -> (Lease, Holds, Holds) {
        let node = node(id);
        let score: Option<f64> =
            redis::cmd("ZSCORE").arg("wh:nodes").arg(node.as_str()).query(&mut self.redis).unwrap();
        let lease = match score {
            None => Lease::None,
            Some(score) if score < 0.0 => Lease::Reaping,
            Some(score) if score < 1e12 => Lease::Lapsed,
            Some(_) => Lease::Good,
        };
        let mut set = |key: &str, field: &str| -> bool {
            let set: Option<String> = redis::cmd("HGET").arg(key).arg(field).query(&mut self.redis).unwrap();
            set.is_some_and(|set| set.split('|').any(|member| member == node.as_str()))
        };
        let holds =
            Holds { channel: set("wh:channels:app", "presence-a"), user: set("wh:users:3:app:presence-a", "7") };
        let mut holds_one = |kind: &str| {
            let set = format!("wh:held_{kind}:{node}");
            redis::cmd("EXISTS").arg(set).query::<bool>(&mut self.redis).unwrap()
        };
        let held = Holds { channel: holds_one("channels"), user: holds_one("users") };
        (lease, holds, held)
    }
}

fn run(calls: Vec<Call>, redis: Connection) -> Result<(), TestCaseError> {
    let mut real = Real { redis, keys: Keys::new("wh", HOUR, 1) };
    redis::cmd("FLUSHALL").exec(&mut real.redis).unwrap();
    let (mut pure, mut epochs) = (Redis::default(), 1);
    for call in calls {
        let epoch = |stale| if stale || pure.epoch == 0 { epochs + 1 } else { pure.epoch };
        let mut told = Vec::new();
        let (expected, answer): (Told, Told) = match &call {
            Call::Open { id, settles, restores } => {
                epochs += 1;
                let wait = if *settles { HOUR } else { Duration::ZERO };
                let redis = &mut real.redis;
                let opened = real.keys.open(redis, &node(*id), &epochs.to_string(), wait, *restores).unwrap();
                let expected = pure.open(*id, epochs, *settles, *restores, None);
                prop_assert_eq!((opened.0, opened.1.is_zero()), (expected.to_string(), pure.settled));
                continue;
            }
            Call::Claim { id, stale, batch, changes } => {
                let epoch = epoch(*stale);
                let expected = pure.claim(*id, epoch, *batch, changes, &mut Vec::new(), None);
                ((expected, BTreeSet::new()), (real.claim(*id, &epoch.to_string(), *batch, changes), BTreeSet::new()))
            }
            Call::Reassert { id, stale, answered, holds } => {
                let epoch = epoch(*stale);
                let expected = pure.reassert(*id, epoch, *answered, *holds, None);
                let answer = real.reassert(*id, &epoch.to_string(), *answered, *holds);
                ((expected, BTreeSet::new()), (answer, BTreeSet::new()))
            }
            Call::Forget { id, stale, answered, portion } => {
                let epoch = epoch(*stale);
                let expected = pure.forget(*id, epoch, *answered, *portion, None);
                let answer = real.forget(*id, &epoch.to_string(), *answered, *portion);
                ((expected, BTreeSet::new()), (answer, BTreeSet::new()))
            }
            Call::Restored { id, stale } => {
                let epoch = epoch(*stale);
                let answer = real.keys.restored(&mut real.redis, &node(*id), &epoch.to_string()).unwrap();
                let answer = answer.map_or_else(refused, |()| Answer::Done);
                ((pure.restored(*id, epoch), BTreeSet::new()), (answer, BTreeSet::new()))
            }
            Call::Renew { id, stale, answered } => {
                let epoch = epoch(*stale);
                let answer = real.renew(*id, &epoch.to_string(), *answered);
                ((pure.renew(*id, epoch, *answered, None), BTreeSet::new()), (answer, BTreeSet::new()))
            }
            Call::Reap { id, stale, portion } => {
                let epoch = epoch(*stale);
                let expected = pure.reap(*id, epoch, *portion, &mut told, None);
                let departures = told.iter().map(|change| format!("{:?}", change.key)).collect();
                ((expected, departures), real.reap(*id, &epoch.to_string(), *portion))
            }
            Call::Lapse { id } => {
                if pure.leases[*id] == Lease::Good {
                    pure.leases[*id] = Lease::Lapsed;
                    redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(node(*id).as_str()).exec(&mut real.redis).unwrap();
                }
                continue;
            }
            Call::Settle => {
                if pure.epoch != 0 {
                    pure.settled = true;
                    redis::cmd("HSET").arg("wh:epoch").arg("settled").arg(1).exec(&mut real.redis).unwrap();
                }
                continue;
            }
            Call::Wipe => {
                pure = Redis::default();
                redis::cmd("FLUSHALL").exec(&mut real.redis).unwrap();
                continue;
            }
        };
        prop_assert_eq!(answer, expected, "the answers to {:?} (left: the script's)", call);
        for id in 0..CALLERS {
            let expected = (pure.leases[id], pure.holds[id], pure.held[id]);
            prop_assert_eq!(real.left_behind(id), expected, "what {:?} leaves of {} (left: in Redis)", call, id);
        }
    }
    Ok(())
}

#[test]
fn the_scripts_do_what_the_searched_protocol_does() {
    let server = RedisServer::start();
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(200) };
    proptest!(config, |(calls in prop::collection::vec(call(), 1..60))| run(calls, server.connect())?);
}
