//! Intents: what a hook passes to the background threads, and the queue between them.
//!
//! A hook runs on the event loop. It copies the strings it was given into one buffer, pushes it here and returns. It never
//! waits for the reader. When the queue is nearly full, client events are dropped first: the last eighth of the queue is
//! reserved for subscriptions, and the bytes of messages have a limit of their own. A subscription that does not fit is not
//! lost: its channel is marked dirty, and the PHP side sends the channel's live connections. There is no such list for
//! sockets that opened or closed, so those intents wait in an unbounded list of late intents while the queue is full.

use std::collections::HashSet;

use crossbeam_channel::TrySendError;

use crate::event::{AppId, ChannelName, ClientEvent, CustomEvent, SocketId};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Mutex, Receiver, Sender, bounded};
use crate::telemetry::Counters;

/// Divisor of the capacity: this part of the queue takes no client events.
const RESERVED_FOR_SUBSCRIPTIONS: usize = 8;

/// Maximum number of bytes of the messages in the queue. All other intents are short.
const MESSAGE_BYTES: usize = 64 << 20;

/// An event on this node, in owned bytes.
#[derive(Debug)]
pub(crate) enum Intent {
    /// A socket connected. Only sent where an endpoint wants connection events.
    Opened(AppId, SocketId),
    /// A socket subscribed: channel, socket, user, the user's data (each empty when there is none).
    Subscribed(AppId, Packed<4>),
    /// A socket left one channel: channel, socket.
    Unsubscribed(AppId, Packed<2>),
    /// A socket closed.
    Closed(AppId, SocketId),
    /// The host relayed a message: channel, socket, user (empty when there is none), the message.
    Message(AppId, Packed<4>),
    /// A client event parsed from a `Message`.
    ClientEvent(AppId, ChannelName, ClientEvent),
    /// The application sent an event of its own, on a channel or on none (empty).
    Custom(AppId, ChannelName, CustomEvent),
    /// A socket subscribed to a cache channel that was `empty`, or a cache channel now has a payload.
    CacheSeen { app: AppId, channel: ChannelName, empty: bool },
    /// All live connections of a channel: socket, user (empty when there is none).
    Live(AppId, ChannelName, Vec<Packed<2>>),
    /// Some live connections of a channel, in the same form.
    Present(AppId, ChannelName, Vec<Packed<2>>),
    /// Sockets that are not on a channel.
    Absent(AppId, ChannelName, Vec<SocketId>),
    /// Late intents wait. Only wakes the reader.
    Late,
    /// Answered once everything before it is in the node state.
    Barrier(Sender<()>),
    /// Ends the thread that reads the queue.
    Stop,
}

impl Intent {
    /// Returns the application with the channel or the connection whose shard the intent belongs to. `None` for a socket that
    /// closed, which may be on channels of many shards.
    pub(super) fn place(&self) -> Option<(&AppId, &[u8])> {
        match self {
            Self::Opened(app, socket) => Some((app, socket.as_bytes())),
            Self::Subscribed(app, _)
            | Self::Unsubscribed(app, _)
            | Self::Message(app, _)
            | Self::ClientEvent(app, ..)
            | Self::Custom(app, ..)
            | Self::CacheSeen { app, .. }
            | Self::Live(app, ..)
            | Self::Present(app, ..)
            | Self::Absent(app, ..) => Some((app, self.channel()?)),
            Self::Closed(..) | Self::Late | Self::Barrier(_) | Self::Stop => None,
        }
    }

    /// Returns the number of bytes of a message; 0 for every other intent.
    fn message_bytes(&self) -> usize {
        if let Self::Message(_, text) = self { text.bytes.len() } else { 0 }
    }

    /// Returns the channel of the intent, if it has one.
    pub(crate) fn channel(&self) -> Option<&[u8]> {
        match self {
            Self::Subscribed(_, text) | Self::Message(_, text) => Some(text.parts()[0]),
            Self::Unsubscribed(_, text) => Some(text.parts()[0]),
            Self::ClientEvent(_, channel, _)
            | Self::Custom(_, channel, _)
            | Self::CacheSeen { channel, .. }
            | Self::Live(_, channel, _)
            | Self::Present(_, channel, _)
            | Self::Absent(_, channel, _) => Some(channel.as_bytes()),
            Self::Opened(..) | Self::Closed(..) | Self::Late | Self::Barrier(_) | Self::Stop => None,
        }
    }
}

/// Several strings in one allocation.
#[derive(Debug)]
pub(crate) struct Packed<const N: usize> {
    bytes: Box<[u8]>,
    ends: [u32; N],
}

impl<const N: usize> Packed<N> {
    /// Copies `parts` into one buffer. Resonate's message size limit keeps each far below 4 GiB.
    pub(crate) fn new(parts: [&[u8]; N]) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        let ends = parts.map(|part| {
            bytes.extend_from_slice(part);
            u32::try_from(bytes.len()).unwrap_or(u32::MAX)
        });
        Self { bytes: bytes.into_boxed_slice(), ends }
    }

    /// Returns the strings, in the order in which they were packed.
    pub(crate) fn parts(&self) -> [&[u8]; N] {
        let mut start = 0;
        self.ends.map(|end| {
            let part = self.bytes.get(start..end as usize).unwrap_or_default();
            start = end as usize;
            part
        })
    }
}

/// The bounded queue between the event loop and the intake.
#[derive(Debug)]
pub(crate) struct IntentQueue {
    sender: Sender<Intent>,
    client_event_limit: usize,
    message_bytes: AtomicUsize,
    overflow: Mutex<Overflow>,
    /// `true` while `Overflow::late` has entries.
    is_late: AtomicBool,
    /// Intents that the reader has taken and not yet applied to the node state. Only the reader writes it.
    taken: AtomicUsize,
}

/// Intents that did not fit into the queue.
#[derive(Debug, Default)]
struct Overflow {
    dirty: HashSet<(AppId, ChannelName)>,
    /// Sockets that opened or closed while the queue was full, and later ones, so that their order is kept.
    late: Vec<Intent>,
}

impl IntentQueue {
    /// Returns a queue for `capacity` intents, and its receiver.
    pub(crate) fn new(capacity: usize) -> (Self, Receiver<Intent>) {
        let (sender, receiver) = bounded(capacity);
        let client_event_limit = capacity - capacity / RESERVED_FOR_SUBSCRIPTIONS;
        let queue = Self {
            sender,
            client_event_limit,
            message_bytes: AtomicUsize::new(0),
            overflow: Mutex::default(),
            is_late: AtomicBool::new(false),
            taken: AtomicUsize::new(0),
        };
        (queue, receiver)
    }

    /// Pushes an intent. Never waits for room.
    pub(crate) fn push(&self, intent: Intent, counters: &Counters) {
        if matches!(intent, Intent::Message(..)) && !self.has_room_for_message(intent.message_bytes()) {
            counters.client_events_dropped.add(1);
            return;
        }
        let is_lifetime = matches!(intent, Intent::Opened(..) | Intent::Closed(..));
        if is_lifetime && self.is_late.load(Ordering::Acquire) {
            return self.overflowed(intent, counters);
        }
        if let Err(TrySendError::Full(intent) | TrySendError::Disconnected(intent)) = self.sender.try_send(intent) {
            self.overflowed(intent, counters);
        }
    }

    /// Counts the bytes of a message, if there is room for it.
    fn has_room_for_message(&self, bytes: usize) -> bool {
        let has_room = self.sender.len() < self.client_event_limit
            && self.message_bytes.load(Ordering::Relaxed) + bytes <= MESSAGE_BYTES;
        if has_room {
            self.message_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        has_room
    }

    /// Pushes an intent if there is room. Returns `false` if not, so the caller can report it.
    pub(crate) fn offer(&self, intent: Intent) -> bool {
        self.sender.len() < self.client_event_limit && self.sender.try_send(intent).is_ok()
    }

    /// Returns the number of intents that are not in the node state yet: in the queue, in the late list, or taken by
    /// the reader. 0 means that everything pushed before is applied.
    pub(crate) fn waiting(&self) -> usize {
        // Counted in the order in which an intent moves, so that one that moves during the call is counted in its next place.
        let queued = self.sender.len();
        let late = if self.is_late() { self.overflow.lock().late.len() } else { 0 };
        queued + late + self.taken.load(Ordering::Acquire)
    }

    /// Takes the next intent from `reader`, the receiver of this queue, if there is one. It counts as waiting until
    /// [`Self::entered`].
    pub(crate) fn take(&self, reader: &Receiver<Intent>) -> Option<Intent> {
        if reader.is_empty() {
            return None;
        }
        // Counted before it leaves the queue, so that it is always counted somewhere.
        self.count_taken(1);
        let intent = reader.try_recv().ok()?;
        self.message_bytes.fetch_sub(intent.message_bytes(), Ordering::Relaxed);
        Some(intent)
    }

    /// Marks everything that was taken as applied to the node state.
    pub(crate) fn entered(&self) {
        self.taken.store(0, Ordering::Release);
    }

    fn count_taken(&self, more: usize) {
        self.taken.store(self.taken.load(Ordering::Relaxed) + more, Ordering::Release);
    }

    /// Returns the channels that were marked dirty since the last call.
    pub(crate) fn take_dirty(&self) -> Vec<(AppId, ChannelName)> {
        self.overflow.lock().dirty.drain().collect()
    }

    /// Returns `true` if late intents wait.
    pub(crate) fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Acquire)
    }

    /// Takes the late intents, once the queue is empty. They count as waiting until [`Self::entered`].
    pub(crate) fn take_late(&self) -> Vec<Intent> {
        if !self.is_late() {
            return Vec::new();
        }
        let mut overflow = self.overflow.lock();
        // While the lock is held none is added, so an empty queue means that everything before them has been read.
        if !self.sender.is_empty() {
            return Vec::new();
        }
        self.count_taken(overflow.late.len());
        self.is_late.store(false, Ordering::Release);
        std::mem::take(&mut overflow.late)
    }

    fn overflowed(&self, intent: Intent, counters: &Counters) {
        let mut overflow = self.overflow.lock();
        match intent {
            Intent::Subscribed(..)
            | Intent::Unsubscribed(..)
            | Intent::Live(..)
            | Intent::Present(..)
            | Intent::Absent(..) => {
                let place = intent.place().map(|(app, channel)| (app.clone(), ChannelName::new(channel)));
                overflow.dirty.extend(place);
            }
            lifetime @ (Intent::Opened(..) | Intent::Closed(..)) => {
                overflow.late.push(lifetime);
                self.is_late.store(true, Ordering::Release);
                // The reader may have emptied the queue since then, and sleep. If the queue is not empty, the reader takes the
                // late intents after the rest.
                if self.sender.is_empty() {
                    let _ = self.sender.try_send(Intent::Late);
                }
            }
            Intent::Message(..) => {
                self.message_bytes.fetch_sub(intent.message_bytes(), Ordering::Relaxed);
                counters.client_events_dropped.add(1);
                return;
            }
            // The next subscriber reports the channel.
            Intent::CacheSeen { .. } => {}
            // `ClientEvent` and `Late` come from elsewhere. The senders of `Custom` and `Barrier` get the refusal. A full
            // queue wakes its reader even without a `Stop`.
            Intent::ClientEvent(..) | Intent::Custom(..) | Intent::Late | Intent::Barrier(_) | Intent::Stop => return,
        }
        counters.hook_queue_overflows.add(1);
    }
}

#[cfg(test)]
#[path = "intent_tests.rs"]
mod tests;
