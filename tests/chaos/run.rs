//! Kills nodes, Redis and connections at random for a while, and then checks every webhook that the receiver got.
//!
//! ```text
//! schedule ─▶ stage ─▶ node processes ─▶ Redis ─▶ node processes ─▶ receiver ─▶ its log ─┐
//!               └─▶ history: what was asked of whom, when it was judged, who was killed ─┴─▶ checker
//! ```
//! `make chaos SECONDS=60 SEED=1`. The seed decides what is tried; how threads and processes interleave is left to the
//! machine, so that the same seed explores something new each time. The checker reads the receiver's log and the history
//! and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a run that cannot set its stage has failed")]

mod checker;
mod crowd;
mod fleet;
mod history;
mod node;
mod order;
mod receiver;
mod schedule;
mod stage;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, by the clock that all processes of a run share.
type Ms = u64;

fn now() -> Ms {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(Ms::MAX)
}

/// Violations that are printed; the rest stands in the file.
const PRINTED: usize = 10;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["node", config] => {
            node::run(config);
            ExitCode::SUCCESS
        }
        [seconds, seed] => match (seconds.parse(), seed.parse()) {
            (Ok(seconds), Ok(seed)) => chaos(seconds, seed),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: chaos SECONDS SEED");
    ExitCode::FAILURE
}

fn chaos(seconds: u64, seed: u64) -> ExitCode {
    println!("chaos: replay with `make chaos SECONDS={seconds} SEED={seed}`");
    let run = stage::play(Duration::from_secs(seconds), seed);
    let report = checker::check(&run.history, &run.requests);
    println!("chaos: {}; {} requests, {} of them repeats", run.faults, run.requests.len(), report.repeats);
    for violation in report.violations.iter().take(PRINTED) {
        println!("\n{violation}");
    }
    if let Some(stuck) = &run.stuck {
        println!("\n{stuck}");
    }
    println!(
        "chaos: seed {seed}, {seconds} s, {} kills, {} edges, {}",
        run.faults.kills,
        report.edges,
        report.verdict()
    );
    if report.violations.is_empty() && run.stuck.is_none() {
        return ExitCode::SUCCESS;
    }
    println!("chaos: all that happened stands in {}", run.write_down(&report, seed).display());
    ExitCode::FAILURE
}
