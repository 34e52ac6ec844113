//! What Redis has yet to be told: claims and client events, in the order in which they happened.
//!
//! A batch is frozen when it is first sent and keeps its number until Redis has answered, so that sending it again after
//! a lost reply is harmless. Where a full one waits behind it, that is frozen as well, so that it can be written out
//! meanwhile; it is sent when the first one has been answered. Client events travel in the same order as the claims around
//! them: an event of a user never overtakes that user's `member_added`.
//!
//! What is of a suspended application waits aside, so that the batches of the others go on; see `suspended.lua`.

mod entries;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::batch::{BatchEntry, CacheSeen, ClaimBatch, Count, OrderedEvent};
use super::claim::{Change, Claim, Hold};
use super::table::LocalTable;
use crate::event::AppId;
use entries::Entries;

/// Entries per script call when client events go through Redis too.
const BATCH_ENTRIES: usize = 1024;

/// Claims per script call, and sightings of cache channels: two or three milliseconds of Redis' time, so that a batch never delays its other clients for long.
const BATCH_CLAIMS: usize = 384;

/// Bytes of client events that wait: a million short ones fit, not a million of the longest that clients may send.
const EVENT_BYTES: usize = 128 << 20;

/// The queue, the batch that waits for its reply, and the one that is sent next.
#[derive(Debug)]
pub(crate) struct Pending {
    queue: Entries,
    /// What is of suspended applications.
    aside: Entries,
    suspended: HashSet<AppId>,
    /// What the client events of both take, and those of the batch that is sent next.
    event_bytes: usize,
    in_flight: Option<Arc<ClaimBatch>>,
    /// The full batch behind the one in flight, if it is frozen already.
    next: Option<Arc<ClaimBatch>>,
    last_number: u64,
    limit: usize,
    /// The limits of a batch: entries, and judged ones among them.
    portion: (usize, usize),
}

impl Pending {
    /// A queue that keeps up to `limit` claims and as many client events while Redis is away.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            queue: Entries::new(limit),
            aside: Entries::new(limit),
            suspended: HashSet::new(),
            event_bytes: 0,
            in_flight: None,
            next: None,
            last_number: 0,
            limit,
            portion: (BATCH_ENTRIES, BATCH_CLAIMS),
        }
    }

    /// The same with so little in a batch.
    #[cfg(test)]
    pub(crate) const fn set_portion(&mut self, entries: usize) {
        self.portion = (entries, entries);
    }

    /// Adds claims. Returns how many pairs of opposite claims were given up because too many waited: their edges would
    /// have cancelled each other, and the ones that stay still alternate and still end at the truth.
    pub(crate) fn push_claims(&mut self, claims: impl IntoIterator<Item = Claim>) -> usize {
        claims.into_iter().for_each(|claim| self.push(BatchEntry::Claim(claim)));
        self.queue.collapse() + self.aside.collapse()
    }

    fn push(&mut self, entry: BatchEntry) {
        let suspended = !self.suspended.is_empty() && self.suspended.contains(entry.app());
        if suspended { self.aside.push(entry) } else { self.queue.push(entry) }
    }

    /// Adds a client event. `false` when it was refused because too many wait.
    pub(crate) fn push_event(&mut self, event: OrderedEvent) -> bool {
        let bytes = self.event_bytes + event.bytes();
        if self.queued_asides() >= self.limit || bytes > EVENT_BYTES {
            return false;
        }
        self.event_bytes = bytes;
        self.push(BatchEntry::Event(event));
        true
    }

    /// Adds what was seen of a cache channel. `false` when it was refused because too much waits.
    pub(crate) fn push_cache(&mut self, seen: CacheSeen) -> bool {
        if self.queued_asides() >= self.limit {
            return false;
        }
        self.push(BatchEntry::Cache(seen));
        true
    }

    /// What waits beside the claims.
    fn queued_asides(&self) -> usize {
        self.queue.asides() + self.aside.asides()
    }

    /// Claims that Redis has not answered yet.
    pub(crate) fn unanswered_claims(&self) -> usize {
        let frozen = self.frozen().map(|batch| batch.claims().count()).sum::<usize>();
        frozen + self.queue.claims() + self.aside.claims()
    }

    /// Client events that are in no outbox yet.
    pub(crate) fn waiting_events(&self) -> usize {
        let frozen = self.frozen().map(|batch| batch.events()).sum::<usize>();
        frozen + self.queue.events() + self.aside.events()
    }

    /// The batches that have their number, in its order.
    fn frozen(&self) -> impl Iterator<Item = &Arc<ClaimBatch>> {
        self.in_flight.iter().chain(&self.next)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.aside.is_empty() && !self.awaits_verdict()
    }

    /// The batch to send: the one that was sent before and not answered, else a new one. It stays here until
    /// [`Self::answered`], and is the same batch under the same number however often it has to be sent.
    pub(crate) fn batch(&mut self) -> Option<Arc<ClaimBatch>> {
        if self.in_flight.is_none() && self.has_batch() {
            self.in_flight = Some(Arc::new(self.freeze()));
        }
        self.in_flight.clone()
    }

    /// The batch to send, also when nothing waits: its answer may have departures in it whose grace is over, and is as safe
    /// from being lost as any. A new one has the numbers of connections in it, if it is the last of what waits.
    pub(crate) fn batch_with(&mut self, counts: impl FnOnce() -> Vec<Count>) -> Arc<ClaimBatch> {
        if let Some(batch) = &self.in_flight {
            return Arc::clone(batch);
        }
        let mut batch = self.freeze();
        if self.queue.is_empty() {
            // Only then is what Redis will know of the channels what the table knows.
            let counts = counts().into_iter().filter(|count| !self.suspended.contains(&count.app));
            batch.entries.extend(counts.map(BatchEntry::Count));
        }
        let batch = Arc::new(batch);
        self.in_flight = Some(Arc::clone(&batch));
        batch
    }

    /// The batch to send when the one in flight has been answered, if it is full: it would be the same then. Fewer
    /// claims wait for others to come with them.
    pub(crate) fn next_batch(&mut self) -> Option<Arc<ClaimBatch>> {
        let (most_entries, most_judged) = self.portion;
        let full = self.queue.judged() >= most_judged || self.queue.len() >= most_entries;
        if self.next.is_none() && self.in_flight.is_some() && full {
            let waiting = self.event_bytes;
            self.next = Some(Arc::new(self.freeze()));
            self.event_bytes = waiting;
        }
        self.next.clone()
    }

    /// Redis has answered the batch: the next one may be sent.
    pub(crate) fn answered(&mut self) {
        self.in_flight = self.next.take();
        self.event_bytes -= self.in_flight.iter().map(|batch| batch.event_bytes()).sum::<usize>();
    }

    /// Whether a batch with something in it is under way.
    fn awaits_verdict(&self) -> bool {
        self.in_flight.as_ref().is_some_and(|batch| !batch.entries.is_empty())
    }

    /// Whether there is a batch to send.
    pub(crate) fn has_batch(&self) -> bool {
        self.in_flight.is_some() || !self.queue.is_empty()
    }

    /// The number of the last batch that Redis has answered.
    pub(crate) fn last_answered(&self) -> u64 {
        self.last_number - self.frozen().count() as u64
    }

    /// What this node holds in Redis as far as Redis has answered: what it serves now, less the joins and plus the
    /// leaves that are still on their way. These are the holds whose edges were decided before.
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

    /// These applications are suspended, and no others: what is of them waits aside, also what is in a batch that Redis has
    /// refused. Returns whether there is an application that goes on.
    pub(crate) fn suspend(&mut self, apps: HashSet<AppId>) -> bool {
        let goes_on = self.suspended.iter().any(|app| !apps.contains(app));
        let released = self.aside.extract(|entry| apps.contains(entry.app()));
        for batch in self.in_flight.iter_mut().chain(&mut self.next) {
            if batch.entries.iter().any(|entry| apps.contains(entry.app())) {
                let batch = Arc::make_mut(batch);
                for entry in std::mem::take(&mut batch.entries) {
                    match &entry {
                        stays if !apps.contains(stays.app()) => batch.entries.push(entry),
                        // Numbers of connections are told again as they are then.
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
        goes_on
    }

    fn count_event_bytes(&mut self) {
        let queued = self.queue.iter().chain(self.aside.iter()).map(BatchEntry::event_bytes).sum::<usize>();
        self.event_bytes = queued + self.next.iter().map(|batch| batch.event_bytes()).sum::<usize>();
    }

    /// Those of these holds of which nothing is on its way to Redis.
    pub(crate) fn untouched(&self, holds: Vec<Hold>) -> impl Iterator<Item = Hold> {
        let touched: HashSet<&Hold> = self
            .unanswered()
            .filter_map(|entry| if let BatchEntry::Claim(claim) = entry { Some(&claim.hold) } else { None })
            .collect();
        holds.into_iter().filter(move |hold| !touched.contains(hold))
    }

    /// Goes on under a new node id: the old one was reaped, and the end of every visit that Redis knew of is announced.
    ///
    /// Everything that waits is told under the new id, in its order, so that no visit is lost; of a visit that is over
    /// already, the departure is left out. What is still served is claimed anew first, unless its claim waits anyway. So
    /// is a visit that is over if something else of it waits, a client event or a user of the channel: those are told
    /// within another one. A batch under way counts as never applied, and one behind it was never sent.
    pub(crate) fn start_over(&mut self, table: &LocalTable) {
        // Nothing was answered under the new id yet.
        self.last_number = 0;
        let frozen = self.in_flight.take().into_iter().chain(self.next.take());
        let frozen = frozen.flat_map(|batch| Arc::unwrap_or_clone(batch).entries);
        // Numbers of connections are told again as they are then.
        let frozen = frozen.filter(|entry| !matches!(entry, BatchEntry::Count(_)));
        let waiting: Vec<BatchEntry> = frozen.chain(self.queue.take()).chain(self.aside.take()).collect();
        self.suspended.clear();

        // Visits of which something waits that is not their end.
        let mut told_in: HashSet<Hold> = HashSet::new();
        let mut seen: HashSet<&Hold> = HashSet::new();
        let (mut over, mut anew) = (HashSet::new(), Vec::new());
        for entry in &waiting {
            match entry {
                BatchEntry::Event(event) => told_in.extend(event.holds()),
                BatchEntry::Cache(seen) => _ = told_in.insert(seen.hold()),
                BatchEntry::Count(_) => {}
                BatchEntry::Claim(Claim { hold, change, .. }) => match (seen.insert(hold), change) {
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

        let waiting = waiting.into_iter().filter(|entry| match entry {
            BatchEntry::Claim(claim) => !over.remove(&claim.hold),
            BatchEntry::Event(_) | BatchEntry::Cache(_) | BatchEntry::Count(_) => true,
        });
        let anew = anew.into_iter().map(|hold| BatchEntry::Claim(Claim::join(hold)));
        anew.chain(waiting).for_each(|entry| self.queue.push(entry));
        self.count_event_bytes();
    }

    /// Gives up everything that waits, a batch under way included.
    pub(crate) fn clear(&mut self) {
        let empty = Self::new(self.limit);
        *self = Self { portion: self.portion, ..empty };
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
        ClaimBatch::new(self.last_number, entries)
    }
}

#[cfg(test)]
#[path = "pending_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "pending/suspended_tests.rs"]
mod suspended_tests;
