//! The partition function. All events of a channel go to one partition of the outbox, which preserves their order.

use sha1::{Digest, Sha1};

use super::AppId;

/// The number of partitions. At most this many nodes can share the deliveries of a cluster.
pub const PARTITIONS: u16 = 16;

/// Returns the partition of the events on `channel` of `app`. For an event of a connection, `channel` is the connection.
///
/// The partition is the first 32 bits of a SHA-1, modulo the number of partitions. The hash covers the application's id
/// after its length and a colon, and then the channel: `3:appnews`. Nodes compute it to save time in Redis.
/// `append.lua` computes it for callers that do not. Nodes of different versions share the streams, so the function
/// must never change.
#[must_use]
pub fn partition_of(app: &AppId, channel: &[u8], partitions: u16) -> u16 {
    let [number, _] = hash_of(app, channel);
    u16::try_from(number % u32::from(partitions.max(1))).unwrap_or_default()
}

/// Returns the first two 32 bits of the hash.
pub(super) fn hash_of(app: &AppId, channel: &[u8]) -> [u32; 2] {
    let mut hash = Sha1::new();
    for part in [app.as_bytes().len().to_string().as_bytes(), b":", app.as_bytes(), channel] {
        hash.update(part);
    }
    let hash = hash.finalize();
    [u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]), u32::from_be_bytes([hash[4], hash[5], hash[6], hash[7]])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partitions_are_those_of_older_releases() {
        let partition = |channel: &str| partition_of(&"app".into(), channel.as_bytes(), 16);
        assert_eq!(["news", "presence-chat.42", ""].map(partition), [5, 7, 6]);
    }
}
