//! Responses of receivers, byte for byte.
//!
//! Each row is checked three times: the outcome of the delivery, the connection of the next request (0 is the
//! connection of the response), and what curl makes of the same bytes. A row that differs from curl says why ours is
//! right.

#[path = "row.rs"]
mod row;

use row::row;
pub(crate) use row::{Curl, Outcome, Reads, Row, Then};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

const STATUS_DECIDES: &str = "the status has arrived; a faulty body says nothing about the webhook";
const SKIPPED: &str = "a line that is not a header says nothing about the webhook";
const LENIENT: &str = "an extra space or line break says nothing about the webhook";
const HEAD_LONG: &str = "the status has arrived; the length of the head says nothing about the webhook";
const HEAD_CUT: &str = "RFC 9112, section 8: an incomplete head may lack headers that change its meaning";

/// A 200 without a body whose head contains these lines.
fn with(name: &str, lines: &str) -> Row {
    row(name, &format!("HTTP/1.1 200 OK\r\n{lines}\r\nContent-Length: 0\r\n\r\n"))
}

/// Returns all rows.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = status_lines();
    rows.extend(heads());
    rows.extend(long_heads());
    rows.extend(lengths());
    rows.extend(chunks());
    rows.extend(interim());
    rows.extend(connections());
    rows.extend(early());
    rows.extend(cut());
    rows
}

fn status_lines() -> Vec<Row> {
    vec![
        row("a plain 200", OK),
        row("no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
        row("a space and no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
        row("a reason with unusual characters", "HTTP/1.1 200 \u{1}très \u{7f}bien:\t!\r\nContent-Length: 0\r\n\r\n"),
        row("two spaces", "HTTP/1.1  200  OK\r\nContent-Length: 0\r\n\r\n").curl(1, 0, 1, LENIENT),
        row("bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        row("another success", "HTTP/1.1 299 -\r\nContent-Length: 0\r\n\r\n").status(299),
        row("a redirect", "HTTP/1.1 302 -\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n").status(302),
        row("an unknown status", "HTTP/1.1 799 -\r\nContent-Length: 0\r\n\r\n").status(799),
        row("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").ends(),
        row("HTTP/1.0 with keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"),
        row("HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n").curl(
            1,
            0,
            1,
            "RFC 9110, section 2.5: a higher minor version is treated as the highest known one",
        ),
        row("line breaks before the status line", "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .curl(1, 0, 1, LENIENT),
        row("HTTP/2", "HTTP/2 200\r\nContent-Length: 0\r\n\r\n").ends(),
        row("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n")
            .fails("it has no valid status")
            .curl(0, 200, 0, "RFC 9112, section 4: a status has three digits; four are ambiguous"),
        row("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n").fails("it has no valid status"),
        row("a status of letters", "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n").fails("it has no valid status"),
        row("no space before the status", "HTTP/1.1200 OK\r\nContent-Length: 0\r\n\r\n")
            .fails("it has no valid status"),
        row("HTML without a head", "<html>200 OK</html>").then(Then::Close).fails("it does not start with HTTP"),
        row("another protocol", "SSH-2.0-OpenSSH_9.2\r\n").fails("it does not start with HTTP"),
        row("nothing", "").then(Then::Close).fails("disconnected"),
        row("nothing, then a reset", "").then(Then::Reset).fails("reset"),
    ]
}

fn heads() -> Vec<Row> {
    vec![
        with("a folded header", "Content-Security-Policy: default-src 'self';\r\n  img-src *;\r\n\tscript-src x"),
        with("a blank folded header", "X-A: b\r\n  "),
        row("a folded line after the status line", "HTTP/1.1 200 OK\r\n lost\r\nContent-Length: 0\r\n\r\n")
            .curl(8, 200, 1, SKIPPED),
        with("a space before the colon", "X-Name : value"),
        with("a space in the name", "X Name: value"),
        with("no colon", "no colon in here").curl(8, 200, 1, SKIPPED),
        with("no name", ": value"),
        with("no value", "X-Name:"),
        with("a name of unusual characters", "X-Näme(1)@\"x\": value"),
        with("bytes that are not text", "X-Name: \u{1}\u{7f}\u{80}\u{ff}"),
        with("a NUL", "X-Name: a\0b").curl(8, 200, 1, SKIPPED),
        with("a carriage return in a value", "X-Name: a\rb").curl(8, 200, 1, SKIPPED),
        with("two carriage returns at the end", "X-Name: a\r").curl(8, 200, 1, SKIPPED),
        with("the same header twice", "X-Name: a\r\nX-Name: b"),
        with("a second status line", "HTTP/1.1 500 Oops").curl(8, 200, 1, SKIPPED),
        row("a name in mixed case", "HTTP/1.1 200 OK\r\ncONTENT-lENGTH: 5\r\n\r\nhello"),
        row("a folded length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello"),
        row("a length with a space before its colon", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello")
            .ends()
            .curl(28, 200, 1, "the length is clear, so the response ends; the connection is not trusted"),
    ]
}

fn long_heads() -> Vec<Row> {
    let long = |length: usize| format!("X-Long: {}", "a".repeat(length));
    let many = |count: usize| vec!["X-Name: value"; count].join("\r\n");
    vec![
        with("a header of 30 kB", &long(30_000)),
        with("a header of 40 kB", &long(40_000)).ends().curl(0, 200, 0, "at most 32 kB of a head are read"),
        with("a header of 200 kB", &long(200_000)).ends().curl(100, 200, 1, HEAD_LONG),
        with("200 headers", &many(200)),
        with("20 000 headers", &many(20_000)).ends().curl(100, 200, 1, HEAD_LONG),
        row("an error with a long header", &format!("HTTP/1.1 503 -\r\nContent-Length: 0\r\n{}\r\n\r\n", long(40_000)))
            .status(503)
            .ends()
            .curl(0, 503, 0, "at most 32 kB of a head are read"),
        row("a head that never ends", &format!("HTTP/1.1 200 OK\r\n{}", many(100_000)))
            .then(Then::Close)
            .ends()
            .curl(100, 200, 1, HEAD_LONG),
        row("an interim response that never ends", &format!("HTTP/1.1 103 -\r\n{}", many(100_000)))
            .then(Then::Close)
            .fails("the head is too long"),
    ]
}

fn lengths() -> Vec<Row> {
    let length = |value: &str| row("", &format!("HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\nhello"));
    let named = |name: &str, value: &str| Row { name: name.to_owned(), ..length(value) };
    vec![
        named("a body", "5"),
        named("the same length twice in a list", "5, 5"),
        named("a length with leading zeros", "0005"),
        named("two lengths in a list", "5, 6").fails("conflicting Content-Length"),
        named("a negative length", "-5").fails("invalid Content-Length"),
        named("a length in words", "five").fails("invalid Content-Length"),
        named("a length with a sign", "+5").fails("invalid Content-Length"),
        named("a length in hexadecimal digits", "0x5").fails("invalid Content-Length"),
        named("a length that is too large", "99999999999999999999").fails("invalid Content-Length"),
        named("an empty length", "").fails("invalid Content-Length"),
        row("two headers with one length", "HTTP/1.1 200 -\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        row("two headers with two lengths", "HTTP/1.1 200 -\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")
            .fails("conflicting Content-Length"),
        named("a body shorter than its length", "50").then(Then::Close).ends().curl(18, 200, 1, STATUS_DECIDES),
        named("a body longer than its length", "2").ends(),
        row("a body until the connection closes", "HTTP/1.1 200 OK\r\n\r\nhello").then(Then::Close).ends(),
        row("a body until the connection is reset", "HTTP/1.1 200 OK\r\n\r\nhello").then(Then::Reset).ends().curl(
            56,
            200,
            1,
            STATUS_DECIDES,
        ),
        row("204 with a length", "HTTP/1.1 204 -\r\nContent-Length: 5\r\n\r\n").status(204),
        row("204 with a wrong length", "HTTP/1.1 204 -\r\nContent-Length: five\r\n\r\n").status(204),
        row("204 with a body", "HTTP/1.1 204 -\r\n\r\nhello").status(204).ends(),
        row("304 with a length", "HTTP/1.1 304 -\r\nContent-Length: 5\r\n\r\n").status(304),
    ]
}

fn chunks() -> Vec<Row> {
    let chunked = |name: &str, body: &str| row(name, &format!("{CHUNKED}{body}"));
    let coded =
        |name: &str, headers: &str, body: &str| row(name, &format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}"));
    let body = "5\r\nhello\r\n0\r\n\r\n";
    vec![
        chunked("chunks", body),
        chunked("chunks with extensions", "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n"),
        chunked("a space after the size", "5 \r\nhello\r\n0 \r\n\r\n"),
        chunked("chunks with a trailer", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        chunked("chunks with bare line feeds", "5\nhello\n0\n\n"),
        chunked("a size with leading zeros", "005\r\nhello\r\n000\r\n\r\n"),
        chunked("a chunk longer than its size", "2\r\nhello\r\n0\r\n\r\n").ends().curl(56, 200, 1, STATUS_DECIDES),
        chunked("no size", "x\r\n").ends().curl(56, 200, 1, STATUS_DECIDES),
        chunked("a negative size", "-5\r\nhello\r\n0\r\n\r\n").ends().curl(56, 200, 1, STATUS_DECIDES),
        chunked("a size that is too large", "fffffffffffffffff\r\nhello\r\n").ends().curl(56, 200, 1, STATUS_DECIDES),
        chunked("chunks that end without a last line", "5\r\nhello\r\n0\r\n").then(Then::Close).ends().curl(
            18,
            200,
            1,
            STATUS_DECIDES,
        ),
        chunked("chunks that end before the last", "5\r\nhello\r\n").then(Then::Close).ends().curl(
            18,
            200,
            1,
            STATUS_DECIDES,
        ),
        coded("chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 3", body).ends().curl(
            0,
            200,
            0,
            "RFC 9112, section 6.1: a message with both is ambiguous about its end",
        ),
        coded("chunks and an invalid length", "Content-Length: x\r\nTransfer-Encoding: chunked", body).ends().curl(
            8,
            200,
            1,
            "RFC 9112, section 6.3: a length is ignored when there is a coding",
        ),
        coded("chunked in mixed case", "transfer-ENCODING:CHUNKED", body),
        coded("chunks after another coding", "Transfer-Encoding: gzip, chunked", body).curl(
            61,
            200,
            1,
            "the end of the body is clear, and its content is not read",
        ),
        coded("a coding without chunks", "Transfer-Encoding: gzip", "hello").then(Then::Close).ends().curl(
            61,
            200,
            1,
            STATUS_DECIDES,
        ),
        coded("the identity coding", "Transfer-Encoding: identity\r\nContent-Length: 5", "hello").curl(
            28,
            200,
            1,
            "identity is no coding, so the length applies",
        ),
        row("chunks of HTTP/1.0", &format!("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).ends(),
    ]
}

fn interim() -> Vec<Row> {
    vec![
        row("100 before the response", "HTTP/1.1 100 Continue\r\n\r\n").and(OK),
        row("100 and 103 in one piece", &format!("HTTP/1.1 100 -\r\n\r\nHTTP/1.1 103 -\r\nLink: </a>\r\n\r\n{OK}")),
        row("a length in an interim response", &format!("HTTP/1.1 102 -\r\nContent-Length: 9\r\n\r\n{OK}")),
        row("thirty interim responses", &format!("{}{OK}", "HTTP/1.1 102 -\r\n\r\n".repeat(30))),
        row("endless interim responses", &"HTTP/1.1 102 -\r\n\r\n".repeat(10_000)).fails("too many interim responses"),
        row("100 and no response", "HTTP/1.1 100 Continue\r\n\r\n").then(Then::Close).fails("disconnected"),
        row("an unrequested switch of protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
            .status(101)
            .ends()
            .curl(28, 101, 1, "no other protocol was requested, so no response will follow"),
    ]
}

fn connections() -> Vec<Row> {
    let gone = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
    vec![
        with("Connection: close", "Connection: close").ends(),
        with("Connection: close in a list", "Connection: x, Close").ends(),
        row("a connection that closes without notice", OK).then(Then::Close).ends(),
        row("a connection that is reset without notice", OK).then(Then::Reset).ends(),
        row("bytes after the response", &format!("{OK}garbage")).ends(),
        row("a second response after the response", &format!("{OK}{gone}")).ends(),
        row("a line break after the response", &format!("{OK}\r\n")).ends(),
        row("a response byte by byte", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").dripped(5),
        row("chunks byte by byte", &format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n")).dripped(5),
        row("a body that takes too long", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n")
            .and_drips("hello, you out there", 200)
            .ends()
            .curl(28, 200, 1, STATUS_DECIDES),
        row("a head that takes too long", "HTTP/1.1 200 OK\r\nX-Slow: and slower and slower\r\n\r\n")
            .dripped(200)
            .fails("no answer within"),
    ]
}

/// Responses to a request that was not read to its end.
/// Responses before the body of the request was read.
pub(crate) fn early() -> Vec<Row> {
    let early = |status: u16, then: Then| {
        let answer = format!("HTTP/1.1 {status} -\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        row(&format!("an early {status}, then {then:?}"), &answer)
            .reads(Reads::HeadOfMany)
            .then(then)
            .status(status)
            .ends()
    };
    let may_see = |mut row: Row| {
        row.curl = Curl::Sometimes { exit: 55, why: "the response is read although no more can be sent" };
        row
    };
    vec![
        may_see(early(413, Then::Close)),
        may_see(early(401, Then::Close)),
        may_see(early(410, Then::Close)),
        may_see(early(200, Then::Close)),
        early(413, Then::Keep),
        row("an early end", "").reads(Reads::HeadOfMany).then(Then::Close).fails(""),
    ]
}

/// A response that ends after each of its bytes.
fn cut() -> Vec<Row> {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let whole = format!("{head}hello");
    let of_length = (1..=whole.len()).map(|length| {
        let cut =
            row(&format!("a response cut after {length} of {} bytes", whole.len()), &whole[..length]).then(Then::Close);
        match length {
            _ if length < "HTTP/1.1 200 OK\r\n".len() => cut.fails("disconnected"),
            // All headers are complete here, but the head is not.
            _ if length == head.len() - 1 => cut.fails("disconnected"),
            _ if length < head.len() => cut.fails("disconnected").curl(0, 200, 1, HEAD_CUT),
            _ if length < whole.len() => cut.ends().curl(18, 200, 1, STATUS_DECIDES),
            _ => cut.ends(),
        }
    });
    let body = "5\r\nhello\r\n0\r\n\r\n";
    let of_chunks = (0..=body.len()).map(|length| {
        let name = format!("chunks cut after {length} of {} bytes", body.len());
        let cut = row(&name, &format!("{CHUNKED}{}", &body[..length])).then(Then::Close).ends();
        if length < body.len() { cut.curl(18, 200, 1, STATUS_DECIDES) } else { cut }
    });
    of_length.chain(of_chunks).collect()
}
