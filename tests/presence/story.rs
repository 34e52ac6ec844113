//! Clients that come and go at random: the answers agree with a model of all connections.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use resonate_webhooks::admin::Presence;
use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};

use crate::support::cluster::{Cluster, all_decided, stat};
use crate::support::engine::{APP, eventually};
use crate::{CHANNELS, OTHER, USERS, channels, early_reader, members};

/// Application, channel or user.
type Name = &'static [u8];

/// Node, application, channel and socket.
type Subscription = (usize, Name, Name, String);

/// The subscriptions of all nodes with their users.
#[derive(Default)]
struct Model {
    subscriptions: BTreeMap<Subscription, Option<Name>>,
    /// Channels and users of subscriptions that have ended, where departures stay in their grace.
    leaving: BTreeSet<(Name, Name, Option<Name>)>,
    keeps_leaving: bool,
}

impl Model {
    fn end(&mut self, ends: impl Fn(&Subscription) -> bool) {
        let (leaving, keeps) = (&mut self.leaving, self.keeps_leaving);
        self.subscriptions.retain(|subscription, user| {
            let ended = ends(subscription);
            if ended && keeps {
                let (_, app, channel, _) = subscription;
                leaving.extend([(*app, *channel, None), (*app, *channel, *user)]);
            }
            !ended
        });
    }

    fn channels(&self, app: &[u8]) -> BTreeSet<Vec<u8>> {
        let here = self.subscriptions.keys().map(|(_, app, channel, _)| (*app, *channel));
        let all = here.chain(self.leaving.iter().map(|(app, channel, _)| (*app, *channel)));
        all.filter(|(of, _)| *of == app).map(|(_, channel)| channel.to_vec()).collect()
    }

    fn members(&self, app: &[u8], channel: &[u8]) -> BTreeSet<Vec<u8>> {
        let here = self.subscriptions.iter().map(|((_, app, channel, _), user)| (*app, *channel, *user));
        let all = here.chain(self.leaving.iter().copied());
        let of_channel = all.filter(|(of, name, _)| *of == app && *name == channel);
        of_channel.filter_map(|(_, _, user)| user.map(<[u8]>::to_vec)).collect()
    }

    fn connections(&self, app: &[u8], channel: &[u8]) -> u64 {
        self.subscriptions.keys().filter(|(_, of, name, _)| *of == app && *name == channel).count() as u64
    }
}

/// A cluster in which clients come and go at random.
struct Story {
    rng: StdRng,
    cluster: Cluster,
    nodes: Vec<Engine>,
    model: Model,
    presence: Presence,
    settings: Value,
}

impl Story {
    fn begin(seed: u64, settings: &Value, keeps_leaving: bool) -> Self {
        let cluster = Cluster::start();
        let endpoint = json!({
            "url": cluster.receiver.url("/hook"),
            "events": ["channel_occupied", "channel_vacated", "member_added", "member_removed", "subscription_count"],
        });
        let mut settings = settings.clone();
        settings["endpoints"] = json!([endpoint]);
        settings["subscription_count_interval"] = json!(0.1);
        let presence = early_reader(&cluster, &json!({ "endpoints": [endpoint] }));
        let model = Model { keeps_leaving, ..Model::default() };
        let mut story =
            Self { rng: StdRng::seed_from_u64(seed), cluster, nodes: Vec::new(), model, presence, settings };
        (0..3).for_each(|_| story.start_node());
        story
    }

    fn start_node(&mut self) {
        let node = self.cluster.node_with(&self.settings);
        node.register_app(OTHER, "other-key", "other-secret");
        self.nodes.push(node);
    }

    fn any<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    /// One client comes, leaves a channel, or closes its connection.
    fn step(&mut self, alive: &[usize]) {
        let node = self.any(alive);
        let (app, channel) = (self.any(&[APP, OTHER]), self.any(&CHANNELS));
        let socket = format!("{node}.{}", self.rng.random_range(0..6));
        let engine = &self.nodes[node];
        match self.rng.random_range(0..10) {
            0..5 => {
                let user = if channel.starts_with(b"presence-") { Some(self.any(&USERS)) } else { None };
                let engine = &self.nodes[node];
                // A subscribed socket stays who it is.
                self.model.subscriptions.entry((node, app, channel, socket.clone())).or_insert_with(|| {
                    engine.subscribed(app, channel, socket.as_bytes(), user);
                    user
                });
            }
            5..8 => {
                engine.unsubscribed(app, channel, socket.as_bytes());
                self.model.end(|subscription| *subscription == (node, app, channel, socket.clone()));
            }
            _ => {
                engine.closed(app, socket.as_bytes());
                self.model.end(|(at, of, _, who)| *at == node && *of == app && *who == socket);
            }
        }
    }

    fn play(&mut self, steps: usize, alive: &[usize]) {
        (0..steps).for_each(|_| self.step(alive));
        for node in alive {
            all_decided(&self.nodes[*node]);
        }
    }

    /// Returns the first difference between the answers and the model.
    fn difference(&self) -> Option<String> {
        let presence = &self.presence;
        for app in [APP, OTHER] {
            for begins in [&b""[..], b"presence-", b"presence-*", b"p", b"x"] {
                let mut expected = self.model.channels(app);
                expected.retain(|channel| channel.starts_with(begins));
                let found = channels(presence, app, begins, 3);
                if found != expected {
                    return Some(format!("channels of {app:?} with {begins:?}: {found:?}, not {expected:?}"));
                }
            }
            for channel in CHANNELS {
                let (found, expected) = (members(presence, app, channel), self.model.members(app, channel));
                if found != expected {
                    return Some(format!("members of {channel:?} of {app:?}: {found:?}, not {expected:?}"));
                }
                let occupied = self.model.channels(app).contains(channel);
                if presence.occupied(app, channel).unwrap() != occupied {
                    return Some(format!("{channel:?} of {app:?} should be occupied: {occupied}"));
                }
                let is_presence = channel.starts_with(b"presence-");
                let members = expected.len() as u64;
                let (count, expected) = (
                    presence.count(app, channel).unwrap(),
                    if is_presence { members } else { self.model.connections(app, channel) },
                );
                if count != expected {
                    return Some(format!("count of {channel:?} of {app:?}: {count}, not {expected}"));
                }
            }
        }
        None
    }

    /// Waits for the counts, which come a little later than the holds, and for anything else that `what` describes.
    fn agrees(&self, what: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Some(difference) = self.difference() {
            assert!(Instant::now() < deadline, "{what}: {difference}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asserts that the receiver knows the same channels.
    fn receiver_agrees(&self) {
        let expected: usize = [APP, OTHER].iter().map(|app| self.model.channels(app).len()).sum();
        eventually("the webhooks to say the same", || {
            let counts = self.cluster.counts();
            let total = |name: &str| -> usize {
                counts.iter().filter(|(event, _)| event.starts_with(name)).map(|(_, times)| times).sum()
            };
            total("channel_occupied ") == total("channel_vacated ") + expected
        });
    }
}

/// Returns a seed, that of `PRESENCE_SEED` if it is set.
fn seed() -> u64 {
    let seed = std::env::var("PRESENCE_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("PRESENCE_SEED={seed} plays this story again");
    seed
}

#[test]
fn the_answers_agree_with_all_connections_also_after_a_node_was_killed_and_reaped() {
    let mut story = Story::begin(seed(), &json!({}), false);
    for _ in 0..5 {
        story.play(60, &[0, 1, 2]);
        story.agrees("three nodes");
    }
    // Its threads end without saying goodbye, as if the process were killed.
    assert!(story.nodes[0].stop(Instant::now() + Duration::from_secs(2)));
    story.play(60, &[1, 2]);
    story.model.end(|(node, ..)| *node == 0);
    story.agrees("two nodes after the reaping of the third");
    let reaped = || [1, 2].map(|node| stat(&story.nodes[node], "nodes_reaped"));
    eventually("one reaping in the counters", || reaped().into_iter().sum::<u64>() == 1);
    story.start_node();
    story.play(60, &[1, 2, 3]);
    story.agrees("a new node");
    story.receiver_agrees();
    for node in &story.nodes[1..] {
        assert!(node.end(Duration::from_secs(5)).is_nothing());
    }
    story.model.end(|_| true);
    assert_eq!(story.difference(), None);
}

#[test]
fn who_is_in_the_grace_is_there_until_the_departure_is_published() {
    let mut story = Story::begin(seed(), &json!({ "departure_grace": 300 }), true);
    for _ in 0..4 {
        story.play(40, &[0, 1, 2]);
        story.agrees("departures in their grace");
    }
    assert!(story.nodes[0].stop(Instant::now() + Duration::from_secs(2)));
    story.model.end(|(node, ..)| *node == 0);
    story.agrees("departures of a dead node in their grace");
    story.receiver_agrees();

    let mut story = Story::begin(seed(), &json!({ "departure_grace": 0.3 }), false);
    story.play(100, &[0, 1, 2]);
    story.agrees("departures after their grace");
    story.receiver_agrees();
}
