//! Channel types, derived from channel names by Pusher's convention.

use strum::{EnumString, IntoStaticStr, VariantArray};

use super::ChannelName;

/// The type of a channel. If several prefixes match a name, the longest one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
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
    /// Returns the type of a channel.
    pub(crate) fn of(channel: &ChannelName) -> Self {
        let prefix_len = |kind: &Self| match <&str>::from(kind) {
            "public" => Some(0),
            name => channel.as_bytes().strip_prefix(name.as_bytes())?.starts_with(b"-").then_some(name.len()),
        };
        let fits = Self::VARIANTS.iter().filter_map(|kind| Some((prefix_len(kind)?, *kind)));
        fits.max().map_or(Self::Public, |(_, kind)| kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides_the_type() {
        let of = |name: &str| <&str>::from(ChannelType::of(&name.into()));
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
