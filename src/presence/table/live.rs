//! Comparison of the table with the live connections of a channel.

use std::collections::HashSet;

use super::{LocalTable, non_empty};
use crate::event::{AppId, SocketId};
use crate::presence::claim::Claim;

impl LocalTable {
    /// Makes the table match the live connections of a channel: `(socket, user)`, the user empty when there is none.
    ///
    /// Adds sockets before it removes others, so that a channel whose sockets all changed never looks empty. Returns how many
    /// sockets the table had wrong.
    pub(crate) fn reconcile(
        &mut self,
        app_id: &AppId,
        channel: &[u8],
        live: &[[&[u8]; 2]],
        claims: &mut Vec<Claim>,
    ) -> usize {
        let missed = self.present(app_id, channel, live, claims);
        let alive: HashSet<&[u8]> = live.iter().map(|[socket, _]| *socket).collect();
        let gone: Vec<SocketId> =
            self.sockets(app_id, channel).filter(|socket| !alive.contains(socket.as_bytes())).cloned().collect();
        missed + self.absent(app_id, channel, gone.iter().map(SocketId::as_bytes), claims)
    }

    /// Adds the `(socket, user)` pairs of a channel that the table lacks, and leaves other sockets alone. Returns how many
    /// were missing.
    pub(crate) fn present(
        &mut self,
        app_id: &AppId,
        channel: &[u8],
        live: &[[&[u8]; 2]],
        claims: &mut Vec<Claim>,
    ) -> usize {
        let mut missed = 0;
        for [socket, user] in live {
            missed += usize::from(self.subscription(app_id, channel, socket).is_none());
            self.subscribe(app_id, channel, socket, non_empty(user), None, claims);
        }
        missed
    }

    /// Removes sockets that are not on a channel. Returns how many of them were in the table.
    pub(crate) fn absent<'a>(
        &mut self,
        app_id: &AppId,
        channel: &[u8],
        sockets: impl Iterator<Item = &'a [u8]>,
        claims: &mut Vec<Claim>,
    ) -> usize {
        let mut had = 0;
        for socket in sockets {
            had += usize::from(self.subscription(app_id, channel, socket).is_some());
            self.unsubscribe(app_id, channel, socket, claims);
        }
        had
    }

    /// Returns the sockets on a channel according to the hooks.
    pub(crate) fn sockets(&self, app_id: &AppId, channel: &[u8]) -> impl Iterator<Item = &SocketId> {
        self.channel(app_id, channel).into_iter().flat_map(|entry| entry.sockets.keys())
    }
}
