//! A client event in a single allocation, because 100 000 of them may wait for an endpoint.

/// The fields of a client event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientEventParts<'a> {
    /// Name, starting with `client-`.
    pub event: &'a [u8],
    /// Connection of the sender.
    pub socket: &'a [u8],
    /// Presence user of the sender, on a presence channel.
    pub user: Option<&'a [u8]>,
    /// JSON text of the data, or `None` if the client sent none.
    pub data: Option<&'a [u8]>,
}

/// An event that a client sends to the others on its channel.
///
/// It is stored in the encoding of the outbox, so it is only copied on its way and never re-encoded. The encoding is
/// event, socket and user, each after its length and a colon, then `1` and the data, or `0`:
/// `8:client-x3:1.20:1{"a":1}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientEvent(Box<[u8]>);

impl ClientEvent {
    /// Encodes the fields. An empty user counts as none.
    #[must_use]
    pub fn new(parts: &ClientEventParts<'_>) -> Self {
        let ClientEventParts { event, socket, user, data } = *parts;
        Self(encode([event, socket, user.unwrap_or_default()], data))
    }

    /// Reads a client event from the outbox. Returns `None` for any other text.
    pub(crate) fn from_text(text: &[u8]) -> Option<Self> {
        parse::<3>(text).map(|_| Self(text.into()))
    }

    /// Returns the text for the outbox.
    #[must_use]
    pub fn as_text(&self) -> &[u8] {
        &self.0
    }

    /// Returns the fields.
    pub(crate) fn parts(&self) -> ClientEventParts<'_> {
        let Some(([event, socket, user], data)) = parse(&self.0) else { return ClientEventParts::default() };
        ClientEventParts { event, socket, user: (!user.is_empty()).then_some(user), data }
    }
}

/// Writes each name after its length and a colon, then `1` and the data, or `0`.
pub(super) fn encode<const N: usize>(names: [&[u8]; N], data: Option<&[u8]>) -> Box<[u8]> {
    let frame = |name: &[u8]| digits(name.len()) + 1 + name.len();
    let length = names.iter().map(|name| frame(name)).sum::<usize>() + 1 + data.map_or(0, <[u8]>::len);
    let mut text = Vec::with_capacity(length);
    for name in names {
        write_framed(&mut text, name);
    }
    text.push(if data.is_some() { b'1' } else { b'0' });
    text.extend_from_slice(data.unwrap_or_default());
    text.into_boxed_slice()
}

type Parts<'a, const N: usize> = ([&'a [u8]; N], Option<&'a [u8]>);

/// Splits what [`encode`] wrote into names and data.
pub(super) fn parse<const N: usize>(text: &[u8]) -> Option<Parts<'_, N>> {
    let (mut names, mut rest) = ([&b""[..]; N], text);
    for name in &mut names {
        (*name, rest) = take(rest)?;
    }
    let (has_data, data) = rest.split_first()?;
    Some((names, (*has_data == b'1').then_some(data)))
}

/// Splits a length-prefixed part such as `3:abc` from the rest.
#[inline]
pub(crate) fn take(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length: usize = 0;
    for (n, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => length = length.checked_mul(10)?.checked_add(usize::from(byte - b'0'))?,
            b':' if n > 0 => return text[n + 1..].split_at_checked(length),
            _ => return None,
        }
    }
    None
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Writes `part` with its length as a prefix: `3:abc`.
pub(super) fn write_framed(out: &mut Vec<u8>, part: &[u8]) {
    write_number(out, part.len());
    out.push(b':');
    out.extend_from_slice(part);
}

fn write_number(out: &mut Vec<u8>, number: usize) {
    let mut place = 10_usize.pow(u32::try_from(digits(number)).unwrap_or(1) - 1);
    while place > 0 {
        out.push(b'0' + u8::try_from(number / place % 10).unwrap_or(0));
        place /= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fields_survive_encoding_and_decoding(
            event: Vec<u8>, socket: Vec<u8>, user in prop::option::of(prop::collection::vec(any::<u8>(), 1..9)),
            data: Option<Vec<u8>>,
        ) {
            let parts = ClientEventParts {
                event: &event, socket: &socket, user: user.as_deref(), data: data.as_deref(),
            };
            let event = ClientEvent::new(&parts);
            prop_assert_eq!(event.parts(), parts);
            prop_assert_eq!(ClientEvent::from_text(event.as_text()), Some(event.clone()));
        }

        #[test]
        fn a_length_is_written_in_decimal(number in 0..usize::MAX / 16) {
            let mut text = Vec::new();
            write_number(&mut text, number);
            prop_assert_eq!(text, number.to_string().into_bytes());
            prop_assert_eq!(digits(number), number.to_string().len());
        }
    }

    #[test]
    fn the_encoding_is_that_of_older_releases() {
        let parts =
            ClientEventParts { event: b"client-x", socket: b"1.2", user: Some(b"1042"), data: Some(br#"{"a":1}"#) };
        assert_eq!(ClientEvent::new(&parts).as_text(), br#"8:client-x3:1.24:10421{"a":1}"#);
        let parts = ClientEventParts { event: b"client-x", socket: b"1.2", ..ClientEventParts::default() };
        assert_eq!(ClientEvent::new(&parts).as_text(), b"8:client-x3:1.20:0");
    }

    #[test]
    fn truncated_text_and_text_without_a_length_are_refused() {
        for text in
            [b"".as_slice(), b"8:client-x3:1.20:", b"9:client-x", b":client-x", b"x:y", b"99999999999999999999999:"]
        {
            assert_eq!(ClientEvent::from_text(text), None);
        }
    }
}
