//! Pending changes: claims and events that Redis has not answered yet, in the order in which they happened.
//!
//! A batch is frozen when it is first sent and keeps its number until Redis has answered, so sending it again after a lost
//! reply is harmless. If a full batch waits after it, that one is frozen early so that it can be encoded meanwhile; it is
//! sent when the first one is answered. Events keep their order among the claims: an event of a user never overtakes that
//! user's `member_added`.
//!
//! Entries of a suspended application are set aside, so that other applications continue; see `suspended.lua`.

mod entries;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::batch::{BatchEntry, CacheSeen, ClaimBatch, Count, OrderedEvent};
use super::claim::{Change, Claim, Hold};
use super::table::LocalTable;
use crate::event::AppId;
use entries::Entries;

/// Most entries per script call.
const BATCH_ENTRIES: usize = 1024;

/// Most claims and observations of cache channels per script call: 1 to 3 ms of Redis' time, so that a batch never delays
/// its other clients for long.
const BATCH_CLAIMS: usize = 512;

/// Most bytes of waiting events. A million short ones fit; a million of the longest that clients may send do not.
const EVENT_BYTES: usize = 128 << 20;

/// The queue, the batch that waits for its reply, and the batch that is sent next.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    queue: Entries,
    /// Entries of suspended applications.
    aside: Entries,
    suspended: HashSet<AppId>,
    /// Bytes of the events in `queue`, `aside` and `next`.
    event_bytes: usize,
    in_flight: Option<Arc<ClaimBatch>>,
    /// The batch that is sent after `in_flight`, if it is frozen already.
    next: Option<Arc<ClaimBatch>>,
    last_number: u64,
    limit: usize,
    /// Most bytes of waiting events.
    most_event_bytes: usize,
    /// Limits of a batch: all entries, and the judged ones among them.
    portion: (usize, usize),
}

impl Pending {
    /// Returns a queue that keeps up to `limit` claims and as many events while Redis is unreachable.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            queue: Entries::new(limit),
            aside: Entries::new(limit),
            limit,
            most_event_bytes: EVENT_BYTES,
            portion: (BATCH_ENTRIES, BATCH_CLAIMS),
            ..Self::default()
        }
    }

    /// Limits the bytes of waiting events to the part of one of `shards` queues.
    pub(crate) fn share_bytes(&mut self, shards: u8) {
        self.most_event_bytes = EVENT_BYTES / usize::from(shards);
    }

    /// Adds claims. Returns how many pairs of opposite claims were discarded because too many waited. Their edges would have
    /// cancelled out; the remaining ones still alternate and still end at the truth.
    pub(crate) fn push_claims(&mut self, claims: impl IntoIterator<Item = Claim>) -> usize {
        claims.into_iter().for_each(|claim| self.push(BatchEntry::Claim(claim)));
        self.queue.collapse() + self.aside.collapse()
    }

    fn push(&mut self, entry: BatchEntry) {
        if self.suspended.contains(entry.app()) { self.aside.push(entry) } else { self.queue.push(entry) }
    }

    /// Adds an event. Returns `false` if it was refused because too many wait.
    pub(crate) fn push_event(&mut self, event: OrderedEvent) -> bool {
        let bytes = self.event_bytes + event.bytes();
        if self.queued_others() >= self.limit || bytes > self.most_event_bytes {
            return false;
        }
        self.event_bytes = bytes;
        self.push(BatchEntry::Event(event));
        true
    }

    /// Adds an observation of a cache channel, unless too many entries wait.
    pub(crate) fn push_cache(&mut self, seen: CacheSeen) {
        if self.queued_others() < self.limit {
            self.push(BatchEntry::Cache(seen));
        }
    }

    /// Returns the number of waiting entries that are not claims.
    fn queued_others(&self) -> usize {
        self.queue.others() + self.aside.others()
    }

    /// Returns the number of claims that Redis has not answered yet.
    pub(crate) fn unanswered_claims(&self) -> usize {
        let frozen = self.frozen().map(|batch| batch.claims().count()).sum::<usize>();
        frozen + self.queue.claims + self.aside.claims
    }

    /// Returns the number of events that are not in the outbox yet.
    pub(crate) fn waiting_events(&self) -> usize {
        let frozen = self.frozen().map(|batch| batch.events()).sum::<usize>();
        frozen + self.queue.events() + self.aside.events()
    }

    /// Returns the batches that have a number, in its order.
    fn frozen(&self) -> impl Iterator<Item = &Arc<ClaimBatch>> {
        self.in_flight.iter().chain(&self.next)
    }

    /// Returns `true` if nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.aside.is_empty() && !self.awaits_verdict()
    }

    /// Returns the batch to send: the one that was sent and not answered, or a new one. Until [`Self::answered`], it is the
    /// same batch under the same number however often it is sent.
    pub(crate) fn batch(&mut self) -> Option<Arc<ClaimBatch>> {
        if self.in_flight.is_none() && self.has_batch() {
            self.in_flight = Some(Arc::new(self.freeze()));
        }
        self.in_flight.clone()
    }

    /// Returns the batch to send, even if nothing waits: an empty batch announces departures whose grace is over, and its
    /// reply is stored like any other. A new batch that takes everything that waits also carries `counts`.
    pub(crate) fn batch_with(&mut self, counts: impl FnOnce() -> Vec<Count>) -> Arc<ClaimBatch> {
        if let Some(batch) = &self.in_flight {
            return Arc::clone(batch);
        }
        let mut batch = self.freeze();
        if self.queue.is_empty() {
            // Only if no claim waits do the channels in Redis match the table after this batch.
            let counts = counts().into_iter().filter(|count| !self.suspended.contains(&count.app));
            batch.entries.extend(counts.map(BatchEntry::Count));
        }
        let batch = Arc::new(batch);
        self.in_flight = Some(Arc::clone(&batch));
        batch
    }

    /// Returns the batch to send after the one in flight, if it is full. A full batch would not change by waiting; a smaller
    /// one waits for more entries.
    pub(crate) fn next_batch(&mut self) -> Option<Arc<ClaimBatch>> {
        if self.next.is_none() && self.in_flight.is_some() && self.fills_a_batch() {
            let waiting = self.event_bytes;
            self.next = Some(Arc::new(self.freeze()));
            self.event_bytes = waiting;
        }
        self.next.clone()
    }

    /// Returns `true` if a batch would not change by waiting: it is frozen or full.
    pub(crate) fn is_batch_complete(&self) -> bool {
        self.in_flight.is_some() || self.fills_a_batch()
    }

    fn fills_a_batch(&self) -> bool {
        let (most_entries, most_judged) = self.portion;
        self.queue.judged() >= most_judged || self.queue.len() >= most_entries
    }

    /// Marks the batch in flight as answered. The next one may be sent.
    pub(crate) fn answered(&mut self) {
        self.in_flight = self.next.take();
        self.event_bytes -= self.in_flight.iter().map(|batch| batch.event_bytes()).sum::<usize>();
    }

    /// Returns `true` if a batch with entries is under way.
    fn awaits_verdict(&self) -> bool {
        self.in_flight.as_ref().is_some_and(|batch| !batch.entries.is_empty())
    }

    /// Returns `true` if there is a batch to send.
    pub(crate) fn has_batch(&self) -> bool {
        self.in_flight.is_some() || !self.queue.is_empty()
    }

    /// Returns the number of the last batch that Redis has answered.
    pub(crate) fn last_answered(&self) -> u64 {
        self.last_number - self.frozen().count() as u64
    }

    /// Returns the holds that Redis has according to its answers: what this node serves now, minus the joins and plus the
    /// leaves that are unanswered. Their edges are decided already.
    pub(crate) fn acknowledged(&self, table: &LocalTable) -> Vec<Hold> {
        let mut first_change: HashMap<&Hold, Change> = HashMap::new();
        for entry in self.unanswered() {
            if let BatchEntry::Claim(claim) = entry {
                first_change.entry(&claim.hold).or_insert(claim.change);
            }
        }
        let untouched = table.holds().filter(|hold| !first_change.contains_key(hold));
        let leaving = first_change.iter().filter(|(_, change)| **change == Change::Leave);
        untouched.chain(leaving.map(|(hold, _)| (*hold).clone())).collect()
    }

    fn unanswered(&self) -> impl Iterator<Item = &BatchEntry> {
        self.frozen().flat_map(|batch| &batch.entries).chain(self.queue.iter()).chain(self.aside.iter())
    }

    /// Sets the suspended applications. Their entries are set aside, including those in a batch that Redis has refused.
    /// Returns `true` if an application resumes.
    pub(crate) fn suspend(&mut self, apps: HashSet<AppId>) -> bool {
        let resumes = self.suspended.iter().any(|app| !apps.contains(app));
        let released = self.aside.extract(|entry| apps.contains(entry.app()));
        for batch in self.in_flight.iter_mut().chain(&mut self.next) {
            if batch.entries.iter().any(|entry| apps.contains(entry.app())) {
                let batch = Arc::make_mut(batch);
                for entry in std::mem::take(&mut batch.entries) {
                    match &entry {
                        stays if !apps.contains(stays.app()) => batch.entries.push(entry),
                        // Counts are sent again with their values at that time.
                        BatchEntry::Count(_) => {}
                        _ => self.aside.push(entry),
                    }
                }
            }
        }
        for entry in self.queue.extract(|entry| !apps.contains(entry.app())) {
            self.aside.push(entry);
        }
        for entry in released {
            self.queue.push(entry);
        }
        self.suspended = apps;
        self.count_event_bytes();
        resumes
    }

    fn count_event_bytes(&mut self) {
        let queued = self.queue.iter().chain(self.aside.iter()).map(BatchEntry::event_bytes).sum::<usize>();
        self.event_bytes = queued + self.next.iter().map(|batch| batch.event_bytes()).sum::<usize>();
    }

    /// Returns those of `holds` that have no unanswered claim.
    pub(crate) fn untouched(&self, holds: Vec<Hold>) -> impl Iterator<Item = Hold> {
        let touched: HashSet<&Hold> = self
            .unanswered()
            .filter_map(|entry| if let BatchEntry::Claim(claim) = entry { Some(&claim.hold) } else { None })
            .collect();
        holds.into_iter().filter(move |hold| !touched.contains(hold))
    }

    /// Continues under a new node id. The old one was reaped, and the reaper announces the end of every stay that Redis had.
    ///
    /// A stay is the time from a join to the leave. Everything that waits is sent under the new id, in its order, so no stay
    /// is lost. The leave of a stay that Redis had is dropped, since the reaper announces it. Holds that are still served and
    /// have no waiting claim are claimed first. A stay that is over is claimed again if it needs to be open for another entry,
    /// such as a client event or a user of the channel. A batch in flight counts as never applied; the one after it was never
    /// sent.
    pub(crate) fn start_over(&mut self, table: &LocalTable) {
        // No batch was answered under the new id yet.
        self.last_number = 0;
        let frozen = self.in_flight.take().into_iter().chain(self.next.take());
        let frozen = frozen.flat_map(|batch| Arc::unwrap_or_clone(batch).entries);
        // Counts are sent again with their values at that time.
        let frozen = frozen.filter(|entry| !matches!(entry, BatchEntry::Count(_)));
        let waiting: Vec<BatchEntry> = frozen.chain(self.queue.take()).chain(self.aside.take()).collect();
        self.suspended.clear();

        // Holds that a waiting event, observation or user needs.
        let mut needed: HashSet<Hold> = HashSet::new();
        let mut seen: HashSet<&Hold> = HashSet::new();
        let (mut over, mut anew) = (HashSet::new(), Vec::new());
        for entry in &waiting {
            match entry {
                BatchEntry::Event(event) => needed.extend(event.holds()),
                BatchEntry::Cache(seen) => _ = needed.insert(Hold::new(&seen.app, &seen.channel, None)),
                BatchEntry::Count(_) => {}
                BatchEntry::Claim(Claim { hold, change, .. }) => match (seen.insert(hold), change) {
                    (true, Change::Leave) if needed.contains(hold) => anew.push(hold.clone()),
                    (true, Change::Leave) => _ = over.insert(hold.clone()),
                    (_, Change::Join) if hold.member().is_some() => {
                        _ = needed.insert(Hold::new(&hold.app, &hold.channel, None));
                    }
                    _ => {}
                },
            }
        }
        anew.extend(table.holds().filter(|hold| !seen.contains(hold)));
        // Channels before their users.
        anew.sort_by_key(|hold| hold.user.is_some());

        let waiting = waiting.into_iter().filter(|entry| match entry {
            BatchEntry::Claim(claim) => !over.remove(&claim.hold),
            BatchEntry::Event(_) | BatchEntry::Cache(_) | BatchEntry::Count(_) => true,
        });
        let anew = anew.into_iter().map(|hold| BatchEntry::Claim(Claim::join(hold)));
        anew.chain(waiting).for_each(|entry| self.queue.push(entry));
        self.count_event_bytes();
    }

    /// Discards everything that waits, including the batch in flight.
    pub(crate) fn clear(&mut self) {
        let empty = Self::new(self.limit);
        *self = Self { portion: self.portion, most_event_bytes: self.most_event_bytes, ..empty };
    }

    fn freeze(&mut self) -> ClaimBatch {
        let (most_entries, most_judged) = self.portion;
        let mut judged = 0;
        let mut entries = Vec::new();
        while let Some(entry) = self.queue.pop() {
            if entries.len() == most_entries {
                self.queue.push_front(entry);
                break;
            }
            match &entry {
                BatchEntry::Claim(_) | BatchEntry::Cache(_) if judged == most_judged => {
                    self.queue.push_front(entry);
                    break;
                }
                BatchEntry::Claim(_) | BatchEntry::Cache(_) => judged += 1,
                BatchEntry::Count(_) => {}
                BatchEntry::Event(event) => self.event_bytes -= event.bytes(),
            }
            entries.push(entry);
        }
        self.last_number += 1;
        ClaimBatch { number: self.last_number, entries }
    }
}

#[cfg(test)]
#[path = "pending_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "pending/limits_tests.rs"]
mod limits_tests;

#[cfg(test)]
#[path = "pending/suspended_tests.rs"]
mod suspended_tests;
