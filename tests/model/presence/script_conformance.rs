//! Conformance of the pure protocol with the real scripts: equal calls get equal answers and leave equal data behind.
//! So what the exhaustive search shows of the pure protocol holds for the scripts.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use redis::streams::{StreamId, StreamRangeReply};
use redis::{Commands, Connection};

use super::protocol::{Answer, Change, Confirmation, Edges, Holds, IDS, Id, KEYS, Key, Lease, Opening, Past, Redis};
use crate::cluster::{self, Acknowledged, Entered, Refusal};
use crate::event::{AppId, ChannelName, NodeId, UserId};
use crate::presence::batch::{BatchEntry, ClaimBatch};
use crate::presence::claim::{Claim, Hold};
use crate::presence::scripts::tests::scripts_of_one_partition;
use crate::presence::scripts::{Fate, PresenceScripts, Reaped, Verdict};
use crate::support::redis::RedisServer;

/// Number of node incarnations that make calls.
const CALLERS: Id = 3;

/// A lease that no case outlives.
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug)]
enum Call {
    Open { id: Id, process: u8, past: Past },
    Claim { id: Id, stale: bool, batch: u8, changes: Vec<Change> },
    Reassert { id: Id, stale: bool, answered: u8, settling: u8, holds: Holds },
    Forget { id: Id, stale: bool, answered: u8, settling: u8, portion: usize },
    Confirm { id: Id, stale: bool, answered: u8, restored_for: u8, settling: u8, restored: bool },
    Renew { id: Id, stale: bool, answered: u8, restored_for: u8 },
    Reap { id: Id, stale: bool, portion: usize },
    Lapse { id: Id },
    LoseLeases,
    Wipe,
}

fn call() -> impl Strategy<Value = Call> {
    let id = || 0..CALLERS;
    let stale = || prop::bool::weighted(0.1);
    let change = (prop::sample::select(KEYS.to_vec()), any::<bool>()).prop_map(|(key, held)| Change { key, held });
    let holds = (any::<bool>(), any::<bool>()).prop_map(|(channel, user)| Holds { channel, user });
    let past = || prop::sample::select(vec![Past::None, Past::Epoch, Past::Session]);
    // Age of the settling in the call: 0 for none, 1 for the current one, 2 for an earlier one.
    let ago = || prop::sample::select(vec![1, 1, 1, 2, 0_u8]);
    prop_oneof![
        5 => (id(), 0..3_u8, past()).prop_map(|(id, process, past)| Call::Open { id, process, past }),
        6 => (id(), stale(), 0..5_u8, 0..3_u8, ago(), any::<bool>()).prop_map(
            |(id, stale, answered, restored_for, settling, restored)| Call::Confirm {
                id, stale, answered, restored_for, settling, restored
            }
        ),
        14 => (id(), stale(), 1..5_u8, prop::collection::vec(change, 1..5))
            .prop_map(|(id, stale, batch, changes)| Call::Claim { id, stale, batch, changes }),
        3 => (id(), stale(), 0..5_u8, ago(), holds).prop_map(
            |(id, stale, answered, settling, holds)| Call::Reassert { id, stale, answered, settling, holds }
        ),
        3 => (id(), stale(), 0..5_u8, ago(), 1..3_usize).prop_map(
            |(id, stale, answered, settling, portion)| Call::Forget { id, stale, answered, settling, portion }
        ),
        3 => (id(), stale(), 0..3_u8, 0..3_u8)
            .prop_map(|(id, stale, answered, restored_for)| Call::Renew { id, stale, answered, restored_for }),
        6 => (id(), stale(), 1..3_usize).prop_map(|(id, stale, portion)| Call::Reap { id, stale, portion }),
        4 => id().prop_map(|id| Call::Lapse { id }),
        1 => Just(Call::LoseLeases),
        1 => Just(Call::Wipe),
    ]
}

/// Outcome of a call: the answer, and the departures that a reaper published.
type Outcome = (Answer, BTreeSet<String>);

/// The real scripts.
struct Real {
    redis: Connection,
    keys: PresenceScripts,
}

fn node(id: Id) -> NodeId {
    NodeId::new("node", 1, u32::try_from(id).unwrap())
}

/// Returns the id of an epoch, a settling or a process. The id of 0 is empty.
fn text(number: u8) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

fn number(text: &str) -> u8 {
    text.parse().unwrap_or(0)
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
        Refusal::Suspended | Refusal::Excluded => unreachable!("no key is foreign, no other cluster is here"),
    }
}

/// Returns the key of a departure event as text.
fn departure(text: &str) -> String {
    match text.as_bytes()[0] {
        b'v' => format!("{:?}", Key::Channel),
        b'r' => format!("{:?}", Key::User),
        _ => panic!("not a departure: {text}"),
    }
}

impl Real {
    fn claim(&mut self, id: Id, epoch: &str, batch: u8, changes: &[Change]) -> Answer {
        let claim = |change: &Change| {
            let claim = if change.held { Claim::join } else { Claim::leave };
            BatchEntry::Claim(claim(hold(change.key)))
        };
        let batch = ClaimBatch { number: batch.into(), entries: changes.iter().map(claim).collect() };
        match self.keys.claim(&mut self.redis, &node(id), epoch, &batch).unwrap() {
            Ok(Verdict { edges, .. }) => Answer::Decided(Edges::from_text(&edges)),
            Err(refusal) => refused(refusal),
        }
    }

    fn open(&mut self, opening: Opening) -> Answer {
        let Opening { id, new_id, process, past, .. } = opening;
        let past = [cluster::Past::None, cluster::Past::Epoch, cluster::Past::Session][past as usize];
        let process = text(process);
        let entered =
            self.keys.membership.enter(&mut self.redis, &node(id), &new_id.to_string(), &process, past, true).unwrap();
        let Entered { epoch, settling } = entered.unwrap();
        Answer::Opened { epoch: number(&epoch), settling: number(&settling) }
    }

    fn confirm(&mut self, confirmation: Confirmation) -> Answer {
        let Confirmation { id, epoch, answered, restored_for, settling, restored } = confirmation;
        let (epoch, restored_for) = (epoch.to_string(), text(restored_for));
        let known = Acknowledged { epoch: &epoch, answered: answered.into(), restored_for: &restored_for };
        let answer =
            self.keys.membership.confirm(&mut self.redis, &node(id), &known, &text(settling), restored).unwrap();
        answer.map_or_else(refused, |look| Answer::Waits(number(&look.settling)))
    }

    fn reassert(&mut self, id: Id, epoch: &str, answered: u8, settling: u8, holds: Holds) -> Answer {
        let holds: Vec<(Hold, i64)> =
            KEYS.into_iter().filter(|key| holds.has(*key)).map(|key| (hold(key), 0)).collect();
        let (redis, settling) = (&mut self.redis, text(settling));
        let answer = self.keys.reassert(redis, &node(id), epoch, answered.into(), &settling, holds.iter()).unwrap();
        answer.map_or_else(refused, |_| Answer::Done)
    }

    fn forget(&mut self, id: Id, epoch: &str, answered: u8, settling: u8, portion: usize) -> Answer {
        let (redis, settling) = (&mut self.redis, text(settling));
        let answer = self.keys.forget(redis, &node(id), epoch, answered.into(), portion, &settling).unwrap();
        answer.map_or_else(refused, |finished| Answer::Removed { finished })
    }

    fn renew(&mut self, id: Id, epoch: &str, answered: u8, restored_for: u8) -> Answer {
        let restored_for = text(restored_for);
        let known = Acknowledged { epoch, answered: answered.into(), restored_for: &restored_for };
        self.keys.renew(&mut self.redis, &node(id), &known).unwrap().map_or_else(refused, |_| Answer::Done)
    }

    fn reap(&mut self, id: Id, epoch: &str, portion: usize) -> Outcome {
        self.redis.del::<_, ()>("wh:out:0").unwrap();
        match self.keys.reap(&mut self.redis, node(id).as_str(), epoch, portion).unwrap() {
            Ok(Reaped { fate: Fate::Dead, finished, .. }) => {
                let appended: StreamRangeReply = self.redis.xrange_all("wh:out:0").unwrap();
                let departure = |entry: &StreamId| departure(&entry.get::<String>("e").unwrap());
                (Answer::Removed { finished }, appended.ids.iter().map(departure).collect())
            }
            Ok(_) => (Answer::Alive, BTreeSet::new()),
            Err(refusal) => (refused(refusal), BTreeSet::new()),
        }
    }

    /// Returns what Redis has of an incarnation: its lease, its places in hold sets, its own list of holds.
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
    let mut real = Real { redis, keys: scripts_of_one_partition(HOUR) };
    redis::cmd("FLUSHALL").exec(&mut real.redis).unwrap();
    let (mut pure, mut ids) = (Redis::default(), 1);
    for call in calls {
        let epoch = |stale| if stale || pure.epoch == 0 { ids + 1 } else { pure.epoch };
        let settling = |ago: u8| match ago {
            0 => 0,
            1 if pure.settling != 0 => pure.settling,
            _ => ids,
        };
        let silent = |answer| (answer, BTreeSet::new());
        let (expected, answer): (Outcome, Outcome) = match call.clone() {
            Call::Open { id, process, past } => {
                ids += 1;
                let opening = Opening { id, new_id: ids, process, past, cluster: 0 };
                (silent(pure.open(opening, None)), silent(real.open(opening)))
            }
            Call::Claim { id, stale, batch, changes } => {
                let epoch = epoch(stale);
                let expected = pure.claim(id, epoch, batch, &changes, &mut Vec::new(), None);
                (silent(expected), silent(real.claim(id, &epoch.to_string(), batch, &changes)))
            }
            Call::Reassert { id, stale, answered, settling: ago, holds } => {
                let (epoch, settling) = (epoch(stale), settling(ago));
                let expected = pure.reassert(id, epoch, answered, settling, holds, None);
                (silent(expected), silent(real.reassert(id, &epoch.to_string(), answered, settling, holds)))
            }
            Call::Forget { id, stale, answered, settling: ago, portion } => {
                let (epoch, settling) = (epoch(stale), settling(ago));
                let expected = pure.forget(id, epoch, answered, settling, portion, None);
                (silent(expected), silent(real.forget(id, &epoch.to_string(), answered, settling, portion)))
            }
            Call::Confirm { id, stale, answered, restored_for, settling: ago, restored } => {
                let (epoch, settling) = (epoch(stale), settling(ago));
                let confirmation = Confirmation { id, epoch, answered, restored_for, settling, restored };
                (silent(pure.confirm(confirmation, None)), silent(real.confirm(confirmation)))
            }
            Call::Renew { id, stale, answered, restored_for } => {
                let epoch = epoch(stale);
                let expected = pure.renew(id, epoch, answered, restored_for, None);
                (silent(expected), silent(real.renew(id, &epoch.to_string(), answered, restored_for)))
            }
            Call::Reap { id, stale, portion } => {
                let (epoch, mut published) = (epoch(stale), Vec::new());
                let expected = pure.reap(id, epoch, portion, &mut published, None);
                let departures = published.iter().map(|change| format!("{:?}", change.key)).collect();
                ((expected, departures), real.reap(id, &epoch.to_string(), portion))
            }
            Call::Lapse { id } => {
                if pure.leases[id] == Lease::Good {
                    pure.leases[id] = Lease::Lapsed;
                    redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(node(id).as_str()).exec(&mut real.redis).unwrap();
                }
                continue;
            }
            Call::LoseLeases => {
                pure.leases = <[Lease; IDS]>::default();
                redis::cmd("DEL").arg("wh:nodes").exec(&mut real.redis).unwrap();
                continue;
            }
            Call::Wipe => {
                pure = Redis::default();
                redis::cmd("FLUSHALL").exec(&mut real.redis).unwrap();
                continue;
            }
        };
        prop_assert_eq!(answer, expected, "answers to {:?} (left: from the script)", call);
        for id in 0..CALLERS {
            let expected = (pure.leases[id], pure.holds[id], pure.held[id]);
            prop_assert_eq!(real.left_behind(id), expected, "data after {:?} of {} (left: in Redis)", call, id);
        }
    }
    Ok(())
}

#[test]
fn the_scripts_match_the_searched_protocol() {
    let server = RedisServer::start();
    let kept = super::kept_in("proptest-regressions/model/script_conformance.txt");
    let config = ProptestConfig { failure_persistence: Some(kept), ..ProptestConfig::with_cases(200) };
    proptest!(config, |(calls in prop::collection::vec(call(), 1..60))| run(calls, server.connect())?);
}
