//! The intake thread: takes intents from the queue and enters them into the ledger.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use parking_lot::MutexGuard;

use super::batch::{CacheSeen, Said, Whisper};
use super::claim::Claim;
use super::full_outbox::FullOutbox;
use super::ledger::{Ledger, SharedLedger};
use super::table::non_empty;
use crate::event::{ClientEvent, ClientEventParts, CustomEvent};
use crate::intent::{Intent, IntentQueue};
use crate::names::{AppId, ChannelName};
use crate::telemetry::{Level, Telemetry};

/// Intents taken from the queue at once.
const PORTION: usize = 1024;

/// Intents entered before the claimer gets the ledger if it waits for it: a tenth of a millisecond's work. Redis waits for
/// the next batch meanwhile.
const TURN: usize = 64;

/// A pause between two looks at the queue while there is traffic. A sleeping reader has to be woken by the hook that
/// pushes, which costs the event loop a system call; one that naps is not.
const NAP: Duration = Duration::from_millis(1);

/// Naps without an intent after which the reader sleeps until it is woken.
const QUIET_NAPS: u32 = 50;

/// What the intake thread works with.
#[derive(Debug)]
pub(crate) struct Intake {
    queue: Arc<IntentQueue>,
    intents: Receiver<Intent>,
    ledger: Arc<SharedLedger>,
    telemetry: Arc<Telemetry>,
    portion: Vec<Intent>,
    claims: Vec<Claim>,
    barriers: Vec<Sender<()>>,
    /// Events of the application that found no room.
    dropped: FullOutbox,
}

/// Whether the thread goes on.
#[derive(PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    Stop,
}

impl Intake {
    /// An intake from `queue` (read from its end `intents`) into `ledger`.
    pub(crate) fn new(
        queue: Arc<IntentQueue>,
        intents: Receiver<Intent>,
        ledger: Arc<SharedLedger>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let (portion, claims, barriers) = (Vec::new(), Vec::new(), Vec::new());
        Self { queue, intents, ledger, telemetry, portion, claims, barriers, dropped: FullOutbox::default() }
    }

    /// Runs until it takes in a [`Intent::Stop`].
    pub(crate) fn run(&mut self) {
        while let Ok(first) = self.intents.recv() {
            let mut waiting = Some(first);
            let mut quiet = 0;
            while quiet < QUIET_NAPS {
                let (taken, next) = self.take_portion(waiting.take());
                if next == Next::Stop {
                    return;
                }
                if taken < PORTION {
                    std::thread::sleep(NAP);
                }
                quiet = if taken == 0 { quiet + 1 } else { 0 };
            }
        }
    }

    /// Enters up to a portion of intents, `first` before what waits in the queue; returns how many.
    pub(super) fn take_portion(&mut self, first: Option<Intent>) -> (usize, Next) {
        let mut portion = std::mem::take(&mut self.portion);
        portion.extend(first.into_iter().chain(self.intents.try_iter().take(PORTION)));
        portion.extend(self.queue.take_late());
        let taken = portion.len();
        let next = self.enter_all(&mut portion);
        self.portion = portion;
        for barrier in self.barriers.drain(..) {
            // Whoever waited may have given up.
            let _ = barrier.try_send(());
        }
        self.telemetry.counters().intents.add(taken as u64);
        (taken, next)
    }

    /// Enters up to a portion of what waits, for whoever measures that; returns how many.
    #[cfg(feature = "bench")]
    pub(crate) fn take_in(&mut self) -> usize {
        self.take_portion(None).0
    }

    fn enter_all(&mut self, portion: &mut Vec<Intent>) -> Next {
        if portion.is_empty() {
            return Next::Continue;
        }
        let shared = Arc::clone(&self.ledger);
        let mut ledger = shared.lock();
        for (n, intent) in portion.drain(..).enumerate() {
            if n % TURN == TURN - 1 {
                MutexGuard::bump(&mut ledger);
            }
            if self.enter(&mut ledger, intent) == Next::Stop {
                return Next::Stop;
            }
        }
        let unclaimed = !ledger.pending.is_empty() || ledger.table.counts_due_at().is_some();
        drop(ledger);
        if unclaimed {
            shared.notify();
        }
        Next::Continue
    }

    fn enter(&mut self, ledger: &mut Ledger, intent: Intent) -> Next {
        let claims = &mut self.claims;
        match intent {
            Intent::Opened(app, socket) => ledger.table.open(&app, &socket, claims),
            Intent::Subscribed(app, text) => {
                let [channel, socket, user, data] = text.parts();
                ledger.table.subscribe(&app, channel, socket, non_empty(user), non_empty(data), claims);
            }
            Intent::Unsubscribed(app, text) => {
                let [channel, socket] = text.parts();
                ledger.table.unsubscribe(&app, channel, socket, claims);
            }
            Intent::Closed(app, socket) => ledger.table.close(&app, socket.as_bytes(), claims),
            Intent::Truth(app, channel, live) => {
                let live: Vec<[&[u8]; 2]> = live.iter().map(crate::intent::Packed::parts).collect();
                let repairs = ledger.table.reconcile(&app, channel.as_bytes(), &live, claims);
                self.telemetry.counters().reconcile_repairs.add(repairs as u64);
            }
            Intent::ClientEvent { app, text, has_data } => self.whisper(ledger, app, text.parts(), has_data),
            Intent::Custom(app, channel, event) => self.announce(ledger, app, channel, event),
            Intent::CacheSeen { app, channel, empty } => cache_seen(ledger, app, channel.as_bytes(), empty),
            Intent::Barrier(reply) => self.barriers.push(reply),
            Intent::Stop => return Next::Stop,
        }
        if !self.claims.is_empty() {
            let collapsed = ledger.pending.push_claims(self.claims.drain(..));
            self.telemetry.counters().claims_collapsed.add(collapsed as u64);
        }
        Next::Continue
    }

    fn whisper(&self, ledger: &mut Ledger, app: AppId, text: [&[u8]; 5], has_data: bool) {
        let [channel, event, socket, user, data] = text;
        let counters = self.telemetry.counters();
        // The hook has asked Resonate; this is for a whisper that overtook its own subscribe in a full queue.
        let Some(channel) = ledger.table.subscription(&app, channel, socket).cloned() else {
            counters.client_events_refused.add(1);
            return;
        };
        let (user, data) = (non_empty(user), has_data.then_some(data));
        let event = ClientEvent::new(&ClientEventParts { event, socket, user, data });
        let whisper = Whisper { app, channel, said: Said::ByClient(event) };
        if !ledger.pending.push_whisper(whisper) {
            counters.client_events_dropped.add(1);
        }
    }

    fn announce(&mut self, ledger: &mut Ledger, app: AppId, channel: ChannelName, event: CustomEvent) {
        let whisper = Whisper { app, channel, said: Said::ByApplication(event) };
        if ledger.pending.push_whisper(whisper) {
            return;
        }
        self.telemetry.counters().custom_events_dropped.add(1);
        if let Some(dropped) = self.dropped.refused(1, Instant::now()) {
            self.telemetry.log(
                Level::Error,
                format_args!("{dropped} events of the application were given up: too much waits for Redis"),
            );
        }
    }
}

/// Tells Redis what was seen of a cache channel, if that is not what it was told before.
fn cache_seen(ledger: &mut Ledger, app: AppId, channel: &[u8], empty: bool) {
    let news = if empty {
        ledger.table.found_empty(&app, channel, Instant::now())
    } else {
        ledger.table.found_filled(&app, channel)
    };
    if let Some(channel) = news {
        // When it is refused, whoever comes later finds the channel as it is.
        ledger.pending.push_cache(CacheSeen { app, channel, empty });
    }
}
