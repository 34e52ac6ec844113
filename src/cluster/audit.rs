//! Roster audit: one node of the cluster looks for processes that run the roster but not these webhooks.
//!
//! Clients of such a process are missing in the webhooks; a channel may count as vacated while they are on it. The
//! roster has no index of its keys, so the elected node scans the keyspace, one step per second. A step costs Redis
//! well below 1 ms, and a round takes as many steps as needed.
//!
//! A key alone proves nothing: those of a dead process stay until they expire. A process outside the cluster is
//! suspected first. It is reported if it refreshes its key and is still outside the cluster at the next comparison.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use super::scripts::MembershipScripts;
use crate::config::Roster;
use crate::event::{NodeId, plain};

/// Keys per step.
const STEP_KEYS: usize = 500;

/// Time between two steps.
const STEP_EVERY: Duration = Duration::from_secs(1);

/// Most processes that are suspected at a time, and that are remembered after a report.
const MOST_SUSPECTS: usize = 64;
const MOST_NAMED: usize = 4096;

/// Margin by which an expiry has to move to count as refreshed. Covers the imprecision of Redis and the network.
const REFRESHED: Duration = Duration::from_millis(500);

/// State of the audit.
#[derive(Debug)]
pub(crate) struct Audit {
    /// Glob that matches all keys of the roster.
    pattern: String,
    every: Duration,
    /// The time of the next election and comparison.
    election_at: Instant,
    elected: bool,
    step_at: Instant,
    cursor: u64,
    /// Processes of the cluster at the last election.
    members: HashSet<String>,
    suspects: HashMap<String, Suspect>,
    named: HashSet<String>,
    /// Named processes that are not reported yet.
    found: Vec<String>,
}

/// Roster key by which a process was noticed.
#[derive(Debug)]
struct Suspect {
    key: Vec<u8>,
    expires_at: Instant,
}

impl Audit {
    /// Creates an audit of `roster` with a comparison once per `every`.
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

    /// Does what is due at `now`: one comparison and one step at most. Returns the processes to report.
    ///
    /// After an error reply, for example if the user may not read the roster, the connection stays usable and the audit
    /// waits for its next turn.
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
            let nodes = scripts.elect(redis, node, self.every * 2)?;
            self.compare(redis, nodes, now)?;
        }
        if self.elected && now >= self.step_at {
            self.step_at = now + STEP_EVERY;
            self.walk(redis, now)?;
        }
        Ok(())
    }

    /// If this node is elected, finds the suspects that are alive and still outside the cluster of these `nodes`.
    fn compare(&mut self, redis: &mut Connection, nodes: Option<Vec<String>>, now: Instant) -> RedisResult<()> {
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

    /// Scans some keys of the roster.
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

/// Returns when a key expires. `None` if it is gone, or never expires and so is not of the roster.
fn expiry(redis: &mut Connection, key: &[u8], now: Instant) -> RedisResult<Option<Instant>> {
    let left: i64 = redis::cmd("PTTL").arg(key).query(redis)?;
    Ok(u64::try_from(left).ok().map(|left| now + Duration::from_millis(left)))
}

/// Returns the process of a roster key, as it appears in a node id: the part after the last colon, which ends with a
/// process id.
fn process_of(key: &[u8]) -> Option<String> {
    let process = key.rsplit(|byte| *byte == b':').next()?;
    let process = std::str::from_utf8(process).ok()?;
    let (host, pid) = process.rsplit_once('-')?;
    let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !host.is_empty()).then(|| plain(process))
}

/// Escapes a text to a glob that matches only that text.
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
