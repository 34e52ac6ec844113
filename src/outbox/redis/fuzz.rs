//! Fuzzes what other versions and other programs may have left in the keys of the outbox.

use redis::{Commands, Value};
use serde_json::json;

use super::dead_letters::DeadLetters;
use super::entry::{self, EntryPage};
use super::in_flight::{PersistedBatch, lane_field, parse_lane};
use super::scripts::tests::{Owner, PARTITION};
use super::scripts::{DeadLetterLimits, parse_stream_id, stream_id};
use super::takeover::Takeover;
use super::unreadable::FIELDS_AT_MOST;
use super::*;
use crate::config::Payload;
use crate::event::{CustomEvent, Event, EventKind, MemberDetails};
use crate::fuzz::fuzz;
use crate::outbox::{Item, body};

/// Splits an input into an id, and names and values in turn.
fn entry_of(input: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut lines = input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
    let id = lines.next().unwrap_or_default();
    let mut fields: Vec<Vec<u8>> = lines.collect();
    fields.truncate(fields.len() / 2 * 2);
    (id, fields)
}

/// Writes an event as `append.lua` does.
fn written(event: &Event) -> Vec<u8> {
    let count;
    let (kind, name, rest) = match &event.kind {
        EventKind::ChannelOccupied => (b'o', event.channel.as_bytes(), &b""[..]),
        EventKind::ChannelVacated => (b'v', event.channel.as_bytes(), &b""[..]),
        EventKind::MemberAdded { user } => (b'a', event.channel.as_bytes(), user.as_bytes()),
        EventKind::MemberRemoved { user } => (b'r', event.channel.as_bytes(), user.as_bytes()),
        EventKind::ClientEvent(client) => (b'c', event.channel.as_bytes(), client.as_text()),
        EventKind::Custom(custom) => (b'x', event.channel.as_bytes(), custom.as_text()),
        EventKind::CacheMiss => (b'm', event.channel.as_bytes(), &b""[..]),
        EventKind::ConnectionEstablished { socket } => (b'k', socket.as_bytes(), &b""[..]),
        EventKind::ConnectionTerminated { socket } => (b't', socket.as_bytes(), &b""[..]),
        EventKind::SubscriptionCount { count: number } => {
            count = number.to_string();
            (b'n', event.channel.as_bytes(), count.as_bytes())
        }
    };
    let app = event.app.as_bytes();
    let lengths = [app.len(), name.len()].map(|length| format!("{length}:").into_bytes());
    [&[kind][..], &lengths[0], app, &lengths[1], name, rest].concat()
}

/// Checks an entry that was read.
fn check_item(id: &[u8], seq: u64, item: &Item) {
    let numbers = |id: &str| {
        let (ms, n) = id.split_once('-')?;
        Some((ms.parse::<u64>().ok()?, n.parse::<u64>().ok()?))
    };
    let own = str::from_utf8(id).ok().and_then(numbers);
    assert_eq!(numbers(&stream_id(seq)), own, "the position leads to another entry");
    let Item::Event(event) = item else { return };
    let plain = Event { kind: event.kind.clone().by(None), ..event.clone() };
    assert_eq!(
        codec::decode(&written(event), event.time_ms),
        Some(plain),
        "the event is another one when it is written"
    );
    let position = Position { shard: Shard::FIRST, partition: PARTITION, token: 1, seq };
    let queued = Arc::new(Queued::new(item.clone(), position, Instant::now()));
    let body = String::from_utf8(body::encode(&[queued], Payload::Extended, 1)).expect("a body is UTF-8");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error} in {body}"));
    let sent = &body["events"][0];
    assert_eq!(sent["name"], event.kind.name());
    assert_eq!(sent.get("channel"), event.on_channel().map(|channel| json!(channel.as_text())).as_ref());
}

#[test]
fn an_entry_is_an_event_or_an_unreadable_entry_with_all_its_fields() {
    fuzz("outbox_entry", 5_000, |input| {
        let (id, fields) = entry_of(input);
        let values = fields.iter().cloned().map(Value::BulkString).collect();
        let answer = Value::Array(vec![Value::Array(vec![Value::BulkString(id.clone()), Value::Array(values)])]);
        let EntryPage { items, unreadable } = entry::page(answer);
        match (&items[..], &unreadable[..]) {
            ([(seq, item)], []) => check_item(&id, *seq, item),
            ([], [entry]) => assert_eq!((&entry.id[..], &entry.fields), (&*String::from_utf8_lossy(&id), &fields)),
            _ => panic!("{} events and {} unreadable entries", items.len(), unreadable.len()),
        }
    });
}

#[test]
fn a_stored_value_that_is_read_is_written_the_same() {
    fuzz("outbox_value", 5_000, |input| {
        if let Some(lane) = parse_lane(input, Shard::FIRST) {
            assert_eq!(parse_lane(&lane_field(&lane), Shard::FIRST), Some(lane));
        }
        if let Some(batch) = PersistedBatch::read(input) {
            assert_eq!(PersistedBatch::read(&batch.write()), Some(batch));
        }
        if let Some(id) = str::from_utf8(input).ok().and_then(DeadLetterId::parse) {
            assert_eq!(DeadLetterId::parse(&id.to_string()), Some(id));
            assert_eq!(DeadLetterId::parse(&id.entry()).map(|entry| entry.of_shard(id.shard)), Some(id));
        }
        if let Some(seq) = parse_stream_id(input) {
            assert_eq!(parse_stream_id(stream_id(seq).as_bytes()), Some(seq));
        }
        if let Some(details) = MemberDetails::from_text(input) {
            assert_eq!(MemberDetails::from_text(&details.to_text()), Some(details));
        }
        if let Some(custom) = CustomEvent::from_text(input) {
            assert!(custom.name().contains('.') && custom.data().is_none_or(|data| input.ends_with(data)));
        }
        if let Some(redelivery) = codec::decode_redelivery(input) {
            assert!(DeadLetterId::parse(&redelivery.dead_letter.to_string()).is_some());
        }
    });
}

impl Owner {
    /// Adds an entry to a stream. Returns its id.
    fn add(&mut self, stream: &str, fields: &[Vec<u8>]) -> String {
        redis::cmd("XADD").arg(stream).arg("*").arg(fields).query(&mut self.redis).unwrap()
    }

    /// Returns the fields of all entries in the partitions.
    fn entries(&mut self) -> Vec<Vec<Vec<u8>>> {
        let mut entries = Vec::new();
        for partition in 0..PARTITIONS {
            let found: Vec<(Vec<u8>, Vec<Vec<u8>>)> =
                self.redis.xrange_all(self.keys.key_of("out", partition)).unwrap();
            entries.extend(found.into_iter().map(|(_, fields)| fields));
        }
        entries
    }

    /// Removes everything but the ownership.
    fn clear(&mut self) {
        let keep = ["wh:epoch", "wh:nodes", "wh:owners"];
        let keys: Vec<String> = self.redis.keys("wh:*").unwrap();
        let keys: Vec<String> = keys.into_iter().filter(|key| !keep.contains(&key.as_str())).collect();
        if !keys.is_empty() {
            self.redis.del::<_, ()>(keys).unwrap();
        }
    }

    /// Turns unreadable entries into dead letters. Returns their ids.
    fn drop_unreadable(&mut self, page: &EntryPage) -> Vec<DeadLetterId> {
        let limits = DeadLetterLimits { count: 10, per_endpoint: 10, bytes: 1 << 40, age_ms: 60_000 };
        let entries = page.unreadable.iter().map(|entry| (entry.id.as_str(), entry.dead_letter(PARTITION)));
        let of = self.at(0);
        let Self { redis, keys, membership, .. } = self;
        let reply = keys.drop_unreadable(redis, membership, limits, of, entries).unwrap();
        reply.entries.into_iter().map(|(_, dead_letter)| dead_letter.expect("dead letters are kept")).collect()
    }
}

/// Checks an entry that another version has written into the stream of dead letters.
fn check_dead_letter(owner: &mut Owner, dead_letters: &mut DeadLetters, fields: &[Vec<u8>]) {
    owner.clear();
    let id = owner.add(&owner.keys.key("dead"), fields);
    let listed = dead_letters.list(None, 10).unwrap();
    assert_eq!(listed.iter().map(|dead_letter| dead_letter.id.to_string()).collect::<Vec<_>>(), [id]);
    assert!(dead_letters.find(&listed[0].id).unwrap().is_some());
    if fields.len() < 2 * FIELDS_AT_MOST {
        assert_eq!(dead_letters.retry(&[listed[0].id]).unwrap(), 1);
        assert_eq!(owner.entries().len(), 1, "the dead letter is in no partition after its retry");
    }
}

#[test]
fn an_unreadable_entry_is_a_dead_letter_and_after_a_retry_the_same_entry() {
    let mut owner = Owner::start();
    let config = Config::from_value(json!({ "connection": { "host": owner.server.socket() } })).unwrap();
    let mut dead_letters = DeadLetters::of(&config).unwrap();
    fuzz("outbox_in_redis", 300, |input| {
        let (seq, fields) = entry_of(input);
        let [lane, stored, ..] = &fields[..] else { return };
        check_dead_letter(&mut owner, &mut dead_letters, &fields);
        owner.clear();
        owner.add(&owner.keys.key_of("out", PARTITION), &fields);
        owner.redis.hset::<_, _, _, ()>(owner.keys.key_of("cursor", PARTITION), lane, &seq).unwrap();
        owner.redis.hset::<_, _, _, ()>(owner.keys.key_of("inflight", PARTITION), lane, stored).unwrap();
        let token = owner.at(0).token;
        let takeover = Takeover::read(&mut owner.redis, &owner.keys, &[(PARTITION, token)]);
        let inherited = takeover.expect("a takeover reads any value").in_flight;
        assert!(inherited.iter().all(|batch| !batch.events.is_empty()), "a batch without events would be sent");
        let page = entry::page(owner.redis.xrange_all(owner.keys.key_of("out", PARTITION)).unwrap());
        assert_eq!(page.len(), 1);
        if page.unreadable.is_empty() {
            return;
        }
        let dropped = owner.drop_unreadable(&page);
        assert_eq!((dropped.len(), owner.entries().len()), (1, 0));
        let listed = dead_letters.list(None, 10).unwrap();
        assert_eq!(listed.iter().map(|dead_letter| dead_letter.id).collect::<Vec<_>>(), dropped);
        let found = dead_letters.find(&dropped[0]).unwrap().expect("a listed dead letter is found");
        assert!(found.body.is_some());
        assert_eq!(dead_letters.retry(&dropped).unwrap(), 1);
        let kept = fields.into_iter().take(2 * FIELDS_AT_MOST).collect();
        assert_eq!((owner.entries(), dead_letters.count().unwrap()), (vec![kept], 0));
    });
}
