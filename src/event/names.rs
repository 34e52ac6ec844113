//! The names that travel through the system, each a type of its own.
//!
//! All of them are opaque bytes chosen by someone else: a channel name may hold `*`, `:`, a newline or 10 kB of anything
//! (a hostile client names it), so no code here ever parses, globs or splits one. Cloning is a reference count.

use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<[u8]>);

        impl $type {
            /// Wraps the given bytes unchanged.
            #[must_use]
            pub fn new(bytes: &[u8]) -> Self {
                Self(Arc::from(bytes))
            }

            /// The bytes as they came in.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Whether it has no bytes at all.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// The name as text for JSON and logs; invalid UTF-8 becomes U+FFFD.
            #[must_use]
            pub fn as_text(&self) -> std::borrow::Cow<'_, str> {
                String::from_utf8_lossy(&self.0)
            }
        }

        impl From<&[u8]> for $type {
            fn from(bytes: &[u8]) -> Self {
                Self::new(bytes)
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self::new(text.as_bytes())
            }
        }

        /// Lets a map keyed by the name be searched with borrowed bytes, without an allocation.
        impl std::borrow::Borrow<[u8]> for $type {
            fn borrow(&self) -> &[u8] {
                &self.0
            }
        }

        /// Escaped, so that a newline in a name cannot forge a log line.
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"{}\"", self.0.escape_ascii())
            }
        }
    };
}

name! {
    /// The id of an application in `config/reverb.php`.
    AppId
}
name! {
    /// A channel within one application; the application is never part of the name.
    ChannelName
}
name! {
    /// A presence user. Laravel's numeric ids arrive as their decimal text.
    UserId
}
name! {
    /// A connection, as Resonate numbers it (`123.456`).
    SocketId
}

/// One incarnation of a Resonate process: the roster's node id (`{hostname}-{pid}`) plus a random boot suffix, so that
/// a reused process id never inherits what its predecessor held.
///
/// Consists only of `A-Z a-z 0-9 . _ -`, which lets hold sets separate nodes with `|`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// The id of a process on `hostname` with `pid`, made unique by `boot`.
    #[must_use]
    pub fn new(hostname: &str, pid: u32, boot: u32) -> Self {
        Self(Arc::from(format!("{}-{pid}.{boot:08x}", plain(hostname))))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name with every character replaced that a node id cannot have.
pub(crate) fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' }).collect()
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_break_a_log_line() {
        let name = ChannelName::from("a\nERROR forged");
        assert_eq!(format!("{name:?}"), "\"a\\nERROR forged\"");
    }

    #[test]
    fn a_node_id_never_contains_the_separator_of_hold_sets() {
        let node = NodeId::new("we|rd:host\n", 42, 0xbeef);
        assert_eq!(node.as_str(), "we-rd-host--42.0000beef");
    }
}
