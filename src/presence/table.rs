//! The local table: this node's sockets, by channel and by presence user.
//!
//! Only the first and the last local socket of a channel or user can make an edge. All other intents end here, so a channel
//! with 10 000 local subscribers costs Redis two claims. Pure: no clock, no lock, no I/O.
//!
//! The table also has what a hook cannot see: which channels a closed socket was on, and whether an unsubscribe changed
//! anything. A second subscribe of a socket changes nothing; an unsubscribe from a channel it was not on changes nothing.

mod caches;
mod counts;
mod live;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::claim::{Claim, Hold};
use crate::event::{AppId, ChannelName, MemberDetails, SocketId, UserId};
use counts::Counts;

/// The sockets of this node.
#[derive(Debug, Default)]
pub(crate) struct LocalTable {
    apps: foldhash::HashMap<AppId, App>,
    /// Claims of users name the connection. Set where an endpoint wants `extended` payloads.
    pub(crate) names_connections: bool,
    /// Connection counts to send. `None` if no endpoint wants them.
    counts: Option<Counts>,
    /// Pause before an empty cache channel is reported again.
    pub(crate) cache_pause: Duration,
    /// Sockets that got their first channel or left their last one. `None` with one shard, which needs no notes.
    pub(crate) socket_changes: Option<Vec<SocketChange>>,
}

/// A socket that is on a channel now, or on none any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SocketChange {
    pub(crate) app: AppId,
    pub(crate) socket: SocketId,
    /// `true` if it is on a channel.
    pub(crate) present: bool,
}

#[derive(Debug, Default)]
struct App {
    channels: HashMap<ChannelName, Channel>,
    /// The channels of each socket, for its close. A socket without channels has no entry.
    sockets: HashMap<SocketId, Joined>,
    /// Sockets whose opening was claimed. Empty unless an endpoint wants connection events.
    connections: HashSet<SocketId>,
}

/// The channels of a socket, in the order in which it joined them. A channel that it left becomes `None`, so that leaving
/// takes the same time however many channels the socket is on.
type Joined = Vec<Option<ChannelName>>;

#[derive(Debug)]
struct Subscription {
    user: Option<UserId>,
    /// Index of the channel in the socket's `Joined`.
    place: u32,
}

#[derive(Debug, Default)]
struct Channel {
    sockets: HashMap<SocketId, Subscription>,
    /// The users and their local sockets. Empty unless this is a presence channel.
    users: HashMap<UserId, UserPresence>,
    /// Number of sockets that Redis has confirmed, and the number in the batch under way; 0 for none.
    confirmed: u32,
    sending: u32,
    confirmed_at: Option<Instant>,
    /// Time of the last report that this cache channel is empty. `None` if it has a payload.
    empty_at: Option<Instant>,
}

/// A user on a channel.
#[derive(Debug, Default)]
struct UserPresence {
    sockets: u32,
    /// Data that the first socket sent about the user, where an endpoint wants it.
    data: Box<[u8]>,
}

/// The channel and connection of a subscribe or unsubscribe.
#[derive(Clone, Copy)]
struct SubscriptionContext<'a> {
    app: &'a AppId,
    channel: &'a ChannelName,
    /// The connection, where an endpoint wants `extended` payloads.
    by: Option<&'a [u8]>,
}

impl LocalTable {
    /// Takes the notes about sockets. `None` if there are none.
    pub(crate) fn socket_changes(&mut self) -> Option<impl Iterator<Item = SocketChange>> {
        self.socket_changes.as_mut().filter(|changes| !changes.is_empty()).map(|changes| changes.drain(..))
    }

    /// Records a socket that connected. Adds the resulting claim.
    pub(crate) fn open(&mut self, app_id: &AppId, socket: &SocketId, claims: &mut Vec<Claim>) {
        let app = self.apps.entry(app_id.clone()).or_default();
        if app.connections.insert(socket.clone()) {
            claims.push(Claim::join(Hold::connection(app_id.clone(), socket)));
        }
    }

    /// Records a subscription, with data about its user where an endpoint wants it. Adds the resulting claims, the channel's
    /// before the user's.
    pub(crate) fn subscribe(
        &mut self,
        app_id: &AppId,
        channel: &[u8],
        socket: &[u8],
        user: Option<&[u8]>,
        data: Option<&[u8]>,
        claims: &mut Vec<Claim>,
    ) {
        let by = self.names_connections.then_some(socket);
        // A presence channel has a name. The empty name is that of connections; see `Hold::connection`.
        let user = user.filter(|_| !channel.is_empty());
        let app = self.apps.entry(app_id.clone()).or_default();
        let name = match app.channels.get_key_value(channel) {
            Some((name, _)) => name.clone(),
            None => ChannelName::new(channel),
        };
        let context = SubscriptionContext { app: app_id, channel: &name, by };
        let entry = app.channels.entry(name.clone()).or_default();
        if entry.sockets.is_empty() {
            claims.push(Claim::join(Hold::new(app_id, &name, None)));
        }
        if let Some(subscription) = entry.sockets.get_mut(socket) {
            if subscription.user.as_ref().map(UserId::as_bytes) == user {
                return;
            }
            // The same socket changed its user. The new user joins first, so that the channel never looks empty.
            let user = user.map(UserId::new);
            let before = std::mem::replace(&mut subscription.user, user.clone());
            entry.user_came(context, user.as_ref(), data, claims);
            entry.user_left(context, before.as_ref(), claims);
            return;
        }
        let socket = match app.sockets.get_key_value(socket) {
            Some((id, _)) => id.clone(),
            None => app.connections.get(socket).cloned().unwrap_or_else(|| SocketId::new(socket)),
        };
        // Most sockets are on one channel.
        let joined = app.sockets.entry(socket.clone()).or_insert_with(|| Vec::with_capacity(1));
        let (place, grows) = (u32::try_from(joined.len()).unwrap_or(u32::MAX), joined.len() == joined.capacity());
        if let Some(changes) = self.socket_changes.as_mut().filter(|_| joined.is_empty()) {
            changes.push(SocketChange { app: app_id.clone(), socket: socket.clone(), present: true });
        }
        joined.push(Some(name.clone()));
        let user = user.map(|user| entry.known_user(user));
        entry.sockets.insert(socket.clone(), Subscription { user: user.clone(), place });
        entry.user_came(context, user.as_ref(), data, claims);
        if grows {
            app.close_gaps(&socket);
        }
        if let Some(counts) = &mut self.counts {
            counts.changed(app_id, &name);
        }
    }

    /// Removes a socket from one channel. Adds the resulting claims, the user's before the channel's.
    pub(crate) fn unsubscribe(&mut self, app_id: &AppId, channel: &[u8], socket: &[u8], claims: &mut Vec<Claim>) {
        let names = self.names_connections;
        let Some(app) = self.apps.get_mut(app_id) else { return };
        let Some((name, place)) = app.leave(app_id, channel, socket, names, claims) else { return };
        if let Some(counts) = &mut self.counts {
            counts.left(app_id, &name, app.channels.contains_key(&name));
        }
        if let Some(joined) = app.sockets.get_mut(socket) {
            if let Some(left) = joined.get_mut(place as usize) {
                *left = None;
            }
            while joined.last().is_some_and(Option::is_none) {
                joined.pop();
            }
            if joined.is_empty()
                && let Some((socket, _)) = app.sockets.remove_entry(socket)
                && let Some(changes) = &mut self.socket_changes
            {
                changes.push(SocketChange { app: app_id.clone(), socket, present: false });
            }
        }
    }

    /// Removes a socket from all its channels, in the order in which it joined them, then its connection.
    pub(crate) fn close(&mut self, app_id: &AppId, socket: &[u8], claims: &mut Vec<Claim>) {
        let names = self.names_connections;
        let Some(app) = self.apps.get_mut(app_id) else { return };
        let closed = app.sockets.remove_entry(socket);
        if let Some(changes) = &mut self.socket_changes
            && let Some((socket, _)) = &closed
        {
            changes.push(SocketChange { app: app_id.clone(), socket: socket.clone(), present: false });
        }
        for channel in closed.into_iter().flat_map(|(_, joined)| joined).flatten() {
            app.leave(app_id, channel.as_bytes(), socket, names, claims);
            if let Some(counts) = &mut self.counts {
                counts.left(app_id, &channel, app.channels.contains_key(&channel));
            }
        }
        if let Some(socket) = app.connections.take(socket) {
            claims.push(Claim::leave(Hold::connection(app_id.clone(), &socket)));
        }
    }

    /// Removes all sockets, at the end of the process.
    pub(crate) fn close_all(&mut self, claims: &mut Vec<Claim>) {
        if let Some(counts) = &mut self.counts {
            counts.all_left();
        }
        for (app_id, mut app) in std::mem::take(&mut self.apps) {
            for (socket, joined) in std::mem::take(&mut app.sockets) {
                for channel in joined.into_iter().flatten() {
                    app.leave(&app_id, channel.as_bytes(), socket.as_bytes(), self.names_connections, claims);
                }
            }
            claims.extend(app.connections.iter().map(|socket| Claim::leave(Hold::connection(app_id.clone(), socket))));
        }
    }

    /// Returns the channel's name as the table stores it, if the socket is on the channel according to the hooks.
    pub(crate) fn subscription(&self, app_id: &AppId, channel: &[u8], socket: &[u8]) -> Option<&ChannelName> {
        let (name, entry) = self.apps.get(app_id)?.channels.get_key_value(channel)?;
        entry.sockets.contains_key(socket).then_some(name)
    }

    /// Returns all holds of this node, each channel before its users.
    pub(crate) fn holds(&self) -> impl Iterator<Item = Hold> {
        self.apps.iter().flat_map(|(app_id, app)| {
            let channels = app.channels.iter().flat_map(move |(name, entry)| {
                let users = entry.users.keys().map(move |user| Hold::new(app_id, name, Some(user.clone())));
                std::iter::once(Hold::new(app_id, name, None)).chain(users)
            });
            channels.chain(app.connections.iter().map(move |socket| Hold::connection(app_id.clone(), socket)))
        })
    }

    /// Returns `true` if this node serves nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.apps.values().all(|app| app.channels.is_empty() && app.connections.is_empty())
    }

    /// Returns the channels with a local socket.
    pub(crate) fn channels(&self) -> impl Iterator<Item = (&AppId, &ChannelName)> {
        self.apps.iter().flat_map(|(app_id, app)| app.channels.keys().map(move |name| (app_id, name)))
    }

    /// Returns the number of channels, and of sockets that are on at least one.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.apps
            .values()
            .fold((0, 0), |(channels, sockets), app| (channels + app.channels.len(), sockets + app.sockets.len()))
    }

    fn channel(&self, app_id: &AppId, channel: &[u8]) -> Option<&Channel> {
        self.apps.get(app_id)?.channels.get(channel)
    }
}

impl App {
    /// Removes the gaps from a socket's channels if they make up half of them. Called when the list has grown.
    fn close_gaps(&mut self, socket: &SocketId) {
        let Some(joined) = self.sockets.get_mut(socket) else { return };
        if joined.iter().flatten().count() > joined.len() / 2 {
            return;
        }
        joined.retain(Option::is_some);
        joined.shrink_to(2 * joined.len());
        for (place, name) in (0..).zip(joined.iter().flatten()) {
            if let Some(subscription) = self.channels.get_mut(name).and_then(|entry| entry.sockets.get_mut(socket)) {
                subscription.place = place;
            }
        }
    }

    /// Removes a socket from a channel. Returns the channel and its index in the socket's `Joined`, or `None` if the socket
    /// was not on it.
    fn leave(
        &mut self,
        app_id: &AppId,
        channel: &[u8],
        socket: &[u8],
        names_connection: bool,
        claims: &mut Vec<Claim>,
    ) -> Option<(ChannelName, u32)> {
        let (name, _) = self.channels.get_key_value(channel)?;
        let name = name.clone();
        let Entry::Occupied(mut entry) = self.channels.entry(name.clone()) else { return None };
        let Subscription { user, place } = entry.get_mut().sockets.remove(socket)?;
        let context = SubscriptionContext { app: app_id, channel: &name, by: names_connection.then_some(socket) };
        entry.get_mut().user_left(context, user.as_ref(), claims);
        if entry.get().sockets.is_empty() {
            entry.remove();
            claims.push(Claim::leave(Hold::new(app_id, &name, None)));
        }
        Some((name, place))
    }
}

impl Channel {
    /// Returns the user's id as the table stores it, so that each id is stored once.
    fn known_user(&self, user: &[u8]) -> UserId {
        self.users.get_key_value(user).map_or_else(|| UserId::new(user), |(known, _)| known.clone())
    }

    fn user_came(
        &mut self,
        context: SubscriptionContext<'_>,
        user: Option<&UserId>,
        data: Option<&[u8]>,
        claims: &mut Vec<Claim>,
    ) {
        let Some(user) = user else { return };
        let present = self.users.entry(user.clone()).or_default();
        present.sockets += 1;
        if present.sockets == 1 {
            present.data = data.map(Box::from).unwrap_or_default();
            claims.push(Claim::join(context.hold(user)).by(context.details(&present.data)));
        }
    }

    fn user_left(&mut self, context: SubscriptionContext<'_>, user: Option<&UserId>, claims: &mut Vec<Claim>) {
        let Some(user) = user else { return };
        let Entry::Occupied(mut present) = self.users.entry(user.clone()) else { return };
        present.get_mut().sockets -= 1;
        if present.get().sockets == 0 {
            let UserPresence { data, .. } = present.remove();
            claims.push(Claim::leave(context.hold(user)).by(context.details(&data)));
        }
    }
}

impl SubscriptionContext<'_> {
    fn hold(&self, user: &UserId) -> Hold {
        Hold::new(self.app, self.channel, Some(user.clone()))
    }

    fn details(&self, data: &[u8]) -> Option<Box<MemberDetails>> {
        self.by.map(|socket| Box::new(MemberDetails { socket: socket.into(), data: data.into() }))
    }
}

/// Returns `None` for an empty id, which is how Resonate passes "no user".
pub(crate) fn non_empty(user: &[u8]) -> Option<&[u8]> {
    (!user.is_empty()).then_some(user)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
