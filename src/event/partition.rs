//! Which partition of the outbox an event goes to: all that happens on a channel goes to one, which keeps its order.

use sha1::{Digest, Sha1};

use super::AppId;

/// Into how many streams the events are divided: more nodes than this cannot share the deliveries of a cluster.
pub(crate) const PARTITIONS: u16 = 16;

/// The partition of what happens on `channel` of `app`; a connection stands in the place of a channel.
///
/// The first 32 bits of the SHA-1 of the application's name behind its length and a colon, and the channel's. It is worked
/// out here because Redis has no time for it, and again by `append.lua`, where nobody has done so. Nodes of different
/// versions share streams, so that it cannot be changed.
pub(crate) fn partition_of(app: &AppId, channel: &[u8], partitions: u16) -> u16 {
    let mut hash = Sha1::new();
    for part in [app.as_bytes().len().to_string().as_bytes(), b":", app.as_bytes(), channel] {
        hash.update(part);
    }
    let hash = hash.finalize();
    let number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    u16::try_from(number % u32::from(partitions.max(1))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_one_that_older_releases_took() {
        let partition = |channel: &str| partition_of(&"app".into(), channel.as_bytes(), 16);
        assert_eq!(["news", "presence-chat.42", ""].map(partition), [5, 7, 6]);
    }
}
