//! The limit that the operating system means when it refuses a thread: its own error says no more than "try again".

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::most_processes_of_user;

/// The folder of the control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// The list of those that this process is in.
const OWN_GROUPS: &str = "/proc/self/cgroup";

/// A limit that refuses threads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ThreadLimit {
    /// That of a control group, as containers and systemd set it.
    Group {
        /// The file that holds it.
        file: PathBuf,
        /// The most processes and threads together.
        max: u64,
    },
    /// That of the user.
    User {
        /// The most processes and threads together.
        max: u64,
    },
    /// None of these; often there is too little memory for a stack.
    Other,
}

impl ThreadLimit {
    /// The limit that is reached now.
    pub(crate) fn reached() -> Self {
        Self::of_groups(Path::new(GROUPS), &fs::read_to_string(OWN_GROUPS).unwrap_or_default())
            .or_else(|| most_processes_of_user().map(|max| Self::User { max }))
            .unwrap_or(Self::Other)
    }

    /// That of a control group without room, or of one around it. `own` are the lines `id:controllers:path` of `OWN_GROUPS`;
    /// version 2 has the id 0 and no controllers, version 1 a hierarchy for `pids`.
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
        // A thread that was refused lately may have ended since.
        let full = number("pids.current")? + FREED >= max;
        full.then_some(Self::Group { file, max })
    }
}

/// Threads that may have ended since one was refused.
const FREED: u64 = 16;

impl fmt::Display for ThreadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group { file, max } => write!(
                f,
                "{} allows {max} processes and threads, raise it (Docker: --pids-limit, Kubernetes: podPidsLimit, systemd: \
                 TasksMax)",
                file.display()
            ),
            Self::User { max } => {
                write!(f, "ulimit -u allows this user {max} processes and threads, raise it (systemd: LimitNPROC)")
            }
            Self::Other => {
                f.write_str("the system refuses another thread; see its memory, kernel.threads-max and kernel.pid_max")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of groups: path, `pids.max`, `pids.current`.
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
    fn the_group_without_room_is_named_also_when_it_is_around_our_own() {
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
    fn a_limit_is_told_with_its_number_and_the_remedy() {
        let told = ThreadLimit::User { max: 11 }.to_string();
        assert!(told.contains("ulimit -u") && told.contains("11"), "{told}");
    }
}
