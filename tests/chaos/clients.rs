//! Clients of one node: chooses which of them come and go, and derives the claims.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::history::{Key, What};
use crate::order::Order;

/// Applications of every node.
pub(crate) const APPS: [&str; 2] = ["alpha", "beta"];

/// Maximum number of sockets on one node. With few of them, many are the first or last of their channel. Together they
/// hold fewer channels and users than one call of a reaper removes.
const SOCKETS: usize = 14;

/// Number of presence users. Their ids are numbers, as in most applications.
const USERS: usize = 4;

/// Number of sockets that a node has on each shared channel at the end.
const CROWD: usize = 3;

/// Number of channels of each kind that all nodes share.
pub(crate) const ROOMS: usize = 5;

/// The same on a Redis Cluster. More happens to a channel while its shard fails over, and the checker follows every order
/// of what may have happened, so less happens to each channel.
pub(crate) const ROOMS_ON_CLUSTER: usize = 20;

/// An order, and the operations that follow from it.
pub(crate) type Asked = (Order, Vec<(Key, What)>);

/// Sockets of one node process.
#[derive(Debug)]
pub(crate) struct Clients {
    slot: usize,
    life: usize,
    rooms: usize,
    sockets: BTreeMap<String, ClientSocket>,
    /// Number of sockets for each channel and user.
    counts: BTreeMap<Key, usize>,
    numbered: usize,
}

#[derive(Debug)]
struct ClientSocket {
    app: String,
    user: String,
    channels: Vec<String>,
}

impl Clients {
    /// Starts without sockets. `slot` is the node's place among the nodes, `life` the number of its process, and `rooms` the
    /// number of channels of each kind that all nodes share.
    pub(crate) const fn new(slot: usize, life: usize, rooms: usize) -> Self {
        Self { slot, life, rooms, sockets: BTreeMap::new(), counts: BTreeMap::new(), numbered: 0 }
    }

    /// Returns the next random order. `None` if the choice was not possible.
    pub(crate) fn next(&mut self, rng: &mut StdRng) -> Option<Asked> {
        let leave = self.sockets.len() >= SOCKETS;
        match rng.random_range(0..100) {
            _ if self.sockets.is_empty() => Some(self.come(rng)),
            0..15 if !leave => Some(self.come(rng)),
            0..45 => self.join(rng),
            45..70 => self.part(rng),
            70..80 => self.close(rng),
            _ => self.whisper(rng),
        }
    }

    /// Returns the subscribes that end the run: a socket on a channel of its own, and a crowd on channels that all nodes
    /// share. Otherwise few channels have more than one socket or member at the end.
    pub(crate) fn final_subscribes(&mut self) -> Vec<Asked> {
        let socket = format!("{}.last", self.life);
        self.add_socket(socket.clone(), APPS[0].to_owned(), "0".to_owned());
        let mut asked = vec![self.subscribe(&socket, format!("last-{}", self.life))];
        for user in 0..CROWD {
            let socket = format!("{}.crowd-{user}", self.life);
            // Some users are on several nodes.
            self.add_socket(socket.clone(), APPS[1].to_owned(), (self.slot + user).to_string());
            asked.extend(["crowd", "presence-crowd"].map(|channel| self.subscribe(&socket, channel.to_owned())));
        }
        asked
    }

    /// All sockets leave because the process ends.
    pub(crate) fn end(&mut self) -> Asked {
        let asked = std::mem::take(&mut self.counts).into_keys().map(|key| (key, What::Hold(false))).collect();
        self.sockets.clear();
        (Order::End, asked)
    }

    fn come(&mut self, rng: &mut StdRng) -> Asked {
        let app = APPS[rng.random_range(0..APPS.len())].to_owned();
        let user = rng.random_range(0..USERS).to_string();
        self.numbered += 1;
        let socket = format!("{}.{}", self.life, self.numbered);
        self.add_socket(socket.clone(), app, user);
        let channel = self.channel(rng);
        self.subscribe(&socket, channel)
    }

    fn add_socket(&mut self, socket: String, app: String, user: String) {
        self.sockets.insert(socket, ClientSocket { app, user, channels: Vec::new() });
    }

    fn join(&mut self, rng: &mut StdRng) -> Option<Asked> {
        let (socket, channel) = (self.random_socket(rng)?, self.channel(rng));
        let is_there = self.sockets.get(&socket)?.channels.contains(&channel);
        (!is_there).then(|| self.subscribe(&socket, channel))
    }

    fn part(&mut self, rng: &mut StdRng) -> Option<Asked> {
        let socket = self.random_socket(rng)?;
        let client = self.sockets.get_mut(&socket)?;
        let channel = client.channels.remove(rng.random_range(0..client.channels.len()));
        let (app, user) = (client.app.clone(), client.user.clone());
        if client.channels.is_empty() {
            self.sockets.remove(&socket);
        }
        let asked = self.leave(&app, &channel, &user);
        Some((Order::Unsubscribe { app, channel, socket }, asked))
    }

    fn close(&mut self, rng: &mut StdRng) -> Option<Asked> {
        let socket = self.random_socket(rng)?;
        let ClientSocket { app, user, channels } = self.sockets.remove(&socket)?;
        let asked = channels.iter().flat_map(|channel| self.leave(&app, channel, &user)).collect();
        Some((Order::Close { app, socket }, asked))
    }

    fn whisper(&mut self, rng: &mut StdRng) -> Option<Asked> {
        let socket = self.random_socket(rng)?;
        let ClientSocket { app, user, channels } = self.sockets.get(&socket)?;
        let channel = channels[rng.random_range(0..channels.len())].clone();
        if !channel.starts_with("private-") && !is_presence(&channel) {
            return None;
        }
        self.numbered += 1;
        let text = format!("[\"w{}.{}\"]", self.life, self.numbered);
        let key = Key { app: app.clone(), channel: channel.clone(), user: None };
        let user = is_presence(&channel).then(|| user.clone());
        let order = Order::Whisper { app: app.clone(), channel, socket, user, text: text.clone() };
        Some((order, vec![(key, What::Whisper(text))]))
    }

    fn subscribe(&mut self, socket: &str, channel: String) -> Asked {
        let client = self.sockets.get_mut(socket).expect("a known socket");
        client.channels.push(channel.clone());
        let (app, user) = (client.app.clone(), is_presence(&channel).then(|| client.user.clone()));
        let mut asked = Vec::new();
        for key in keys(&app, &channel, user.as_deref()) {
            let count = self.counts.entry(key.clone()).or_default();
            *count += 1;
            if *count == 1 {
                asked.push((key, What::Hold(true)));
            }
        }
        (Order::Subscribe { app, channel, socket: socket.to_owned(), user }, asked)
    }

    fn leave(&mut self, app: &str, channel: &str, user: &str) -> Vec<(Key, What)> {
        let mut asked = Vec::new();
        let user = is_presence(channel).then_some(user);
        for key in keys(app, channel, user).into_iter().rev() {
            let count = self.counts.get_mut(&key).expect("a known key");
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&key);
                asked.push((key, What::Hold(false)));
            }
        }
        asked
    }

    fn random_socket(&self, rng: &mut StdRng) -> Option<String> {
        let place = rng.random_range(0..self.sockets.len().max(1));
        self.sockets.keys().nth(place).cloned()
    }

    /// Returns a channel name. Half of the channels belong to this node alone; all nodes share the others.
    fn channel(&self, rng: &mut StdRng) -> String {
        let kind = ["", "", "private-", "presence-", "presence-"][rng.random_range(0..5)];
        if rng.random_bool(0.5) {
            format!("{kind}own-{}-{}", self.slot, rng.random_range(0..6))
        } else {
            format!("{kind}room-{}", rng.random_range(0..self.rooms))
        }
    }
}

fn is_presence(channel: &str) -> bool {
    channel.starts_with("presence-")
}

/// Returns the key of the channel, and the key of the user on it if there is one.
fn keys(app: &str, channel: &str, user: Option<&str>) -> Vec<Key> {
    let key = |user: Option<&str>| Key { app: app.into(), channel: channel.into(), user: user.map(Into::into) };
    std::iter::once(key(None)).chain(user.map(|user| key(Some(user)))).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn holds_alternate_and_none_is_left_at_the_end() {
        let (mut clients, mut rng) = (Clients::new(0, 0, ROOMS), StdRng::seed_from_u64(1));
        let mut held: BTreeMap<Key, bool> = BTreeMap::new();
        let mut all: Vec<Asked> = (0..2000).filter_map(|_| clients.next(&mut rng)).collect();
        all.push(clients.end());
        for (key, what) in all.into_iter().flat_map(|(_, asked)| asked) {
            if let What::Hold(now) = what {
                assert_ne!(held.insert(key, now).unwrap_or_default(), now);
            }
        }
        assert!(held.len() > 20);
        assert!(held.values().all(|held| !held));
    }
}
