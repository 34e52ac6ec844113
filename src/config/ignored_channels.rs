//! Channels that trigger no events: `ignore_channel_prefixes`.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// The prefixes of channels that trigger no events. By default `#`, which the Pusher protocol reserves for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredChannels(Vec<String>);

impl Default for IgnoredChannels {
    fn default() -> Self {
        Self(vec!["#".to_owned()])
    }
}

impl IgnoredChannels {
    /// Returns `true` if this channel triggers no events.
    pub(crate) fn contain(&self, channel: &[u8]) -> bool {
        self.0.iter().any(|prefix| channel.starts_with(prefix.as_bytes()))
    }
}

/// Accepts a list or a single prefix. Empty texts, `null` and `false` count as no prefix: environment variables give
/// them.
impl<'de> Deserialize<'de> for IgnoredChannels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = match Value::deserialize(deserializer)? {
            Value::Array(items) => items,
            Value::Object(entries) => entries.into_iter().map(|(_, item)| item).collect(),
            one => vec![one],
        };
        let prefixes = written.into_iter().map(|prefix| match prefix {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null | Value::Bool(false) => Ok(String::new()),
            _ => Err(D::Error::custom("expected a list of prefixes")),
        });
        let prefixes: Vec<String> = prefixes.collect::<Result<_, _>>()?;
        Ok(Self(prefixes.into_iter().filter(|prefix| !prefix.is_empty()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prefixes_are_read_in_every_form() {
        let read = |value| IgnoredChannels::deserialize(value).map(|IgnoredChannels(prefixes)| prefixes);
        for (written, prefixes) in [
            (json!(["#", "private-internal-"]), vec!["#", "private-internal-"]),
            (json!({ "a": "#", "b": null }), vec!["#"]),
            (json!("#"), vec!["#"]),
            (json!(["", 5]), vec!["5"]),
            (json!([]), vec![]),
            (json!(""), vec![]),
            (json!(false), vec![]),
        ] {
            assert_eq!(read(written.clone()).unwrap(), prefixes, "{written}");
        }
        for refused in [json!(true), json!([["#"]])] {
            assert_eq!(read(refused).unwrap_err().to_string(), "expected a list of prefixes");
        }
    }

    #[test]
    fn a_prefix_is_compared_byte_by_byte() {
        let ignored = IgnoredChannels(vec!["#".into(), "Tmp-*".into()]);
        for (channel, is_ignored) in [
            ("#server-to-user-7", true),
            ("#", true),
            ("a#", false),
            ("tmp-1", false),
            ("Tmp-1", false),
            ("Tmp-*1", true),
        ] {
            assert_eq!(ignored.contain(channel.as_bytes()), is_ignored, "{channel}");
        }
        assert!(!IgnoredChannels(vec![]).contain(b"#"));
    }
}
