//! Each module of `src/` imports only itself and modules above it in the list of `src/lib.rs`. So no two modules import
//! each other.

#![allow(clippy::unwrap_used, reason = "a tree that cannot be read fails the test")]

use std::path::{Component, Path, PathBuf};

/// The children of the crate that are not in the list: the test servers and the driver of fuzz targets.
const OF_TESTS: [&str; 2] = ["support", "fuzz"];

/// Returns the top-level modules, low to high.
fn modules(lib: &str) -> Vec<&str> {
    lib.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';')).collect()
}

/// Returns the Rust files below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = |path: PathBuf| match path.extension() {
        None => rust_files(&path),
        Some(extension) if extension == "rs" => vec![path],
        Some(_) => Vec::new(),
    };
    entries.flat_map(files).collect()
}

/// Returns the text without comments, line by line.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .fold(String::new(), |code, line| code + line + "\n")
}

/// Returns the first word of a text.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    &text[..end]
}

/// Returns the children of the crate in a path, where `rest` is what follows `crate::`. `{a::b, c}` has `a` and `c`.
fn children(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut depth, mut names, mut begins) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                names.push(word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

/// Returns the folder of `src/` with the file that a file in the folder `from` includes.
fn included(from: &Path, path: &str) -> String {
    let mut parts = Vec::new();
    for part in from.join(path).components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            part => parts.push(part.as_os_str().to_string_lossy().into_owned()),
        }
    }
    parts.swap_remove(0)
}

/// Returns the modules that a file names or whose scripts it includes, with line numbers. `folder` is its folder below
/// `src/`.
fn needs(text: &str, folder: &Path) -> Vec<(usize, String)> {
    let code = code(text);
    let line = |at: usize| code[..at].matches('\n').count() + 1;
    let paths = code.match_indices("crate::").filter(|(at, _)| !code[..*at].ends_with('$'));
    let named = paths.flat_map(|(at, path)| {
        children(&code[at + path.len()..]).into_iter().map(move |name| (at, name.to_owned())).collect::<Vec<_>>()
    });
    let scripts = code.match_indices(".lua\"").filter_map(|(end, _)| {
        let begin = code[..end].rfind('"')? + 1;
        Some((begin, included(folder, &format!("{}.lua", &code[begin..end]))))
    });
    named.chain(scripts).map(|(at, name)| (line(at), name)).collect()
}

/// Returns the imports of a file that violate the order.
fn violations(file: &Path, text: &str, order: &[&str]) -> Vec<String> {
    let module = file.iter().next().unwrap_or_default().to_string_lossy();
    let place = |name: &str| order.iter().position(|module| *module == name);
    let own = place(&module);
    let folder = file.parent().unwrap_or(Path::new(""));
    let is_violation =
        |(_, name): &(usize, String)| !OF_TESTS.contains(&name.as_str()) && place(name).is_none_or(|at| Some(at) > own);
    let violations = needs(text, folder).into_iter().filter(is_violation);
    violations.map(|(line, name)| format!("src/{}:{line}: {module} imports {name}", file.display())).collect()
}

#[test]
fn no_module_imports_one_below_it_in_the_list() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(src.join("lib.rs")).unwrap();
    let order = modules(&lib);
    let mut files = rust_files(&src);
    files.sort();
    let found: Vec<Vec<String>> = files
        .iter()
        .map(|file| (file.strip_prefix(&src).unwrap(), std::fs::read_to_string(file).unwrap()))
        .filter(|(file, _)| *file != Path::new("lib.rs"))
        .map(|(file, text)| violations(file, &text, &order))
        .filter(|found| !found.is_empty())
        .collect();
    assert!(order.len() > 10, "the list was not found: {order:?}");
    assert!(found.is_empty(), "{} of {} files:\n{}", found.len(), files.len(), found.concat().join("\n"));
}

#[test]
fn an_import_against_the_order_is_found_everywhere() {
    let order = ["event", "redis", "outbox"];
    let found = |text: &str| violations(Path::new("redis/link.rs"), text, &order);
    assert_eq!(
        found("use crate::event::Event; // crate::outbox\nuse crate::redis::Link;\ncrate::support::x()"),
        [""; 0]
    );
    let imports = "src/redis/link.rs:2: redis imports outbox";
    for text in [
        "\nuse crate::outbox::Outbox;",
        "\nlet outbox = crate::outbox::start();",
        "use crate::event::Event;\nuse crate::{event::{AppId, Event}, outbox::Outbox};",
        "\n    include_str!(\"../outbox/scripts/trim.lua\")",
    ] {
        assert_eq!(found(text), [imports], "{text}");
    }
    assert_eq!(found("\nuse crate::elsewhere::Thing;"), ["src/redis/link.rs:2: redis imports elsewhere"]);
}

#[test]
fn every_file_that_a_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut missing = Vec::new();
    for page in pages.chain(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|page| root.join(page))) {
        let text = std::fs::read_to_string(&page).unwrap();
        let named = text
            .split('`')
            .filter(|part| ["src/", "php/", "tests/", "benches/"].iter().any(|top| part.starts_with(top)));
        let is_path = |part: &&str| !part.contains([' ', '*', '{', '\n']);
        missing.extend(
            named
                .filter(is_path)
                .filter(|part| !root.join(part).exists())
                .map(|part| format!("{}: {part}", page.display())),
        );
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
