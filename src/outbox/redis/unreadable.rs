//! Entries of the outbox that this version cannot read: of a newer one, cut short, or another program's. Each becomes a dead
//! letter with its fields as they are. Sent again, the letter is that entry again, for a node that can read it.

use std::sync::Arc;

use redis::{Connection, RedisResult};

use super::RedisOutbox;
use super::scripts::{GivenUp, OutboxScripts};
use crate::cluster::Membership;
use crate::event::{AppId, take};
use crate::outbox::{DropReport, Position};

/// Entries per call, so that Redis serves others in between.
const PORTION: usize = 100;

/// Prefix of the entry's own fields in its dead letter.
const RAW: &[u8] = b"raw:";

/// An entry that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// Its id in the stream.
    pub(super) id: String,
    /// Its fields, each behind its name.
    pub(super) fields: Vec<Vec<u8>>,
    /// What is wrong with it.
    pub(super) reason: &'static str,
}

impl Unreadable {
    /// The entry with these fields.
    pub(super) fn new(id: &[u8], fields: Vec<Vec<u8>>, reason: &'static str) -> Self {
        Self { id: String::from_utf8_lossy(id).into_owned(), fields, reason }
    }

    /// Its application, as far as it can be read: the application comes first in every event.
    fn app(&self) -> AppId {
        let text = self.fields.chunks_exact(2).find(|field| field[0] == b"e").and_then(|field| field[1].split_first());
        AppId::new(text.and_then(|(_, rest)| take(rest)).map_or(&b""[..], |(app, _)| app))
    }

    fn letter(&self, partition: u16) -> Vec<(Vec<u8>, Vec<u8>)> {
        let time_ms = self.id.split('-').next().unwrap_or_default();
        let known = [
            ("id", format!("out:{partition} {}", self.id).into_bytes()),
            ("endpoint", Vec::new()),
            ("url", Vec::new()),
            ("app_id", self.app().as_bytes().to_vec()),
            ("events", b"1".to_vec()),
            ("attempts", b"0".to_vec()),
            ("reason", self.reason.as_bytes().to_vec()),
            ("time_ms", time_ms.as_bytes().to_vec()),
            ("partition", partition.to_string().into_bytes()),
        ];
        let raw = self.fields.chunks_exact(2).map(|field| ([RAW, &field[0]].concat(), field[1].clone()));
        known.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)).chain(raw).collect()
    }
}

/// The text of each field of the entry, out of its dead letter; nothing for a letter of a batch.
pub(super) fn raw_text<'a>(letter: impl Iterator<Item = (&'a str, Vec<u8>)>) -> Option<String> {
    let mut raw: Vec<_> = letter.filter(|(name, _)| name.as_bytes().starts_with(RAW)).collect();
    // The event first.
    raw.sort_by_key(|(name, _)| (*name != "raw:e", *name));
    let lines: Vec<String> = raw.iter().map(|(_, text)| String::from_utf8_lossy(text).into_owned()).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

impl RedisOutbox {
    /// Turns entries of the partition at `of` into dead letters, with a log line and a `WebhookDropped` each. Returns `false`
    /// when Redis could not be asked. Entries of a partition that is another node's are left to that node.
    pub(super) fn give_up_unreadable(
        &self,
        mut call: impl FnMut(&dyn Fn(&mut Connection, &OutboxScripts) -> RedisResult<GivenUp>) -> Option<GivenUp>,
        place: &Membership,
        of: Position,
        entries: &[Unreadable],
    ) -> bool {
        for portion in entries.chunks(PORTION) {
            let letters = || portion.iter().map(|entry| (entry.id.as_str(), entry.letter(of.partition)));
            let limits = self.options.dead_letters;
            let Some(given_up) = call(&|redis, keys| keys.give_up(redis, place, limits, of, letters())) else {
                return false;
            };
            self.say_evicted(given_up.evicted, given_up.full);
            for entry in portion {
                let Some((_, letter)) = given_up.entries.iter().find(|(id, _)| *id == entry.id) else { continue };
                let report = DropReport {
                    telemetry: Arc::clone(&self.telemetry),
                    url: String::new(),
                    configured_url: String::new(),
                    endpoint: format!(
                        "entry {} of the outbox, partition {}; it is a dead letter",
                        entry.id, of.partition
                    ),
                    endpoint_id: String::new(),
                    webhook_id: String::new(),
                    dead_letter: letter.clone(),
                    app_id: entry.app().as_text().into_owned(),
                    events: 1,
                    attempts: 0,
                    reason: entry.reason.to_owned(),
                };
                report.publish();
            }
        }
        true
    }
}
