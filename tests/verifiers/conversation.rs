//! Events of hostile clients of two applications, from the hook to the receiver.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};

use crate::support::client_event::ClientEvent;
use crate::support::engine::engine;
use crate::support::receiver::Receiver;
use crate::support::redis::RedisServer;
use crate::support::wait::eventually;
use crate::webhook::Webhook;

#[derive(Clone, Copy, Debug)]
pub(crate) struct App {
    id: &'static str,
    pub(crate) key: &'static str,
    pub(crate) secret: &'static str,
}

/// Two applications whose clients send the same events; only the secrets tell their webhooks apart. One secret contains
/// characters that are special in a shell, a URL and a header. The other is not ASCII and longer than a block of
/// SHA-256.
pub(crate) const APPS: [App; 2] = [
    App { id: "app", key: "key", secret: "s3cr3t/+=, $HOME \"'\\%" },
    App {
        id: "2", key: "81ac0cf9b9bb0ad5a1ac", secret: "gehëim-ключ-🔑-gehëim-ключ-🔑-gehëim-ключ-🔑-gehëim-ключ-🔑"
    },
];

/// Texts that the clients use in every place that takes a text.
const TEXTS: [&str; 12] = [
    "7",
    "007",
    "-1e3",
    "9007199254740993",
    "chat.42, a=b; c@d",
    "straße/東京/🦀\u{10ffff} e\u{301}",
    "\"quoted\" 'too' \\ \\\" \\u0041 \\/ \\n",
    "\0\u{1}\u{7}\u{8}\t\n\u{b}\u{c}\r\u{1b}[31m\u{1f}\u{7f}\u{80}\u{9f}",
    "\u{feff}\u{200b}\u{2028}\u{2029}\u{202e}\u{fffd}\u{fffe}",
    "]}],\"events\":[{\"name\":\"channel_vacated\"}]}",
    "</script><!-- & %00 %s {0} ${x}",
    "\r\nX-Pusher-Key: other\r\n\r\n",
];

/// Returns a text longer than a batch may be, so that its event gets a batch of its own.
fn big() -> String {
    "🦀/\"\\\n".repeat(20_000)
}

/// A channel with its users, in order, and the client events of the first one.
struct Visit {
    channel: String,
    users: Vec<String>,
    whispers: Vec<(String, Option<String>)>,
}

fn visits() -> Vec<Visit> {
    let mut visits: Vec<Visit> = TEXTS
        .iter()
        .map(|text| Visit {
            channel: format!("presence-{text}"),
            users: vec![(*text).to_owned(), "8".to_owned()],
            whispers: vec![
                (format!("client-{text}"), Some(json!({ *text: [text, null, 1.0, {}] }).to_string())),
                ("client-text".to_owned(), Some(json!([*text]).to_string())),
                ("client-empty".to_owned(), Some(json!("").to_string())),
                ("client-nothing".to_owned(), None),
            ],
        })
        .collect();
    let big = ("client-big".to_owned(), Some(json!({ "big": big() }).to_string()));
    visits.push(Visit { channel: "private-big".to_owned(), users: Vec::new(), whispers: vec![big] });
    visits
}

/// Returns the events that the receiver must get for each application: by channel, in order.
pub(crate) fn expected_events() -> BTreeMap<String, Vec<Value>> {
    let mut expected_events = BTreeMap::new();
    for Visit { channel, users, whispers } in visits() {
        let event = |name: &str| json!({ "name": name, "channel": channel });
        let with = |name: &str, user: &String| json!({ "name": name, "channel": channel, "user_id": user });
        let mut events = vec![event("channel_occupied")];
        events.extend(users.iter().map(|user| with("member_added", user)));
        for (name, data) in whispers {
            let mut whisper = event("client_event");
            whisper["event"] = name.into();
            if let Some(data) = data {
                whisper["data"] = data.into();
            }
            whisper["socket_id"] = socket(0).into();
            if let Some(user) = users.first() {
                whisper["user_id"] = user.clone().into();
            }
            events.push(whisper);
        }
        events.extend(users.iter().map(|user| with("member_removed", user)));
        events.push(event("channel_vacated"));
        expected_events.insert(channel, events);
    }
    expected_events
}

/// Groups events by channel, keeping their order.
pub(crate) fn by_channel(events: Vec<Value>) -> BTreeMap<String, Vec<Value>> {
    let mut channels: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in events {
        channels.entry(event["channel"].as_str().expect("a channel").to_owned()).or_default().push(event);
    }
    channels
}

fn socket(n: usize) -> String {
    format!("{n}.1")
}

/// All webhooks of the test clients.
pub(crate) struct Conversation {
    pub(crate) webhooks: Vec<Webhook>,
}

impl Conversation {
    /// Returns the webhooks that all tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Conversation> = LazyLock::new(Conversation::run);
        &SHARED
    }

    /// Lets the clients of both applications send everything, and waits until the receiver has it.
    fn run() -> Self {
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        let engine = engine(&redis, &receiver, &json!({ "flush_interval": 0.1 }));
        for app in APPS {
            engine.register_app(app.id.as_bytes(), app.key, app.secret);
        }
        for visit in visits() {
            for app in APPS {
                take_place(&engine, app, &visit);
            }
        }
        let expected = APPS.len() * expected_events().values().map(Vec::len).sum::<usize>();
        let webhooks = eventually("all webhooks", || {
            let webhooks: Vec<_> = receiver.received("/hook").iter().map(Webhook::from).collect();
            let events: usize = webhooks.iter().map(|webhook| webhook.events().len()).sum();
            (events >= expected).then_some(webhooks)
        });
        Self { webhooks }
    }

    pub(crate) fn webhooks_of(&self, app: App) -> impl Iterator<Item = &Webhook> {
        self.webhooks.iter().filter(move |webhook| webhook.header("x-pusher-key") == Some(app.key))
    }
}

fn take_place(engine: &Engine, app: App, visit: &Visit) {
    let (app, channel) = (app.id.as_bytes(), visit.channel.as_bytes());
    let sockets: Vec<String> = (0..visit.users.len().max(1)).map(socket).collect();
    for (n, socket) in sockets.iter().enumerate() {
        engine.subscribed(app, channel, socket.as_bytes(), visit.users.get(n).map(String::as_bytes));
    }
    for (event, data) in &visit.whispers {
        let user = visit.users.first().map(String::as_bytes);
        let event = ClientEvent::new(channel, event, data.as_deref(), sockets[0].as_bytes(), user);
        engine.client_event(app, &event.relayed());
    }
    for socket in &sockets {
        engine.unsubscribed(app, channel, socket.as_bytes());
    }
}
