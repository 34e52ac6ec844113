//! Applications with a key of a foreign type. The node sets their claims aside, logs the key, and resumes them when the key
//! is gone. `suspended.lua` describes the protocol.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::scripts::{Progress, Resumed};
use super::{Claimer, Stuck, call, stuck};
use crate::event::AppId;
use crate::redis::ForeignKey;
use crate::telemetry::RedisFault;

/// Pause between two queries for suspended applications and attempts to resume them.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Shortest pause between a refusal and the next claims.
const PAUSE: Duration = Duration::from_millis(10);

/// The suspended applications, as Redis last listed them.
#[derive(Debug, Default)]
pub(super) struct Suspension {
    look_at: Option<Instant>,
    /// The foreign key of each application. All of them were logged.
    known: BTreeMap<AppId, ForeignKey>,
    /// Applications whose hold sets are being rebuilt, with the progress.
    resuming: Vec<(AppId, Progress)>,
}

impl Claimer {
    /// Sets the claims of suspended applications aside after Redis has refused a batch. Returns when to send the others.
    pub(super) fn set_suspended_aside(&mut self, now: Instant) -> Instant {
        match self.refresh_suspended() {
            Err(Stuck::Unreachable(retry_at)) => retry_at,
            Ok(()) | Err(Stuck::Refused(_) | Stuck::Closed(_) | Stuck::Hindered) => now + PAUSE,
        }
    }

    /// Queries the suspended applications every two seconds, and rebuilds their hold sets one portion per call. Returns `true`
    /// if there is more to do.
    pub(super) fn check_suspended(&mut self, now: Instant) -> Result<bool, Stuck> {
        if let Some((app, progress)) = self.suspension.resuming.pop() {
            self.resume(app, &progress)?;
            return Ok(!self.suspension.resuming.is_empty());
        }
        // Redis may have applied the batch in flight, so it must not change.
        if self.suspension.look_at.is_some_and(|at| at > now) || self.unanswered.is_some() {
            return Ok(false);
        }
        self.refresh_suspended()?;
        self.suspension.look_at = Some(now + LOOK_EVERY);
        self.suspension.resuming = self.suspension.known.keys().map(|app| (app.clone(), Progress::default())).collect();
        Ok(!self.suspension.resuming.is_empty())
    }

    fn resume(&mut self, app: AppId, progress: &Progress) -> Result<(), Stuck> {
        let (session, keys) = (&self.session, &self.keys);
        let epoch = session.epoch().unwrap_or_default();
        match call(&mut self.link, |redis| keys.resume(redis, &session.node, epoch, &app, progress))?? {
            Resumed::More(progress) => self.suspension.resuming.push((app, progress)),
            Resumed::Foreign => self.telemetry.redis_failed(RedisFault::WrongType),
            Resumed::Done => self.refresh_suspended()?,
        }
        Ok(())
    }

    /// Queries the suspended applications, logs changes, and sets exactly their claims aside.
    fn refresh_suspended(&mut self) -> Result<(), Stuck> {
        let keys = &self.keys;
        let found = self.link.read(|redis| keys.suspended(redis)).map_err(|_| stuck(&self.link))?;
        for (app, key) in found.iter().filter(|&(app, key)| self.suspension.known.get(app) != Some(key)) {
            self.telemetry.redis_failed(RedisFault::WrongType);
            self.telemetry.log_error(format_args!(
                "Application {app:?} is suspended and its events wait: in Redis, {key}. Other applications continue."
            ));
        }
        for app in self.suspension.known.keys().filter(|&app| !found.contains_key(app)) {
            self.telemetry.log_info(format_args!("Application {app:?} is resumed: its keys in Redis are valid again"));
        }
        let mut node_state = self.node_state.lock();
        if node_state.pending.suspend(found.keys().cloned().collect()) {
            node_state.table.resend_counts();
        }
        drop(node_state);
        // It may contain claims that are now set aside.
        self.prepared = None;
        self.suspension.known = found;
        self.node_state.notify();
        Ok(())
    }
}
