//! Reaping of nodes whose lease has lapsed.

use std::collections::BTreeSet;

use super::redis::{Decision, Lease};
use super::{Node, RENEWALS, Reference, keys};
use crate::presence::model::kinds::{Id, Key, ModelEvent, What};
use crate::presence::model::names::Names;
use crate::presence::model::operations::Channel;

impl Reference {
    /// Reaps the dead nodes that a node has found, if its lease is unbroken, and its predecessor. Returns false while Redis is
    /// settling.
    pub(super) fn reap_suspects(&mut self, n: usize) -> bool {
        let Node { now, suspects, dead, predecessor, unbroken_renewals, .. } = &mut self.nodes[n];
        if *unbroken_renewals < RENEWALS {
            suspects.clear();
            dead.retain(|id| *predecessor == Some(*id));
        }
        dead.extend(suspects.extract_if(.., |_, at| *at <= *now).map(|(id, _)| id));
        if self.redis.is_settling() && !self.nodes[n].dead.is_empty() {
            return false;
        }
        self.nodes[n].predecessor = None;
        for id in std::mem::take(&mut self.nodes[n].dead) {
            if self.redis.leases.get(&id).is_some_and(|lease| *lease != Lease::Good) {
                let leaving = self.reap(id, usize::MAX);
                let node = &mut self.nodes[n];
                node.asks |= !leaving.is_empty();
                node.departures.extend(leaving);
            }
        }
        true
    }

    /// Removes up to `most` holds of a dead incarnation. Returns the departures whose grace began.
    pub(super) fn reap(&mut self, dead: Id, most: usize) -> Vec<Key> {
        let mut holds: Vec<Key> = self.redis.holds.get(&dead).into_iter().flatten().copied().collect();
        holds.sort_by_key(|key| self.reaping_order(*key));
        let Decision { published, leaving } = self.redis.reap(dead, &holds, most);
        self.published.extend(published);
        leaving
    }

    /// Sort key of the reaping order: users first. The order among users and among channels does not matter.
    fn reaping_order(&self, key: Key) -> (bool, Vec<u8>) {
        let Names { apps, channels, users } = &*self.names;
        let (app, channel) = (&apps[key.app], &channels[key.channel]);
        let mut text = Vec::new();
        for name in [app, channel] {
            text.extend_from_slice(name.len().to_string().as_bytes());
            text.push(b':');
            text.extend_from_slice(name);
        }
        text.extend(key.user.map(|user| users[user].clone()).unwrap_or_default());
        (key.user.is_none(), text)
    }

    pub(super) fn start_over(&mut self, n: usize) {
        let id = self.next_id();
        let node = &mut self.nodes[n];
        if node.carried_out.is_some() {
            node.answered();
        }
        node.dead.insert(node.id);
        node.predecessor = Some(node.id);
        node.id = id;
        let gone = std::mem::take(&mut node.held);
        (node.epoch, node.had_session, node.sent) = (None, false, None);
        if !self.redis.grants_grace {
            let channels = node.table.keys().map(|(channel, _)| *channel);
            let is_counted = |channel: &Channel| !self.names.channels[channel.1].starts_with(b"presence-");
            node.counted.extend(channels.filter(is_counted));
        }

        let waiting = std::mem::take(&mut node.waiting);
        let first = |key: Key| waiting.iter().position(|event| event.key == key && !event.is_whisper());
        let is_pending_before = |key: Key, until: usize| {
            let concerns = |event: &ModelEvent| match event.what {
                What::Whispered(_) => event.key == key || event.key.channel() == key,
                What::Came => event.key != key && event.key.channel() == key,
                What::Went | What::Counted(_) => false,
            };
            waiting.range(..until).any(concerns)
        };
        let mut anew: BTreeSet<Key> = keys(&node.table).into_iter().filter(|key| first(*key).is_none()).collect();
        let mut left_out = BTreeSet::new();
        for key in gone {
            // The reaper publishes the departure, so the waiting one is left out. If something of that visit is still
            // waiting, the node claims the visit anew and its departure stays.
            match first(key) {
                Some(departure) if is_pending_before(key, departure) => drop(anew.insert(key)),
                Some(departure) => drop(left_out.insert(departure)),
                None => {}
            }
        }
        node.waiting.extend(anew.into_iter().map(|key| ModelEvent { key, what: What::Came }));
        let stays = |(at, event): (usize, &ModelEvent)| (!left_out.contains(&at)).then(|| event.clone());
        node.waiting.extend(waiting.iter().enumerate().filter_map(stays));
    }
}
