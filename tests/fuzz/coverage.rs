//! Tells whether an input has reached a branch for the first time.
//!
//! `make fuzz` compiles with LLVM's coverage pass, which counts the passages of every branch in a byte. These options of rustc
//! are stable. Without them there are no counters, and no input reaches anything new.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The counters in words: most are 0 after an input, and a word of them is read at once.
static COUNTERS: OnceLock<&'static [AtomicU64]> = OnceLock::new();

/// Called by the code of the coverage pass before `main`, once for each compiled unit, always with the counters of all.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(start: *const AtomicU8, end: *const AtomicU8) {
    let length = end.addr() - start.addr();
    // SAFETY: The linker puts the counters of the program between these two symbols. They exist as long as the process, and
    // any bytes are a word. An increment that is lost while a word is read and cleared changes nothing that matters.
    let _ = COUNTERS.set(unsafe { std::slice::from_raw_parts(start, length).align_to().1 });
}

/// The branches that inputs have reached.
pub(super) struct Coverage {
    counters: &'static [AtomicU64],
    /// For each branch, the magnitudes of its counts as bits.
    seen: Vec<[u8; 8]>,
}

impl Coverage {
    /// Creates the coverage of no input.
    pub(super) fn new() -> Self {
        let counters = COUNTERS.get().copied().unwrap_or_default();
        Self { counters, seen: vec![[0; 8]; counters.len()] }
    }

    /// Adds the counts since the last call. Returns `true` if a branch was reached for the first time, or more often by an
    /// order of magnitude.
    pub(super) fn grows(&mut self) -> bool {
        let mut grows = false;
        for (counters, seen) in self.counters.iter().zip(&mut self.seen) {
            let counts = counters.load(Ordering::Relaxed);
            if counts > 0 {
                counters.store(0, Ordering::Relaxed);
                for (count, seen) in counts.to_ne_bytes().into_iter().zip(seen) {
                    let magnitude = count.checked_ilog2().map_or(0, |magnitude| 1 << magnitude);
                    grows |= *seen | magnitude != *seen;
                    *seen |= magnitude;
                }
            }
        }
        grows
    }

    /// Returns the coverage as text. `found` is the number of mutations with which it has grown.
    pub(super) fn report(&self, found: usize) -> String {
        let reached = self.seen.as_flattened().iter().filter(|seen| **seen > 0).count();
        if self.counters.is_empty() {
            "branches not counted".to_owned()
        } else {
            format!("{reached} branches reached, {found} mutations with new ones")
        }
    }
}
