//! Figures, as the table reads them, and what they are made from.

use std::time::Duration;

/// Prints a figure.
pub(crate) fn figure(name: &str, value: f64) {
    println!("{name}\t{value}");
}

/// Says why a figure is missing.
pub(crate) fn missing(name: &str, why: &str) {
    println!("{name}\t-\t{why}");
}

/// The value that a share of all others does not exceed.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((share * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1;
    values[index]
}

/// The largest of some runs: on a machine with other work, the best is the least disturbed.
pub(crate) fn best(runs: impl IntoIterator<Item = f64>) -> f64 {
    runs.into_iter().fold(0.0, f64::max)
}

/// The processor time of this process, of all its threads.
pub(crate) fn processor_time() -> Duration {
    processor_time_of("self")
}

/// The processor time of a process, to ten milliseconds.
pub(crate) fn processor_time_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a Linux");
    // Behind the name, which may hold spaces, from the third field on.
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// What of this process is in memory, in bytes.
pub(crate) fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the resident set");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    kib * 1024.0
}
