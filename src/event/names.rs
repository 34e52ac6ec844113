//! Types for the names in the system.
//!
//! All names are opaque bytes. A hostile client may choose a channel name with `*`, `:`, a newline or 10 kB of any
//! bytes, so no code parses, globs or splits one. A clone only increments a reference count.

use std::sync::Arc;

use derive_more::{Debug, Display, From};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, From)]
        #[from(&[u8])]
        // Escaped, so that a newline in a name cannot forge a log line.
        #[debug("\"{}\"", _0.escape_ascii())]
        pub struct $type(Arc<[u8]>);

        impl $type {
            /// Copies the bytes unchanged.
            #[must_use]
            pub fn new(bytes: &[u8]) -> Self {
                Self(Arc::from(bytes))
            }

            /// Returns the original bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Returns `true` if the name is empty.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Returns the name as text for JSON and logs. Invalid UTF-8 becomes U+FFFD.
            #[must_use]
            pub fn as_text(&self) -> std::borrow::Cow<'_, str> {
                String::from_utf8_lossy(&self.0)
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self::new(text.as_bytes())
            }
        }

        /// Allows lookups in maps with borrowed bytes, without an allocation.
        impl std::borrow::Borrow<[u8]> for $type {
            fn borrow(&self) -> &[u8] {
                &self.0
            }
        }
    };
}

name! {
    /// The id of an application in `config/reverb.php`.
    AppId
}
name! {
    /// A channel of an application. The name does not contain the application.
    ChannelName
}
name! {
    /// A presence user. Laravel's numeric ids arrive as their decimal text.
    UserId
}
name! {
    /// A connection: the socket id that the host assigned, such as `123.456`.
    SocketId
}

/// One incarnation of a host process: the roster's node id (`{hostname}-{pid}`) and a random suffix. Because of the
/// suffix, a process with a reused process id does not inherit its predecessor's holds.
///
/// It contains only `A-Z a-z 0-9 . _ -`, so hold sets can separate nodes with `|`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Display)]
#[debug("{_0}")]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// Creates the id of the process `pid` on `hostname`, with the random suffix `boot`.
    #[must_use]
    pub fn new(hostname: &str, pid: u32, boot: u32) -> Self {
        Self(Arc::from(format!("{}-{pid}.{boot:08x}", plain(hostname))))
    }

    /// Returns the id as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Replaces every character that is not allowed in a node id with `-`.
pub(crate) fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' }).collect()
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
