//! The types of channels, told by their names as Pusher's convention has it.

use super::ChannelName;

/// What kind of channel a name stands for. Each name is of one type: of those that fit, the one whose prefix is longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ChannelType {
    /// No prefix that means anything.
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
    /// `private-encrypted-`, and so `private-encrypted-cache-`
    PrivateEncrypted,
}

impl ChannelType {
    /// Every type, in the order in which the documentation lists them.
    pub const ALL: [Self; 7] = [
        Self::Public,
        Self::Private,
        Self::Presence,
        Self::Cache,
        Self::PrivateCache,
        Self::PresenceCache,
        Self::PrivateEncrypted,
    ];

    /// The type of a channel.
    #[must_use]
    pub fn of(channel: &ChannelName) -> Self {
        let fits = |kind: &Self| channel.as_bytes().starts_with(kind.prefix().as_bytes());
        Self::ALL.into_iter().filter(fits).max_by_key(|kind| kind.prefix().len()).unwrap_or(Self::Public)
    }

    /// What it is called in a config.
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
    fn a_name_is_of_the_type_with_the_longest_prefix() {
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
