//! Kills nodes, Redis and connections for a while by the script of a seed, and then checks every webhook that arrived.
//!
//! ```text
//! script ─▶ stage ─▶ node processes ─▶ networks ─▶ Redis ─▶ node processes ─▶ receiver ─▶ its log ─┐
//!             └─▶ history: what was asked of whom, when it was judged, who was killed or cut off ──┴─▶ checker
//! ```
//! `make chaos SECONDS=60 SEED=1`. The seed decides what is done and when; how threads and processes interleave is left to
//! the machine, so that the same seed explores something new each time. The checker reads the receiver's log and the history
//! and nothing else. Some of the nodes are PHP with the extension and the plugin, if the extension is named as a third
//! argument; the others are engines without PHP.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a run that cannot set its stage has failed")]

mod checker;
mod clock;
mod crowd;
mod fleet;
mod history;
mod leases;
mod lost_key;
mod network;
mod node;
mod order;
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
use fleet::Shipyard;

/// Milliseconds since the Unix epoch, by the clock that all processes of a run share.
type Ms = u64;

fn now() -> Ms {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(Ms::MAX)
}

/// How long the checker may take, beyond the time of the run.
const CHECKING: Duration = Duration::from_secs(120);

/// Violations that are printed; the rest stands in the file.
const PRINTED: usize = 10;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["node", config] => {
            node::run(config);
            ExitCode::SUCCESS
        }
        [seconds, seed, ref extension @ ..] if extension.len() < 2 => match (seconds.parse(), seed.parse()) {
            (Ok(seconds), Ok(seed)) => chaos(seconds, seed, extension.first().map(PathBuf::from)),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: chaos SECONDS SEED [EXTENSION]");
    ExitCode::FAILURE
}

fn chaos(seconds: u64, seed: u64, extension: Option<PathBuf>) -> ExitCode {
    println!("chaos: replay with `make chaos SECONDS={seconds} SEED={seed}`");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shipyard = Shipyard { extension, folder: folder.path().to_owned() };
    let run = stage::play(Duration::from_secs(seconds), seed, shipyard, folder);
    let deadline = Instant::now() + CHECKING + Duration::from_secs(seconds);
    let mut report = checker::check(&run.history, &run.requests, deadline);
    if let Some(stuck) = &run.stuck {
        report.violations.push(Violation { fault: Fault::Missing, story: format!("not at rest: {stuck}") });
    }
    println!("chaos: {}; {} requests, {} of them repeats", run.faults, run.requests.len(), report.repeats);
    for violation in report.violations.iter().take(PRINTED) {
        println!("\n{violation}");
    }
    let log = (!report.violations.is_empty()).then(|| run.write_down(&report, seed));
    if let Some(log) = &log {
        println!("chaos: all that happened stands in {}", log.display());
        println!("chaos: replay with `make chaos SECONDS={seconds} SEED={seed}`");
    }
    println!(
        "chaos: seed {seed}, {seconds} s, {} kills, {} edges, {}",
        run.faults.kills,
        report.edges,
        report.verdict()
    );
    if log.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
