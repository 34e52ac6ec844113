//! The `user:password@` of a URL: read once, then never seen again.

use percent_encoding::percent_decode_str;

/// Undoes the percent-encoding of a user name or password.
pub(super) fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// `text`, which may or may not be a URL, without anything that may be userinfo. For messages about text that could not
/// be parsed: it cuts up to the last `@`, rather too much than too little.
pub(super) fn hidden(text: &str) -> String {
    let Some(at) = text.rfind('@') else { return text.to_owned() };
    let scheme = text[..at].find("://").map_or("", |end| &text[..end + 3]);
    format!("{scheme}…{}", &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_before_an_at_sign_is_hidden() {
        assert_eq!(hidden("ftp://me:p@ss/word@host/x"), "ftp://…@host/x");
        assert_eq!(hidden("me:pass@host"), "…@host");
        assert_eq!(hidden("https://host/x"), "https://host/x");
    }
}
