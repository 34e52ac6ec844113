//! Events that the application itself sends, by names of its own.

use std::fmt;

use super::client::{take, write_framed};

/// The longest name, in characters.
const LONGEST: usize = 100;

/// The name of a custom event. It has a full stop, which no event of Pusher's has: a misspelt one of those is none of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomName(Box<str>);

/// Why a text is no name of a custom event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} {fault}")]
pub struct CustomNameError {
    name: String,
    fault: NameFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameFault {
    NoStop,
    Foreign,
    TooLong,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStop => {
                f.write_str("has no full stop, which tells an event of your own (\"order.paid\") from others")
            }
            Self::Foreign => f.write_str("has other characters than letters, digits, \"_\", \"-\" and \".\""),
            Self::TooLong => write!(f, "is longer than {LONGEST} characters"),
        }
    }
}

impl CustomName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is none; the message says why.
    pub fn parse(name: &str) -> Result<Self, CustomNameError> {
        match fault(name.as_bytes()) {
            None => Ok(Self(name.into())),
            Some(fault) => Err(CustomNameError { name: name.chars().take(2 * LONGEST).collect(), fault }),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
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

/// What an application says, as it stands in the outbox: the name behind its length, then `1` and the data, or `0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomEvent(Box<[u8]>);

impl CustomEvent {
    /// Puts the parts together; `data` is a JSON document.
    #[must_use]
    pub fn new(name: &CustomName, data: Option<&[u8]>) -> Self {
        let mut text = Vec::with_capacity(name.0.len() + 5 + data.map_or(0, <[u8]>::len));
        write_framed(&mut text, name.0.as_bytes());
        text.push(if data.is_some() { b'1' } else { b'0' });
        text.extend_from_slice(data.unwrap_or_default());
        Self(text.into_boxed_slice())
    }

    /// A custom event as it stands in the outbox. `None` when it is none of ours.
    #[must_use]
    pub fn from_text(text: &[u8]) -> Option<Self> {
        parse(text).map(|_| Self(text.into()))
    }

    /// The text that stands in the outbox.
    #[must_use]
    pub fn as_text(&self) -> &[u8] {
        &self.0
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        parse(&self.0).map_or("", |(name, _)| name)
    }

    /// Its data, a JSON document, if it has any.
    #[must_use]
    pub fn data(&self) -> Option<&[u8]> {
        parse(&self.0).and_then(|(_, data)| data)
    }
}

fn parse(text: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    let (name, rest) = take(text)?;
    let (has_data, data) = rest.split_first()?;
    let name = str::from_utf8(name).ok().filter(|name| fault(name.as_bytes()).is_none())?;
    Some((name, (*has_data == b'1').then_some(data)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_full_stop_and_plain_characters() {
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
    fn the_text_is_read_as_it_was_written_and_foreign_text_is_none_of_ours() {
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
