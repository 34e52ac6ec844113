//! Prints figures in the form that the table reads, and computes them.

use std::time::Duration;

/// Prints a figure.
pub(crate) fn figure(name: &str, value: f64) {
    println!("{name}\t{value}");
}

/// Prints the reason that a figure is missing.
pub(crate) fn missing(name: &str, why: &str) {
    println!("{name}\t-\t{why}");
}

/// Returns the smallest value that at least `share` of the values do not exceed.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((share * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1;
    values[index]
}

/// Returns the largest figure of several runs. On a machine with other load, the best run is the least disturbed one.
pub(crate) fn best(runs: impl IntoIterator<Item = f64>) -> f64 {
    runs.into_iter().fold(0.0, f64::max)
}

/// Returns the CPU time of this process, over all threads.
pub(crate) fn processor_time() -> Duration {
    processor_time_of("self")
}

/// Returns the CPU time of a process, with a resolution of 10 ms.
pub(crate) fn processor_time_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a Linux");
    // Starts with field 3: field 2 is the name, which may contain spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// Returns the resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the resident set");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    kib * 1024.0
}
