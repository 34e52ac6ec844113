//! Reads a node's calls to Redis on their way.

/// Number of keys of a batch of claims. On a Redis Cluster, there is one more.
const KEYS: usize = 6;

/// A batch of claims.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Claims {
    pub(crate) shard: u8,
    node: Vec<u8>,
    /// Number of the batch. Each node counts from 1, in each shard.
    number: u64,
}

/// Returns the batch of claims that starts here, if one does. It is the script call whose keys are the node's last
/// reply and its lists of holds, in this order.
pub(crate) fn claims(bytes: &[u8]) -> Option<Claims> {
    // `*N`, then for each word `$length` and the word, on a line each. No word that matters here contains a line break.
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let count = lines.next()?;
    let mut words = lines.skip(1).step_by(2);
    let is_script = count.starts_with(b"*") && words.next() == Some(&b"EVALSHA"[..]);
    let text = |word: Option<&[u8]>| String::from_utf8_lossy(word.unwrap_or_default()).into_owned();
    let all_keys: usize = text(words.nth(1).filter(|_| is_script)).parse().ok()?;
    let keys: Vec<&[u8]> = words.by_ref().take(all_keys).collect();
    let (reply, held) = (text(keys.get(2).copied()), text(keys.get(3).copied()));
    let prefix = reply.split_once(":reply:").map(|(prefix, _)| prefix)?;
    if !(KEYS..=KEYS + 1).contains(&all_keys) || !held.starts_with(&format!("{prefix}:held_users:")) {
        return None;
    }
    let (node, number) = (words.nth(1)?.to_vec(), text(words.nth(1)).parse().ok()?);
    Some(Claims { shard: shard_of(prefix)?, node, number })
}

/// Returns the shard whose keys have this prefix: `wh`, or `{wh:3}` for shard 3.
fn shard_of(prefix: &str) -> Option<u8> {
    prefix.strip_prefix("{wh:").map_or(Some(0), |number| number.strip_suffix('}')?.parse().ok())
}

/// Returns true if this call asks a server of a Redis Cluster for the others.
pub(crate) fn asks_for_servers(bytes: &[u8]) -> bool {
    bytes.starts_with(b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n")
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
        let batch = |shard| Some(Claims { shard, node: b"n".to_vec(), number: 17 });
        assert_eq!(claims(&call(&[&before[..], &claim].concat())), batch(0));
        let tag = ["{wh:3}:epoch", "{wh:3}:nodes", "{wh:3}:reply:n", "{wh:3}:held_users:n", "{wh:3}:held_channels:n"];
        let rest = ["{wh:3}:held_connections:n", "{wh:3}:room", "{wh:3}", "n", "epoch", "17", "16", "+", "app"];
        assert_eq!(claims(&call(&[&["EVALSHA", "sha", "7"][..], &tag, &rest].concat())), batch(3));
        assert_eq!(claims(&call(&[&before[..], &reap].concat())), None);
        assert_eq!(claims(&call(&renew)), None);
        assert_eq!(claims(b"+\r\napp"), None);
    }
}
