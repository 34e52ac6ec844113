//! What a flood costs: memory of this process and of Redis, and how far an engine has come.

use resonate_webhooks::engine::Engine;

/// One of the engine's numbers.
pub(crate) fn stat(engine: &Engine, name: &str) -> usize {
    let stats = engine.stats();
    let (_, value) = stats.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no {name} in {stats:?}"));
    usize::try_from(*value).expect("a small number")
}

/// What of this process is in memory, in bytes.
pub(crate) fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the resident set");
    let kib: usize = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    kib * 1024
}

/// What Redis has allocated, in bytes.
pub(crate) fn redis_bytes(redis: &mut redis::Connection) -> usize {
    let info: redis::InfoDict = redis::cmd("INFO").arg("memory").query(redis).expect("an answer");
    info.get("used_memory").expect("its memory")
}

/// Threads of this process whose names start so.
pub(crate) fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a Linux").flatten();
    // One that ends while they are counted has no name any more.
    let names = tasks.map(|task| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default());
    names.filter(|known| known.starts_with(name)).count()
}
