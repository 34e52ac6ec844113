//! Preconditions of operations, and the operations that bring a case to rest.

use std::collections::{BTreeMap, BTreeSet};

use super::redis::Lease;
use super::{Node, RENEWALS, Reference, Sockets, keys};
use crate::presence::model::kinds::{Id, Key};
use crate::presence::model::names::{APPS, CHANNELS};
use crate::presence::model::operations::Operation;

impl Reference {
    /// Returns the keys that are present in the live connections.
    pub(in super::super) fn present(&self) -> BTreeSet<Key> {
        self.nodes.iter().flat_map(|node| keys(&node.live)).collect()
    }

    /// Returns the holds that Redis has of an incarnation.
    pub(in super::super) fn held_by(&self, id: Id) -> BTreeSet<Key> {
        self.redis.holds.get(&id).cloned().unwrap_or_default()
    }

    /// Returns the number of connections of each channel whose number is published.
    pub(in super::super) fn counts(&self) -> BTreeMap<Key, u64> {
        let mut counts = BTreeMap::new();
        for ((app, channel), _) in self.nodes.iter().flat_map(|node| node.live.keys()) {
            if !self.names.channels[*channel].starts_with(b"presence-") {
                *counts.entry(Key { app: *app, channel: *channel, user: None }).or_default() += 1;
            }
        }
        counts
    }

    /// Returns the operations that end all faults: paused nodes resume, dead nodes lose their leases, and unseen
    /// changes are reconciled.
    pub(in super::super) fn operations_to_rest(&self) -> Vec<Operation> {
        let nodes = 0..self.nodes.len();
        let channels = || (0..APPS).flat_map(|app| (0..CHANNELS).map(move |channel| (app, channel)));
        let mut operations: Vec<_> = nodes.clone().map(|node| Operation::Resume { node }).collect();
        for node in nodes.clone() {
            let of = |sockets: &Sockets, channel| sockets.iter().filter(|((of, _), _)| *of == channel).count();
            let Node { live, table, .. } = &self.nodes[node];
            let touched = channels().filter(|channel| of(live, *channel) + of(table, *channel) > 0);
            operations.extend(touched.map(|channel| Operation::Reconcile { node, channel }));
        }
        if self.redis.is_settling() {
            operations.push(Operation::Settle);
        }
        let is_gone = |id: &Id| self.nodes.iter().all(|node| node.id != *id);
        let unnoticed = self.redis.leases.iter().filter(|(id, lease)| **lease == Lease::Good && is_gone(id));
        operations.extend(unnoticed.map(|(id, _)| *id).map(|incarnation| Operation::Lapse { incarnation }));
        for _ in 0..=RENEWALS + 2 {
            operations.extend(nodes.clone().map(|node| Operation::Renew { node }));
        }
        operations.push(Operation::GraceOver);
        operations.push(Operation::Renew { node: 0 });
        operations
    }

    /// Returns the operations with which all clients leave.
    pub(in super::super) fn operations_to_leave(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for node in 0..self.nodes.len() {
            let sockets = self.nodes[node].table.keys().map(|((app, _), socket)| (*app, *socket));
            let sockets: BTreeSet<(usize, usize)> = sockets.collect();
            operations.extend(sockets.into_iter().map(|(app, socket)| Operation::Close { node, app, socket }));
            operations.push(Operation::Step { node });
        }
        operations.push(Operation::GraceOver);
        operations.push(Operation::Renew { node: 0 });
        operations
    }

    /// Returns true if the operation can happen now and its consequences are guaranteed. The losses of all data that
    /// docs/correctness.md excludes are not: while a node is dead or cut off, while it is unknown whether a batch was
    /// carried out, or while it is unknown whether the grace of a departure is over.
    pub(in super::super) fn allows(&self, operation: &Operation) -> bool {
        let reachable = |node: &usize| !self.nodes[*node].paused;
        let is_stable = !self.redis.is_settling();
        let at_home = |node: &Node| {
            let known = self.redis.leases.get(&node.id) == Some(&Lease::Good) && node.epoch == self.redis.epoch;
            known && !node.paused && node.carried_out.is_none()
        };
        if operation.node().is_some_and(|node| node >= self.nodes.len()) {
            return false;
        }
        match operation {
            Operation::GraceOver => !self.redis.leaving.is_empty(),
            Operation::OrderedEvent { node, channel, socket } => {
                self.nodes[*node].table.contains_key(&(*channel, *socket))
            }
            Operation::Step { node } => reachable(node),
            Operation::Renew { node } => {
                // Before it confirms, every node must have had time to notice the loss.
                let noticed = || self.nodes.iter().all(|node| node.epoch == self.redis.epoch);
                reachable(node) && (self.nodes[*node].waits != 1 || noticed())
            }
            Operation::LoseRequest { node } => self.nodes[*node].has_batch(),
            Operation::LoseReply { node } => {
                let node = &self.nodes[*node];
                let lease = self.redis.leases.get(&node.id);
                let served = lease.is_some_and(|lease| *lease != Lease::Reaping) && node.epoch == self.redis.epoch;
                is_stable
                    && served
                    && !node.paused
                    && node.carried_out.is_none()
                    && node.has_batch()
                    && node.knows_batch()
            }
            Operation::Lapse { incarnation } => is_stable && self.redis.leases.get(incarnation) == Some(&Lease::Good),
            Operation::ReapOne { incarnation } => {
                let lease = self.redis.leases.get(incarnation);
                is_stable && lease.is_some_and(|lease| *lease != Lease::Good)
            }
            Operation::Pause { node } | Operation::OwnershipEnd { node } => is_stable && reachable(node),
            Operation::Crash { .. } => is_stable,
            Operation::Wipe { .. } => {
                let alive = self.redis.leases.len() == self.nodes.len();
                let unknown = |key: &Key| self.nodes.iter().all(|node| !node.departures.contains(key));
                let forgotten = self.announced_late || self.redis.leaving.keys().any(unknown);
                is_stable && self.redis.epoch.is_some() && alive && !forgotten && self.nodes.iter().all(at_home)
            }
            Operation::Settle => !is_stable,
            _ => true,
        }
    }
}
