//! Outbox entries that this version cannot read: written by a newer version, truncated, or of another program. Each
//! becomes a dead letter with its original fields. A retry turns the dead letter back into that entry, for a node that
//! can read it.

use super::reader::Reader;
use crate::cluster::Membership;
use crate::event::{AppId, take};
use crate::outbox::{DropReport, Position};

/// Entries per call, so that Redis serves other clients in between.
const PORTION: usize = 100;

/// Fields that a dead letter has of an entry. A script can pass about 7000 arguments to one command, and our entries have three
/// fields at most.
pub(super) const FIELDS_AT_MOST: usize = 1000;

/// Prefix of the entry's own fields in its dead letter.
const RAW: &[u8] = b"raw:";

/// An unreadable entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// Its id in the stream.
    pub(super) id: String,
    /// Its fields: names and values in turn.
    pub(super) fields: Vec<Vec<u8>>,
    /// Why it is unreadable.
    pub(super) reason: &'static str,
}

impl Unreadable {
    /// Creates an entry with these fields.
    pub(super) fn new(id: &[u8], fields: Vec<Vec<u8>>, reason: &'static str) -> Self {
        Self { id: String::from_utf8_lossy(id).into_owned(), fields, reason }
    }

    /// Returns its application if readable: it comes first in every event.
    fn app(&self) -> AppId {
        let text = self.fields.chunks_exact(2).find(|field| field[0] == b"e").and_then(|field| field[1].split_first());
        AppId::new(text.and_then(|(_, rest)| take(rest)).map_or(&b""[..], |(app, _)| app))
    }

    /// Returns why it is unreadable, and whether its dead letter has only some of its fields.
    fn reason(&self) -> String {
        match self.fields.len() / 2 {
            ..=FIELDS_AT_MOST => self.reason.to_owned(),
            fields => format!("{}; only {FIELDS_AT_MOST} of its {fields} fields are kept", self.reason),
        }
    }

    pub(super) fn dead_letter(&self, partition: u16) -> Vec<(Vec<u8>, Vec<u8>)> {
        let time_ms = self.id.split('-').next().unwrap_or_default();
        let known = [
            ("id", format!("out:{partition} {}", self.id).into_bytes()),
            ("endpoint", Vec::new()),
            ("url", Vec::new()),
            ("app_id", self.app().as_bytes().to_vec()),
            ("events", b"1".to_vec()),
            ("attempts", b"0".to_vec()),
            ("reason", self.reason().into_bytes()),
            ("time_ms", time_ms.as_bytes().to_vec()),
            ("partition", partition.to_string().into_bytes()),
        ];
        let raw =
            self.fields.chunks_exact(2).take(FIELDS_AT_MOST).map(|field| ([RAW, &field[0]].concat(), field[1].clone()));
        known.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)).chain(raw).collect()
    }
}

/// Returns the values of the entry's fields from those of its dead letter. `None` for the dead letter of a batch.
pub(super) fn raw_text(dead_letter: &[Vec<u8>]) -> Option<String> {
    let mut raw: Vec<&[Vec<u8>; 2]> =
        dead_letter.as_chunks().0.iter().filter(|[name, _]| name.starts_with(RAW)).collect();
    // The event field comes first.
    raw.sort_by_key(|[name, _]| (name != b"raw:e", name));
    let lines: Vec<_> = raw.iter().map(|[_, text]| String::from_utf8_lossy(text)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

impl Reader {
    /// Turns entries of the partition at `of` into dead letters, each with a log line and a `WebhookDropped`. Returns
    /// `false` if Redis was unreachable or refused. Entries of a partition that another node owns are left to that
    /// node.
    pub(super) fn drop_unreadable(&mut self, membership: &Membership, of: Position, entries: &[Unreadable]) -> bool {
        let Self { link, outbox, .. } = self;
        let keys = &outbox.options.keys;
        for portion in entries.chunks(PORTION) {
            let dead_letters = portion.iter().map(|entry| (entry.id.as_str(), entry.dead_letter(of.partition)));
            let limits = outbox.options.dead_letters;
            let reply =
                link.write_while_full(|redis| keys.drop_unreadable(redis, membership, limits, of, dead_letters));
            let Ok(reply) = reply else { return false };
            outbox.report_evicted(reply.evicted, reply.full);
            for entry in portion {
                let Some((_, dead_letter)) = reply.entries.iter().find(|(id, _)| *id == entry.id) else { continue };
                let report = DropReport {
                    endpoint: format!(
                        "entry {} of the outbox, partition {}; it is a dead letter",
                        entry.id, of.partition
                    ),
                    dead_letter: *dead_letter,
                    app_id: entry.app().as_text().into_owned(),
                    events: 1,
                    reason: entry.reason(),
                    ..DropReport::default()
                };
                report.publish(&outbox.telemetry);
            }
        }
        true
    }
}
