//! Chaos test: breaks nodes, Redis and connections by the script of a seed, then checks every webhook that arrived.
//!
//! ```text
//! script ─▶ stage ─▶ node processes ─▶ networks ─▶ Redis ─▶ node processes ─▶ receiver ─▶ its log ─┐
//!             └─▶ history: orders to each node, when Redis decided them, kills and cut-offs ───────┴─▶ checker
//! ```
//! `make chaos SECONDS=60 SEED=1`. The seed decides what is done and when. The machine decides how threads and
//! processes interleave, so a second run with the same seed explores something new. The checker reads nothing but the
//! receiver's log and the history. With an extension as third argument, some of the nodes are PHP with the extension
//! in Resonate or Reverb, and all others are engines without PHP. With `reverb` as last argument, all are Reverb. With
//! `cluster`, Redis is a Redis Cluster, with 16 shards for even seeds and 4 for odd ones.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a run that cannot start has failed")]

mod checker;
mod clients;
mod clock;
mod faults;
mod fleet;
mod history;
mod leases;
mod lost_key;
mod network;
mod node;
mod order;
mod outbox;
mod present;
mod receiver;
mod record;
mod rest;
mod schedule;
mod servers;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod wiretap;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use checker::{Fault, Violation};
use fleet::Launcher;
use schedule::Kind;
use servers::{Pair, RedisClusterServers, Servers};

/// Milliseconds since the Unix epoch, by the clock that all processes of a run share.
type Ms = u64;

fn now() -> Ms {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(Ms::MAX)
}

/// Time limit of the checker, in addition to the time of the run.
const CHECKING: Duration = Duration::from_secs(120);

/// The variable with the path of this program in another version, for `scripts/chaos-upgrade`.
const OTHER_VERSION: &str = "RESONATE_WEBHOOKS_CHAOS_OTHER_VERSION";

/// Maximum number of violations to print. The file has all of them.
const PRINTED: usize = 10;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["node", config] => {
            node::run(config);
            ExitCode::SUCCESS
        }
        [seconds, seed, ref rest @ ..] => match (seconds.parse(), seed.parse(), Setup::parse(rest)) {
            (Ok(seconds), Ok(seed), Some(setup)) => chaos(seconds, seed, setup),
            _ => usage(),
        },
        _ => usage(),
    }
}

/// Options of a run.
struct Setup {
    /// Path of the extension.
    extension: Option<PathBuf>,
    /// Host of all nodes, instead of the ones in the script.
    host: Option<Kind>,
    is_cluster: bool,
}

impl Setup {
    /// Parses the arguments after the seed.
    fn parse(args: &[&str]) -> Option<Self> {
        let (extension, rest) = args
            .split_first()
            .filter(|(first, _)| **first != "cluster")
            .map_or((None, args), |(first, rest)| (Some(first.into()), rest));
        let (is_cluster, rest) = rest
            .split_first()
            .filter(|(first, _)| **first == "cluster")
            .map_or((false, rest), |(_, rest)| (true, rest));
        let host = match *rest {
            [] => None,
            ["reverb"] if extension.is_some() => Some(Kind::Reverb),
            _ => return None,
        };
        Some(Self { extension, host, is_cluster })
    }

    /// Starts the servers.
    fn servers(&self, seed: u64) -> Box<dyn Servers> {
        if self.is_cluster {
            Box::new(RedisClusterServers::start(if seed.is_multiple_of(2) { 16 } else { 4 }))
        } else {
            Box::new(Pair::start())
        }
    }

    /// Returns the target of make that starts such a run.
    const fn target(&self) -> &'static str {
        if self.is_cluster { "chaos-cluster" } else { "chaos" }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: chaos SECONDS SEED [EXTENSION] [cluster] [reverb]");
    ExitCode::FAILURE
}

fn chaos(seconds: u64, seed: u64, setup: Setup) -> ExitCode {
    let replay = format!("replay with `make {} SECONDS={seconds} SEED={seed}`", setup.target());
    println!("chaos: {replay}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let other_version = std::env::var_os(OTHER_VERSION).map(PathBuf::from);
    let redis = setup.servers(seed);
    let shards = redis.shards();
    let launcher =
        Launcher { extension: setup.extension, host: setup.host, other_version, folder: folder.path().to_owned() };
    let run = stage::play(Duration::from_secs(seconds), seed, redis, launcher, folder);
    let deadline = Instant::now() + CHECKING + Duration::from_secs(seconds);
    let mut report = checker::check(&run.history, &run.requests, deadline);
    if let Some(stuck) = &run.stuck {
        report.violations.push(Violation { fault: Fault::Missing, details: format!("not at rest: {stuck}") });
    }
    println!("chaos: {}; {} requests, {} of them repeats", run.faults, run.requests.len(), report.repeats);
    for violation in report.violations.iter().take(PRINTED) {
        println!("\n{violation}");
    }
    let log = (!report.violations.is_empty()).then(|| run.write_log(&report, seed));
    if let Some(log) = &log {
        println!("chaos: the full record is in {}", log.display());
        println!("chaos: {replay}");
    }
    let of_cluster = if setup.is_cluster {
        let (failovers, moves) = (run.faults.failovers, run.faults.slot_moves);
        format!(", {shards} shards, {failovers} failovers, {moves} slots moved")
    } else {
        String::new()
    };
    println!(
        "chaos: seed {seed}, {seconds} s{of_cluster}, {} kills, {} edges, {}",
        run.faults.kills,
        report.edges,
        report.verdict()
    );
    if log.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
