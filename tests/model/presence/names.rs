//! Names that a hostile client may choose, and the choice of names for one case.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::kinds::Key;
use super::operations::Channel;
use crate::event::UserId;

/// The names of one case, by index.
#[derive(Clone)]
pub(super) struct Names {
    pub(super) apps: Vec<Vec<u8>>,
    pub(super) channels: Vec<Vec<u8>>,
    pub(super) users: Vec<Vec<u8>>,
}

/// Number of names in a case.
pub(super) const APPS: usize = 2;
pub(super) const CHANNELS: usize = 3;
pub(super) const USERS: usize = 3;

/// Globs, all separators in use, a newline, numbers, empty and blank names, fragments of scripts and formats, names of
/// our own keys, other alphabets, invalid UTF-8, and a name of 10 kB.
fn hostile() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "*",
        "?",
        "[a-z]",
        "a:b",
        "a",
        "b",
        "a|b",
        "|",
        ":",
        "\n",
        "a\nERROR forged",
        "0",
        "7",
        "-1",
        "1:a",
        "3:app",
        "%s",
        "%",
        "a\0b",
        "\0",
        " ",
        "]]",
        "\"]]..x",
        "return 1",
        "occ",
        "wh:nodes",
        "c1:a1:b",
        "+",
        "-",
        "{a}",
        "é",
        "\u{1F600}",
        "presence-a",
        "private-a",
        "\r\n",
        "\\",
    ]
    .map(|name| name.as_bytes().to_vec())
    .to_vec();
    names.extend([vec![0xff, 0xfe], vec![0xc3], vec![b'x'; 10_000]]);
    names
}

/// Escapes and shortens the names, so that a failed case is readable.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |names: &[Vec<u8>]| {
            let names = names.iter().map(|name| name.escape_ascii().take(20).map(char::from).collect());
            names.collect::<Vec<String>>().join(", ")
        };
        write!(f, "apps: {}; channels: {}; users: {}", show(&self.apps), show(&self.channels), show(&self.users))
    }
}

impl Names {
    /// Returns any choice of hostile names, or one whose application and channel are ambiguous when simply
    /// concatenated. Channels and applications may have empty names. A user may not: an empty user id means no user.
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let mut nameable = hostile();
        nameable.push(Vec::new());
        let hostile =
            (subsequence(nameable.clone(), APPS), subsequence(nameable, CHANNELS), subsequence(hostile(), USERS));
        let bytes = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>();
        let alike = Self {
            apps: bytes(&["a", "a:b"]),
            channels: bytes(&["c", "b:c", "b:b:c"]),
            users: bytes(&["7", "c7", ":c"]),
        };
        prop_oneof![
            3 => hostile.prop_map(|(apps, channels, users)| Self { apps, channels, users }),
            1 => Just(alike),
        ]
    }

    /// A channel with an empty name has no users.
    pub(super) fn may_have_users(&self, (_, channel): Channel) -> bool {
        !self.channels[channel].is_empty()
    }

    /// Returns the key with these names.
    pub(super) fn key(&self, app: &[u8], channel: &[u8], user: Option<&UserId>) -> Key {
        let find = |names: &[Vec<u8>], name: &[u8]| {
            let known = names.iter().position(|known| known == name);
            known.unwrap_or_else(|| panic!("E5: the name {:?} was never used", name.escape_ascii().to_string()))
        };
        Key {
            app: find(&self.apps, app),
            channel: find(&self.channels, channel),
            user: user.map(|user| find(&self.users, user.as_bytes())),
        }
    }
}
