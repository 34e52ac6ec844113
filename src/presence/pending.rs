//! What Redis has yet to be told: claims and client events, in the order in which they happened.
//!
//! A batch is frozen when it is first sent and keeps its number until Redis has answered, so that sending it again after
//! a lost reply is harmless. Client events travel in the same order as the claims around them: a whisper of a user never
//! overtakes that user's `member_added`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::claim::{Change, Claim, Hold};
use super::table::LocalTable;
use crate::event::{ClientEvent, CustomEvent, Event, EventKind};
use crate::names::{AppId, ChannelName, UserId};

/// Entries per script call when client events go through Redis too.
const BATCH_ENTRIES: usize = 1024;

/// Claims per script call: two or three milliseconds of Redis' time, so that a batch never delays its other clients for long.
const BATCH_CLAIMS: usize = 256;

/// Bytes of client events that wait: a million short ones fit, not a million of the longest that clients may send.
const WHISPER_BYTES: usize = 128 << 20;

/// What a client event takes beside its text, roughly.
const WHISPER_FRAME: usize = 96;

/// One entry of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// For Redis to judge.
    Claim(Claim),
    /// Already an event; it waits for the claims before it.
    Whisper(Whisper),
}

/// A client event, or one of the application's own, without its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whisper {
    pub(crate) app: AppId,
    pub(crate) channel: ChannelName,
    pub(crate) said: Said,
}

/// What was said, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    ByClient(ClientEvent),
    ByApplication(CustomEvent),
}

/// Claims that are sent in one script call, with the client events between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    number: u64,
    entries: Vec<Entry>,
}

impl Batch {
    /// A batch of `entries`.
    pub(crate) const fn new(number: u64, entries: Vec<Entry>) -> Self {
        Self { number, entries }
    }

    /// The number under which Redis remembers its reply.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Everything in it, in order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The claims, in order.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Claim(claim) => Some(claim),
            Entry::Whisper(_) => None,
        })
    }
}

/// The queue, and the batch that waits for its reply.
#[derive(Debug)]
pub(crate) struct Pending {
    queue: VecDeque<Entry>,
    queued_claims: usize,
    /// What the client events of the queue take.
    whisper_bytes: usize,
    in_flight: Option<Arc<Batch>>,
    last_number: u64,
    limit: usize,
    /// Client events go to Redis with the claims, since that is where the outbox is.
    whispers_travel: bool,
    /// Claims at which it is next worth looking for pairs to give up.
    collapse_at: usize,
}

impl Pending {
    /// A queue that keeps up to `limit` claims and as many client events while Redis is away.
    ///
    /// With `whispers_travel`, client events are sent to Redis in the batches; without, they wait for the claims before
    /// them only.
    pub(crate) const fn new(limit: usize, whispers_travel: bool) -> Self {
        Self {
            whispers_travel,
            queue: VecDeque::new(),
            queued_claims: 0,
            whisper_bytes: 0,
            in_flight: None,
            last_number: 0,
            limit,
            collapse_at: limit,
        }
    }

    /// Adds claims. Returns how many pairs of opposite claims were given up because too many waited: their edges would
    /// have cancelled each other, and the ones that stay still alternate and still end at the truth.
    pub(crate) fn push_claims(&mut self, claims: impl IntoIterator<Item = Claim>) -> usize {
        let before = self.queue.len();
        self.queue.extend(claims.into_iter().map(Entry::Claim));
        self.queued_claims += self.queue.len() - before;
        if self.queued_claims > self.collapse_at { self.collapse() } else { 0 }
    }

    /// Adds a client event. `false` when it was refused because too many wait.
    pub(crate) fn push_whisper(&mut self, whisper: Whisper) -> bool {
        let bytes = self.whisper_bytes + whisper.bytes();
        if self.queue.len() - self.queued_claims >= self.limit || bytes > WHISPER_BYTES {
            return false;
        }
        self.whisper_bytes = bytes;
        self.queue.push_back(Entry::Whisper(whisper));
        true
    }

    /// Claims that Redis has not answered yet.
    pub(crate) fn unanswered_claims(&self) -> usize {
        self.queued_claims + self.in_flight.as_ref().map_or(0, |batch| batch.claims().count())
    }

    /// Client events that are in no outbox yet.
    pub(crate) fn waiting_whispers(&self) -> usize {
        let in_flight = self.in_flight.as_ref().map_or(0, |batch| batch.entries().len() - batch.claims().count());
        self.queue.len() - self.queued_claims + in_flight
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.awaits_verdict()
    }

    /// Whether a client event waits for no claim.
    pub(crate) fn has_free_whispers(&self) -> bool {
        !self.whispers_travel && !self.awaits_verdict() && matches!(self.queue.front(), Some(Entry::Whisper(_)))
    }

    /// Takes the client events that wait for no claim.
    pub(crate) fn take_free_whispers(&mut self) -> Vec<Whisper> {
        let mut free = Vec::new();
        if self.has_free_whispers() {
            while let Some(entry) = self.queue.pop_front() {
                match entry {
                    Entry::Whisper(whisper) => {
                        self.whisper_bytes -= whisper.bytes();
                        free.push(whisper);
                    }
                    claim @ Entry::Claim(_) => {
                        self.queue.push_front(claim);
                        break;
                    }
                }
            }
        }
        free
    }

    /// The batch to send: the one that was sent before and not answered, else a new one. It stays here until
    /// [`Self::answered`], and is the same batch under the same number however often it has to be sent.
    pub(crate) fn batch(&mut self) -> Option<Arc<Batch>> {
        if self.in_flight.is_none() && self.has_batch() {
            self.in_flight = Some(Arc::new(self.freeze()));
        }
        self.in_flight.clone()
    }

    /// The batch to send, an empty one when there is nothing to tell: its answer may have departures in it whose grace is
    /// over, and is as safe from being lost as any.
    pub(crate) fn batch_or_empty(&mut self) -> Arc<Batch> {
        self.batch().unwrap_or_else(|| {
            self.last_number += 1;
            let empty = Arc::new(Batch::new(self.last_number, Vec::new()));
            self.in_flight = Some(Arc::clone(&empty));
            empty
        })
    }

    /// Whether a batch with something in it is under way.
    fn awaits_verdict(&self) -> bool {
        self.in_flight.as_ref().is_some_and(|batch| !batch.entries.is_empty())
    }

    /// Whether there is a batch to send.
    pub(crate) fn has_batch(&self) -> bool {
        self.in_flight.is_some() || self.queued_claims > 0 || (self.whispers_travel && !self.queue.is_empty())
    }

    /// Redis has answered the batch, and has put its events into the outbox itself.
    pub(crate) fn answered_in_place(&mut self) {
        self.in_flight = None;
    }

    /// Redis has answered the batch: `edges` holds one `1` or `0` per claim, `time_ms` is when it decided. Returns the
    /// events: one per edge, and the client events, in order.
    pub(crate) fn answered(&mut self, edges: &[u8], time_ms: u64) -> Vec<Event> {
        let Some(batch) = self.in_flight.take() else { return Vec::new() };
        let mut edges = edges.iter();
        Arc::unwrap_or_clone(batch)
            .entries
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Claim(claim) => (edges.next() == Some(&b'1')).then(|| claim.into_event(time_ms)),
                Entry::Whisper(whisper) => Some(whisper.into_event(time_ms)),
            })
            .collect()
    }

    /// The number of the last batch that Redis has answered.
    pub(crate) fn last_answered(&self) -> u64 {
        self.last_number - u64::from(self.in_flight.is_some())
    }

    /// What this node holds in Redis as far as Redis has answered: what it serves now, less the joins and plus the
    /// leaves that are still on their way. These are the holds whose edges were decided before.
    pub(crate) fn acknowledged(&self, table: &LocalTable) -> Vec<Hold> {
        let mut first_change: HashMap<&Hold, Change> = HashMap::new();
        let unanswered = self.in_flight.iter().flat_map(|batch| &batch.entries).chain(&self.queue);
        for entry in unanswered {
            if let Entry::Claim(claim) = entry {
                first_change.entry(&claim.hold).or_insert(claim.change);
            }
        }
        let untouched = table.holds().filter(|hold| !first_change.contains_key(hold));
        let leaving = first_change.iter().filter(|(_, change)| **change == Change::Leave);
        untouched.chain(leaving.map(|(hold, _)| (*hold).clone())).collect()
    }

    /// Goes on under a new node id: the old one was reaped, and the end of every visit that Redis knew of is announced.
    ///
    /// Everything that waits is told under the new id, in its order, so that no visit is lost; of a visit that is over
    /// already, the departure is left out. What is still served is claimed anew first, unless its claim waits anyway. So
    /// is a visit that is over if something else of it waits, a client event or a user of the channel: those are told
    /// within another one. A batch under way counts as never applied.
    pub(crate) fn start_over(&mut self, table: &LocalTable) {
        // Nothing was answered under the new id yet.
        self.last_number = 0;
        let sent = self.in_flight.take().map(|batch| Arc::unwrap_or_clone(batch).entries).unwrap_or_default();
        let waiting: Vec<Entry> = sent.into_iter().chain(std::mem::take(&mut self.queue)).collect();

        // Visits of which something waits that is not their end.
        let mut told_in: HashSet<Hold> = HashSet::new();
        let mut seen: HashSet<&Hold> = HashSet::new();
        let (mut over, mut anew) = (HashSet::new(), Vec::new());
        for entry in &waiting {
            match entry {
                Entry::Whisper(whisper) => told_in.extend(whisper.holds()),
                Entry::Claim(Claim { hold, change, .. }) => match (seen.insert(hold), change) {
                    (true, Change::Leave) if told_in.contains(hold) => anew.push(hold.clone()),
                    (true, Change::Leave) => _ = over.insert(hold.clone()),
                    (_, Change::Join) if hold.member().is_some() => _ = told_in.insert(hold.channel_alone()),
                    _ => {}
                },
            }
        }
        anew.extend(table.holds().filter(|hold| !seen.contains(hold)));
        // Channels before their users.
        anew.sort_by_key(|hold| hold.user.is_some());

        self.queue.extend(anew.into_iter().map(|hold| Entry::Claim(Claim::join(hold))));
        self.queue.extend(waiting.into_iter().filter(|entry| match entry {
            Entry::Claim(claim) => !over.remove(&claim.hold),
            Entry::Whisper(_) => true,
        }));
        self.queued_claims = self.queue.iter().filter(|entry| matches!(entry, Entry::Claim(_))).count();
        self.whisper_bytes = self.queue.iter().map(Entry::whisper_bytes).sum();
    }

    fn freeze(&mut self) -> Batch {
        let mut claims = 0;
        let mut entries = Vec::new();
        while let Some(entry) = self.queue.pop_front() {
            if self.whispers_travel && entries.len() == BATCH_ENTRIES {
                self.queue.push_front(entry);
                break;
            }
            match &entry {
                Entry::Claim(_) if claims == BATCH_CLAIMS => {
                    self.queue.push_front(entry);
                    break;
                }
                Entry::Claim(_) => {
                    claims += 1;
                    self.queued_claims -= 1;
                }
                Entry::Whisper(whisper) => self.whisper_bytes -= whisper.bytes(),
            }
            entries.push(entry);
        }
        self.last_number += 1;
        Batch::new(self.last_number, entries)
    }

    /// Keeps, of the unsent claims of each hold, none when they cancel out and the last one otherwise.
    fn collapse(&mut self) -> usize {
        let mut left: HashMap<Hold, usize> = HashMap::new();
        for entry in &self.queue {
            if let Entry::Claim(claim) = entry {
                *left.entry(claim.hold.clone()).or_default() += 1;
            }
        }
        let odd: HashSet<Hold> =
            left.iter().filter(|(_, count)| *count % 2 == 1).map(|(hold, _)| hold.clone()).collect();
        let before = self.queued_claims;
        let queue = std::mem::take(&mut self.queue);
        self.queued_claims = 0;
        for entry in queue {
            if let Entry::Claim(claim) = &entry {
                let Some(count) = left.get_mut(&claim.hold) else { continue };
                *count -= 1;
                if *count > 0 || !odd.contains(&claim.hold) {
                    continue;
                }
                self.queued_claims += 1;
            }
            self.queue.push_back(entry);
        }
        // Claims that are all different stay; looking again before their number has doubled would cost more each time.
        self.collapse_at = self.limit.max(2 * self.queued_claims);
        (before - self.queued_claims) / 2
    }
}

impl Claim {
    /// The event, when it turned out to be an edge.
    pub(crate) fn into_event(self, time_ms: u64) -> Event {
        let Hold { app, channel, user } = self.hold;
        let on_channel = !channel.is_empty();
        let kind = match (self.change, user) {
            (Change::Join, None) => EventKind::ChannelOccupied,
            (Change::Leave, None) => EventKind::ChannelVacated,
            (Change::Join, Some(user)) if on_channel => EventKind::MemberAdded { user: user.into() },
            (Change::Leave, Some(user)) if on_channel => EventKind::MemberRemoved { user: user.into() },
            (Change::Join, Some(socket)) => EventKind::ConnectionEstablished { socket: socket.as_bytes().into() },
            (Change::Leave, Some(socket)) => EventKind::ConnectionTerminated { socket: socket.as_bytes().into() },
        };
        Event { app, channel, time_ms, kind: kind.by(self.by) }
    }
}

impl Entry {
    fn whisper_bytes(&self) -> usize {
        if let Self::Whisper(whisper) = self { whisper.bytes() } else { 0 }
    }
}

impl Whisper {
    /// What it takes in memory, roughly.
    fn bytes(&self) -> usize {
        WHISPER_FRAME + self.said.as_text().len()
    }

    /// The visit during which a client sent it: the channel's, and the user's. The application need not be anywhere.
    fn holds(&self) -> impl Iterator<Item = Hold> {
        let hold = |user| Hold { app: self.app.clone(), channel: self.channel.clone(), user };
        let parts = match &self.said {
            Said::ByClient(event) => Some(event.parts()),
            Said::ByApplication(_) => None,
        };
        let user = parts.and_then(|parts| parts.user).map(UserId::new);
        parts.map(|_| hold(None)).into_iter().chain(user.map(|user| hold(Some(user))))
    }

    /// The event, once its time is known.
    pub(crate) fn into_event(self, time_ms: u64) -> Event {
        let kind = match self.said {
            Said::ByClient(event) => EventKind::ClientEvent(event),
            Said::ByApplication(event) => EventKind::Custom(event),
        };
        Event { app: self.app, channel: self.channel, time_ms, kind }
    }
}

impl Said {
    /// How its entry begins in a batch, and in the outbox.
    pub(crate) const fn letter(&self) -> &'static str {
        match self {
            Self::ByClient(_) => "c",
            Self::ByApplication(_) => "x",
        }
    }

    /// The text that stands in the outbox.
    pub(crate) fn as_text(&self) -> &[u8] {
        match self {
            Self::ByClient(event) => event.as_text(),
            Self::ByApplication(event) => event.as_text(),
        }
    }
}

#[cfg(test)]
#[path = "pending_tests.rs"]
mod tests;
