//! The table in `docs/operations.md` lists every log line of the extension and of the package, with its level.
//!
//! A log line is a format string in the sources. `{name}` in the table and a placeholder in the code match, whatever their
//! names.

#![allow(clippy::unwrap_used, reason = "a tree that cannot be read has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/operations.md";

/// The heading of the table's section.
const HEADING: &str = "\n## Log lines\n";

/// The beginning of nearly every line. The table leaves it out.
const PREFIX: &str = "Resonate webhooks: ";

/// A file or folder, and the code that the text follows.
type Place = (&'static str, &'static str);

/// Variables that are logged but get their text elsewhere: the file and name of the variable, then the places of the text.
const ELSEWHERE: [(&str, &str, &[Place]); 5] = [
    ("src/engine/mod.rs", "warning", CONFIG_WARNINGS),
    ("src/engine/endpoints.rs", "warning", CONFIG_WARNINGS),
    ("src/engine/reporter.rs", "disagreement", &[("src/report/agreement.rs", "fn fmt(")]),
    ("src/telemetry/mod.rs", "message", &[]),
    (
        "php/src/Hosts/Node.php",
        "$warning",
        &[
            ("php/src/Hosts/HostRelease.php", "function warning("),
            ("php/src/RosterSetup.php", "new SetupProblem("),
            ("php/src/Reverb/ReverbSetup.php", "new SetupProblem("),
            ("php/src/Reverb/ReverbServer.php", "$this->missing[] ="),
        ],
    ),
];

const CONFIG_WARNINGS: &[Place] = &[
    ("src/config", "warnings.push("),
    ("src/config", "warnings.extend("),
    ("src/config", "warnings.borrow_mut().push("),
    ("src/config/connection.rs", "fn check_against_lease("),
    ("src/config/event_set.rs", "fn warning("),
];

/// A file without comments and tests. Each string literal is a single `"` in `code`; its text is the next one of `texts`.
struct Source {
    path: String,
    code: String,
    texts: Vec<String>,
}

impl Source {
    fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let is_php = is_php(path);
        let (mut code, mut texts) = (String::new(), Vec::new());
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            if rest.starts_with("//") {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            } else if rest.starts_with("/*") {
                rest = &rest[rest.find("*/").unwrap() + 2..];
            } else if let Some((text, after)) = raw_literal(rest).filter(|_| !is_php) {
                code.push('"');
                texts.push(text.to_owned());
                rest = after;
            } else if c == '"' || (is_php && c == '\'') {
                let (text, after) = literal(rest, is_php);
                code.push('"');
                texts.push(text);
                rest = after;
            } else if let Some(length) = char_literal(rest) {
                rest = &rest[length..];
            } else {
                // A call may be on the line after its receiver.
                if c == '.' {
                    code.truncate(code.trim_end().len());
                }
                code.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        let mut source = Self { path: path.to_owned(), code, texts };
        source.cut_tests();
        source
    }

    /// Removes the test module.
    fn cut_tests(&mut self) {
        while let Some(from) = self.code.find("#[cfg(test)]\nmod ") {
            let item = &self.code[from..];
            let end = item.find(['{', ';']).unwrap();
            let length = if item[end..].starts_with('{') { end + 2 + until('}', &item[end + 1..]) } else { end + 1 };
            let (first, count) = (self.index(from), item[..length].matches('"').count());
            self.texts.drain(first..first + count);
            self.code.replace_range(from..from + length, "");
        }
    }

    /// The index in `texts` of the first literal at or after this place.
    fn index(&self, at: usize) -> usize {
        self.code[..at].matches('"').count()
    }

    /// The format strings in a part of the code that starts with one or passes it to a macro.
    fn messages(&self, from: usize, length: usize) -> Vec<String> {
        let part = &self.code[from..from + length];
        let is_message = |before: &str| {
            let before: String = before.split_whitespace().collect();
            before.is_empty() || ["format!(", "format_args!(", "write!(f,"].iter().any(|call| before.ends_with(call))
        };
        let literals = part.match_indices('"').enumerate();
        literals
            .filter(|(_, (at, _))| is_message(&part[..*at]))
            .map(|(n, _)| self.texts[self.index(from) + n].clone())
            .filter(|text| text.contains(' '))
            .collect()
    }

    /// The sentences among the literals in a part of PHP code.
    fn sentences(&self, from: usize, length: usize) -> Vec<String> {
        let (first, count) = (self.index(from), self.code[from..from + length].matches('"').count());
        self.texts[first..first + count].iter().filter(|text| text.contains(' ')).cloned().collect()
    }

    /// The texts after `marker`: in the body of a function, in the argument of a call, or in an assignment.
    fn texts_after(&self, marker: &str) -> Vec<String> {
        let places = self.code.match_indices(marker).map(|(at, _)| at + marker.len());
        let part = |at: usize| {
            let rest = &self.code[at..];
            let is_function = marker.contains("fn ") || marker.contains("function ");
            let (body, stop) = match marker {
                _ if is_function => (rest.find('{').unwrap() + 1, '}'),
                _ if marker.ends_with('(') => (0, ','),
                _ => (0, ';'),
            };
            (at + body, until(stop, &rest[body..]))
        };
        let read = |(from, length)| {
            if is_php(&self.path) { self.sentences(from, length) } else { self.messages(from, length) }
        };
        places.map(part).flat_map(read).collect()
    }

    /// The texts of a variable that is logged at this place.
    fn texts_of(&self, name: &str, at: usize) -> Vec<String> {
        let elsewhere = ELSEWHERE.iter().find(|(path, variable, _)| *path == self.path && *variable == name);
        if let Some((_, _, places)) = elsewhere {
            let sources = |(path, marker): &(&str, &str)| {
                let files = files(path).into_iter().map(|path| Self::read(&path));
                files.flat_map(|source| source.texts_after(marker)).collect::<Vec<_>>()
            };
            return places.iter().flat_map(sources).collect();
        }
        let function = self.code[..at].rfind("fn ").unwrap_or_default();
        let written = format!("let {name} =");
        let found = self.code[function..at].rfind(&written).map(|begin| function + begin + written.len());
        let from = found.unwrap_or_else(|| panic!("{}: the text of `{name}` is not known: see ELSEWHERE", self.path));
        let from = from + self.code[from..].len() - self.code[from..].trim_start().len();
        self.messages(from, until(';', &self.code[from..]))
    }

    /// The log lines of a Rust file: the level, the text and the place of each.
    fn rust_lines(&self) -> Vec<(String, String)> {
        for (at, call) in self.code.match_indices(".log(") {
            let arguments = &self.code[at + call.len()..][..until(')', &self.code[at + call.len()..])];
            assert!(arguments.to_lowercase().contains("level"), "{}: a log call without a level", self.path);
        }
        let mut lines = Vec::new();
        for (at, name) in self.code.match_indices("Level::") {
            let level = word(&self.code[at + name.len()..]);
            let after = at + name.len() + level.len();
            if !self.code[after..].starts_with(',') {
                continue;
            }
            let from = after + 1 + self.code[after + 1..].len() - self.code[after + 1..].trim_start().len();
            let argument = &self.code[from..][..until(',', &self.code[from..])];
            let variable = word(argument);
            let texts = if !variable.is_empty() && variable == argument.trim() {
                self.texts_of(variable, at)
            } else {
                self.messages(from, argument.len())
            };
            assert!(!texts.is_empty() || self.path == "src/telemetry/mod.rs", "{}: no text in {argument}", self.path);
            lines.extend(texts.into_iter().map(|text| (level.to_lowercase(), text)));
        }
        for level in ["error", "warning", "info"] {
            let call = format!(".log_{level}(");
            for (at, _) in self.code.match_indices(&call) {
                let from = at + call.len();
                let argument = self.code[from..][..until(')', &self.code[from..])].trim();
                let variable = word(argument);
                let texts = if variable == argument {
                    self.texts_of(variable, at)
                } else {
                    self.messages(from, until(')', &self.code[from..]))
                };
                assert!(!texts.is_empty(), "{}: no text in {argument}", self.path);
                lines.extend(texts.into_iter().map(|text| (level.to_owned(), text)));
            }
        }
        lines
    }

    /// The log lines of a PHP file.
    fn php_lines(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let calls = [("Log::", "info notice warning error critical"), ("error_log(", "")];
        for (call, levels) in calls {
            for (at, _) in self.code.match_indices(call) {
                let level = word(&self.code[at + call.len()..]);
                if !levels.is_empty() && !levels.split(' ').any(|known| known == level) {
                    continue;
                }
                let open = if levels.is_empty() { at + call.len() } else { at + call.len() + level.len() + 1 };
                let argument = &self.code[open..][..until(',', &self.code[open..])];
                let level = if levels.is_empty() { "error_log" } else { level };
                let mut next = self.index(open);
                let parts: Vec<String> = argument
                    .trim()
                    .split('.')
                    .map(|part| {
                        let literals = part.matches('"').count();
                        next += literals;
                        if part.trim() == "\"" { self.texts[next - 1].clone() } else { "{}".to_owned() }
                    })
                    .collect();
                let variable = argument.rsplit('.').next().unwrap().trim();
                let text = parts.concat();
                let elsewhere = ELSEWHERE.iter().any(|(path, name, _)| *path == self.path && *name == variable);
                assert!(elsewhere || text.contains(' '), "{}: the text of {argument} is not known", self.path);
                let texts = if elsewhere { self.texts_of(variable, at) } else { vec![text] };
                lines.extend(texts.into_iter().map(|text| (level.to_owned(), text)));
            }
        }
        lines
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources at a path: itself, or those below it. Files with tests only are left out.
fn files(path: &str) -> Vec<String> {
    let below = |path: PathBuf| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    if root().join(path).is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(root().join(path)).unwrap().map(|entry| below(entry.unwrap().path()));
    let mut files: Vec<String> =
        entries.flat_map(|entry| if root().join(&entry).is_dir() { files(&entry) } else { vec![entry] }).collect();
    files.retain(|file| is_php(file) || extension(file) == Some("rs") && !file.ends_with("tests.rs"));
    files
}

fn extension(path: &str) -> Option<&str> {
    Path::new(path).extension()?.to_str()
}

fn is_php(path: &str) -> bool {
    extension(path) == Some("php")
}

/// The word at the beginning of a text.
fn word(text: &str) -> &str {
    &text[..text.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(text.len())]
}

/// The length of the code up to the bracket that closes it, or up to a `stop` outside brackets.
fn until(stop: char, code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return at,
            ')' | ']' | '}' => depth -= 1,
            c if c == stop && depth == 0 => return at,
            _ => {}
        }
    }
    code.len()
}

/// The length of a Rust character, with its quotes. Quotes of lifetimes are none.
fn char_literal(code: &str) -> Option<usize> {
    let inner = code.strip_prefix('\'')?;
    let length = if let Some(escaped) = inner.strip_prefix('\\') {
        escaped.get(1..)?.find('\'')? + 2
    } else {
        inner.chars().next()?.len_utf8()
    };
    inner.get(length..)?.starts_with('\'').then_some(length + 2)
}

/// The text of the raw Rust string at the beginning of the code, and what follows.
fn raw_literal(code: &str) -> Option<(&str, &str)> {
    let after_r = code.strip_prefix('r')?;
    let inner = after_r.trim_start_matches('#');
    let end = format!("\"{}", &after_r[..after_r.len() - inner.len()]);
    inner.strip_prefix('"')?.split_once(&end)
}

/// The text of the string at the beginning of the code, and what follows. Variables in PHP's are placeholders.
fn literal(code: &str, is_php: bool) -> (String, &str) {
    let quote = code.chars().next().unwrap();
    let (mut text, mut rest) = (String::new(), &code[1..]);
    loop {
        let c = rest.chars().next().unwrap();
        rest = &rest[c.len_utf8()..];
        if c == quote {
            return (text, rest);
        } else if c == '\\' {
            let escaped = rest.chars().next().unwrap();
            rest = &rest[escaped.len_utf8()..];
            match escaped {
                '\n' => rest = rest.trim_start(),
                'n' => text.push('\n'),
                escaped => text.push(escaped),
            }
        } else if is_php && quote == '"' && c == '{' && rest.starts_with('$') {
            text.push_str("{}");
            rest = &rest[until('}', rest) + 1..];
        } else if is_php && quote == '"' && c == '$' {
            text.push_str("{}");
            rest = &rest[word(rest).len()..];
        } else {
            text.push(c);
        }
    }
}

/// The text as it is compared: without the prefix, and with `{}` for every placeholder.
fn normal(text: &str) -> String {
    let text = text.strip_prefix(PREFIX).unwrap_or(text).replace("{ROOT}", "resonate-webhooks").replace("%s", "{}");
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |normal, part| normal + "{}" + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// The log lines of the sources by text: the level, and the text as it is written.
fn of_code() -> BTreeMap<(String, String), (String, String)> {
    let sources = ["src", "php/src"].into_iter().flat_map(files).map(|path| Source::read(&path));
    let lines = sources.flat_map(|source| {
        let lines = if is_php(&source.path) { source.php_lines() } else { source.rust_lines() };
        lines.into_iter().map(move |line| (line, source.path.clone()))
    });
    lines.map(|((level, text), path)| ((normal(&text), level), (text, path))).collect()
}

/// The rows of the table: text and level.
fn of_page() -> BTreeMap<(String, String), String> {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    let section = page.split_once(HEADING).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let mut rows = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let Some(text) = cells.get(1).and_then(|text| text.strip_prefix('`')?.strip_suffix('`')) else { continue };
        assert!(cells.len() == 3 && !cells[2].is_empty(), "a row without a remedy: {row}");
        let level = cells[0].trim_matches('`').to_owned();
        assert!(rows.insert((normal(text), level), row.to_owned()).is_none(), "two rows for {text}");
    }
    rows
}

#[test]
fn the_page_lists_every_log_line_with_its_level_and_no_other() {
    let (code, page) = (of_code(), of_page());
    let missing: Vec<String> = code
        .iter()
        .filter(|(line, _)| !page.contains_key(line))
        .map(|((_, level), (text, path))| {
            let text = text.strip_prefix(PREFIX).unwrap_or(text).replace("{ROOT}", "resonate-webhooks");
            format!("| {level} | `{text}` | {path} |")
        })
        .collect();
    let stale: Vec<&str> =
        page.iter().filter(|(line, _)| !code.contains_key(line)).map(|(_, row)| row.as_str()).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "{PAGE} lacks, or has with another level:\n{}\nand has, but no source does:\n{}",
        missing.join("\n"),
        stale.join("\n"),
    );
}
