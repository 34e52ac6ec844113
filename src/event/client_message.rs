//! Parses a client's message as PHP's `json_decode` does.
//!
//! The host has decoded and validated the message before it relays it. This parser extracts three fields and accepts
//! whatever PHP accepts: the last of duplicate keys counts, keys may contain escapes, and numbers and nesting have no
//! additional limit. A message that PHP refuses never arrives here.

use std::borrow::Cow;

use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::fields;

/// The fields of a client event, as the client wrote them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientMessage<'a> {
    /// Name, starting with `client-`.
    pub(crate) event: Cow<'a, str>,
    /// Channel.
    pub(crate) channel: Cow<'a, str>,
    /// JSON text of the data, byte for byte; `None` if the client sent none.
    pub(crate) data: Option<Cow<'a, str>>,
}

impl<'a> ClientMessage<'a> {
    /// Parses a message. Returns `None` if it is not a client event, or not one that a host relays.
    pub(crate) fn read(message: &'a [u8]) -> Option<Self> {
        let mut json = Deserializer::from_slice(message);
        let [event, channel, data]: [Option<&RawValue>; 3] = fields(&mut json, ["event", "channel", "data"]).ok()?;
        json.end().ok()?;
        let event = text(event?)?;
        if !event.starts_with("client-") {
            return None;
        }
        Some(Self { event, channel: text(channel?)?, data: json_text(data).ok()? })
    }
}

/// Returns the content of a JSON string.
fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let written = value.get();
    match written.strip_prefix('"')?.strip_suffix('"') {
        Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        _ => serde_json::from_str(written).ok().map(Cow::Owned),
    }
}

/// Data that no host relays.
struct NotRelayed;

/// Returns the data of a client event: an object, a list, or a string that contains the JSON of one, which hosts decode
/// again. A blank string is relayed unchanged.
fn json_text(data: Option<&RawValue>) -> Result<Option<Cow<'_, str>>, NotRelayed> {
    let Some(data) = data else { return Ok(None) };
    let written = data.get();
    match written.as_bytes().first() {
        Some(b'{' | b'[') => Ok(Some(Cow::Borrowed(written))),
        Some(b'n') => Ok(None),
        Some(b'"') => {
            let held = text(data).ok_or(NotRelayed)?;
            match held.trim_ascii_start().as_bytes().first() {
                Some(b'{' | b'[') => Ok(Some(held)),
                Some(_) if held.trim_ascii() == "null" => Ok(None),
                _ if is_blank(&held) => Ok(Some(Cow::Borrowed(written))),
                _ => Err(NotRelayed),
            }
        }
        _ => Err(NotRelayed),
    }
}

/// Returns `true` if PHP's `trim` leaves nothing. Laravel's validation rule skips such data.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const NONE: &str = "no data";
    const NOT_RELAYED: &str = "not relayed";

    /// Returns the data that a receiver gets for data written like this.
    fn data(written: &str) -> String {
        let message = format!(r#"{{"event":"client-a","channel":"private-a","data":{written}}}"#);
        ClientMessage::read(message.as_bytes())
            .map_or_else(|| NOT_RELAYED.to_owned(), |read| read.data.map_or_else(|| NONE.to_owned(), Cow::into_owned))
    }

    #[test]
    fn an_object_or_a_list_is_passed_on_byte_for_byte() {
        for text in [
            "{}",
            "[]",
            r#"{ "a" : 1 }"#,
            "[12345678901234567890, 1.0, 1e999]",
            r#"{"a":1,"a":2}"#,
            r#"{"é":"\u00e9\/"}"#,
        ] {
            assert_eq!(data(text), text);
        }
        assert_eq!(data(" {\"a\":\n1} "), "{\"a\":\n1}");
    }

    #[test]
    fn a_string_stands_for_the_json_that_it_contains() {
        assert_eq!(data(r#""{\"a\": 1}""#), r#"{"a": 1}"#);
        assert_eq!(data(r#"" [1] ""#), " [1] ");
        assert_eq!(data(r#""\u007b}""#), "{}");
    }

    #[test]
    fn null_in_any_form_is_no_data() {
        assert_eq!(data("null"), NONE);
        assert_eq!(data(r#"" null""#), NONE);
        assert_eq!(ClientMessage::read(br#"{"event":"client-a","channel":"private-a"}"#).unwrap().data, None);
    }

    #[test]
    fn a_blank_string_is_relayed_unchanged() {
        for blank in [r#""""#, r#""  ""#, r#""\u000b\u0000\n""#] {
            assert_eq!(data(blank), blank);
        }
    }

    #[test]
    fn other_data_is_not_relayed() {
        for text in ["7", "true", "-1.5", r#""hello""#, r#""7""#, r#""\f""#] {
            assert_eq!(data(text), NOT_RELAYED, "{text}");
        }
    }

    #[test]
    fn the_last_of_duplicate_keys_counts_and_keys_may_be_escaped() {
        let message = br#"{"event":7,"channel":"private-a","data":[1],"\u0065vent":"\u0063lient-\u00e9",
            "x":[[{"event":"client-no"}]],"channel":"private-b","data":{}}"#;
        let expected =
            ClientMessage { event: "client-é".into(), channel: "private-b".into(), data: Some("{}".into()) };
        assert_eq!(ClientMessage::read(message), Some(expected));
    }

    #[test]
    fn nesting_as_deep_as_php_allows_is_read() {
        let deep = "[".repeat(511) + &"]".repeat(511);
        assert_eq!(data(&deep), deep);
    }

    #[test]
    fn other_messages_are_not_client_events() {
        for message in [
            r#"{"event":"pusher:ping","data":{}}"#,
            r#"{"event":"pusher:subscribe","data":{"channel":"client-a"}}"#,
            r#"{"event":"Client-a","channel":"private-a"}"#,
            r#"{"event":["client-a"],"channel":"private-a"}"#,
            r#"{"event":"client-a"}"#,
            r#"{"event":"client-a","channel":["private-a"]}"#,
            r#"["client-a"]"#,
            r#""client-a""#,
            r#"{"event":"client-a","channel":"private-a"} x"#,
            "",
        ] {
            assert_eq!(ClientMessage::read(message.as_bytes()), None, "{message}");
        }
    }

    proptest! {
        #[test]
        fn every_object_comes_out_as_it_was_written(keys: Vec<(String, i64)>) {
            let object = Value::Object(keys.into_iter().map(|(key, value)| (key, json!(value))).collect());
            let written = serde_json::to_string_pretty(&object).unwrap();
            prop_assert_eq!(data(&written), written.as_str());
            prop_assert_eq!(data(&json!(&written).to_string()), written.as_str(), "in a string");
        }

        #[test]
        fn no_message_causes_a_panic(message: Vec<u8>) {
            let _ = ClientMessage::read(&message);
        }
    }
}
