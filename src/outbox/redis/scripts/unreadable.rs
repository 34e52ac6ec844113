//! The call that turns unreadable entries into dead letters.

use redis::{Connection, RedisResult};

use super::{DeadLetterLimits, UNREADABLE};
use crate::cluster::Membership;
use crate::outbox::{DeadLetterId, Position};
use crate::redis::OwnShard;

/// Reply to the call.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::outbox::redis) struct UnreadableReply {
    /// The ids of the removed entries, each with its dead letter if dead letters are kept.
    pub(in crate::outbox::redis) entries: Vec<(String, Option<DeadLetterId>)>,
    /// Dead letters that were evicted to make room for new ones.
    pub(in crate::outbox::redis) evicted: usize,
    /// `true` if Redis is full.
    pub(in crate::outbox::redis) full: bool,
}

impl OwnShard {
    /// Turns entries of a partition into dead letters and removes them. Each entry has its id and the fields of its
    /// dead letter.
    pub(in crate::outbox::redis) fn drop_unreadable<'a>(
        &self,
        redis: &mut Connection,
        membership: &Membership,
        limits: DeadLetterLimits,
        of: Position,
        entries: impl Iterator<Item = (&'a str, Vec<(Vec<u8>, Vec<u8>)>)>,
    ) -> RedisResult<UnreadableReply> {
        let mut call = self.outbox_call(&UNREADABLE, membership);
        call.key(self.key("dead")).key(self.key_of("out", of.partition));
        limits.add_to(&mut call);
        call.arg(of.partition).arg(of.token);
        for (id, dead_letter) in entries {
            call.arg(id).arg(2 * dead_letter.len());
            for (field, value) in dead_letter {
                call.arg(field).arg(value);
            }
        }
        let (ids, evicted, full, dead_letters): (Vec<String>, usize, bool, Vec<String>) = call.invoke(redis)?;
        let entries =
            ids.into_iter().zip(dead_letters.iter().map(|dead_letter| self.dead_letter_id(dead_letter))).collect();
        Ok(UnreadableReply { entries, evicted, full })
    }
}
