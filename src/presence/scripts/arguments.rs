//! How a batch is written for `claim.lua`.

use redis::ScriptInvocation;

use crate::names::{AppId, UserId};
use crate::outbox::redis::partition_of;
use crate::presence::batch::{Batch, CacheSeen, Count, Entry, Whisper};
use crate::presence::claim::{Change, Claim, Hold};

/// Adds the entries of a batch, for an outbox of so many `partitions`; without any, client events do not travel.
pub(super) fn add_entries(call: &mut ScriptInvocation<'_>, batch: &Batch, partitions: u16) {
    let mut home = Home { partitions, last: None };
    for entry in batch.entries() {
        match entry {
            Entry::Claim(Claim { hold, change, by }) => {
                call.arg(if *change == Change::Join { "+" } else { "-" });
                add_hold(call, hold);
                let channel = hold.channel.as_bytes();
                let place = if channel.is_empty() { user(hold) } else { channel };
                home.add(call, &hold.app, place);
                if let Some(by) = by.as_ref().filter(|_| partitions > 0) {
                    call.arg("b").arg(by.to_text()).arg("").arg("").arg("");
                }
            }
            Entry::Whisper(Whisper { app, channel, said }) if partitions > 0 => {
                call.arg(said.letter()).arg(app.as_bytes()).arg(channel.as_bytes()).arg(said.as_text());
                home.add(call, app, channel.as_bytes());
            }
            Entry::Whisper(_) => {}
            Entry::Cache(CacheSeen { app, channel, empty }) => {
                call.arg(if *empty { "m" } else { "f" }).arg(app.as_bytes()).arg(channel.as_bytes()).arg("");
                home.add(call, app, channel.as_bytes());
            }
            Entry::Count(Count { app, channel, number }) => {
                call.arg("n").arg(app.as_bytes()).arg(channel.as_bytes()).arg(number);
                home.add(call, app, channel.as_bytes());
            }
        }
    }
}

/// Adds a hold: app, channel and user.
pub(super) fn add_hold(call: &mut ScriptInvocation<'_>, hold: &Hold) {
    call.arg(hold.app.as_bytes()).arg(hold.channel.as_bytes()).arg(user(hold));
}

fn user(hold: &Hold) -> &[u8] {
    hold.user.as_ref().map_or(&b""[..], UserId::as_bytes)
}

/// The partition of each entry; several in a row are about one channel.
struct Home<'a> {
    partitions: u16,
    last: Option<(&'a AppId, &'a [u8], u16)>,
}

impl<'a> Home<'a> {
    fn add(&mut self, call: &mut ScriptInvocation<'_>, app: &'a AppId, channel: &'a [u8]) {
        if self.partitions == 0 {
            call.arg("");
            return;
        }
        let partition = match self.last {
            Some((last_app, last_channel, partition)) if last_channel == channel && last_app == app => partition,
            _ => partition_of(app, channel, self.partitions),
        };
        self.last = Some((app, channel, partition));
        call.arg(partition);
    }
}
