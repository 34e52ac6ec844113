//! The reader: owns partitions, takes over those of dead nodes, and hands their events to the lanes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redis::streams::StreamReadOptions;
use redis::{Commands, Connection, RedisResult};

use super::dead_letters::older_than;
use super::entry::{self, EntryPage};
use super::merge::Merge;
use super::ownership::OwnershipEnd;
use super::scripts::{Assignment, stream_id};
use super::takeover::Takeover;
use super::{BLOCK, RedisOutbox};
use crate::cluster::{Membership, Refusal, SharedMembership};
use crate::outbox::{Handover, Item, Position, Queued, Resume};
use crate::redis::{Link, OwnShard};
use crate::sync::sleep;

/// Interval between two assignments of partitions.
const ASSIGN_EVERY: Duration = Duration::from_secs(1);

/// An event is old at the second age after it was read. Healthy endpoints acknowledge it before.
const AGE: Duration = Duration::from_secs(5);

/// Interval between two searches for expired dead letters. While there are more of them, the search continues with each
/// assignment.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// The time that one read waits for events while a thread waits for the end of a round.
const QUICK_BLOCK: Duration = Duration::from_millis(1);

/// The time after a thread has waited for a round in which no read waits longer than [`BLOCK`]: a stop often follows.
const STOP_SOON: Duration = Duration::from_secs(5);

/// Events of one partition per read.
const READ_COUNT: usize = 500;

/// Most events that are handed over and not taken before reading stops: the others are safer in Redis.
const UNTAKEN: usize = 5_000;

/// State of the reader thread.
pub(super) struct Reader {
    pub(super) outbox: Arc<RedisOutbox>,
    pub(super) link: Link,
    membership: Arc<SharedMembership>,
    joined: Option<Membership>,
    assign_at: Instant,
    age_at: Instant,
    forget_at: Instant,
    /// Progress of earlier owners, by fencing token: the last event with progress, and the progress. Kept only while
    /// this node owns the partition.
    resumes: HashMap<u64, (u64, Arc<Resume>)>,
    merge: Merge<Item>,
}

impl Reader {
    /// Creates a reader for `outbox`.
    pub(super) fn new(outbox: Arc<RedisOutbox>, link: Link, membership: Arc<SharedMembership>) -> Self {
        Self {
            outbox,
            link,
            membership,
            joined: None,
            assign_at: Instant::now(),
            age_at: Instant::now() + AGE,
            forget_at: Instant::now(),
            resumes: HashMap::new(),
            merge: Merge::default(),
        }
    }

    /// Runs until the outbox is stopped.
    pub(super) fn run(&mut self) {
        while !self.outbox.acks.stopped() {
            let started = Instant::now();
            match self.round() {
                // Redis is unavailable, there is no session yet, or there is nothing to read: the next round can wait.
                None => {
                    let pause = self.link.ready_at().map_or(BLOCK, |ready| ready.saturating_duration_since(started));
                    sleep(pause.clamp(Duration::from_millis(5), BLOCK));
                }
                // More events are about to follow, and reading them together is cheaper.
                Some(events) if events > 0 && self.merge.is_empty() && !self.outbox.rounds.is_awaited() => {
                    sleep(self.outbox.options.read_every.saturating_sub(started.elapsed()));
                }
                Some(_) => {}
            }
        }
    }

    /// Runs one round. Returns the number of events, or `None` if the next round should wait.
    fn round(&mut self) -> Option<usize> {
        let begun = self.outbox.rounds.begin();
        let membership = self.membership.current()?;
        self.move_to(&membership);
        let now = Instant::now();
        if now >= self.age_at {
            self.age_at = now + AGE;
            self.outbox.ownership.lock().age();
        }
        if now >= self.assign_at {
            // While Redis refuses assignments, partitions that are already owned are still read and delivered.
            if self.assign(&membership).is_none() && self.link.refused_since().is_none() {
                return None;
            }
            self.assign_at = Instant::now() + ASSIGN_EVERY;
            self.forget_expired_dead_letters();
        }
        if self.outbox.inbox.lock().events.len() >= UNTAKEN {
            self.outbox.wake();
            return None;
        }
        let readable = self.outbox.ownership.lock().readable();
        if readable.is_empty() {
            self.outbox.rounds.found_nothing(begun);
            return None;
        }
        let wanted = self.merge.wanted(&readable);
        let block = self.merge.is_empty().then(|| self.outbox.rounds.block(self.outbox.options.block));
        let mut blocked = false;
        for (of, page) in self.read(|redis, keys| read_on(redis, keys, &wanted, block))? {
            // Entries after an unreadable one that cannot become a dead letter now must not overtake it.
            if self.drop_unreadable(&membership, of, &page.unreadable) {
                let full = page.len() == READ_COUNT;
                self.merge.add(of.partition, of.token, page.items, full);
            } else {
                blocked = true;
            }
        }
        let items = self.merge.take();
        let found = items.len();
        if found == 0 && blocked {
            return None;
        } else if found == 0 {
            self.outbox.rounds.found_nothing(begun);
        } else {
            let events = self.record_read(items);
            self.outbox.hand_over(Handover { events, ..Handover::default() });
        }
        Some(found)
    }

    /// Removes expired dead letters, a portion at a time.
    fn forget_expired_dead_letters(&mut self) {
        let now = Instant::now();
        if now < self.forget_at {
            return;
        }
        let (keys, age) = (&self.outbox.options.keys, Duration::from_millis(self.outbox.options.dead_letters.age_ms));
        let removed = self.link.write_while_full(|redis| {
            let last = older_than(redis, age)?;
            keys.forget(redis, &[], &last)
        });
        if removed.is_ok_and(|removed| removed == 0) {
            self.forget_at = now + FORGET_EVERY;
        }
    }

    /// Runs a read, and records whether Redis replied.
    fn read<T>(&mut self, talk: impl FnOnce(&mut Connection, &OwnShard) -> RedisResult<T>) -> Option<T> {
        let reply = self.link.read(|redis| talk(redis, &self.outbox.options.keys)).ok();
        self.outbox.rounds.record_reply(reply.is_some());
        reply
    }

    /// Switches to a new incarnation or epoch. Ends all ownership under the old one.
    fn move_to(&mut self, membership: &Membership) {
        if self.joined.as_ref() == Some(membership) {
            return;
        }
        self.outbox.origin.store(origin(&membership.epoch), Ordering::Relaxed);
        let same_data = self.joined.as_ref().is_none_or(|before| before.epoch == membership.epoch);
        let end = if same_data { OwnershipEnd::Fenced } else { OwnershipEnd::Lost };
        let ended = self.outbox.ownership.lock().end_all(end);
        if end == OwnershipEnd::Fenced && !ended.is_empty() {
            self.outbox.revoke(ended);
        }
        self.joined = Some(membership.clone());
        self.assign_at = Instant::now();
    }

    fn assign(&mut self, membership: &Membership) -> Option<()> {
        // A partition that cannot be released yet stays with this node. Its link reports why.
        let _ = self.outbox.release_partitions();
        let held = self.outbox.ownership.lock().held();
        let assigned =
            self.link.write_while_full(|redis| self.outbox.options.keys.assign(redis, membership, &held)).ok();
        self.outbox.rounds.record_reply(assigned.is_some());
        let Assignment { share, owned } = match assigned? {
            Ok(assignment) => assignment,
            Err(Refusal::Excluded) => {
                self.end_all();
                return None;
            }
            Err(_) => return None,
        };
        let revoked = {
            let mut ownership = self.outbox.ownership.lock();
            // Includes partitions that are ours again, since another node has owned them meanwhile.
            let fenced = held.iter().filter(|(partition, token)| owned.get(partition) != Some(token));
            fenced.filter_map(|(partition, _)| ownership.end(*partition, OwnershipEnd::Fenced)).collect()
        };
        // Even if the rest fails: events of other nodes must not get into a batch with ours.
        self.outbox.revoke(revoked);
        let new: Vec<(u16, u64)> =
            owned.into_iter().filter(|(partition, token)| held.get(partition) != Some(token)).collect();
        if !new.is_empty() {
            // Read before any ownership begins: a failure in between changes nothing but the owners in Redis.
            let takeover = self.read(|redis, keys| Takeover::read(redis, keys, &new))?;
            self.begin(&new, takeover);
        }
        self.outbox.ownership.lock().retire_beyond(share);
        Some(())
    }

    /// Drops everything, because the data is not for this node any more, and makes the claimer check that.
    fn end_all(&self) {
        let revoked = self.outbox.ownership.lock().end_all(OwnershipEnd::Fenced);
        self.outbox.revoke(revoked);
        self.membership.doubt();
    }

    /// Begins the ownership of the partitions with the progress of their earlier owners.
    fn begin(&mut self, new: &[(u16, u64)], mut takeover: Takeover) {
        {
            let mut ownership = self.outbox.ownership.lock();
            for (partition, token) in new {
                let resume = takeover.resumes.remove(partition).unwrap_or_default();
                let lanes = |lanes: &Vec<_>| u32::try_from(lanes.len()).unwrap_or(u32::MAX);
                let ahead = resume.in_flight.iter().map(|(seq, in_flight)| (*seq, lanes(in_flight))).collect();
                ownership.begin(*partition, *token, ahead);
                self.resumes.insert(*token, (resume.last(), Arc::new(resume)));
            }
            let held = ownership.held();
            self.resumes.retain(|token, _| held.values().any(|held| held == token));
        }
        self.outbox.hand_over(Handover { in_flight: takeover.in_flight, ..Handover::default() });
    }

    fn record_read(&mut self, items: Vec<(Position, Item)>) -> Vec<Queued> {
        let now = Instant::now();
        let mut ownership = self.outbox.ownership.lock();
        let mut events = Vec::with_capacity(items.len());
        let shard = self.outbox.options.keys.shard;
        for (position, mut item) in items {
            ownership.read(position);
            if let Item::Redelivery(redelivery) = &mut item {
                redelivery.set_shard(shard);
            }
            let resume = self.resumes.get(&position.token).filter(|(last, _)| *last >= position.seq);
            let resume = resume.map(|(_, resume)| Arc::clone(resume));
            events.push(Queued { resume, ..Queued::new(item, Position { shard, ..position }, now) });
        }
        events
    }
}

/// Reads the next page of each stream. Waits for up to `block` until one of them has an entry.
fn read_on(
    redis: &mut Connection,
    keys: &OwnShard,
    streams: &[Position],
    block: Option<Duration>,
) -> RedisResult<Vec<(Position, EntryPage)>> {
    if streams.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = streams.iter().map(|stream| keys.key_of("out", stream.partition)).collect();
    let ids: Vec<String> = streams.iter().map(|stream| stream_id(stream.seq)).collect();
    let mut options = StreamReadOptions::default().count(READ_COUNT);
    if let Some(block) = block {
        options = options.block(usize::try_from(block.as_millis()).unwrap_or(usize::MAX));
    }
    let mut found = entry::streams(redis.xread_options(&names, &ids, &options)?);
    let read = streams.iter().zip(&names).map(|(stream, name)| {
        let of_it = found.iter_mut().find(|(found, _)| found == name.as_bytes());
        (*stream, of_it.map(|(_, entries)| std::mem::take(entries)).unwrap_or_default())
    });
    Ok(read.collect())
}

/// Returns the epoch as a number; it has 16 hexadecimal digits.
fn origin(epoch: &str) -> u64 {
    u64::from_str_radix(epoch, 16).unwrap_or_default()
}

impl super::ReadRounds {
    fn begin(&self) -> u64 {
        let mut state = self.state.lock();
        state.begun += 1;
        state.begun
    }

    fn record_reply(&self, answered: bool) {
        self.state.lock().unanswered = !answered;
    }

    fn is_awaited(&self) -> bool {
        self.state.lock().awaited > 0
    }

    /// Returns how long the next read waits, `longest` at most.
    fn block(&self, longest: Duration) -> Duration {
        let state = self.state.lock();
        match state.awaited_at {
            _ if state.awaited > 0 => QUICK_BLOCK,
            Some(at) if at.elapsed() < STOP_SOON => longest.min(BLOCK),
            _ => longest,
        }
    }

    fn found_nothing(&self, begun: u64) {
        self.state.lock().empty = begun;
        self.changed.notify_all();
    }
}
