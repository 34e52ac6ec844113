//! Finds the limit because of which the operating system refuses a thread. The system's own error is only "try again".

use std::fs;
use std::path::{Path, PathBuf};

use derive_more::Display;

use super::most_processes_of_user;

/// The directory of the control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// The list of the control groups of this process.
const OWN_GROUPS: &str = "/proc/self/cgroup";

/// A limit that refuses threads.
#[derive(Debug, Display, PartialEq, Eq)]
pub(crate) enum ThreadLimit {
    /// The limit of a control group on processes and threads together, as set by containers and systemd, in this file.
    #[display(
        "{} allows {max} processes and threads, raise it (Docker: --pids-limit, Kubernetes: podPidsLimit, systemd: TasksMax)",
        file.display()
    )]
    Group { file: PathBuf, max: u64 },
    /// The limit of the user on processes and threads together.
    #[display("ulimit -u allows this user {max} processes and threads, raise it (systemd: LimitNPROC)")]
    User { max: u64 },
    /// Another reason, often too little memory for a stack.
    #[display("the system refuses another thread, check memory, kernel.threads-max and kernel.pid_max")]
    Other,
}

impl ThreadLimit {
    /// Returns the limit that is currently reached.
    pub(crate) fn reached() -> Self {
        Self::of_groups(Path::new(GROUPS), &fs::read_to_string(OWN_GROUPS).unwrap_or_default())
            .or_else(|| most_processes_of_user().map(|max| Self::User { max }))
            .unwrap_or(Self::Other)
    }

    /// Returns the limit of a full control group of this process, or of a full ancestor. `own` has the lines of `OWN_GROUPS`:
    ///
    /// ```text
    /// 0::/pod/app          version 2: id 0, no controllers, path
    /// 4:pids:/box          version 1: one hierarchy for the controller pids
    /// ```
    fn of_groups(root: &Path, own: &str) -> Option<Self> {
        own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let root = match controllers {
                "" => root.to_owned(),
                "pids" => root.join("pids"),
                _ => return None,
            };
            let own = root.join(path.trim_start_matches('/'));
            own.ancestors().take_while(|group| group.starts_with(&root)).find_map(Self::of_group)
        })
    }

    fn of_group(group: &Path) -> Option<Self> {
        let number = |file: &str| fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
        let (file, max) = (group.join("pids.max"), number("pids.max")?);
        // Threads may have ended since the refusal.
        let full = number("pids.current")? + FREED >= max;
        full.then_some(Self::Group { file, max })
    }
}

/// The number of threads that may have ended since one was refused.
const FREED: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a tree of groups, each with its path, `pids.max` and `pids.current`.
    fn groups(groups: &[(&str, &str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, max, current) in groups {
            let group = root.path().join(path);
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join("pids.max"), format!("{max}\n")).unwrap();
            fs::write(group.join("pids.current"), format!("{current}\n")).unwrap();
        }
        root
    }

    fn found(root: &tempfile::TempDir, own: &str) -> Option<(String, u64)> {
        match ThreadLimit::of_groups(root.path(), own)? {
            ThreadLimit::Group { file, max } => {
                Some((file.strip_prefix(root.path()).unwrap().display().to_string(), max))
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_full_group_is_named_even_if_it_is_an_ancestor() {
        let root = groups(&[("pod", "40", "40"), ("pod/app", "max", "12")]);
        assert_eq!(found(&root, "0::/pod/app\n"), Some(("pod/pids.max".to_owned(), 40)));
        let root = groups(&[("pids/box", "64", "60")]);
        assert_eq!(found(&root, "5:memory:/box\n4:pids:/box\n"), Some(("pids/box/pids.max".to_owned(), 64)));
    }

    #[test]
    fn a_group_with_room_or_without_a_limit_is_not_named() {
        let root = groups(&[("roomy", "400", "40"), ("free", "max", "40")]);
        assert_eq!(found(&root, "0::/roomy\n"), None);
        assert_eq!(found(&root, "0::/free\n"), None);
        assert_eq!(found(&root, "0::/absent\n"), None);
        assert_eq!(found(&root, ""), None);
    }

    #[test]
    fn the_message_has_the_limit_and_a_remedy() {
        let message = ThreadLimit::User { max: 11 }.to_string();
        assert!(message.contains("ulimit -u") && message.contains("11"), "{message}");
    }
}
