//! Filters events by channel and by the name of a client event: `endpoints.*.filter`.
//!
//! All conditions must hold. The key names of soketi and Sockudo are accepted as aliases.

use std::fmt;

use memchr::memmem;
use regex_lite::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use strum::VariantArray;

use super::error::hint;
use super::form::{Form, read};
use crate::event::{ChannelType, Event, EventKind};

/// The conditions of an endpoint. A condition that is not set always holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename = "filter", deny_unknown_fields, expecting = "an array of conditions")]
pub struct Filter {
    #[serde(alias = "channel_name_starts_with", deserialize_with = "texts")]
    channel_prefix: Option<Vec<String>>,
    #[serde(alias = "channel_name_ends_with", deserialize_with = "texts")]
    channel_suffix: Option<Vec<String>>,
    channel_pattern: Option<ChannelPattern>,
    channel_type: Option<OneOrMore<ChannelType>>,
    client_events: ClientEventNames,
}

/// Patterns for names of client events. `*` matches any text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename = "filter", deny_unknown_fields, expecting = "an array with allow, deny or both")]
struct ClientEventNames {
    allow: Option<OneOrMore<String>>,
    deny: Option<OneOrMore<String>>,
}

impl Filter {
    /// Returns `true` if the filter has no condition.
    pub(crate) fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Returns `true` if all conditions hold for `event`. Conditions on channels never hold for an event without a
    /// channel.
    pub(crate) fn admits(&self, event: &Event) -> bool {
        let Some(channel) = event.on_channel() else { return !self.is_about_channels() };
        let channel = channel.as_bytes();
        let begins = |prefix: &String| channel.starts_with(prefix.as_bytes());
        let ends = |suffix: &String| channel.ends_with(suffix.as_bytes());
        self.channel_prefix.as_ref().is_none_or(|prefixes| prefixes.iter().any(begins))
            && self.channel_suffix.as_ref().is_none_or(|suffixes| suffixes.iter().any(ends))
            && self.channel_type.as_ref().is_none_or(|types| types.0.contains(&ChannelType::of(&event.channel)))
            && self.channel_pattern.as_ref().is_none_or(|pattern| pattern.matches(channel))
            && self.admits_name(&event.kind)
    }

    /// Returns `true` if any condition concerns the channel.
    const fn is_about_channels(&self) -> bool {
        self.channel_prefix.is_some()
            || self.channel_suffix.is_some()
            || self.channel_type.is_some()
            || self.channel_pattern.is_some()
    }

    fn admits_name(&self, kind: &EventKind) -> bool {
        let EventKind::ClientEvent(client_event) = kind else { return true };
        let name = client_event.parts().event;
        let contains = |OneOrMore(patterns): &OneOrMore<String>| patterns.iter().any(|pattern| matches(pattern, name));
        let ClientEventNames { allow, deny } = &self.client_events;
        allow.as_ref().is_none_or(contains) && !deny.as_ref().is_some_and(contains)
    }
}

/// A regular expression that must match a channel's whole name. Classes such as `\w` and `\d` are those of ASCII. Matching
/// takes time linear in the length of the name, so a hostile name cannot stall it.
#[derive(Clone, Deserialize, derive_more::Debug)]
#[debug("/{written}/")]
#[serde(try_from = "String")]
struct ChannelPattern {
    written: String,
    regex: Regex,
}

impl TryFrom<String> for ChannelPattern {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        // Check the expression alone first. Text such as `a)|(?:b` is invalid alone, but valid and unanchored inside
        // the group.
        match Regex::new(&written).and_then(|_| Regex::new(&format!(r"\A(?:{written})\z"))) {
            Ok(regex) => Ok(Self { written, regex }),
            Err(error) => Err(format!("{written:?} is not a valid regular expression: {error}")),
        }
    }
}

impl ChannelPattern {
    /// No pattern matches a name that is not UTF-8. Clients cannot send one, because JSON is UTF-8.
    fn matches(&self, channel: &[u8]) -> bool {
        str::from_utf8(channel).is_ok_and(|channel| self.regex.is_match(channel))
    }
}

impl PartialEq for ChannelPattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for ChannelPattern {}

/// Returns `true` if `name` is the parts of `pattern` between its `*`, with any text in place of each `*`.
pub(super) fn matches(pattern: &str, name: &[u8]) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern.as_bytes() == name };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut name) = name.strip_prefix(first.as_bytes()).and_then(|name| name.strip_suffix(last.as_bytes())) else {
        return false;
    };
    // The first place of each part leaves the most for the parts after it.
    middle.split('*').map(str::as_bytes).all(|part| match memmem::find(name, part) {
        Some(at) => {
            name = &name[at + part.len()..];
            true
        }
        None => false,
    })
}

/// One value, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OneOrMore<T>(Vec<T>);

/// Reads the texts that are not empty, as an environment variable may be. `None` if all are.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let OneOrMore(mut texts) = OneOrMore::<String>::deserialize(deserializer)?;
    texts.retain(|text| !text.is_empty());
    Ok((!texts.is_empty()).then_some(texts))
}

impl<'de, T: Deserialize<'de> + TryFrom<String, Error: fmt::Display>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "a string or a list of strings", |form: Form<T>| match form {
            Form::Text(one) => Some(T::try_from(one).map(|one| Self(vec![one])).map_err(|error| error.to_string())),
            Form::List(list) if list.is_sequential() => Some(Ok(Self(list.items().collect()))),
            _ => None,
        })
    }
}

impl TryFrom<String> for ChannelType {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse().map_err(|_| {
            let known: Vec<&str> = Self::VARIANTS.iter().map(Into::into).collect();
            format!("unknown channel type {name:?}, {}", hint(&name, &known))
        })
    }
}

impl<'de> Deserialize<'de> for ChannelType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::{Value, json};

    use super::super::value::Setting;
    use super::*;
    use crate::event::{ClientEvent, ClientEventParts};

    fn filter(written: Value) -> Filter {
        Filter::deserialize(Setting::root(written, &RefCell::default())).unwrap()
    }

    fn on(channel: &str, kind: EventKind) -> Event {
        Event { app: "app".into(), channel: channel.into(), time_ms: 0, kind }
    }

    fn admits(filter: &Filter, channel: &str) -> bool {
        filter.admits(&on(channel, EventKind::ChannelOccupied))
    }

    fn whispers(filter: &Filter, name: &str) -> bool {
        let parts = ClientEventParts { event: name.as_bytes(), socket: b"1.1", ..ClientEventParts::default() };
        filter.admits(&on("private-a", EventKind::ClientEvent(ClientEvent::new(&parts))))
    }

    #[test]
    fn a_filter_without_conditions_is_open() {
        for nothing in
            [json!({}), json!([]), json!({"channel_prefix": "", "channel_type": null, "channel_pattern": ""})]
        {
            assert!(filter(nothing).is_open());
        }
    }

    #[test]
    fn all_conditions_must_hold() {
        let filter = filter(
            json!({"channel_prefix": "presence-", "channel_suffix": [".eu", ".us"], "channel_type": "presence"}),
        );
        assert!(admits(&filter, "presence-a.eu") && admits(&filter, "presence-a.us"));
        for channel in ["presence-a", "private-a.eu", "presence-cache-a.eu", ".eu", "presence-.eu "] {
            assert!(!admits(&filter, channel), "{channel}");
        }
        assert!(!filter.is_open());
    }

    #[test]
    fn a_condition_on_channels_excludes_events_without_a_channel() {
        let established = on("", EventKind::ConnectionEstablished { socket: "1.1".into() });
        for (written, wanted) in [
            (json!({}), true),
            (json!({"client_events": {"allow": "client-x"}}), true),
            (json!({"channel_prefix": "a"}), false),
            (json!({"channel_suffix": "a"}), false),
            (json!({"channel_pattern": ".*"}), false),
            (json!({"channel_type": ["public", "private"]}), false),
        ] {
            assert_eq!(filter(written.clone()).admits(&established), wanted, "{written}");
        }
    }

    #[test]
    fn key_names_of_other_servers_are_aliases() {
        let ours = json!({"channel_prefix": "a", "channel_suffix": "z"});
        assert_eq!(filter(json!({"channel_name_starts_with": "a", "channel_name_ends_with": "z"})), filter(ours));
    }

    #[test]
    fn a_pattern_must_match_the_whole_name() {
        let either = filter(json!({"channel_pattern": "a|bc*"}));
        assert!(["a", "b", "bcc"].iter().all(|channel| admits(&either, channel)));
        assert!(["ab", "xa", "a\n", "abc", ""].iter().all(|channel| !admits(&either, channel)));
        assert!(admits(&filter(json!({"channel_pattern": r"presence-room\.\d+"})), "presence-room.42"));
    }

    #[test]
    fn client_events_are_allowed_and_denied_by_name_and_edges_always_pass() {
        let filter =
            filter(json!({"client_events": {"allow": ["client-chat-*", "client-move"], "deny": "client-*-typing"}}));
        assert!(["client-chat-", "client-chat-sent", "client-move"].iter().all(|name| whispers(&filter, name)));
        assert!(["client-chat-typing", "client-moved", "client-x"].iter().all(|name| !whispers(&filter, name)));
        assert!(whispers(&filter, "client-chat-a\nb"), "a newline matches too");
        assert!(admits(&filter, "private-a"));
        let none =
            Filter::deserialize(Setting::root(json!({"client_events": {"allow": []}}), &RefCell::default())).unwrap();
        assert!(!whispers(&none, "client-x"), "an empty list allows nothing");
    }

    #[test]
    fn patterns_are_equal_if_they_are_written_alike() {
        let pattern = |written: &str| filter(json!({ "channel_pattern": written }));
        assert_eq!(pattern("a|b"), pattern("a|b"));
        assert_ne!(pattern("a|b"), pattern("b|a"));
    }

    #[test]
    fn a_star_in_a_name_matches_any_text() {
        for (pattern, name, wanted) in [
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-bc-c", true),
            ("a*b*b", "a-b", false),
            ("*b*", "abc", true),
            ("*.b**c", "a.b.c", true),
            ("*ab*ab", "aab", false),
            ("*bb*bb*", "abbb", false),
            ("a.c", "abc", false),
        ] {
            assert_eq!(matches(pattern, name.as_bytes()), wanted, "{pattern} {name}");
        }
        assert!(matches("a*", b"a\xff"));
    }

    #[test]
    fn invalid_expressions_types_and_keys_are_refused() {
        let refusal = |written: Value| {
            Filter::deserialize(Setting::root(written, &RefCell::default())).err().map(|fault| format!("{fault}"))
        };
        for written in [
            json!({"channel_pattern": "("}),
            json!({"channel_type": "secret"}),
            json!({"channel_type": ["public", "privat"]}),
            json!({"client_events": ["client-x"]}),
            json!({"channel_prefix": {"first": "a"}}),
            json!({"prefix": "a"}),
        ] {
            assert!(refusal(written.clone()).is_some(), "{written}");
        }
    }
}
