//! Reconciles node state with the host's live connections: the part on the event loop. No method blocks.

use super::Engine;
use crate::event::{AppId, ChannelName, SocketId};
use crate::presence::{Intent, Packed};

/// Bits of a cursor for the place within a shard. The shard is in the bits above.
const CURSOR_BITS: u32 = usize::BITS - 8;

impl Engine {
    /// Reconciles a channel with all of its live connections. Adds subscriptions that the hooks missed, and removes
    /// those whose end they missed. `live` has `(socket, user)`, with an empty user for none.
    pub fn reconcile<T: AsRef<[u8]>>(&self, app: &[u8], channel: &[u8], live: impl Iterator<Item = (T, T)>) {
        self.push(|| Intent::Live(self.app_id(app), ChannelName::new(channel), packed(live)));
    }

    /// Adds those of the given live connections of a channel that the hooks missed. `live` as in [`Self::reconcile`].
    pub fn present<T: AsRef<[u8]>>(&self, app: &[u8], channel: &[u8], live: impl Iterator<Item = (T, T)>) {
        self.push(|| Intent::Present(self.app_id(app), ChannelName::new(channel), packed(live)));
    }

    /// Removes sockets that are not on a channel, if the hooks missed their end.
    pub fn absent(&self, app: &[u8], channel: &[u8], sockets: Vec<SocketId>) {
        if !sockets.is_empty() {
            self.push(|| Intent::Absent(self.app_id(app), ChannelName::new(channel), sockets));
        }
    }

    /// Takes the channels to reconcile, because some of their intents did not fit into the queue.
    #[must_use]
    pub fn dirty_channels(&self) -> Vec<(AppId, ChannelName)> {
        if self.is_inert() { Vec::new() } else { self.shared.queue.take_dirty() }
    }

    /// Returns up to `limit` channels with a local socket, starting at `cursor`, and the next cursor, which is 0 at the
    /// end. Channels that are added or removed between two calls may be skipped or repeated; the next round corrects
    /// that. Returns `None` if the node state is locked, to avoid blocking.
    #[must_use]
    pub fn channels(&self, cursor: usize, limit: usize) -> Option<Page<(AppId, ChannelName)>> {
        if self.is_inert() {
            return Some((0, Vec::new()));
        }
        let shards = &self.shared.node_states.shards;
        let (shard, at) = (cursor >> CURSOR_BITS, cursor & ((1 << CURSOR_BITS) - 1));
        let Some(node_state) = shards.get(shard) else { return Some((0, Vec::new())) };
        let node_state = node_state.try_lock()?;
        let (next, found) = page(node_state.table.channels(), at, limit, |(app, name)| (app.clone(), name.clone()));
        let next = match next {
            0 if shard + 1 == shards.len() => 0,
            0 => (shard + 1) << CURSOR_BITS,
            next => (shard << CURSOR_BITS) | next,
        };
        Some((next, found))
    }

    /// Returns the sockets on a channel, in pages like [`Self::channels`].
    #[must_use]
    pub fn sockets(&self, app: &[u8], channel: &[u8], cursor: usize, limit: usize) -> Option<Page<SocketId>> {
        if self.is_inert() {
            return Some((0, Vec::new()));
        }
        let app = self.app_id(app);
        let node_state = self.shared.node_states.of(&app, channel).try_lock()?;
        Some(page(node_state.table.sockets(&app, channel), cursor, limit, SocketId::clone))
    }
}

/// The next cursor, 0 at the end, and the items of the page.
pub type Page<T> = (usize, Vec<T>);

fn page<T, U>(all: impl Iterator<Item = T>, cursor: usize, limit: usize, owned: impl Fn(T) -> U) -> Page<U> {
    let found: Vec<_> = all.skip(cursor).take(limit).map(owned).collect();
    (if found.len() < limit { 0 } else { cursor + limit }, found)
}

fn packed<T: AsRef<[u8]>>(live: impl Iterator<Item = (T, T)>) -> Vec<Packed<2>> {
    live.map(|(socket, user)| Packed::new([socket.as_ref(), user.as_ref()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_continues_the_previous_one_and_the_last_one_returns_to_the_start() {
        let pages = |cursor, limit| page(0..5, cursor, limit, |n| n);
        assert_eq!(pages(0, 2), (2, vec![0, 1]));
        assert_eq!(pages(2, 2), (4, vec![2, 3]));
        assert_eq!(pages(4, 2), (0, vec![4]));
        assert_eq!(pages(0, 5), (5, vec![0, 1, 2, 3, 4]));
        assert_eq!(pages(5, 5), (0, vec![]));
        assert_eq!(pages(usize::MAX, usize::MAX), (0, vec![]));
    }
}
