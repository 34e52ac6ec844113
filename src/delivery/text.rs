//! Strings as JSON has them: UTF-8 and slashes stay as they are, broken UTF-8 becomes U+FFFD.
//!
//! An escaper of our own, because this is most of what encoding a batch costs: it looks at eight bytes at a time.

use std::borrow::Cow;

/// What stands for each byte behind the backslash; 0 for a byte that stands for itself, `u` for `\u00..`.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        escapes[control] = b'u';
        control += 1;
    }
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes[0x08] = b'b';
    escapes[0x0c] = b'f';
    escapes
};

/// By how much each byte grows when it is escaped.
const EXTRA: [u8; 256] = {
    let mut extra = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        extra[byte] = match ESCAPES[byte] {
            0 => 0,
            b'u' => 5,
            _ => 1,
        };
        byte += 1;
    }
    extra
};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Writes `text` as a JSON string, quotes included.
pub(super) fn write(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let begin = out.len();
    // Nearly all text is ASCII; what is not may have to be mended before it is written.
    if !write_ascii(out, text) {
        out.truncate(begin);
        write_bytes(out, &valid(text));
    }
    out.push(b'"');
}

/// The length of `text` as a JSON string, quotes included, in bytes.
pub(super) fn length(text: &[u8]) -> usize {
    let quotes = 2;
    let text = valid(text);
    let escapes = text.iter().map(|&byte| usize::from(EXTRA[usize::from(byte)])).sum::<usize>();
    quotes + text.len() + escapes
}

/// Writes what stands between the quotes. `false` when `text` is not ASCII, and something of it has been written.
fn write_ascii(out: &mut Vec<u8>, text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    for bytes in words {
        let word = u64::from_le_bytes(*bytes);
        if word & HIGH != 0 {
            return false;
        }
        if has_escape(word) {
            write_bytes(out, bytes);
        } else {
            out.extend_from_slice(bytes);
        }
    }
    write_bytes(out, rest);
    rest.is_ascii()
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        match ESCAPES[usize::from(byte)] {
            0 => out.push(byte),
            b'u' => {
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                out.extend_from_slice(br"\u00");
                out.extend_from_slice(&digits);
            }
            escape => out.extend_from_slice(&[b'\\', escape]),
        }
    }
}

/// The bytes, if they are UTF-8, or what is shown instead.
fn valid(text: &[u8]) -> Cow<'_, [u8]> {
    if text.is_ascii() || std::str::from_utf8(text).is_ok() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(String::from_utf8_lossy(text).into_owned().into_bytes())
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// Whether one of eight ASCII bytes has to be escaped: a subtraction turns the highest bit of such a byte on.
const fn has_escape(word: u64) -> bool {
    let quote = (word ^ (b'"' as u64 * ONES)).wrapping_sub(ONES);
    let backslash = (word ^ (b'\\' as u64 * ONES)).wrapping_sub(ONES);
    let control = word.wrapping_sub(0x20 * ONES);
    (quote | backslash | control) & HIGH != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, text);
        out
    }

    #[test]
    fn every_byte_is_written_as_serde_json_writes_it() {
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            assert_eq!(written(text.as_bytes()), serde_json::to_vec(&text).unwrap(), "{byte:#x}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_serde_json_writes_it(text: String) {
            prop_assert_eq!(written(text.as_bytes()), serde_json::to_vec(&text).unwrap());
        }

        #[test]
        fn bytes_that_are_no_text_are_written_as_their_replacement(bytes: Vec<u8>) {
            let shown = String::from_utf8_lossy(&bytes);
            prop_assert_eq!(written(&bytes), serde_json::to_vec(&shown).unwrap());
        }

        #[test]
        fn the_length_is_that_of_what_is_written(bytes: Vec<u8>) {
            prop_assert_eq!(length(&bytes), written(&bytes).len());
        }
    }
}
