//! `docs/dependencies.md` lists exactly the crates in `Cargo.toml`, and the sources use each of them.

#![allow(clippy::unwrap_used, reason = "a tree that cannot be read has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../docs/dependencies.md");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// Returns the names of the crates in a section of `Cargo.toml`.
fn crates(section: &str) -> BTreeSet<&'static str> {
    let lines = MANIFEST.lines().skip_while(|line| *line != section).skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .collect()
}

/// Returns the texts in code marks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Adds the content of every source file below `folder`.
fn read(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn the_page_lists_exactly_the_crates_of_the_extension() {
    let cells = PAGE.lines().filter(|line| line.starts_with("| `")).filter_map(|row| row.split('|').nth(1));
    let listed: BTreeSet<&str> = cells.flat_map(code).collect();
    assert_eq!(listed, crates("[dependencies]"));
}

#[test]
fn the_page_lists_exactly_the_crates_of_the_tests() {
    let (_, section) = PAGE.split_once("\n## Tests and benchmarks\n").unwrap();
    assert_eq!(code(section).collect::<BTreeSet<_>>(), crates("[dev-dependencies]"));
}

#[test]
fn the_sources_use_every_crate() {
    let mut sources = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    let used = |name: &&str| sources.contains(&format!("{}::", name.replace('-', "_")));
    assert_eq!(crates("[dependencies]").into_iter().filter(|name| !used(name)).collect::<Vec<_>>(), Vec::<&str>::new());
}
