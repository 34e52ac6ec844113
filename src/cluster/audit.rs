//! The audit: one node of the cluster looks for processes that run the roster but not these webhooks.
//!
//! Who is on such a process is missing in the webhooks, and a channel counts as vacated although somebody is there. The
//! roster has no list of its keys but the keyspace itself, so that the elected node walks through that, a step a second:
//! a step costs Redis well below a millisecond, and a round takes as long as it takes.
//!
//! A key alone is no proof: those of a dead process stay until they expire. So a process that is not of the cluster is
//! suspected first, and named when it has refreshed the key since and still is not.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use super::scripts::MembershipScripts;
use crate::config::Roster;
use crate::event::{NodeId, plain};

/// Keys that one step walks over.
const STEP_KEYS: usize = 500;

/// Time between two steps.
const STEP_EVERY: Duration = Duration::from_secs(1);

/// Processes that are suspected at a time, and that are remembered after they were named.
const MOST_SUSPECTS: usize = 64;
const MOST_NAMED: usize = 4096;

/// How much later than before a key has to expire to count as refreshed: Redis and the way to it are not that exact.
const REFRESHED: Duration = Duration::from_millis(500);

/// What an audit has found so far.
#[derive(Debug)]
pub(crate) struct Audit {
    /// All keys of the roster, as a glob.
    pattern: String,
    every: Duration,
    /// The next election, and comparison of the suspects with the cluster.
    election_at: Instant,
    elected: bool,
    step_at: Instant,
    cursor: u64,
    /// The processes of the cluster as of the last election.
    members: HashSet<String>,
    suspects: HashMap<String, Suspect>,
    named: HashSet<String>,
    /// Those among them that are still to be said.
    found: Vec<String>,
}

/// A key of the roster by which a process was noticed.
#[derive(Debug)]
struct Suspect {
    key: Vec<u8>,
    expires_at: Instant,
}

impl Audit {
    /// An audit of `roster`, with a comparison once per `every`.
    pub(crate) fn new(roster: &Roster, every: Duration) -> Self {
        let now = Instant::now();
        Self {
            pattern: format!("{}:*", escaped(&roster.key_prefix)),
            every,
            election_at: now + every,
            elected: false,
            step_at: now,
            cursor: 0,
            members: HashSet::new(),
            suspects: HashMap::new(),
            named: HashSet::new(),
            found: Vec::new(),
        }
    }

    /// Does what is due at `now`: a comparison and a step at most. Returns the processes to be named.
    ///
    /// An error that Redis answers with, as to a user who may not read the roster, is no reason to stop talking to it: the
    /// audit waits for its next turn.
    pub(crate) fn advance(
        &mut self,
        redis: &mut Connection,
        scripts: &MembershipScripts,
        node: &NodeId,
        now: Instant,
    ) -> RedisResult<Vec<String>> {
        if let Err(error) = self.try_advance(redis, scripts, node, now) {
            self.elected = false;
            if error.code().is_none() {
                return Err(error);
            }
        }
        Ok(std::mem::take(&mut self.found))
    }

    fn try_advance(
        &mut self,
        redis: &mut Connection,
        scripts: &MembershipScripts,
        node: &NodeId,
        now: Instant,
    ) -> RedisResult<()> {
        if now >= self.election_at {
            self.election_at = now + self.every;
            self.compare(redis, scripts, node, now)?;
        }
        if self.elected && now >= self.step_at {
            self.step_at = now + STEP_EVERY;
            self.walk(redis, now)?;
        }
        Ok(())
    }

    /// Stands for election, and if elected sees which of the suspects are alive and still not of the cluster.
    fn compare(
        &mut self,
        redis: &mut Connection,
        scripts: &MembershipScripts,
        node: &NodeId,
        now: Instant,
    ) -> RedisResult<()> {
        let nodes = scripts.elect(redis, node, self.every * 2)?;
        self.elected = nodes.is_some();
        self.members =
            nodes.into_iter().flatten().filter_map(|node| Some(node.rsplit_once('.')?.0.to_owned())).collect();
        if !self.elected {
            self.suspects.clear();
        }
        for (process, suspect) in std::mem::take(&mut self.suspects) {
            if self.members.contains(&process) {
                continue;
            }
            let Some(expires_at) = expiry(redis, &suspect.key, now)? else { continue };
            if expires_at <= suspect.expires_at + REFRESHED {
                self.suspects.insert(process, suspect);
            } else if self.named.len() < MOST_NAMED && self.named.insert(process.clone()) {
                self.found.push(process);
            }
        }
        Ok(())
    }

    /// Walks over some keys of the roster.
    fn walk(&mut self, redis: &mut Connection, now: Instant) -> RedisResult<()> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(self.cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(STEP_KEYS);
        let (cursor, found): (u64, Vec<Vec<u8>>) = scan.query(redis)?;
        self.cursor = cursor;
        for key in found {
            let Some(process) = process_of(&key) else { continue };
            let is_known = self.members.contains(&process) || self.named.contains(&process);
            if is_known || self.suspects.contains_key(&process) || self.suspects.len() == MOST_SUSPECTS {
                continue;
            }
            let kind: String = redis::cmd("TYPE").arg(&key).query(redis)?;
            if kind != "hash" {
                continue;
            }
            if let Some(expires_at) = expiry(redis, &key, now)? {
                self.suspects.insert(process, Suspect { key, expires_at });
            }
        }
        Ok(())
    }
}

/// When a key expires. `None` when it is gone, or does not expire and so is none of the roster's.
fn expiry(redis: &mut Connection, key: &[u8], now: Instant) -> RedisResult<Option<Instant>> {
    let left: i64 = redis::cmd("PTTL").arg(key).query(redis)?;
    Ok(u64::try_from(left).ok().map(|left| now + Duration::from_millis(left)))
}

/// The process whose key this is, as a node id has it: what stands behind the last colon and ends with a process number.
fn process_of(key: &[u8]) -> Option<String> {
    let process = key.rsplit(|byte| *byte == b':').next()?;
    let process = std::str::from_utf8(process).ok()?;
    let (host, pid) = process.rsplit_once('-')?;
    let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !host.is_empty()).then(|| plain(process))
}

/// A text as a glob that matches nothing else.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut glob, c| {
        if matches!(c, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
            glob.push('\\');
        }
        glob.push(c);
        glob
    })
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
