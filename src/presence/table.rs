//! The local table: this node's sockets, by channel and by presence user.
//!
//! Only the first and the last local socket of a channel or user can make an edge, so all other intents end here, and
//! a channel with 10 000 local subscribers costs Redis two operations. Pure: no clock, no lock, no I/O.
//!
//! The table is also what a hook cannot know: which channels a closed socket was on, and whether a departure was one
//! at all. A second subscribe on the same socket changes nothing, an unsubscribe from a channel never joined neither.

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
    apps: HashMap<AppId, App>,
    /// Whether somebody wants to know by which connection a user came or went.
    names_connections: bool,
    /// What Redis is told of how many sockets there are, if somebody wants to know.
    counts: Option<Counts>,
    /// How soon it is said again that a cache channel is empty.
    cache_pause: Duration,
}

#[derive(Debug, Default)]
struct App {
    channels: HashMap<ChannelName, Channel>,
    /// The channels of each socket, for its close. A socket without channels has no entry.
    sockets: HashMap<SocketId, Joined>,
    /// Those whose coming was told, because somebody wants to know of connections.
    connections: HashSet<SocketId>,
}

/// The channels of a socket in the order in which it joined them, with a gap where it has left one again: a client may be on
/// any number of channels, and leaving one must not cost more for that.
type Joined = Vec<Option<ChannelName>>;

/// A socket on a channel.
#[derive(Debug)]
struct Subscription {
    user: Option<UserId>,
    /// Where the channel is among the socket's.
    place: u32,
}

#[derive(Debug, Default)]
struct Channel {
    sockets: HashMap<SocketId, Subscription>,
    /// How many local sockets each user has. Empty but on presence channels.
    users: HashMap<UserId, UserPresence>,
    /// How many sockets Redis knows of, and how many it is being told; 0 for none.
    told: u32,
    telling: u32,
    told_at: Option<Instant>,
    /// When it was last said that this cache channel is empty, unless it has a payload.
    empty_at: Option<Instant>,
}

/// A user on a channel.
#[derive(Debug, Default)]
struct UserPresence {
    sockets: u32,
    /// What the first of them said of the user, where somebody wants to know.
    data: Box<[u8]>,
}

/// Somebody on the way to or from a channel.
#[derive(Clone, Copy)]
struct SubscriptionContext<'a> {
    app: &'a AppId,
    channel: &'a ChannelName,
    /// The connection, where somebody wants to know.
    by: Option<&'a [u8]>,
}

impl LocalTable {
    /// From now on, claims of users name the connection.
    pub(crate) const fn name_connections(&mut self) {
        self.names_connections = true;
    }

    /// A socket connected. Adds the claim that follows.
    pub(crate) fn open(&mut self, app_id: &AppId, socket: &SocketId, claims: &mut Vec<Claim>) {
        let app = self.apps.entry(app_id.clone()).or_default();
        if app.connections.insert(socket.clone()) {
            claims.push(Claim::join(Hold::connection(app_id.clone(), socket)));
        }
    }

    /// A socket subscribed, with data about its user where somebody wants to know. Adds the claims that follow, the channel's
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
        // Presence channels have names. In Redis, connections are where such users would be.
        let user = user.filter(|_| !channel.is_empty());
        let app = self.apps.entry(app_id.clone()).or_default();
        let name = match app.channels.get_key_value(channel) {
            Some((name, _)) => name.clone(),
            None => ChannelName::new(channel),
        };
        let context = SubscriptionContext { app: app_id, channel: &name, by };
        let entry = app.channels.entry(name.clone()).or_default();
        if entry.sockets.is_empty() {
            claims.push(Claim::join(hold(app_id, &name, None)));
        }
        if let Some(seat) = entry.sockets.get_mut(socket) {
            if seat.user.as_ref().map(UserId::as_bytes) == user {
                return;
            }
            // The same socket came back as somebody else: the new user first, so that the channel never looks empty.
            let user = user.map(UserId::new);
            let before = std::mem::replace(&mut seat.user, user.clone());
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

    /// A socket left one channel. Adds the claims that follow, the user's before the channel's.
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
            if joined.is_empty() {
                app.sockets.remove(socket);
            }
        }
    }

    /// A socket is gone: it leaves every channel it was on, in the order in which it joined them, and was connected.
    pub(crate) fn close(&mut self, app_id: &AppId, socket: &[u8], claims: &mut Vec<Claim>) {
        let names = self.names_connections;
        let Some(app) = self.apps.get_mut(app_id) else { return };
        for channel in app.sockets.remove(socket).unwrap_or_default().into_iter().flatten() {
            app.leave(app_id, channel.as_bytes(), socket, names, claims);
            if let Some(counts) = &mut self.counts {
                counts.left(app_id, &channel, app.channels.contains_key(&channel));
            }
        }
        if let Some(socket) = app.connections.take(socket) {
            claims.push(Claim::leave(Hold::connection(app_id.clone(), &socket)));
        }
    }

    /// Every socket is gone: the process ends.
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

    /// The channel's name as the table has it, if the socket is on it as far as the hooks have told.
    pub(crate) fn subscription(&self, app_id: &AppId, channel: &[u8], socket: &[u8]) -> Option<&ChannelName> {
        let (name, entry) = self.apps.get(app_id)?.channels.get_key_value(channel)?;
        entry.sockets.contains_key(socket).then_some(name)
    }

    /// Everything this node serves: each channel before its users.
    pub(crate) fn holds(&self) -> impl Iterator<Item = Hold> {
        self.apps.iter().flat_map(|(app_id, app)| {
            let channels = app.channels.iter().flat_map(move |(name, entry)| {
                let users = entry.users.keys().map(move |user| hold(app_id, name, Some(user.clone())));
                std::iter::once(hold(app_id, name, None)).chain(users)
            });
            channels.chain(app.connections.iter().map(move |socket| Hold::connection(app_id.clone(), socket)))
        })
    }

    /// Whether nothing is served.
    pub(crate) fn is_empty(&self) -> bool {
        self.apps.values().all(|app| app.channels.is_empty() && app.connections.is_empty())
    }

    /// Every channel with a local socket.
    pub(crate) fn channels(&self) -> impl Iterator<Item = (&AppId, &ChannelName)> {
        self.apps.iter().flat_map(|(app_id, app)| app.channels.keys().map(move |name| (app_id, name)))
    }

    /// How many channels, and how many sockets on at least one.
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
    /// When a socket's list of channels has grown though half of it are gaps, it is closed up.
    fn close_gaps(&mut self, socket: &SocketId) {
        let Some(joined) = self.sockets.get_mut(socket) else { return };
        if joined.iter().flatten().count() > joined.len() / 2 {
            return;
        }
        joined.retain(Option::is_some);
        joined.shrink_to(2 * joined.len());
        for (place, name) in (0..).zip(joined.iter().flatten()) {
            if let Some(seat) = self.channels.get_mut(name).and_then(|entry| entry.sockets.get_mut(socket)) {
                seat.place = place;
            }
        }
    }

    /// Takes a socket off a channel. Returns the channel and its place among the socket's, or `None` when it was not on it.
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
            claims.push(Claim::leave(hold(app_id, &name, None)));
        }
        Some((name, place))
    }
}

impl Channel {
    /// The user's name as the table already has it, so that each is stored once.
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
        hold(self.app, self.channel, Some(user.clone()))
    }

    fn details(&self, data: &[u8]) -> Option<Box<MemberDetails>> {
        self.by.map(|socket| Box::new(MemberDetails { socket: socket.into(), data: data.into() }))
    }
}

fn hold(app: &AppId, channel: &ChannelName, user: Option<UserId>) -> Hold {
    Hold { app: app.clone(), channel: channel.clone(), user }
}

/// Resonate reports "no user" as an empty id.
pub(crate) fn non_empty(user: &[u8]) -> Option<&[u8]> {
    (!user.is_empty()).then_some(user)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
