//! Channel types, derived from channel names by Pusher's convention.

use super::ChannelName;

/// The type of a channel. If several prefixes match a name, the longest one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ChannelType {
    /// No known prefix.
    Public,
    /// `private-`
    Private,
    /// `presence-`
    Presence,
    /// `cache-`
    Cache,
    /// `private-cache-`
    PrivateCache,
    /// `presence-cache-`
    PresenceCache,
    /// `private-encrypted-`, including `private-encrypted-cache-`
    PrivateEncrypted,
}

impl ChannelType {
    /// All types, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Public,
        Self::Private,
        Self::Presence,
        Self::Cache,
        Self::PrivateCache,
        Self::PresenceCache,
        Self::PrivateEncrypted,
    ];

    /// Returns the type of a channel.
    #[must_use]
    pub fn of(channel: &ChannelName) -> Self {
        let fits = |kind: &Self| channel.as_bytes().starts_with(kind.prefix().as_bytes());
        Self::ALL.into_iter().filter(fits).max_by_key(|kind| kind.prefix().len()).unwrap_or(Self::Public)
    }

    /// Returns the name in the config.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Presence => "presence",
            Self::Cache => "cache",
            Self::PrivateCache => "private-cache",
            Self::PresenceCache => "presence-cache",
            Self::PrivateEncrypted => "private-encrypted",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Public => "",
            Self::Private => "private-",
            Self::Presence => "presence-",
            Self::Cache => "cache-",
            Self::PrivateCache => "private-cache-",
            Self::PresenceCache => "presence-cache-",
            Self::PrivateEncrypted => "private-encrypted-",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides_the_type() {
        let of = |name: &str| ChannelType::of(&name.into()).as_str();
        for (name, expected) in [
            ("news", "public"),
            ("", "public"),
            ("privateer", "public"),
            ("cached", "public"),
            ("private-a", "private"),
            ("private-cache", "private"),
            ("private-cache-a", "private-cache"),
            ("private-encrypted-a", "private-encrypted"),
            ("private-encrypted-cache-a", "private-encrypted"),
            ("presence-a", "presence"),
            ("presence-cache-a", "presence-cache"),
            ("cache-a", "cache"),
            ("Private-a", "public"),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
    }
}
