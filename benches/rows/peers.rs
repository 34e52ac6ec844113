//! Runs other programs, which measure their own throughput under the same conditions.

use std::process::Command;

/// Returns the output of a program.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Returns the number after the first comma of the last line.
pub(crate) fn second_csv_column(csv: &str) -> f64 {
    let column = csv.lines().last().and_then(|line| line.split("\",\"").nth(1));
    column.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no figure in {csv:?}"))
}

/// Returns the number after a label.
pub(crate) fn number_after(text: &str, label: &str) -> f64 {
    let rest = text.split_once(label).map(|(_, rest)| rest.trim_start());
    let digits = rest.map(|rest| rest.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no {label:?} in {text:?}"))
}
