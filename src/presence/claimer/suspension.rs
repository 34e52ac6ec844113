//! Applications with a key of a foreign type: the node keeps their claims back, names the key in the log, and resumes them when
//! the key is gone. `suspended.lua` describes the protocol.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::scripts::{Progress, Resumed};
use super::{Claimer, Stuck, call, stuck};
use crate::event::AppId;
use crate::redis::ForeignKey;
use crate::telemetry::{Level, RedisFault};

/// How often a node looks which applications are suspended, and whether one of them can go on.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The shortest time between a refusal and the next claims.
const PAUSE: Duration = Duration::from_millis(10);

/// The suspended applications, as Redis last listed them.
#[derive(Debug, Default)]
pub(super) struct Suspension {
    look_at: Option<Instant>,
    /// Each with its foreign key; all of them are in the log.
    known: BTreeMap<AppId, ForeignKey>,
    /// Those whose hold sets are being rebuilt, and how far that is.
    resuming: Vec<(AppId, Progress)>,
}

impl Claimer {
    /// Sets the claims of suspended applications aside, after Redis has refused them. Returns when to send the others.
    pub(super) fn keep_suspended_back(&mut self, now: Instant) -> Instant {
        match self.learn_suspended() {
            Err(Stuck::Unreachable(retry_at)) => retry_at,
            Ok(()) | Err(Stuck::Refused(_) | Stuck::Closed(_) | Stuck::Hindered) => now + PAUSE,
        }
    }

    /// Asks Redis every two seconds which applications are suspended, and rebuilds their hold sets, one portion a turn. Returns
    /// whether there is more to do.
    pub(super) fn look_after_suspended(&mut self, now: Instant) -> Result<bool, Stuck> {
        if let Some((app, progress)) = self.suspension.resuming.pop() {
            self.resume(app, &progress)?;
            return Ok(!self.suspension.resuming.is_empty());
        }
        // A batch that Redis may have carried out must not change.
        if self.suspension.look_at.is_some_and(|at| at > now) || self.unanswered.is_some() {
            return Ok(false);
        }
        self.learn_suspended()?;
        self.suspension.look_at = Some(now + LOOK_EVERY);
        self.suspension.resuming = self.suspension.known.keys().map(|app| (app.clone(), Progress::default())).collect();
        Ok(!self.suspension.resuming.is_empty())
    }

    fn resume(&mut self, app: AppId, progress: &Progress) -> Result<(), Stuck> {
        let (session, keys) = (&self.session, &self.keys);
        let epoch = session.epoch().unwrap_or_default();
        match call(&mut self.link, |redis| keys.resume(redis, session.node(), epoch, &app, progress))?? {
            Resumed::More(progress) => self.suspension.resuming.push((app, progress)),
            Resumed::Foreign => self.telemetry.redis_failed(RedisFault::WrongType),
            Resumed::Done => self.learn_suspended()?,
        }
        Ok(())
    }

    /// Asks Redis which applications are suspended, logs the changes, and keeps the claims of exactly these back.
    fn learn_suspended(&mut self) -> Result<(), Stuck> {
        let keys = &self.keys;
        let found = self.link.read(|redis| keys.suspended(redis)).map_err(|_| stuck(&self.link))?;
        for (app, key) in found.iter().filter(|&(app, key)| self.suspension.known.get(app) != Some(key)) {
            self.telemetry.redis_failed(RedisFault::WrongType);
            self.telemetry.log(
                Level::Error,
                format_args!(
                    "Application {app:?} is suspended, its events wait: in Redis, {key}. The other applications go on."
                ),
            );
        }
        for app in self.suspension.known.keys().filter(|&app| !found.contains_key(app)) {
            self.telemetry
                .log(Level::Info, format_args!("Application {app:?} goes on: its keys in Redis are its own again"));
        }
        let mut node_state = self.node_state.lock();
        if node_state.pending.suspend(found.keys().cloned().collect()) {
            node_state.table.tell_counts_again();
        }
        drop(node_state);
        // It may have been written out with claims that are kept back now.
        self.prepared = None;
        self.suspension.known = found;
        self.node_state.notify();
        Ok(())
    }
}
