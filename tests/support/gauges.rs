//! Gauges of a flood: memory of this process and of Redis, numbers of an engine.

use resonate_webhooks::engine::Engine;

/// Returns one of the engine's numbers.
pub(crate) fn stat(engine: &Engine, name: &str) -> usize {
    let stats = engine.stats();
    let (_, value) = stats.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no {name} in {stats:?}"));
    usize::try_from(*value).expect("a small number")
}

/// Returns the resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux system");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the resident set");
    let kib: usize = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    kib * 1024
}

/// Returns the memory that Redis has allocated, in bytes.
pub(crate) fn redis_bytes(redis: &mut redis::Connection) -> usize {
    let info: redis::InfoDict = redis::cmd("INFO").arg("memory").query(redis).expect("an answer");
    info.get("used_memory").expect("its memory")
}

/// Returns the number of threads of this process whose names start with `name`.
pub(crate) fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a Linux system").flatten();
    // A thread that ends meanwhile has no name any more.
    let names = tasks.map(|task| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default());
    names.filter(|known| known.starts_with(name)).count()
}
