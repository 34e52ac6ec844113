//! What may be secret in a URL: its `user:password@`, which is read once and never seen again, and its query.

use percent_encoding::percent_decode_str;

/// Undoes the percent-encoding of a user name or password.
pub(super) fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// `text`, which may or may not be a URL, without anything that may be userinfo, a query or a fragment. For messages about
/// text that could not be parsed: it cuts up to the last `@`, and all where that may be in a query as well as in a password.
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
    fn whatever_stands_before_an_at_sign_or_behind_a_question_mark_is_hidden() {
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
