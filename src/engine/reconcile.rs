//! The comparison with the host's live connections, as far as the event loop takes part in it. None of it waits.

use super::Engine;
use crate::event::{AppId, ChannelName, SocketId};
use crate::presence::{Intent, Packed};

impl Engine {
    /// All live connections of a channel, `(socket, user)` with an empty user for none: what the hooks missed is made up
    /// for, both ways.
    pub fn reconcile(
        &self,
        app: &[u8],
        channel: &[u8],
        live: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    ) {
        self.push(|| Intent::Live(self.app_id(app), ChannelName::new(channel), packed(live)));
    }

    /// Some of the live connections of a channel, in the same form: those that the hooks missed are added.
    pub fn present(
        &self,
        app: &[u8],
        channel: &[u8],
        live: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    ) {
        self.push(|| Intent::Present(self.app_id(app), ChannelName::new(channel), packed(live)));
    }

    /// Sockets that are not on a channel: those whose end the hooks missed are removed.
    pub fn absent(&self, app: &[u8], channel: &[u8], sockets: Vec<SocketId>) {
        if !sockets.is_empty() {
            self.push(|| Intent::Absent(self.app_id(app), ChannelName::new(channel), sockets));
        }
    }

    /// The channels whose live connections are asked for, because their intents did not fit into the queue.
    #[must_use]
    pub fn dirty_channels(&self) -> Vec<(AppId, ChannelName)> {
        if self.is_inert() { Vec::new() } else { self.shared.queue.take_dirty() }
    }

    /// Up to `limit` channels with a local socket from `cursor` on, and the next cursor, 0 at the end. Channels that come
    /// or go between two calls may be missed or seen twice; the next round finds them. `None` while the table is in use:
    /// nothing waits for it.
    #[must_use]
    pub fn channels(&self, cursor: usize, limit: usize) -> Option<Page<(AppId, ChannelName)>> {
        if self.is_inert() {
            return Some((0, Vec::new()));
        }
        let node_state = self.shared.node_state.try_lock()?;
        Some(page(node_state.table.channels(), cursor, limit, |(app, name)| (app.clone(), name.clone())))
    }

    /// The same for the sockets on a channel.
    #[must_use]
    pub fn sockets(&self, app: &[u8], channel: &[u8], cursor: usize, limit: usize) -> Option<Page<SocketId>> {
        if self.is_inert() {
            return Some((0, Vec::new()));
        }
        let app = self.app_id(app);
        let node_state = self.shared.node_state.try_lock()?;
        Some(page(node_state.table.sockets(&app, channel), cursor, limit, SocketId::clone))
    }
}

/// The next cursor, 0 at the end, and what was found.
pub type Page<T> = (usize, Vec<T>);

fn page<T, U>(all: impl Iterator<Item = T>, cursor: usize, limit: usize, owned: impl Fn(T) -> U) -> Page<U> {
    let found: Vec<_> = all.skip(cursor).take(limit).map(owned).collect();
    (if found.len() < limit { 0 } else { cursor + limit }, found)
}

fn packed(live: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>) -> Vec<Packed<2>> {
    live.map(|(socket, user)| Packed::new([socket.as_ref(), user.as_ref()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_where_the_last_one_ended_and_the_last_one_leads_to_the_beginning() {
        let pages = |cursor, limit| page(0..5, cursor, limit, |n| n);
        assert_eq!(pages(0, 2), (2, vec![0, 1]));
        assert_eq!(pages(2, 2), (4, vec![2, 3]));
        assert_eq!(pages(4, 2), (0, vec![4]));
        assert_eq!(pages(0, 5), (5, vec![0, 1, 2, 3, 4]));
        assert_eq!(pages(5, 5), (0, vec![]));
        assert_eq!(pages(usize::MAX, usize::MAX), (0, vec![]));
    }
}
