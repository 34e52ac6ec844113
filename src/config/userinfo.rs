//! The parts of a URL that may be secret: the userinfo (`user:password@`) and the query.

use percent_encoding::percent_decode_str;

/// Percent-decodes a user name or password.
pub(super) fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Hides everything in `text` that may be userinfo, a query or a fragment, for messages about text that is not a valid
/// URL. Hides all text before the last `@`. If an `@` follows a `?` or `#`, which may be part of a password, hides
/// everything after the scheme.
pub(super) fn hidden(text: &str) -> String {
    let (scheme, rest) = text.find("://").map_or(("", text), |end| text.split_at(end + 3));
    let (rest, query) = rest.find(['?', '#']).map_or((rest, ""), |end| rest.split_at(end));
    if query.contains('@') {
        return format!("{scheme}…");
    }
    let (userinfo, rest) = rest.rfind('@').map_or(("", rest), |at| ("…", &rest[at..]));
    let query = query.chars().next().map(|mark| format!("{mark}…")).unwrap_or_default();
    format!("{scheme}{userinfo}{rest}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn userinfo_query_and_fragment_are_hidden() {
        assert_eq!(hidden("ftp://me:p@ss/word@host/x"), "ftp://…@host/x");
        assert_eq!(hidden("me:pass@host"), "…@host");
        assert_eq!(hidden("https://host/x"), "https://host/x");
        assert_eq!(hidden("ftp://host/x?token=a"), "ftp://host/x?…");
        assert_eq!(hidden("host/x#token=a"), "host/x#…");
        assert_eq!(hidden("me:pass@host/x?token=a"), "…@host/x?…");
        assert_eq!(hidden("ftp://me:pa?ss@host/x"), "ftp://…");
        assert_eq!(hidden("ftp://host/x?to=a@b&token=a"), "ftp://…");
    }
}
