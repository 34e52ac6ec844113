//! Encoding of a batch for `claim.lua`: each hold once, grouped by the hash it is in, then the entries. An entry refers to
//! its hold by number.

use std::collections::HashMap;

use redis::Cmd;

use crate::event::{AppId, UserId, partition_of};
use crate::presence::batch::{BatchEntry, CacheSeen, ClaimBatch, Count, OrderedEvent};
use crate::presence::claim::{Change, Claim, Hold};
use crate::redis::ScriptCall;

/// Adds the entries of a batch, for an outbox of `partitions` partitions.
pub(super) fn add_entries(call: &mut Cmd, batch: &ClaimBatch, partitions: u16) {
    let mut written = GroupedBatch::new(batch.entries.len(), partitions);
    for entry in &batch.entries {
        written.add(entry);
    }
    call.arg(written.plan()).arg(written.groups.len());
    for HoldGroup { kind, app, channel, fields } in &written.groups {
        call.arg(&[*kind as u8][..]).arg(app.as_bytes()).arg(*channel).arg(fields.len());
        for field in fields {
            call.arg(*field);
        }
    }
    for word in written.beside {
        call.arg(&*word);
    }
}

/// Adds a hold: app, channel and user.
pub(super) fn add_hold(call: &mut ScriptCall<'_>, hold: &Hold) {
    call.arg(hold.app.as_bytes()).arg(hold.channel.as_bytes()).arg(user(hold));
}

fn user(hold: &Hold) -> &[u8] {
    hold.user.as_ref().map_or(&b""[..], UserId::as_bytes)
}

/// The kind of hash that a hold is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
enum HashKind {
    Channel = b'c',
    User = b'U',
    Connection = b'k',
}

/// A hash: of channels or connections of an application, or of users of a channel.
type HoldHash<'a> = (HashKind, &'a AppId, &'a [u8]);

/// The holds of one hash.
struct HoldGroup<'a> {
    kind: HashKind,
    app: &'a AppId,
    /// Only set for users.
    channel: &'a [u8],
    /// Channels, users or sockets.
    fields: Vec<&'a [u8]>,
}

/// An entry: its type, the partition of its events, and its hold as (group, position in the group).
type PlanEntry = (u8, u16, Option<(usize, usize)>);

/// A batch as the script reads it.
#[derive(Default)]
struct GroupedBatch<'a> {
    groups: Vec<HoldGroup<'a>>,
    steps: Vec<PlanEntry>,
    beside: Vec<std::borrow::Cow<'a, [u8]>>,
    group_of: HashMap<HoldHash<'a>, usize>,
    /// The position of each hold, by group and field.
    places: HashMap<(usize, &'a [u8]), usize>,
    /// The group of the previous entry. Consecutive entries are mostly of one group.
    last: usize,
    home: Home<'a>,
}

impl<'a> GroupedBatch<'a> {
    fn new(entries: usize, partitions: u16) -> Self {
        Self {
            steps: Vec::with_capacity(entries),
            places: HashMap::with_capacity(entries),
            home: Home { partitions, last: None },
            ..Self::default()
        }
    }

    fn add(&mut self, entry: &'a BatchEntry) {
        match entry {
            BatchEntry::Claim(Claim { hold: hold @ Hold { app, channel, .. }, change, by }) => {
                let (channel, user) = (channel.as_bytes(), user(hold));
                let (kind, home, spot) = match hold.user {
                    None => (HashKind::Channel, channel, (&b""[..], channel)),
                    Some(_) if channel.is_empty() => (HashKind::Connection, user, (channel, user)),
                    Some(_) => (HashKind::User, channel, (channel, user)),
                };
                let by = by.as_ref().filter(|_| kind == HashKind::User);
                let what = match (change, by.is_some()) {
                    (Change::Join, false) => b'+',
                    (Change::Leave, false) => b'-',
                    (Change::Join, true) => b'j',
                    (Change::Leave, true) => b'l',
                };
                let place = self.place((kind, app, spot.0), spot.1);
                self.steps.push((what, self.home.of(app, home), Some(place)));
                self.beside.extend(by.map(|by| by.to_text().into()));
            }
            BatchEntry::Event(OrderedEvent { app, channel, content }) => {
                self.steps.push((content.letter(), self.home.of(app, channel.as_bytes()), None));
                self.beside.extend([app.as_bytes(), channel.as_bytes(), content.as_text()].map(Into::into));
            }
            BatchEntry::Cache(CacheSeen { app, channel, empty }) => {
                self.add_channel(if *empty { b'm' } else { b'f' }, app, channel.as_bytes());
            }
            BatchEntry::Count(Count { app, channel, number }) => {
                self.add_channel(b'n', app, channel.as_bytes());
                self.beside.push(number.to_string().into_bytes().into());
            }
        }
    }

    fn add_channel(&mut self, what: u8, app: &'a AppId, channel: &'a [u8]) {
        let place = self.place((HashKind::Channel, app, b""), channel);
        self.steps.push((what, self.home.of(app, channel), Some(place)));
    }

    /// Returns the position of a hold, and adds the hold if it is new.
    fn place(&mut self, hash: HoldHash<'a>, field: &'a [u8]) -> (usize, usize) {
        let group = self.group(hash);
        self.last = group;
        let fields = &mut self.groups[group].fields;
        let place = *self.places.entry((group, field)).or_insert_with(|| {
            fields.push(field);
            fields.len()
        });
        (group, place)
    }

    fn group(&mut self, (kind, app, channel): HoldHash<'a>) -> usize {
        let Self { groups, group_of, last, .. } = self;
        let is_it = |group: &HoldGroup<'_>| (group.kind, group.channel, group.app) == (kind, channel, app);
        if groups.get(*last).is_some_and(is_it) {
            return *last;
        }
        *group_of.entry((kind, app, channel)).or_insert_with(|| {
            groups.push(HoldGroup { kind, app, channel, fields: Vec::new() });
            groups.len() - 1
        })
    }

    /// Returns the entries, five bytes each. Holds are numbered from 1 across all groups.
    fn plan(&self) -> Vec<u8> {
        let before: Vec<usize> = self
            .groups
            .iter()
            .scan(0, |sum, group| {
                let before = *sum;
                *sum += group.fields.len();
                Some(before)
            })
            .collect();
        let mut plan = Vec::with_capacity(5 * self.steps.len());
        for (what, home, place) in &self.steps {
            let number = place.map_or(0, |(group, at)| before[group] + at);
            plan.push(*what);
            plan.extend(home.to_be_bytes());
            // A batch has far fewer than 65 536 entries.
            plan.extend(u16::try_from(number).unwrap_or_default().to_be_bytes());
        }
        plan
    }
}

/// Computes the partition of each entry, and reuses the last one: consecutive entries are mostly of one channel.
#[derive(Default)]
struct Home<'a> {
    partitions: u16,
    last: Option<(&'a AppId, &'a [u8], u16)>,
}

impl<'a> Home<'a> {
    fn of(&mut self, app: &'a AppId, channel: &'a [u8]) -> u16 {
        let partition = match self.last {
            Some((last_app, last_channel, partition)) if last_channel == channel && last_app == app => partition,
            _ => partition_of(app, channel, self.partitions),
        };
        self.last = Some((app, channel, partition));
        partition
    }
}
