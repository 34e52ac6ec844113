//! The reader: owns partitions, inherits those of dead nodes, and hands their events to the lanes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::streams::{StreamId, StreamRangeReply, StreamReadOptions, StreamReadReply};
use redis::{Commands, Connection, RedisResult};

use super::RedisOutbox;
use super::codec;
use super::flight::{Kept, parse_lane};
use super::scripts::{Assignment, Keys, parse_stream_id, stream_id, time_ms};
use super::tenure::End;
use crate::outbox::{Flight, Handover, Item, LaneId, Position, Queued, Resume};
use crate::presence::{Place, Standing};
use crate::redis::Link;
use crate::telemetry::{Level, Telemetry};

/// How often partitions are asked for.
const ASSIGN_EVERY: Duration = Duration::from_secs(1);

/// How long one read waits for events. Short, because assignments and the end of the process wait for it.
const BLOCK: Duration = Duration::from_millis(100);

/// The same while somebody waits for the end of a round.
const QUICK_BLOCK: Duration = Duration::from_millis(1);

/// Events of one partition in one read.
const READ_COUNT: usize = 500;

/// Events handed over and not taken, beyond which nothing more is read: they are better kept in Redis.
const UNTAKEN: usize = 5_000;

/// The reader's own state.
pub(super) struct Reader {
    outbox: Arc<RedisOutbox>,
    keys: Keys,
    link: Link,
    standing: Arc<Standing>,
    telemetry: Arc<Telemetry>,
    place: Option<Place>,
    assign_at: Instant,
}

impl Reader {
    /// A reader for `outbox`.
    pub(super) fn new(
        outbox: Arc<RedisOutbox>,
        keys: Keys,
        link: Link,
        standing: Arc<Standing>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self { outbox, keys, link, standing, telemetry, place: None, assign_at: Instant::now() }
    }

    /// Runs until the outbox is stopped.
    pub(super) fn run(&mut self) {
        while !self.outbox.stopped() {
            let started = Instant::now();
            if self.round().is_none() {
                // Redis is away, there is no session yet, or nothing to read: the next round can wait.
                let pause = self.link.ready_at().map_or(BLOCK, |ready| ready.saturating_duration_since(started));
                std::thread::sleep(pause.clamp(Duration::from_millis(5), BLOCK));
            }
        }
    }

    /// One look at everything. `None` when there was nothing to wait on.
    fn round(&mut self) -> Option<()> {
        let begun = self.outbox.rounds.begin();
        let place = self.standing.place()?;
        self.move_to(&place);
        if Instant::now() >= self.assign_at {
            self.assign(&place)?;
            self.assign_at = Instant::now() + ASSIGN_EVERY;
        }
        if self.outbox.inbox.lock().events.len() >= UNTAKEN {
            self.outbox.wake();
            return None;
        }
        let streams = self.outbox.tenures.lock().readable();
        if streams.is_empty() {
            self.outbox.rounds.found_nothing(begun);
            return None;
        }
        let block = if self.outbox.rounds.is_awaited() { QUICK_BLOCK } else { BLOCK };
        let replies = self.link.with(|redis| read_on(redis, &self.keys, &streams, block)).ok()?;
        if replies.iter().all(|(_, _, entries)| entries.is_empty()) {
            self.outbox.rounds.found_nothing(begun);
        } else {
            let mut handover = Handover::default();
            for (partition, tenure, entries) in replies {
                self.decode(partition, tenure, entries, None, &mut handover);
            }
            self.hand_over(handover);
        }
        Some(())
    }

    /// Another incarnation or another epoch: what was owned at the old place is not owned any more.
    fn move_to(&mut self, place: &Place) {
        if self.place.as_ref() == Some(place) {
            return;
        }
        let same_data = self.place.as_ref().is_none_or(|before| before.epoch == place.epoch);
        let end = if same_data { End::Fenced } else { End::Lost };
        let ended = self.outbox.tenures.lock().end_all(end);
        if end == End::Fenced && !ended.is_empty() {
            self.hand_over(Handover { revoked: ended, ..Handover::default() });
        }
        self.place = Some(place.clone());
        self.assign_at = Instant::now();
    }

    fn assign(&mut self, place: &Place) -> Option<()> {
        self.outbox.release_partitions().ok()?;
        let Assignment { share, owned } = self.link.with(|redis| self.keys.assign(redis, place)).ok()?.ok()?;
        let held: Vec<u16> = self.outbox.tenures.lock().partitions().collect();
        let mut handover = Handover::default();
        {
            let mut tenures = self.outbox.tenures.lock();
            let fenced = held.iter().filter(|partition| !owned.contains(partition));
            handover.revoked = fenced.filter_map(|partition| tenures.end(*partition, End::Fenced)).collect();
        }
        let new: Vec<u16> = owned.iter().copied().filter(|partition| !held.contains(partition)).collect();
        if !new.is_empty() {
            // Loaded before anything is begun: a failure half-way leaves nothing behind but the ownership.
            let loaded =
                self.link.with(|redis| new.iter().map(|p| Loaded::read(redis, &self.keys, *p)).collect()).ok()?;
            self.begin(loaded, &mut handover);
        }
        self.outbox.tenures.lock().retire_beyond(share);
        self.hand_over(handover);
        Some(())
    }

    /// Begins a tenure of each loaded partition, with what an earlier owner left.
    fn begin(&self, loaded: Vec<Loaded>, handover: &mut Handover) {
        let present: HashSet<(u16, u64)> =
            loaded.iter().flat_map(|part| part.entries.iter().map(|(seq, _)| (part.number, *seq))).collect();
        let mut flights = Vec::new();
        let mut parts = Vec::new();
        for Loaded { number, cursors, flights: kept, entries } in loaded {
            flights.extend(kept);
            parts.push((number, cursors, entries));
        }
        // A batch that was passed already, or whose events Redis has lost: those that are left are sent in another.
        flights.retain(|(_, kept)| kept.events.iter().all(|place| present.contains(place)));
        for (number, cursors, entries) in parts {
            let mut resume = Resume { cursors, ..Resume::default() };
            for (lane, kept) in &flights {
                for (_, seq) in kept.events.iter().filter(|(partition, _)| *partition == number) {
                    resume.in_flight.entry(*seq).or_default().push(lane.clone());
                }
            }
            let tenure = self.outbox.tenures.lock().begin(number);
            self.decode(number, tenure, entries, Some(&Arc::new(resume)), handover);
        }
        let by_place: HashMap<(u16, u64), &Queued> =
            handover.events.iter().map(|event| ((event.position.partition, event.position.seq), event)).collect();
        for (lane, Kept { id, wire, events }) in flights {
            // Copies, beside those that are routed to the other lanes.
            let copy = |event: &&Queued| Arc::new(Queued::new(event.item.clone(), event.position, event.arrived));
            let events = events.iter().filter_map(|place| by_place.get(place)).map(copy).collect();
            handover.flights.push(Flight { lane, id, wire, events });
        }
    }

    fn decode(
        &self,
        partition: u16,
        tenure: u32,
        entries: Vec<(u64, Entry)>,
        resume: Option<&Arc<Resume>>,
        handover: &mut Handover,
    ) {
        let now = Instant::now();
        let mut tenures = self.outbox.tenures.lock();
        for (seq, entry) in entries {
            let position = Position { partition, tenure, seq };
            tenures.read(position);
            if let Some(item) = entry.decode(time_ms(seq)) {
                handover.events.push(Queued { resume: resume.cloned(), ..Queued::new(item, position, now) });
            } else {
                tenures.routed(position, 0);
                let stream = self.keys.stream(partition);
                self.telemetry.log(Level::Error, format_args!("{stream} has an entry that is none of ours: skipped"));
            }
        }
    }

    fn hand_over(&self, mut handover: Handover) {
        // By time across partitions, so that what was inherited fills batches: each spans a short time only.
        handover.events.sort_by_key(|event| event.position.seq);
        let news = !(handover.revoked.is_empty() && handover.flights.is_empty() && handover.events.is_empty());
        if news {
            let mut inbox = self.outbox.inbox.lock();
            if !handover.revoked.is_empty() {
                let revoked = |event: &Queued| handover.revoked.contains(&event.position.tenure);
                inbox.events.retain(|event| !revoked(event));
                inbox.flights.retain(|flight| !flight.events.iter().any(|event| revoked(event)));
            }
            inbox.revoked.extend(handover.revoked);
            inbox.flights.extend(handover.flights);
            inbox.events.extend(handover.events);
            drop(inbox);
            self.outbox.wake();
        }
    }
}

/// What stands in a partition when it is taken over.
struct Loaded {
    number: u16,
    cursors: HashMap<LaneId, u64>,
    flights: Vec<(LaneId, Kept)>,
    entries: Vec<(u64, Entry)>,
}

impl Loaded {
    fn read(redis: &mut Connection, keys: &Keys, number: u16) -> RedisResult<Self> {
        let cursors: HashMap<Vec<u8>, u64> = redis.hgetall(keys.cursors(number))?;
        let flights: HashMap<Vec<u8>, Vec<u8>> = redis.hgetall(keys.flights(number))?;
        let mut entries: Vec<(u64, Entry)> = Vec::new();
        loop {
            let from = entries.last().map_or_else(|| "-".to_owned(), |(seq, _)| format!("({}", stream_id(*seq)));
            let page: StreamRangeReply = redis.xrange_count(keys.stream(number), from, "+", READ_COUNT)?;
            let full = page.ids.len() == READ_COUNT;
            entries.extend(page.ids.iter().filter_map(entry));
            if !full {
                break;
            }
        }
        Ok(Self {
            number,
            cursors: cursors.into_iter().filter_map(|(lane, seq)| Some((parse_lane(&lane)?, seq))).collect(),
            flights: flights
                .into_iter()
                .filter_map(|(lane, kept)| Some((parse_lane(&lane)?, Kept::read(&kept)?)))
                .collect(),
            entries,
        })
    }
}

/// A partition, the tenure under which it is read, and the new entries.
type Read = (u16, u32, Vec<(u64, Entry)>);

fn read_on(
    redis: &mut Connection,
    keys: &Keys,
    streams: &[(u16, u32, u64)],
    block: Duration,
) -> RedisResult<Vec<Read>> {
    let names: Vec<String> = streams.iter().map(|(partition, ..)| keys.stream(*partition)).collect();
    let ids: Vec<String> = streams.iter().map(|(.., read_to)| stream_id(*read_to)).collect();
    let block = usize::try_from(block.as_millis()).unwrap_or(usize::MAX);
    let options = StreamReadOptions::default().count(READ_COUNT).block(block);
    let reply: Option<StreamReadReply> = redis.xread_options(&names, &ids, &options)?;
    let mut found: HashMap<String, Vec<StreamId>> =
        reply.into_iter().flat_map(|reply| reply.keys).map(|stream| (stream.key, stream.ids)).collect();
    let read = streams.iter().zip(&names).map(|((partition, tenure, _), name)| {
        let entries = found.remove(name).unwrap_or_default();
        (*partition, *tenure, entries.iter().filter_map(entry).collect())
    });
    Ok(read.collect())
}

/// What stands in a stream, as text.
enum Entry {
    Event(Vec<u8>),
    Redelivery(Vec<u8>),
}

impl Entry {
    /// `None` when it is none of ours.
    fn decode(&self, time_ms: u64) -> Option<Item> {
        match self {
            Self::Event(text) => codec::decode(text, time_ms).map(Item::Event),
            Self::Redelivery(text) => codec::decode_redelivery(text).map(Item::Redelivery),
        }
    }
}

fn entry(id: &StreamId) -> Option<(u64, Entry)> {
    let entry = match id.get("r") {
        Some(text) => Entry::Redelivery(text),
        None => Entry::Event(id.get("e").unwrap_or_default()),
    };
    Some((parse_stream_id(&id.id)?, entry))
}

impl super::Rounds {
    fn begin(&self) -> u64 {
        let mut state = self.state.lock();
        state.begun += 1;
        state.begun
    }

    fn is_awaited(&self) -> bool {
        self.state.lock().awaited > 0
    }

    fn found_nothing(&self, begun: u64) {
        self.state.lock().empty = begun;
        self.changed.notify_all();
    }
}
