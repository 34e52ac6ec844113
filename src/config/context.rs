//! TLS options under the names of PHP's stream contexts: `connection.context`.

use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::{Map, Value};

use super::value::is_empty;

/// The supported options, and the names of the others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) cafile: Option<PathBuf>,
    pub(super) local_cert: Option<PathBuf>,
    pub(super) local_pk: Option<PathBuf>,
    pub(super) without_effect: Vec<String>,
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut context = Self::default();
        match Value::deserialize(deserializer)? {
            Value::Object(options) => context.take(options)?,
            Value::Array(options) if options.is_empty() => {}
            _ => return Err(D::Error::custom("expected an array of options")),
        }
        Ok(context)
    }
}

impl Context {
    fn take<E: Error>(&mut self, options: Map<String, Value>) -> Result<(), E> {
        for (name, value) in options {
            let file = match name.as_str() {
                "cafile" => &mut self.cafile,
                "local_cert" => &mut self.local_cert,
                "local_pk" => &mut self.local_pk,
                // Laravel's drivers nest the options one level deeper.
                "stream" | "ssl" if value.is_object() => {
                    if let Value::Object(options) = value {
                        self.take(options)?;
                    }
                    continue;
                }
                // Certificates are always verified, so `verify_peer => true` needs no warning.
                _ => {
                    let says_nothing = is_empty(&value) || (name.starts_with("verify_peer") && value == true);
                    self.without_effect.extend((!says_nothing).then_some(name));
                    continue;
                }
            };
            match value {
                Value::Null => {}
                Value::String(path) => *file = (!path.is_empty()).then(|| path.into()),
                _ => return Err(E::custom(format_args!("expected {name} to be a path"))),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_files_are_found_at_the_level_of_each_driver() {
        let files = json!({ "cafile": "/ca.pem", "local_cert": "/a.pem", "local_pk": "" });
        for context in [files.clone(), json!({ "stream": files }), json!({ "ssl": files, "auth": null })] {
            let context = Context::deserialize(context).unwrap();
            assert_eq!(context.cafile, Some("/ca.pem".into()));
            assert_eq!((context.local_cert, context.local_pk), (Some("/a.pem".into()), None));
            assert_eq!(context.without_effect, [""; 0]);
        }
        for nothing in [json!([]), json!({ "cafile": null }), json!({ "stream": [], "ssl": {}, "passphrase": "" })] {
            assert_eq!(Context::deserialize(nothing).unwrap(), Context::default());
        }
    }

    #[test]
    fn unsupported_options_are_listed() {
        let context = json!({
            "verify_peer": false, "verify_peer_name": true, "peer_name": "redis", "capath": null, "ssl": "tls",
        });
        assert_eq!(Context::deserialize(context).unwrap().without_effect, ["verify_peer", "peer_name", "ssl"]);
    }

    #[test]
    fn other_values_are_refused() {
        let refusal = |value: Value| Context::deserialize(value).unwrap_err().to_string();
        for value in [json!("/ca.pem"), json!(["/ca.pem"])] {
            assert_eq!(refusal(value), "expected an array of options");
        }
        assert_eq!(refusal(json!({ "cafile": ["/ca.pem"] })), "expected cafile to be a path");
    }
}
