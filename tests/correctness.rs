//! Every test that docs/correctness.md names exists.

use std::path::Path;

/// Returns the code spans in order, with their line numbers.
fn spans(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.flat_map(|(number, line)| line.split('`').skip(1).step_by(2).map(move |span| (number + 1, span)))
}

fn is_test_name(span: &str) -> bool {
    span.matches('_').count() >= 3 && span.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
}

#[test]
fn every_test_that_the_page_on_correctness_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/correctness.md")).expect("the page");
    let (mut file, mut source, mut found) = (String::new(), String::new(), 0);
    for (line, span) in spans(&page) {
        if Path::new(span).extension().is_some_and(|extension| extension == "rs" || extension == "php") {
            span.clone_into(&mut file);
            source = std::fs::read_to_string(root.join(span))
                .unwrap_or_else(|error| panic!("line {line} names {span}: {error}"));
        } else if is_test_name(span) {
            let definitions = [
                format!("\n#[test]\nfn {span}() {{"),
                format!("\n    #[test]\n    fn {span}() {{"),
                format!("\n    public function {span}("),
            ];
            let is_there = definitions.iter().any(|definition| source.contains(definition));
            assert!(is_there, "line {line}: no test {span} in {file}");
            found += 1;
        }
    }
    assert!(found > 20, "the page names its tests as `file.rs` `test_name`; found only {found}");
}
