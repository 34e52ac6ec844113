//! Programs of others, which measure what they can do on the same stage.

use std::process::Command;

/// What a program prints.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The number behind the first comma of the last line.
pub(crate) fn second_csv_column(csv: &str) -> f64 {
    let column = csv.lines().last().and_then(|line| line.split("\",\"").nth(1));
    column.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no figure in {csv:?}"))
}

/// The number behind a label.
pub(crate) fn number_behind(text: &str, label: &str) -> f64 {
    let behind = text.split_once(label).map(|(_, behind)| behind.trim_start());
    let digits =
        behind.map(|behind| behind.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no {label:?} in {text:?}"))
}
