//! What Prometheus does: asks for metrics over HTTP and reads them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The status and the body that `request` is answered with; nothing when nobody answers.
pub(crate) fn ask(address: SocketAddr, request: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
    assert_eq!(length.parse(), Ok(body.len()), "{head}");
    Some((status, body.to_owned()))
}

/// The metrics that are served at `address`.
pub(crate) fn scrape(address: SocketAddr) -> Option<String> {
    let (status, body) = ask(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    (status == 200).then_some(body)
}

/// The samples of a text, each by its name and labels as they stand there, without the common beginning of all names.
pub(crate) fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        let name = name.strip_prefix("resonate_webhooks_").unwrap_or_else(|| panic!("whose is it: {line}"));
        let value = value.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(samples.insert(name.to_owned(), value), None, "{name} stands there twice");
    }
    samples
}
