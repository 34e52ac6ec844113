//! Requests metrics over HTTP and reads them, as Prometheus does.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Returns the status and body of the response, or `None` if there is none.
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

/// Returns the metrics that are served at `address`.
pub(crate) fn scrape(address: SocketAddr) -> Option<String> {
    let (status, body) = ask(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    (status == 200).then_some(body)
}

/// Returns the samples of a text by name and labels, without the common prefix of all names.
pub(crate) fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("not a sample: {line}"));
        let name =
            name.strip_prefix("resonate_webhooks_").unwrap_or_else(|| panic!("a name without our prefix: {line}"));
        let value = value.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(samples.insert(name.to_owned(), value), None, "{name} is there twice");
    }
    samples
}
