//! What a connection asks for, and what it is answered. Pure.

use super::CONTENT_TYPE;

/// The longest request that is listened to.
pub(super) const LONGEST: usize = 8 * 1024;

/// More headers than any client sends that asks for metrics.
const HEADERS_AT_MOST: usize = 64;

/// What a request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The metrics.
    Metrics,
    /// Something else, which is answered with this status.
    Other(&'static str),
}

/// What is asked for by what has arrived so far; nothing yet if the request goes on.
pub(super) fn wish(arrived: &[u8]) -> Option<Wish> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_AT_MOST];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(arrived) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if arrived.len() < LONGEST => return None,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Some(Wish::Other("431 Request Header Fields Too Large"));
        }
        Err(_) => return Some(Wish::Other("400 Bad Request")),
    }
    let path = request.path.unwrap_or_default();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Some(match (path, request.method) {
        ("/metrics", Some("GET")) => Wish::Metrics,
        ("/metrics", _) => Wish::Other("405 Method Not Allowed"),
        _ => Wish::Other("404 Not Found"),
    })
}

/// The whole answer.
pub(super) fn answer(wish: Wish, metrics: impl FnOnce() -> String) -> String {
    let (status, body) = match wish {
        Wish::Metrics => ("200 OK", metrics()),
        Wish::Other(status) => (status, format!("{status}\n")),
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {}\r\nAllow: GET\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_get_of_the_metrics_is_answered_with_them_and_nothing_else_is() {
        let cases = [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Wish::Metrics),
            ("GET /metrics?name=x HTTP/1.0\r\n\r\n", Wish::Metrics),
            ("GET / HTTP/1.1\r\n\r\n", Wish::Other("404 Not Found")),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", Wish::Other("404 Not Found")),
            ("POST /metrics HTTP/1.1\r\n\r\n", Wish::Other("405 Method Not Allowed")),
            ("\x16\x03\x01\x02 a TLS hello", Wish::Other("400 Bad Request")),
        ];
        for (request, expected) in cases {
            assert_eq!(wish(request.as_bytes()), Some(expected), "{request:?}");
        }
    }

    #[test]
    fn a_request_is_waited_for_until_it_is_whole_or_too_long() {
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        for length in 0..request.len() {
            assert_eq!(wish(&request.as_bytes()[..length]), None, "{length}");
        }
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(LONGEST));
        assert_eq!(wish(&long.as_bytes()[..LONGEST]), Some(Wish::Other("431 Request Header Fields Too Large")));
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(HEADERS_AT_MOST + 1));
        assert_eq!(wish(many.as_bytes()), Some(Wish::Other("431 Request Header Fields Too Large")));
    }
}
