//! Finds the known name that a typo was meant to be.

/// Returns the name among `known` that is most similar to `typed`. `None` if none is similar.
pub(super) fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase().replace('-', "_");
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, name), *name))
        .min()
        // Up to a third of the letters may differ.
        .filter(|(distance, name)| distance * 3 <= name.len().max(typed.len()))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["flush_interval", "reconcile_interval", "ttl"];

    #[test]
    fn a_typo_finds_its_word() {
        assert_eq!(nearest("flush_intervall", &KNOWN), Some("flush_interval"));
        assert_eq!(nearest("Flush-Interval", &KNOWN), Some("flush_interval"));
        assert_eq!(nearest("tll", &KNOWN), Some("ttl"));
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(nearest("colour", &KNOWN), None);
    }
}
