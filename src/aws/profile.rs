//! The files of the AWS CLI: `~/.aws/credentials` and `~/.aws/config`. Pure: their content is an argument.
//!
//! ```text
//! credentials              config
//! [billing]                [profile billing]
//! aws_access_key_id = …    region = eu-central-1
//! ```
//! The credentials file overrides the config file. The section of the default profile is `[default]` in both files.

use super::credentials::AccessKeys;
use crate::secret::Secret;

/// Settings that are not supported, because they need another program or service. The error names the first one found.
const UNSUPPORTED: [&str; 6] =
    ["role_arn", "sso_session", "sso_start_url", "credential_process", "web_identity_token_file", "login_session"];

/// The content of the two files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Texts<'a> {
    pub(super) credentials: &'a str,
    pub(super) config: &'a str,
}

impl Texts<'_> {
    /// Returns the credentials of `profile`, or `None` if there is no such profile or it has none.
    ///
    /// # Errors
    /// Returns an error if the credentials are incomplete or the profile needs an unsupported setting.
    pub(super) fn keys(&self, profile: &str) -> Result<Option<AccessKeys>, String> {
        let value = |name| self.value(profile, name).map(Secret::new);
        match (value("aws_access_key_id"), value("aws_secret_access_key")) {
            (Some(access_key_id), Some(secret_access_key)) => {
                Ok(Some(AccessKeys { access_key_id, secret_access_key, session_token: value("aws_session_token") }))
            }
            (None, None) => match UNSUPPORTED.into_iter().find(|name| self.value(profile, name).is_some()) {
                Some(name) => Err(format!("profile {profile:?} has {name}, which is not supported")),
                None => Ok(None),
            },
            (Some(_), None) => Err(format!("profile {profile:?} has no aws_secret_access_key")),
            (None, Some(_)) => Err(format!("profile {profile:?} has no aws_access_key_id")),
        }
    }

    /// Returns the region of `profile`.
    pub(super) fn region(&self, profile: &str) -> Option<&str> {
        self.value(profile, "region")
    }

    fn value(&self, profile: &str, name: &str) -> Option<&str> {
        let of_config = |section: &str| match section.strip_prefix("profile") {
            Some(named) if named.starts_with([' ', '\t']) => named.trim() == profile,
            _ => section == "default" && profile == "default",
        };
        last(self.credentials, name, |section| section == profile).or_else(|| last(self.config, name, of_config))
    }
}

/// Returns the last value of `name` in the `wanted` sections.
fn last<'a>(text: &'a str, name: &str, wanted: impl Fn(&str) -> bool) -> Option<&'a str> {
    let (mut inside, mut found) = (false, None);
    for line in text.lines() {
        // Skips comments, and indented lines, which continue the line above.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            inside = section.split(']').next().is_some_and(|section| wanted(section.trim()));
        } else if let Some((key, value)) = line.split_once('=')
            && inside
            && key.trim().eq_ignore_ascii_case(name)
        {
            found = Some(value.trim()).filter(|value| !value.is_empty());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: Texts<'_> = Texts {
        credentials: "\
# written by hand
[default]
aws_access_key_id=AKIDDEFAULT
aws_secret_access_key = a/b+c=d
; [billing]

[ billing ]
AWS_Access_Key_Id = AKIDBILLING
aws_secret_access_key = hunter2
aws_session_token = token
[half]
aws_access_key_id = AKIDHALF
",
        config: "\
[default]
region = us-east-1
[profile billing]
region = eu-central-1
s3 =
  region = nested
aws_secret_access_key = not this
[profile role]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = default
[empty]
region = eu-west-1
",
    };

    fn keys(profile: &str) -> Result<Option<[String; 3]>, String> {
        let shown = |secret: &Secret| secret.expose().to_owned();
        Ok(TEXTS.keys(profile)?.map(|keys| {
            let token = keys.session_token.as_ref().map(shown).unwrap_or_default();
            [shown(&keys.access_key_id), shown(&keys.secret_access_key), token]
        }))
    }

    fn found(id: &str, secret: &str, token: &str) -> [String; 3] {
        [id, secret, token].map(str::to_owned)
    }

    #[test]
    fn a_profile_has_its_own_credentials_and_region() {
        assert_eq!(keys("default"), Ok(Some(found("AKIDDEFAULT", "a/b+c=d", ""))));
        assert_eq!(keys("billing"), Ok(Some(found("AKIDBILLING", "hunter2", "token"))));
        assert_eq!(TEXTS.region("default"), Some("us-east-1"));
        assert_eq!(TEXTS.region("billing"), Some("eu-central-1"));
    }

    #[test]
    fn a_missing_profile_has_no_credentials() {
        assert_eq!(keys("nobody"), Ok(None));
        assert_eq!(keys("empty"), Ok(None), "in the config file the section must be [profile empty]");
        assert_eq!(TEXTS.region("empty"), None);
    }

    #[test]
    fn the_error_names_what_is_missing_or_unsupported() {
        assert_eq!(keys("half").unwrap_err(), "profile \"half\" has no aws_secret_access_key");
        assert_eq!(keys("role").unwrap_err(), "profile \"role\" has role_arn, which is not supported");
    }
}
