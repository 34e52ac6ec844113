//! Mutates inputs: bytes, words of the corpus, and JSON by its structure.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::rngs::StdRng;

use super::json;

/// Words that every target gets: numbers at the limits of types, and what ends a text in some format.
const WORDS: [&str; 32] = [
    "0",
    "1",
    "-1",
    "65536",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999",
    "1e999",
    "0.5",
    "00",
    "+1",
    "\0",
    "\r\n",
    "\n",
    "\t",
    " ",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\u{2028}",
    "é",
    "🦀",
    ":",
    "-",
    "null",
    "{}",
    "[]",
    "\u{feff}",
];

/// The length of the longest word of the corpus, in bytes.
const LONGEST_WORD: usize = 64;

/// A source of mutations.
pub(crate) struct Mutator {
    words: Vec<Vec<u8>>,
    rng: StdRng,
}

impl Mutator {
    /// Creates a source that uses the words of `corpus`.
    pub(super) fn new(corpus: &[Vec<u8>], rng: StdRng) -> Self {
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || *byte >= 0x80;
        let split = |input: &Vec<u8>| -> Vec<Vec<u8>> {
            input.chunk_by(|a, b| is_letter(a) && is_letter(b)).map(<[u8]>::to_vec).collect()
        };
        let words: BTreeSet<Vec<u8>> =
            corpus.iter().flat_map(split).filter(|word| word.len() <= LONGEST_WORD).collect();
        let common = WORDS.iter().map(|word| word.as_bytes().to_vec());
        Self { words: words.into_iter().chain(common).collect(), rng }
    }

    /// Chooses an input, usually one of the last ones.
    pub(super) fn choose<'a>(&mut self, corpus: &'a [Vec<u8>]) -> &'a Vec<u8> {
        let first = if self.rng.random_bool(0.5) { corpus.len() - corpus.len().div_ceil(4) } else { 0 };
        &corpus[self.rng.random_range(first..corpus.len())]
    }

    /// Mutates an input, up to five times. `corpus` has others whose parts may be used.
    pub(super) fn mutate(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        for _ in 0..self.rng.random_range(1..6) {
            if self.rng.random_bool(0.5) {
                let other = &corpus[self.rng.random_range(0..corpus.len())];
                if json::mutate(input, other, &self.words, &mut self.rng) {
                    continue;
                }
            }
            self.mutate_bytes(input, corpus);
        }
    }

    fn mutate_bytes(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let rng = &mut self.rng;
        let at = rng.random_range(0..=input.len());
        let to = (at + rng.random_range(0..16)).min(input.len());
        match rng.random_range(0..8) {
            0 if at < input.len() => input[at] = rng.random(),
            1 => drop(input.drain(at..to)),
            2 => {
                let piece = input[at..to].to_vec();
                drop(input.splice(at..at, piece.repeat(rng.random_range(1..40))));
            }
            3 => input.truncate(at),
            4 => {
                let other = &corpus[rng.random_range(0..corpus.len())];
                let from = rng.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..other.len().min(from + 4_000)]);
            }
            5 => {
                let word = &self.words[rng.random_range(0..self.words.len())];
                drop(input.splice(at..at, word.iter().copied()));
            }
            _ => self.replace_word(input, at),
        }
    }

    /// Replaces the digits, or the letters, around a place by another word.
    fn replace_word(&mut self, input: &mut Vec<u8>, at: usize) {
        let is_same = |byte: &u8| input.get(at).is_some_and(|own| own.is_ascii_digit() == byte.is_ascii_digit());
        let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() && is_same(byte);
        let start = input[..at].iter().rposition(|byte| !is_inside(byte)).map_or(0, |before| before + 1);
        let end = input[at..].iter().position(|byte| !is_inside(byte)).map_or(input.len(), |length| at + length);
        let word = self.words[self.rng.random_range(0..self.words.len())].clone();
        drop(input.splice(start..end, word));
    }
}
