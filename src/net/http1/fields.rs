//! The headers of an answer, as receivers really write them. Pure.
//!
//! ```text
//! Name: value            a field
//! Name : value           the same, although RFC 9112 5.1 allows no blank there
//!   more of it           goes on with the field above it (a folded line, RFC 9112 5.2)
//! no colon at all        nothing
//! ```
//! Lines end with LF, and a CR before it belongs to the end.

/// A header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// The name, without blanks around it.
    pub(super) name: &'a [u8],
    /// The value, without blanks around it. Where its line was folded, the line break is part of it.
    pub(super) value: &'a [u8],
    /// True when the name had a blank behind it: another reader may see another name.
    pub(super) is_odd: bool,
}

impl Field<'_> {
    /// Compares the name, ignoring case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The length of a head, which ends with the first empty line. `None` when that has not come. The first `seen` bytes were
/// searched before.
pub(super) fn end(input: &[u8], seen: usize) -> Option<usize> {
    // An end that has come in two pieces begins before them.
    let from = seen.saturating_sub(2);
    let breaks = input[from..].iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| from + at + 1);
    breaks.into_iter().find_map(|next| match input[next..] {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}

/// The fields of a head, whose first line is none.
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
            // A folded line at the beginning continues nothing.
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

/// The elements of a list.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// The length of the first line, its end included.
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
    fn what_is_no_field_is_passed_over_and_a_folded_line_belongs_to_the_one_above() {
        let head = "HTTP/1.1 200 OK\r\n lost\r\nA: 1\r\nno colon\r\n more of nothing: x\r\nB : 2\nC:3\r\n \t4\r\n\r\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(head), [pair("A", "1"), pair("B", "2"), pair("C", "3\r\n \t4")]);
        let odd: Vec<bool> = fields(head.as_bytes()).map(|field| field.is_odd).collect();
        assert_eq!(odd, [false, true, false]);
    }

    #[test]
    fn a_head_ends_with_its_first_empty_line_however_much_was_seen_before() {
        for head in ["HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK\nA: b\n\n", "HTTP/1.1 200 OK\r\n\n"] {
            let whole = format!("{head}body\r\n\r\n");
            for seen in 0..head.len() {
                assert_eq!(end(whole.as_bytes(), seen), Some(head.len()), "{head:?} after {seen}");
            }
            assert_eq!(end(&whole.as_bytes()[..head.len() - 1], 0), None);
        }
    }
}
