//! Lua files as code for Redis. Comments are half of their bytes, which neither the binary nor Redis needs.

/// Includes a Lua file without empty lines, comment lines and indentation.
macro_rules! code {
    ($file:literal) => {{
        const TEXT: &str = include_str!($file);
        const CODE: &[u8; $crate::redis::code_length(TEXT)] = &$crate::redis::code_of(TEXT);
        const { $crate::redis::code_as_text(CODE) }
    }};
}

pub(crate) use code;

/// Returns the number of bytes of [`code_of`].
pub(crate) const fn code_length(text: &str) -> usize {
    let (mut length, mut rest) = (0, text.as_bytes());
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        length += line.len();
        rest = after;
    }
    length
}

/// Returns the text without empty lines, comment lines and indentation. `N` is its [`code_length`].
pub(crate) const fn code_of<const N: usize>(text: &str) -> [u8; N] {
    let (mut code, mut rest) = ([0; N], text.as_bytes());
    let mut free: &mut [u8] = &mut code;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        let (place, behind) = free.split_at_mut(line.len());
        place.copy_from_slice(line);
        (free, rest) = (behind, after);
    }
    code
}

/// Returns [`code_of`] a file as text.
pub(crate) const fn code_as_text(code: &[u8]) -> &str {
    match str::from_utf8(code) {
        Ok(code) => code,
        Err(_) => panic!("a line break or a blank was inside a character"),
    }
}

/// Returns the code of the first line with its line break, and the lines after it. The code is empty if there is none.
const fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    let (mut begin, mut end) = (0, 0);
    while end < text.len() && text[end] != b'\n' {
        end += 1;
    }
    while begin < end && matches!(text[begin], b' ' | b'\t') {
        begin += 1;
    }
    let (line, after) = text.split_at(if end < text.len() { end + 1 } else { end });
    let (_, code) = line.split_at(begin);
    if matches!(code, [] | [b'\n'] | [b'-', b'-', ..]) { (&[], after) } else { (code, after) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const TEXT: &str = "-- A comment.\n\nlocal a = 1 -- stays\n    -- Another.\n  return a\n\t";

    #[test]
    fn comment_lines_empty_lines_and_indentation_are_left_out() {
        const CODE: [u8; code_length(TEXT)] = code_of(TEXT);
        assert_eq!(str::from_utf8(&CODE).unwrap(), "local a = 1 -- stays\nreturn a\n");
    }

    #[test]
    fn a_file_is_included_as_its_code() {
        let included = code!("scripts/number.lua");
        let lines = |text: &str| text.lines().map(|line| line.trim_start().to_owned()).collect::<Vec<_>>();
        let mut written = lines(include_str!("scripts/number.lua"));
        written.retain(|line| !line.is_empty() && !line.starts_with("--"));
        assert_eq!(lines(included), written);
        assert!(included.len() < include_str!("scripts/number.lua").len());
    }

    /// A long string or a long comment may have lines that begin with `--` or with blanks.
    #[test]
    fn no_script_has_long_brackets() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut scripts = 0;
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "lua") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(!text.contains("[[") && !text.contains("[="), "{}", path.display());
                    scripts += 1;
                }
            }
        }
        assert!(scripts > 40, "{scripts}");
    }
}
