//! The beginning of what an endpoint answered to a failed attempt: which bytes are kept, and how they become text.

use std::io::{self, Read};

use super::attempt::AttemptResult;
use crate::aws::ChainLink;
use crate::config::{Endpoint, Header, ProxyUrl, Queue, QueueServer, Target};
use crate::secret::{Redaction, WHSEC, redact};

/// The text for a body that is not text.
const BINARY: &str = "[binary]";

/// The result of a request, and the beginning of the answer if it failed.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) result: AttemptResult,
    /// `None` if no answer is kept.
    pub(crate) answer: Option<RawAnswer>,
}

/// The first bytes of an answer, as they arrived.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    bytes: Vec<u8>,
    /// The most bytes to keep.
    most: usize,
    /// The secrets of this request only.
    secrets: Redaction,
}

impl Reply {
    /// Creates a reply whose `body` was read. It is kept if the attempt failed. `secrets` are those of this request.
    pub(super) fn new<R>(result: AttemptResult, body: KeepFirst<R>, secrets: impl FnOnce() -> Redaction) -> Self {
        let has_failed = matches!(result.status_and_error(), Some((_, Some(_))));
        let KeepFirst { most, kept: bytes, .. } = body;
        Self { result, answer: (most > 0 && has_failed).then(|| RawAnswer { bytes, most, secrets: secrets() }) }
    }

    /// Creates a reply without an answer.
    pub(super) const fn failed(reason: String) -> Self {
        Self { result: AttemptResult::Failed(reason), answer: None }
    }
}

impl RawAnswer {
    /// Returns the answer as text without secrets: these and those of the request.
    pub(super) fn text<'a>(&'a self, known: impl Iterator<Item = &'a Redaction>) -> String {
        text(&self.bytes, self.most, known.chain([&self.secrets]))
    }
}

/// Reads a body and keeps its first bytes.
#[derive(Debug)]
pub(super) struct KeepFirst<R> {
    body: R,
    most: usize,
    kept: Vec<u8>,
}

impl<R> KeepFirst<R> {
    /// Keeps up to `most` bytes of `body`.
    pub(super) const fn new(body: R, most: usize) -> Self {
        Self { body, most, kept: Vec::new() }
    }
}

impl<R: Read> Read for KeepFirst<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        let room = self.most - self.kept.len();
        self.kept.extend_from_slice(&buffer[..read.min(room)]);
        Ok(read)
    }
}

/// Returns the beginning of an answer as one line of at most `most` bytes, without control characters and without these
/// secrets.
fn text<'a>(bytes: &[u8], most: usize, secrets: impl IntoIterator<Item = &'a Redaction>) -> String {
    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let mut line = String::with_capacity(valid.len());
    let secrets: Vec<&Redaction> = secrets.into_iter().collect();
    // Redacted first, because a secret may contain spaces, and again as a line, because other spaces may separate its words.
    let redacted = redact(valid, secrets.iter().copied());
    for word in redacted.split(|letter: char| letter.is_whitespace() || letter.is_control()) {
        if !word.is_empty() {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    let line = redact(&line, secrets);
    let is_binary = valid.contains('\0') || (line.is_empty() && bytes.iter().any(|byte| !byte.is_ascii_whitespace()));
    if is_binary {
        return BINARY.to_owned();
    }
    first_bytes(&line, most).to_owned()
}

/// Returns the whole characters within the first `most` bytes of a text.
pub(super) fn first_bytes(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// Returns the secrets in the settings of an endpoint: its own, and those in its URLs and headers.
pub(super) fn secrets_of(endpoint: &Endpoint) -> Redaction {
    let mut secrets = Redaction::default();
    if let Some(own) = &endpoint.secret {
        for secret in std::iter::once(&own.secret).chain(own.previous.iter().map(|previous| &previous.secret)) {
            secrets.add(secret.expose());
            secrets.add(secret.expose().trim_start_matches(WHSEC));
        }
    }
    for (_, value) in endpoint.headers.iter().map(Header::parts) {
        secrets.add(value);
        // `Bearer token`
        secrets.add(value.rsplit(' ').next().unwrap_or_default());
    }
    if let Target::Url(url) = &endpoint.target {
        if let Some((user, password)) = url.credentials.as_ref().and_then(|login| login.expose().split_once(':')) {
            secrets.add_login(user, password);
        }
        let query = url.url.query().unwrap_or_default();
        secrets.add(query);
        // As written in the config: its escapes may differ from those of a form.
        for (_, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            secrets.add(value);
        }
        for (name, value) in url.url.query_pairs() {
            secrets.add(if value.is_empty() { &name } else { &value });
        }
    }
    if let Target::Queue(Queue { server: QueueServer::Redis(redis), .. }) = &endpoint.target
        && let Some(login) = &redis.connection.login
    {
        secrets.add(login.password.expose());
    }
    for link in endpoint.target.aws_credentials().unwrap_or_default() {
        if let ChainLink::Known(keys) = link {
            keys.secrets().for_each(|secret| secrets.add(secret.expose()));
        }
    }
    if let Some((user, password)) = endpoint.proxy.as_ref().and_then(ProxyUrl::login) {
        secrets.add_login(&user, &password);
    }
    secrets
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    fn plain(bytes: &[u8]) -> String {
        text(bytes, 20, [])
    }

    #[test]
    fn an_answer_becomes_one_line() {
        assert_eq!(plain(b"  <h1>\r\n\tOops\x1b[31m</h1>\n"), "<h1> Oops [31m</h1>");
        assert_eq!(plain("caf\u{e9} \u{85}\u{9b}x".as_bytes()), "caf\u{e9} x");
        assert_eq!(plain(b""), "");
        assert_eq!(plain(b" \r\n"), "");
    }

    #[test]
    fn only_the_valid_beginning_is_kept_and_binary_is_said_as_such() {
        assert_eq!(plain(b"caf\xe9 au lait"), "caf");
        assert_eq!(plain("12345678901234567890ä".as_bytes()), "12345678901234567890");
        assert_eq!(plain("1234567890123456789ä".as_bytes()), "1234567890123456789");
        for binary in [&b"\x1f\x8b\x08\0\0"[..], b"\x89PNG\r\n", b"\xff", b"abc\0def", b"\x01\x02"] {
            assert_eq!(plain(binary), BINARY, "{}", binary.escape_ascii());
        }
    }

    #[test]
    fn no_more_is_kept_than_asked_for_however_the_body_arrives() {
        let mut body = KeepFirst::new(&b"0123456789"[..], 4);
        for piece in [3, 3, 4] {
            assert_eq!(body.read(&mut vec![0; piece]).unwrap(), piece);
        }
        assert_eq!(body.kept, b"0123");
    }

    fn reply(status: u16, most: usize) -> Reply {
        let mut body = KeepFirst::new(&b"no token-one"[..], most);
        io::copy(&mut body, &mut io::sink()).unwrap();
        let secrets = || {
            let mut secrets = Redaction::default();
            secrets.add("token-one");
            secrets
        };
        Reply::new(AttemptResult::Status { status, retry_after: None }, body, secrets)
    }

    #[test]
    fn an_answer_is_kept_if_the_attempt_failed_and_without_the_secrets_of_its_request() {
        assert_eq!(reply(500, 50).answer.unwrap().text([].into_iter()), "no [redacted]");
        assert!(reply(200, 50).answer.is_none());
        assert!(reply(500, 0).answer.is_none(), "no answers are kept");
    }

    #[test]
    fn a_secret_of_several_words_is_replaced_whatever_separates_them() {
        let mut secrets = Redaction::default();
        secrets.add("correct horse battery");
        let shown = |answer: &str| text(answer.as_bytes(), 100, [&secrets]);
        assert_eq!(shown("wrong: correct\r\n\thorse battery!"), "wrong: [redacted]!");
        assert_eq!(shown("wrong: correct horse battery!"), "wrong: [redacted]!");
    }

    #[test]
    fn every_secret_of_an_endpoint_is_replaced() {
        let config = Config::from_value(json!({ "endpoints": [{
            "url": "https://ann:pass%20word@host/x?token=a%2Fb-one&key=a%2fb%20c&flag-of-query",
            "secret": "whsec_c2VjcmV0b25l", "previous_secrets": ["previous-one"],
            "headers": { "X-Token": "Bearer token-one", "X-Key": "key with\ttab" },
            "proxy": "http://proxy-user:proxy-pass@proxy:1",
        }]}));
        let secrets = secrets_of(&config.unwrap().endpoints[0]);
        let text = |answer: &str| text(answer.as_bytes(), 100, [&secrets]);
        for secret in [
            "whsec_c2VjcmV0b25l",
            "c2VjcmV0b25l",
            "previous-one",
            "Bearer token-one",
            "token-one",
            "key with\ttab",
            "ann:pass word",
            "pass word",
            "pass+word",
            "YW5uOnBhc3Mgd29yZA==",
            "token=a%2Fb-one&key=a%2fb%20c&flag-of-query",
            "a/b-one",
            r"a\/b-one",
            "a%2Fb-one",
            "a/b c",
            "a%2fb%20c",
            "a%2Fb%20c",
            "flag-of-query",
            "proxy-user",
            "proxy-pass",
            "cHJveHktdXNlcjpwcm94eS1wYXNz",
        ] {
            assert_eq!(text(&format!("({secret})")), "([redacted])", "{secret}");
        }
    }

    #[test]
    fn the_keys_of_a_queue_are_secrets_and_an_empty_login_is_none() {
        let sqs = json!({
            "driver": "sqs", "prefix": "https://sqs.eu-central-1.amazonaws.com/1", "region": "eu-central-1",
            "key": "AKIDQUEUE", "secret": "queue-secret", "token": "queue-token",
        });
        let config = Config::from_value(json!({
            "endpoints": [{ "queue": "q", "connection": "sqs" }, { "url": "https://host/x" }],
            "queues": { "connections": { "sqs": sqs } },
        }));
        let endpoints = config.unwrap().endpoints;
        let queue = secrets_of(&endpoints[0]);
        for secret in ["AKIDQUEUE", "queue-secret", "queue-token"] {
            assert_eq!(text(format!("({secret})").as_bytes(), 100, [&queue]), "([redacted])", "{secret}");
        }
        // Base64 of a login without a name and a password.
        assert_eq!(text(b"Og==", 100, [&secrets_of(&endpoints[1])]), "Og==");
    }
}
