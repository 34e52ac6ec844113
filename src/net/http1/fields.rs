//! Parses the headers of a response, including malformed ones that real servers send. Pure.
//!
//! ```text
//! Name: value            a header
//! Name : value           the same header, although RFC 9112, section 5.1 forbids the space before the colon
//!   more of the value    continues the header above it (a folded line, RFC 9112, section 5.2)
//! no colon               ignored
//! ```
//! A line ends with LF or CRLF.

/// A header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// The name, without surrounding whitespace.
    pub(super) name: &'a [u8],
    /// The value, without surrounding whitespace. The line break of a folded line is part of it.
    pub(super) value: &'a [u8],
    /// `true` if there is whitespace before the colon. Another parser may read another name.
    pub(super) is_odd: bool,
}

impl Field<'_> {
    /// Returns `true` if this is the header `name`, ignoring case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Returns the length of the head, which ends with the first empty line, or `None` while it is incomplete. The first `seen`
/// bytes were already searched.
pub(super) fn end(input: &[u8], seen: usize) -> Option<usize> {
    // Steps back, because the empty line may have arrived in two pieces.
    let from = seen.saturating_sub(2);
    let breaks = input[from..].iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| from + at + 1);
    breaks.into_iter().find_map(|next| match input[next..] {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}

/// Returns the headers in a head. Skips its first line, which is not a header.
pub(super) fn fields(head: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = &head[line(head)..];
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let first = line(rest);
            let mut length = first;
            while matches!(rest.get(length), Some(b' ' | b'\t')) {
                length += line(&rest[length..]);
            }
            let (field, others) = rest.split_at(length);
            rest = others;
            // A folded line directly after the first line continues no header.
            let colon = field[..first].iter().position(|byte| *byte == b':');
            let colon = colon.filter(|_| !matches!(field[0], b' ' | b'\t'));
            if let Some(colon) = colon {
                let (name, value) = (&field[..colon], field[colon + 1..].trim_ascii());
                return Some(Field { name: name.trim_ascii(), value, is_odd: name.trim_ascii() != name });
            }
        }
        None
    })
}

/// Returns the elements of a comma-separated list, without empty ones.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Returns the length of the first line, including its end.
fn line(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        fields(head.as_bytes()).map(|field| (text(field.name), text(field.value))).collect()
    }

    #[test]
    fn invalid_lines_are_ignored_and_a_folded_line_continues_the_header_above() {
        let head = "HTTP/1.1 200 OK\r\n lost\r\nA: 1\r\nno colon\r\n more of nothing: x\r\nB : 2\nC:3\r\n \t4\r\n\r\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(head), [pair("A", "1"), pair("B", "2"), pair("C", "3\r\n \t4")]);
        let odd: Vec<bool> = fields(head.as_bytes()).map(|field| field.is_odd).collect();
        assert_eq!(odd, [false, true, false]);
    }

    #[test]
    fn a_head_ends_with_its_first_empty_line_however_much_was_searched_before() {
        for head in ["HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK\nA: b\n\n", "HTTP/1.1 200 OK\r\n\n"] {
            let whole = format!("{head}body\r\n\r\n");
            for seen in 0..head.len() {
                assert_eq!(end(whole.as_bytes(), seen), Some(head.len()), "{head:?} after {seen}");
            }
            assert_eq!(end(&whole.as_bytes()[..head.len() - 1], 0), None);
        }
    }
}
