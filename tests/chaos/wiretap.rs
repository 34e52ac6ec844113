//! Reads a node's calls to Redis on their way.

/// Words of a call before its keys: command, script and number of keys.
const BEFORE_KEYS: usize = 3;

/// Number of keys of a batch of claims.
const KEYS: usize = 6;

/// A batch of claims.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Claims {
    node: Vec<u8>,
    /// Number of the batch. Each node counts from 1.
    number: u64,
}

/// Returns the batch of claims that starts here, if one does. It is the script call whose keys are the node's last
/// reply and its lists of holds, in this order.
pub(crate) fn claims(bytes: &[u8]) -> Option<Claims> {
    // `*N`, then for each word `$length` and the word, on a line each. No word that matters here contains a line break.
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let count = lines.next()?;
    let words: Vec<&[u8]> = lines.skip(1).step_by(2).take(BEFORE_KEYS + KEYS + 4).collect();
    let is_claim = count.starts_with(b"*")
        && words.first() == Some(&&b"EVALSHA"[..])
        && words.get(2) == Some(&&b"6"[..])
        && words.get(BEFORE_KEYS + 2).is_some_and(|key| key.starts_with(b"wh:reply:"))
        && words.get(BEFORE_KEYS + 3).is_some_and(|key| key.starts_with(b"wh:held_users:"));
    let number = words.get(BEFORE_KEYS + KEYS + 3).filter(|_| is_claim)?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some(Claims { node: words.get(BEFORE_KEYS + KEYS + 1)?.to_vec(), number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> Vec<u8> {
        let words = words.iter().flat_map(|word| [format!("${}", word.len()), (*word).to_owned()]);
        std::iter::once("*9".to_owned()).chain(words).collect::<Vec<_>>().join("\r\n").into_bytes()
    }

    #[test]
    fn a_batch_of_claims_is_recognised_and_other_calls_are_not() {
        let before = ["EVALSHA", "sha", "6", "wh:epoch", "wh:nodes"];
        let held = ["wh:held_users:n", "wh:held_channels:n", "wh:held_connections:n"];
        let claim = [&["wh:reply:n"], &held[..], &["wh", "n", "epoch", "17", "16", "+", "app"]].concat();
        let reap = [&held[..], &["wh:reply:n", "wh", "n", "epoch", "500", "30", "16"]].concat();
        let renew =
            ["EVALSHA", "sha", "3", "wh:epoch", "wh:nodes", "wh:reply:n", "wh", "n", "epoch", "3000", "16", "7"];
        assert_eq!(claims(&call(&[&before[..], &claim].concat())), Some(Claims { node: b"n".to_vec(), number: 17 }));
        assert_eq!(claims(&call(&[&before[..], &reap].concat())), None);
        assert_eq!(claims(&call(&renew)), None);
        assert_eq!(claims(b"+\r\napp"), None);
    }
}
