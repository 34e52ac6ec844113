//! Custom events: events that the application sends, under its own names.

use super::client::{encode, parse};

/// The maximum length of a name, in characters.
const LONGEST: usize = 100;

/// The name of a custom event. It contains a full stop, unlike Pusher's events, so a misspelt Pusher event is not taken
/// for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomName(Box<str>);

/// The reason why a text is not a name of a custom event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} {fault}")]
pub struct CustomNameError {
    name: String,
    fault: NameFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NameFault {
    #[error("has no full stop, which the name of a custom event needs, such as \"order.paid\"")]
    NoStop,
    #[error("has other characters than letters, digits, \"_\", \"-\" and \".\"")]
    Foreign,
    #[error("is longer than {LONGEST} characters")]
    TooLong,
}

impl CustomName {
    /// Parses a name.
    ///
    /// # Errors
    /// If the name is invalid. The message has the reason.
    pub fn parse(name: &str) -> Result<Self, CustomNameError> {
        match fault(name.as_bytes()) {
            None => Ok(Self(name.into())),
            Some(fault) => Err(CustomNameError { name: name.chars().take(2 * LONGEST).collect(), fault }),
        }
    }

    /// Returns the name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault(name: &[u8]) -> Option<NameFault> {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match name {
        name if !name.iter().all(known) => Some(NameFault::Foreign),
        name if !name.contains(&b'.') => Some(NameFault::NoStop),
        name if name.len() > LONGEST => Some(NameFault::TooLong),
        _ => None,
    }
}

/// A custom event in the encoding of the outbox: the name after its length and a colon, then `1` and the data, or `0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomEvent(Box<[u8]>);

impl CustomEvent {
    /// Encodes an event. `data` is a JSON document.
    pub(crate) fn new(name: &CustomName, data: Option<&[u8]>) -> Self {
        Self(encode([name.0.as_bytes()], data))
    }

    /// Reads a custom event from the outbox. Returns `None` for any other text.
    pub(crate) fn from_text(text: &[u8]) -> Option<Self> {
        parts(text).map(|_| Self(text.into()))
    }

    /// Returns the text for the outbox.
    #[must_use]
    pub fn as_text(&self) -> &[u8] {
        &self.0
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &str {
        parts(&self.0).map_or("", |(name, _)| name)
    }

    /// Returns the data, a JSON document, if there is any.
    pub(crate) fn data(&self) -> Option<&[u8]> {
        parts(&self.0).and_then(|(_, data)| data)
    }
}

fn parts(text: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    let ([name], data) = parse(text)?;
    let name = str::from_utf8(name).ok().filter(|name| fault(name.as_bytes()).is_none())?;
    Some((name, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_full_stop_and_no_special_characters() {
        for name in ["order.paid", "a.b.c", "Order_1.paid-2", ".", &format!("a.{}", "b".repeat(LONGEST - 2))] {
            assert_eq!(CustomName::parse(name).unwrap().as_str(), name);
        }
        for (name, fault) in [
            ("order", "no full stop"),
            ("", "no full stop"),
            ("channel_occupied", "no full stop"),
            ("order.pa id", "other characters"),
            ("order.*", "other characters"),
            ("order.\"", "other characters"),
            ("bücher.neu", "other characters"),
            (&format!("a.{}", "b".repeat(LONGEST)), "longer than 100"),
        ] {
            let message = CustomName::parse(name).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{name:?}")) && message.contains(fault), "{message}");
        }
    }

    #[test]
    fn an_event_survives_encoding_and_other_text_is_refused() {
        let name = CustomName::parse("order.paid").unwrap();
        let event = CustomEvent::new(&name, Some(b"{\"n\":1}"));
        assert_eq!(event.as_text(), b"10:order.paid1{\"n\":1}");
        assert_eq!((event.name(), event.data()), ("order.paid", Some(b"{\"n\":1}".as_slice())));
        assert_eq!(CustomEvent::from_text(event.as_text()), Some(event));
        assert_eq!(CustomEvent::from_text(b"10:order.paid0").unwrap().data(), None);
        for text in [b"".as_slice(), b"10:order.paid", b"11:order.paid1", b"5:order1", b"3:a.\"1", b"x"] {
            assert_eq!(CustomEvent::from_text(text), None, "{}", text.escape_ascii());
        }
    }
}
