//! A clock that can be set for single processes. `clock.c` is the library that shifts it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A clock that can be set.
pub(crate) struct ShiftedClock {
    folder: TempDir,
    difference: File,
}

impl ShiftedClock {
    /// Compiles the library and starts with the real time. Needs a C compiler.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let difference = File::create(folder.path().join("difference")).expect("a file for the difference");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/clock.c");
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"]);
        let compiled = command.arg(library(folder.path())).arg(source).status();
        assert!(compiled.is_ok_and(|status| status.success()), "cc compiles the clock");
        let clock = Self { folder, difference };
        clock.set(0);
        clock
    }

    /// Returns the environment of a process that uses this clock.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", library(self.folder.path())), ("SHIFTED_CLOCK", self.folder.path().join("difference"))]
    }

    /// Sets the clock `ahead` milliseconds ahead of the real time, or back if that is negative.
    pub(crate) fn set(&self, ahead: i64) {
        self.difference.write_all_at(&ahead.to_ne_bytes(), 0).expect("a written difference");
    }
}

fn library(folder: &Path) -> PathBuf {
    folder.join("clock.so")
}
