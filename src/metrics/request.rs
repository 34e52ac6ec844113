//! Parses a request for metrics and formats the response. Pure.

use super::CONTENT_TYPE;

/// The maximum length of a request, in bytes.
pub(super) const LONGEST: usize = 8 * 1024;

/// The maximum number of headers. Prometheus sends far fewer.
const HEADERS_AT_MOST: usize = 64;

/// The route of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestRoute {
    /// The metrics.
    Metrics,
    /// Anything else. The response has this status.
    Other(&'static str),
}

/// Parses the bytes received so far. Returns `None` if the request is incomplete.
pub(super) fn route(received: &[u8]) -> Option<RequestRoute> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_AT_MOST];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(received) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if received.len() < LONGEST => return None,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Some(RequestRoute::Other("431 Request Header Fields Too Large"));
        }
        Err(_) => return Some(RequestRoute::Other("400 Bad Request")),
    }
    let path = request.path.unwrap_or_default();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Some(match (path, request.method) {
        ("/metrics", Some("GET")) => RequestRoute::Metrics,
        ("/metrics", _) => RequestRoute::Other("405 Method Not Allowed"),
        _ => RequestRoute::Other("404 Not Found"),
    })
}

/// Returns the whole response.
pub(super) fn response(route: RequestRoute, metrics: impl FnOnce() -> String) -> String {
    let (status, body) = match route {
        RequestRoute::Metrics => ("200 OK", metrics()),
        RequestRoute::Other(status) => (status, format!("{status}\n")),
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
    fn only_a_get_of_the_metrics_path_returns_metrics() {
        let cases = [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", RequestRoute::Metrics),
            ("GET /metrics?name=x HTTP/1.0\r\n\r\n", RequestRoute::Metrics),
            ("GET / HTTP/1.1\r\n\r\n", RequestRoute::Other("404 Not Found")),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", RequestRoute::Other("404 Not Found")),
            ("POST /metrics HTTP/1.1\r\n\r\n", RequestRoute::Other("405 Method Not Allowed")),
            ("\x16\x03\x01\x02 a TLS hello", RequestRoute::Other("400 Bad Request")),
        ];
        for (request, expected) in cases {
            assert_eq!(route(request.as_bytes()), Some(expected), "{request:?}");
        }
    }

    #[test]
    fn a_request_is_incomplete_until_its_end_or_too_long() {
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        for length in 0..request.len() {
            assert_eq!(route(&request.as_bytes()[..length]), None, "{length}");
        }
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(LONGEST));
        assert_eq!(
            route(&long.as_bytes()[..LONGEST]),
            Some(RequestRoute::Other("431 Request Header Fields Too Large"))
        );
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(HEADERS_AT_MOST + 1));
        assert_eq!(route(many.as_bytes()), Some(RequestRoute::Other("431 Request Header Fields Too Large")));
    }
}
