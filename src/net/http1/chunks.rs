//! Decodes a chunked body (RFC 9112, section 7.1). Pure.

use ureq::Error;

use super::answer::not_http;

/// The maximum number of digits in a chunk size, including leading zeros.
const DIGITS_AT_MOST: usize = 16;

/// The part of the body that is next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// The line with a chunk size.
    Size,
    /// The rest of a chunk, with its length in bytes.
    Data(u64),
    /// The line break after a chunk.
    Break,
    /// A line of the trailer.
    Trailer,
    /// Nothing: the body is complete.
    End,
}

impl Chunks {
    /// Copies body bytes from `input` to `output`. Returns the number of bytes consumed and written.
    ///
    /// # Errors
    /// Returns an error if the chunks are malformed.
    pub(super) fn take(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), Error> {
        let (mut used, mut put) = (0, 0);
        while let Some(step) = self.step(&input[used..], &mut output[put..])? {
            used += step.used;
            put += step.put;
        }
        Ok((used, put))
    }

    /// Decodes one part. Returns `None` if it needs more input or more room, or if the body is complete.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Option<ChunkStep>, Error> {
        let (next, step) = match *self {
            Self::Size => match size(input)? {
                Some((0, used)) => (Self::Trailer, ChunkStep { used, put: 0 }),
                Some((size, used)) => (Self::Data(size), ChunkStep { used, put: 0 }),
                None => return Ok(None),
            },
            Self::Data(0) => (Self::Break, ChunkStep::default()),
            Self::Data(mut left) => match copy(&mut left, input, output) {
                0 => return Ok(None),
                taken => (Self::Data(left), ChunkStep { used: taken, put: taken }),
            },
            Self::Break => match input {
                [b'\n', ..] => (Self::Size, ChunkStep { used: 1, put: 0 }),
                [b'\r', b'\n', ..] => (Self::Size, ChunkStep { used: 2, put: 0 }),
                [] | [b'\r'] => return Ok(None),
                _ => return Err(not_http("a chunk is longer than its size")),
            },
            Self::Trailer => {
                let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
                let is_last = input[..end].trim_ascii().is_empty();
                (if is_last { Self::End } else { Self::Trailer }, ChunkStep { used: end + 1, put: 0 })
            }
            Self::End => return Ok(None),
        };
        *self = next;
        Ok(Some(step))
    }
}

/// Returns the chunk size at the start of `input` and the length of its line, or `None` while the line is incomplete.
fn size(input: &[u8]) -> Result<Option<(u64, usize)>, Error> {
    let no_size = || not_http("invalid chunk size");
    let digits = input.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits > DIGITS_AT_MOST {
        return Err(no_size());
    }
    let Some(next) = input.get(digits) else { return Ok(None) };
    // A semicolon begins an extension, which is ignored.
    if !matches!(next, b';' | b' ' | b'\t' | b'\r' | b'\n') {
        return Err(no_size());
    }
    let size = std::str::from_utf8(&input[..digits]).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let size = size.ok_or_else(no_size)?;
    Ok(input.iter().position(|byte| *byte == b'\n').map(|end| (size, end + 1)))
}

/// Copies up to `left` bytes to `output`. Returns their number.
pub(super) fn copy(left: &mut u64, input: &[u8], output: &mut [u8]) -> usize {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len()).min(output.len());
    output[..taken].copy_from_slice(&input[..taken]);
    *left -= taken as u64;
    taken
}

/// The progress of one step.
#[derive(Debug, Default)]
struct ChunkStep {
    used: usize,
    put: usize,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] = b"5\r\nhello\r\n3;a=b\r\nyou\r\n0\r\nx-sum: 1\r\n\r\nHTTP";

    /// Decodes `input`, which arrives in pieces of `piece` bytes, into `room` bytes at a time.
    fn read(input: &[u8], piece: usize, room: usize) -> Result<(Vec<u8>, usize, Chunks), Error> {
        let (mut chunks, mut read, mut output) = (Chunks::Size, Vec::new(), vec![0; room]);
        let (mut from, mut to) = (0, 0);
        while chunks != Chunks::End {
            let (used, put) = chunks.take(&input[from..to], &mut output)?;
            read.extend_from_slice(&output[..put]);
            from += used;
            if put == 0 && chunks != Chunks::End {
                if to == input.len() {
                    break;
                }
                to = (to + piece).min(input.len());
            }
        }
        Ok((read, from, chunks))
    }

    proptest! {
        #[test]
        fn the_result_does_not_depend_on_the_sizes_of_reads(piece in 1..40_usize, room in 1..10_usize) {
            let (read, used, chunks) = read(BODY, piece, room).unwrap();
            prop_assert_eq!(&read[..], b"helloyou");
            prop_assert_eq!((used, chunks), (BODY.len() - b"HTTP".len(), Chunks::End));
        }

        #[test]
        fn no_input_causes_a_panic(input: Vec<u8>, piece in 1..40_usize) {
            let _ = read(&input, piece, 8);
        }
    }

    #[test]
    fn a_truncated_body_is_not_complete() {
        for length in 0..BODY.len() - b"HTTP".len() {
            let (_, _, chunks) = read(&BODY[..length], 7, 8).unwrap();
            assert_ne!(chunks, Chunks::End, "{length}");
        }
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for wrong in [&b"x\r\n"[..], b"5\r\nhello, you\r\n", b"-1\r\n", b"11111111111111111\r\n", b"5\r\nhello\rx"] {
            assert!(read(wrong, 40, 40).is_err(), "{}", wrong.escape_ascii());
        }
    }
}
