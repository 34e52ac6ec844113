//! Shards: parts of a cluster's data that share no key. Each channel, with its users, belongs to one shard.

use derive_more::Display;
use serde::{Deserialize, Serialize};

use super::AppId;
use super::partition::hash_of;

/// The maximum number of shards.
pub const MAX_SHARDS: u8 = 64;

/// The number of a shard, counted from 0.
#[derive(Clone, Copy, Debug, Default, Display, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct Shard(u8);

impl Shard {
    /// The shard that also has what belongs to no other: status records, pauses, disabled endpoints.
    pub const FIRST: Self = Self(0);

    /// Returns the shard with this number, if it is below [`MAX_SHARDS`].
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (number < MAX_SHARDS).then_some(Self(number))
    }

    /// Returns `count` shards, from the first on.
    pub fn all(count: u8) -> impl Iterator<Item = Self> + Clone {
        (0..count.min(MAX_SHARDS)).map(Self)
    }

    /// Returns the shard's place in a list of all.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns the shard of `channel` of `app`, of `shards`, a power of two. For a connection, `channel` is the connection; for an
    /// event without a channel it is empty.
    ///
    /// The shard is the second 32 bits of the hash whose first bits are the partition, modulo the number of shards. Nodes and
    /// senders of different versions share the data, so the function must never change.
    #[must_use]
    pub fn of(app: &AppId, channel: &[u8], shards: u8) -> Self {
        if shards <= 1 {
            return Self::FIRST;
        }
        let [_, number] = hash_of(app, channel);
        Self(u8::try_from(number % u32::from(shards.min(MAX_SHARDS))).unwrap_or_default())
    }
}

impl TryFrom<u8> for Shard {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("is not the number of a shard")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{PARTITIONS, partition_of};

    #[test]
    fn the_shard_of_a_channel_never_changes() {
        let shard = |channel: &str| Shard::of(&"app".into(), channel.as_bytes(), 16).index();
        assert_eq!(["news", "presence-chat.42", ""].map(shard), [8, 15, 9]);
    }

    #[test]
    fn each_shard_has_its_part_of_the_channels_and_uses_all_partitions() {
        let app = AppId::from("app");
        let (mut shards, mut partitions) = ([0; 4], [0; PARTITIONS as usize]);
        for n in 0..4000 {
            let channel = format!("channel-{n}").into_bytes();
            let shard = Shard::of(&app, &channel, 4).index();
            shards[shard] += 1;
            if shard == 0 {
                partitions[usize::from(partition_of(&app, &channel, PARTITIONS))] += 1;
            }
        }
        assert!(shards.iter().all(|channels| (900..1100).contains(channels)), "{shards:?}");
        assert!(partitions.iter().all(|channels| (35..95).contains(channels)), "{partitions:?}");
    }

    #[test]
    fn one_shard_has_everything() {
        assert_eq!(Shard::of(&"app".into(), b"news", 1), Shard::FIRST);
        assert_eq!(Shard::all(3).map(Shard::index).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
