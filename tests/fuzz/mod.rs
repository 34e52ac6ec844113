//! Runs a check on inputs that no one has written: the corpus of a target, and mutations of it.
//!
//! A target is a test that calls [`fuzz`]. It lies beside the code that it tests, in a module named `fuzz`. Its corpus is
//! `tests/fuzz/corpus/TARGET`: inputs of real shapes, and every input that once failed.
//!
//! In `cargo test`, a target runs its corpus and a fixed number of mutations with a fixed seed. `make fuzz` runs it for a given
//! time with a random seed, in a build that counts branches. Then mutations that reach new branches are mutated further. These
//! variables control a run:
//!
//! | variable | meaning |
//! |---|---|
//! | `RESONATE_WEBHOOKS_FUZZ_TARGET` | the only target that runs |
//! | `RESONATE_WEBHOOKS_FUZZ_SECONDS` | the time for mutations, in place of their number |
//! | `RESONATE_WEBHOOKS_FUZZ_SEED` | the seed |
//! | `RESONATE_WEBHOOKS_FUZZ_INPUT` | a file: the only input of the run |
//!
//! The current input is in a file, so it is there after a crash of any kind. The file is removed when the target ends well.

mod coverage;
mod json;
mod mutation;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coverage::Coverage;
use mutation::Mutator;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

/// The seed of `cargo test`.
const SEED: u64 = 1;

/// The time in which any input must be handled, on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// The length of the longest mutation, in bytes.
const LONGEST: usize = 64 * 1024;

/// Runs `check` on the corpus of `target` and on mutations of it: `count` of them, unless the environment sets a time.
/// `check` panics if an input has revealed a bug.
pub(crate) fn fuzz(target: &str, count: u64, check: impl FnMut(&[u8])) {
    fuzz_with(target, Vec::new(), count, check);
}

/// As [`fuzz`], with inputs in addition to the corpus.
pub(crate) fn fuzz_with(target: &str, inputs: Vec<Vec<u8>>, count: u64, mut check: impl FnMut(&[u8])) {
    if setting("TARGET").is_some_and(|chosen| chosen != target) {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Some(file) = setting("INPUT") {
        return check(&fs::read(root.join(file)).expect("the input is readable"));
    }
    let seed = setting("SEED").map_or(SEED, |text| text.parse().expect("a seed is a number"));
    let time = setting("SECONDS").map(|text| Duration::from_secs(text.parse().expect("a time is a number of seconds")));
    let mut corpus = read_corpus(&root.join("tests/fuzz/corpus").join(target));
    corpus.extend(inputs);
    let mut mutator = Mutator::new(&corpus, StdRng::seed_from_u64(seed));
    let mut current = Current::new(&root.join("target/fuzz-inputs"), target, seed);
    let mut coverage = Coverage::new();
    for input in &corpus {
        current.run(input, &mut check);
        coverage.grows();
    }
    let (begun, own) = (Instant::now(), corpus.len());
    let mut done = 0;
    while time.map_or(done < count, |time| begun.elapsed() < time) {
        let mut input = mutator.choose(&corpus).clone();
        mutator.mutate(&mut input, &corpus);
        input.truncate(LONGEST);
        current.run(&input, &mut check);
        done += 1;
        if coverage.grows() {
            corpus.push(input);
        }
    }
    current.remove();
    let (seconds, found) = (begun.elapsed().as_secs_f64(), corpus.len() - own);
    println!("{target}: seed {seed}, {done} mutations in {seconds:.1} s, {}", coverage.report(found));
}

/// Splits an input into the JSON document at its beginning and the lines after it.
pub(crate) fn document(input: &[u8]) -> Option<(Value, Vec<&[u8]>)> {
    let mut documents = serde_json::Deserializer::from_slice(input).into_iter();
    let document = documents.next()?.ok()?;
    let rest = &input[documents.byte_offset()..];
    Some((document, rest.strip_prefix(b"\n").unwrap_or(rest).split(|byte| *byte == b'\n').collect()))
}

fn setting(name: &str) -> Option<String> {
    std::env::var(format!("RESONATE_WEBHOOKS_FUZZ_{name}")).ok().filter(|text| !text.is_empty())
}

/// Reads the inputs, in the order of their names.
fn read_corpus(folder: &Path) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("the folder is readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no inputs", folder.display());
    paths.iter().map(|path| fs::read(path).expect("the input is readable")).collect()
}

/// The input that is being checked, in a file.
struct Current {
    target: String,
    path: PathBuf,
    file: File,
    begun: Arc<AtomicU64>,
}

impl Current {
    fn new(folder: &Path, target: &str, seed: u64) -> Self {
        fs::create_dir_all(folder).expect("the folder of inputs can be created");
        let path = folder.join(format!("{target}-{seed}"));
        let file = File::create(&path).expect("the file of the input can be created");
        let begun = Arc::default();
        watch(&begun, &path);
        Self { target: target.to_owned(), path, file, begun }
    }

    fn run(&mut self, input: &[u8], check: &mut impl FnMut(&[u8])) {
        self.file.set_len(0).and_then(|()| self.file.write_all_at(input, 0)).expect("the input can be written");
        self.begun.fetch_add(1, Ordering::Relaxed);
        check(input);
    }

    fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (target, path) = (&self.target, self.path.display());
            eprintln!("The input is in {path}. Run it again: make fuzz TARGET={target} INPUT={path}");
        }
    }
}

/// Aborts the process when one input takes longer than the limit. `begun` is the number of inputs that have begun.
fn watch(begun: &Arc<AtomicU64>, path: &Path) {
    let (begun, path) = (Arc::downgrade(begun), path.to_owned());
    std::thread::spawn(move || {
        let mut before = 0;
        loop {
            std::thread::sleep(LIMIT);
            let Some(now) = begun.upgrade().map(|begun| begun.load(Ordering::Relaxed)) else { return };
            if now == before {
                eprintln!("The input in {} takes longer than {LIMIT:?}", path.display());
                std::process::abort();
            }
            before = now;
        }
    });
}
