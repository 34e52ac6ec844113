//! Who is there at the end of a run: the sockets of the nodes that live, against what [`Presence`] answers.

use std::collections::{BTreeMap, BTreeSet};

use resonate_webhooks::admin::{NamePage, Presence, PresenceError};

use crate::clients::APPS;
use crate::order::Order;

/// A channel of an application.
type Channel = (String, String);

/// Names per page, few, so that most answers have several pages.
const PAGE: usize = 5;

/// The sockets of each living node, as the orders say.
#[derive(Debug, Default)]
pub(crate) struct Present {
    /// Life and socket, and the channel → the user on it.
    subscriptions: BTreeMap<(usize, String, Channel), Option<String>>,
    /// All channels that ever had a socket.
    channels: BTreeSet<Channel>,
}

impl Present {
    /// Applies an order to the node of `life`.
    pub(crate) fn apply(&mut self, life: usize, order: &Order) {
        match order {
            Order::Subscribe { app, channel, socket, user } => {
                let channel = (app.clone(), channel.clone());
                self.channels.insert(channel.clone());
                self.subscriptions.insert((life, socket.clone(), channel), user.clone());
            }
            Order::Unsubscribe { app, channel, socket } => {
                self.subscriptions.remove(&(life, socket.clone(), (app.clone(), channel.clone())));
            }
            Order::Close { app, socket } => {
                self.subscriptions.retain(|(at, who, (of, _)), _| (*at, who, of) != (life, socket, app));
            }
            Order::Whisper { .. } => {}
            Order::End => self.end(life),
        }
    }

    /// Removes the sockets of a node that has ended or was killed.
    pub(crate) fn end(&mut self, life: usize) {
        self.subscriptions.retain(|(at, ..), _| *at != life);
    }

    /// Describes the first wrong answer, if there is one. With `counted`, connections are counted.
    ///
    /// # Errors
    /// When a question is refused.
    pub(crate) fn difference(&self, presence: &Presence, counted: bool) -> Result<Option<String>, PresenceError> {
        for app in APPS {
            let of_app = self.subscriptions.keys().filter(|(.., (of, _))| of == app);
            let expected: BTreeSet<&str> = of_app.map(|(.., (_, channel))| channel.as_str()).collect();
            let found = all(|cursor| presence.channels(app.as_bytes(), b"", cursor, PAGE))?;
            if !found.iter().map(String::as_str).eq(expected.iter().copied()) {
                return Ok(Some(format!("the channels of {app} are {found:?}, not {expected:?}")));
            }
        }
        for channel in &self.channels {
            if let Some(difference) = self.difference_of(channel, presence, counted)? {
                return Ok(Some(format!("{channel:?}: {difference}")));
            }
        }
        Ok(None)
    }

    fn difference_of(
        &self,
        channel: &Channel,
        presence: &Presence,
        counted: bool,
    ) -> Result<Option<String>, PresenceError> {
        let (app, name) = (channel.0.as_bytes(), channel.1.as_bytes());
        let on_it = || self.subscriptions.iter().filter(|((.., on), _)| on == channel);
        let users: BTreeSet<String> = on_it().filter_map(|(_, user)| user.clone()).collect();
        let connections = on_it().count();
        let occupied = presence.occupied(app, name)?;
        if occupied != (connections > 0) {
            return Ok(Some(format!("occupied is {occupied} with {connections} connections")));
        }
        let members = all(|cursor| presence.members(app, name, cursor, PAGE))?;
        if members != users {
            return Ok(Some(format!("the members are {members:?}, not {users:?}")));
        }
        let is_presence = channel.1.starts_with("presence-");
        if !is_presence && !counted {
            return Ok(None);
        }
        let (count, expected) = (presence.count(app, name)?, if is_presence { users.len() } else { connections });
        Ok((count != expected as u64).then(|| format!("the count is {count}, not {expected}")))
    }
}

/// Returns the names of all pages.
fn all(
    mut page: impl FnMut(Option<&str>) -> Result<NamePage, PresenceError>,
) -> Result<BTreeSet<String>, PresenceError> {
    let (mut names, mut cursor) = (BTreeSet::new(), None);
    loop {
        let page = page(cursor.as_deref())?;
        names.extend(page.names.into_iter().map(|name| String::from_utf8(name).expect("names of this run")));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(names);
        }
    }
}
