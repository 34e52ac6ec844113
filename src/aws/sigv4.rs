//! AWS Signature Version 4, which authenticates a request. Pure: `now` is an argument.
//!
//! ```text
//! canonical request ─▶ its hash, with time and scope ─▶ HMAC with a key that is valid for
//!                                                       one day, region and service        ─▶ Authorization
//! ```
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::time::SystemTime;

use base16ct::lower;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sha2::{Digest, Sha256};

use super::credentials::AccessKeys;
use super::time;
use crate::secret::{Secret, hmac_sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// All characters except the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same for a path, which keeps its slashes.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// A request to be signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// The path as sent. Its percent-encoding is encoded once more for the signature.
    pub(crate) path: &'a str,
    /// The names and values, not percent-encoded.
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// The headers to sign: with `host`, without those in [`Signature`].
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// The scope of a signature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CredentialScope<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// The headers of the signature. Temporary credentials also need `X-Amz-Security-Token` with their session token.
#[derive(Debug)]
pub(crate) struct Signature {
    /// `X-Amz-Date`.
    pub(crate) date: String,
    /// `Authorization`.
    pub(crate) authorization: Secret,
}

/// Signs `request` with `keys` at the time `now`.
pub(crate) fn sign(request: &Request<'_>, scope: CredentialScope<'_>, keys: &AccessKeys, now: SystemTime) -> Signature {
    let date = time::basic(now);
    let day = &date[..8];
    let CredentialScope { region, service } = scope;
    let range = format!("{day}/{region}/{service}/aws4_request");
    let (canonical, signed_headers) = canonical(request, &date, keys.session_token.as_ref());
    let to_sign = format!("{ALGORITHM}\n{date}\n{range}\n{}", sha256(canonical.as_bytes()));

    let secret = format!("AWS4{}", keys.secret_access_key.expose());
    let key = [day, region, service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| hmac_sha256(&key, part.as_bytes()).to_vec());
    let signature = lower::encode_string(&hmac_sha256(&key, to_sign.as_bytes()));

    let id = keys.access_key_id.expose();
    let authorization =
        format!("{ALGORITHM} Credential={id}/{range}, SignedHeaders={signed_headers}, Signature={signature}");
    Signature { date, authorization: Secret::new(authorization) }
}

/// Percent-encodes `text` for a query or as one path segment.
pub(crate) fn encoded(text: &str) -> String {
    percent_encode(text.as_bytes(), RESERVED).to_string()
}

/// Returns the canonical request and the names of its signed headers.
fn canonical(request: &Request<'_>, date: &str, token: Option<&Secret>) -> (String, String) {
    let mut headers: Vec<(String, String)> =
        request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), single_spaced(value))).collect();
    headers.push(("x-amz-date".to_owned(), date.to_owned()));
    headers.extend(token.map(|token| ("x-amz-security-token".to_owned(), token.expose().to_owned())));
    // The sort is stable, so the values of one name keep their order.
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    headers.dedup_by(|(name, value), (kept, values)| {
        let same = name == kept;
        if same {
            *values = format!("{values},{value}");
        }
        same
    });

    let mut query: Vec<_> = request.query.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
    query.sort();
    let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();

    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    let path = percent_encode(request.path.as_bytes(), RESERVED_IN_PATH);
    let method = request.method;
    let canonical =
        format!("{method}\n{path}\n{}\n{}\n\n{names}\n{}", query.join("&"), lines.join("\n"), sha256(request.body));
    (canonical, names)
}

fn single_spaced(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn sha256(bytes: &[u8]) -> String {
    lower::encode_string(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde::Deserialize;

    use super::*;

    /// One entry of `tests/vectors/sigv4.json`: a request and its signature, from the test suite that AWS publishes. All entries
    /// use the suite's example credentials and the time 2015-08-30 12:36 UTC.
    #[derive(Deserialize)]
    struct SigV4Vector {
        name: String,
        method: String,
        path: String,
        #[serde(default)]
        query: Vec<(String, String)>,
        #[serde(default)]
        headers: Vec<(String, String)>,
        #[serde(default)]
        body: String,
        token: Option<String>,
        signature: String,
    }

    fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn signatures_equal_those_that_aws_publishes() {
        let vectors: Vec<SigV4Vector> = serde_json::from_str(include_str!("../../tests/vectors/sigv4.json")).unwrap();
        assert!(vectors.len() >= 20);
        let now = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        for vector in vectors {
            let mut headers = borrowed(&vector.headers);
            headers.push(("Host", "example.amazonaws.com"));
            let query = borrowed(&vector.query);
            let (method, path, body) = (&*vector.method, &*vector.path, vector.body.as_bytes());
            let request = Request { method, path, query: &query, headers: &headers, body };
            let keys = AccessKeys {
                access_key_id: Secret::new("AKIDEXAMPLE"),
                secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                session_token: vector.token.map(Secret::new),
            };
            let scope = CredentialScope { region: "us-east-1", service: "service" };
            let signature = sign(&request, scope, &keys, now);
            assert_eq!(signature.date, "20150830T123600Z");
            let authorization = signature.authorization.expose();
            let start =
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=";
            assert!(authorization.starts_with(start), "{authorization}");
            assert_eq!(authorization.rsplit('=').next(), Some(&*vector.signature), "{}", vector.name);
        }
    }

    #[test]
    fn an_encoded_path_is_encoded_again_for_the_signature() {
        let path = "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations";
        let request = Request { method: "POST", path, query: &[], headers: &[("host", "x")], body: b"" };
        let (canonical, _) = canonical(&request, "", None);
        assert_eq!(canonical.lines().nth(1), Some("/2015-03-31/functions/arn%253Aaws%253Alambda/invocations"));
    }

    #[test]
    fn debug_output_contains_no_credentials() {
        let keys = AccessKeys {
            access_key_id: Secret::new("AKIDEXAMPLE"),
            secret_access_key: Secret::new("hunter2"),
            session_token: Some(Secret::new("hunter3")),
        };
        let request = Request { method: "GET", path: "/", query: &[], headers: &[], body: b"" };
        let signature = sign(&request, CredentialScope { region: "r", service: "s" }, &keys, UNIX_EPOCH);
        let printed = format!("{keys:?} {signature:?}");
        assert!(!printed.contains("hunter") && !printed.contains("AKID"), "{printed}");
    }
}
