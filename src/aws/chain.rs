//! The credential chain: the sources of credentials, in order. Pure, except for [`ProfileFiles::keys`] and
//! [`default_region`], which read files.
//!
//! ```text
//! keys or profile of the config ─▶ AWS_ACCESS_KEY_ID … ─▶ AWS_PROFILE, or "default" ─▶ container ─▶ EC2 instance
//! ```
//! A process with a web identity (IRSA) skips the instance, because the instance has a different role. A profile that is named
//! in the config or the environment is never skipped: if it does not exist, that is an error.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::credentials::AccessKeys;
use super::environment::Environment;
use super::profile::Texts;
use crate::secret::Secret;

/// The credentials service of ECS containers.
const CONTAINER_HOST: &str = "http://169.254.170.2";

/// The metadata service of EC2 instances.
const INSTANCE_HOST: &str = "http://169.254.169.254";

/// A source of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainLink {
    /// Fixed keys.
    Known(AccessKeys),
    /// A profile in the files of the AWS CLI.
    Profile {
        /// The name of the profile.
        name: String,
        /// `true` if the config or the environment names the profile, so that it must exist.
        named: bool,
        /// The files that are searched.
        files: ProfileFiles,
    },
    /// The credentials service of this container.
    Container {
        /// The URI of the service.
        uri: String,
        /// The token that authorizes this process.
        token: ContainerToken,
    },
    /// A web identity (IRSA), whose token could be exchanged for credentials. Not supported.
    WebIdentity,
    /// The metadata service of the EC2 instance.
    Instance {
        /// The URI of the service, without a path.
        host: String,
    },
}

/// The token for the credentials service of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerToken {
    /// No token.
    None,
    /// This token.
    Value(Secret),
    /// The content of this file. The file is read for each request, because the token rotates.
    File(PathBuf),
}

/// The error for a web identity without any other credentials.
pub(crate) const WEB_IDENTITY: &str = "AWS_WEB_IDENTITY_TOKEN_FILE is set (IRSA), which is not supported: use EKS Pod \
                                       Identity, or set access_key_id and secret_access_key, or a profile with keys";

/// Returns `true` if a web identity, which is not supported, is the only source of credentials.
pub(crate) fn has_web_identity_only(links: &[ChainLink]) -> bool {
    let has_keys = |link: &ChainLink| match link {
        ChainLink::Profile { name, files, .. } => !matches!(files.keys(name), Ok(None)),
        link => *link != ChainLink::WebIdentity,
    };
    links.contains(&ChainLink::WebIdentity) && !links.iter().any(has_keys)
}

/// The files of the AWS CLI. Empty if the user has no home directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileFiles {
    credentials: Option<PathBuf>,
    config: Option<PathBuf>,
}

impl ProfileFiles {
    fn of(environment: &Environment) -> Self {
        let file = |variable, name| {
            let in_home = || Some(PathBuf::from(environment.get("HOME")?).join(".aws").join(name));
            environment.get(variable).map(PathBuf::from).or_else(in_home)
        };
        Self {
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config: file("AWS_CONFIG_FILE", "config"),
        }
    }

    /// Reads the credentials of `profile` from the files.
    pub(super) fn keys(&self, profile: &str) -> Result<Option<AccessKeys>, String> {
        let (credentials, config) = (read(self.credentials.as_ref())?, read(self.config.as_ref())?);
        Texts { credentials: &credentials, config: &config }.keys(profile)
    }
}

/// Returns the credential chain of an endpoint whose config has these `keys` or names this `profile`.
pub(crate) fn links(keys: Option<AccessKeys>, profile: Option<&str>, environment: &Environment) -> Vec<ChainLink> {
    let files = ProfileFiles::of(environment);
    let profile_link = |name: &str, named| ChainLink::Profile { name: name.to_owned(), named, files: files.clone() };
    if let Some(keys) = keys.or_else(|| profile.is_none().then(|| of_environment(environment))?) {
        return vec![ChainLink::Known(keys)];
    }
    if let Some(name) = profile.or_else(|| environment.get("AWS_PROFILE")) {
        return vec![profile_link(name, true)];
    }
    let mut links = vec![profile_link("default", false)];
    if let Some(uri) = container(environment) {
        let file = || Some(ContainerToken::File(environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?.into()));
        let value = || Some(ContainerToken::Value(environment.secret("AWS_CONTAINER_AUTHORIZATION_TOKEN")?.clone()));
        links.push(ChainLink::Container { uri, token: file().or_else(value).unwrap_or(ContainerToken::None) });
    }
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() {
        links.push(ChainLink::WebIdentity);
        return links;
    }
    let disabled = environment.get("AWS_EC2_METADATA_DISABLED");
    if !disabled.is_some_and(|disabled| disabled.eq_ignore_ascii_case("true")) {
        let host = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(INSTANCE_HOST);
        links.push(ChainLink::Instance { host: host.trim_end_matches('/').to_owned() });
    }
    links
}

/// Returns the region from the environment, or else that of the profile from the config or the environment.
pub(crate) fn default_region(profile: Option<&str>, environment: &Environment) -> Option<String> {
    if let Some(region) = environment.get("AWS_REGION").or_else(|| environment.get("AWS_DEFAULT_REGION")) {
        return Some(region.to_owned());
    }
    let name = profile.or_else(|| environment.get("AWS_PROFILE")).unwrap_or("default");
    let files = ProfileFiles::of(environment);
    // Unreadable files are reported when the credentials are read.
    let credentials = read(files.credentials.as_ref()).unwrap_or_default();
    let config = read(files.config.as_ref()).unwrap_or_default();
    Texts { credentials: &credentials, config: &config }.region(name).map(str::to_owned)
}

fn of_environment(environment: &Environment) -> Option<AccessKeys> {
    Some(AccessKeys {
        access_key_id: environment.secret("AWS_ACCESS_KEY_ID")?.clone(),
        secret_access_key: environment.secret("AWS_SECRET_ACCESS_KEY")?.clone(),
        session_token: environment.secret("AWS_SESSION_TOKEN").cloned(),
    })
}

fn container(environment: &Environment) -> Option<String> {
    let relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let full = || environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").map(str::to_owned);
    relative.map(|path| format!("{CONTAINER_HOST}{path}")).or_else(full)
}

/// Reads a file. A missing file counts as empty.
fn read(path: Option<&PathBuf>) -> Result<String, String> {
    let Some(path) = path else { return Ok(String::new()) };
    match fs::read_to_string(path) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Err(format!("{} cannot be read: {error}", path.display()))
        }
        text => Ok(text.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str) -> AccessKeys {
        AccessKeys { access_key_id: Secret::new(id), secret_access_key: Secret::new("secret"), session_token: None }
    }

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "secret")];

    fn profile_of(links: &[ChainLink]) -> Option<(&str, bool)> {
        links.iter().find_map(|link| match link {
            ChainLink::Profile { name, named, .. } => Some((name.as_str(), *named)),
            _ => None,
        })
    }

    #[test]
    fn the_config_takes_precedence_over_all_other_sources() {
        let environment = Environment::from([KEYS[0], KEYS[1], ("AWS_PROFILE", "other")]);
        assert_eq!(links(Some(keys("AKIDCONFIG")), None, &environment), [ChainLink::Known(keys("AKIDCONFIG"))]);
        let by_profile = links(None, Some("billing"), &environment);
        assert_eq!((by_profile.len(), profile_of(&by_profile)), (1, Some(("billing", true))));
    }

    #[test]
    fn keys_in_the_environment_take_precedence_over_aws_profile() {
        let environment = Environment::from([KEYS[0], KEYS[1], ("AWS_PROFILE", "other")]);
        assert_eq!(links(None, None, &environment), [ChainLink::Known(keys("AKIDENV"))]);
        let half = links(None, None, &Environment::from([KEYS[0], ("AWS_PROFILE", "other")]));
        assert_eq!(profile_of(&half), Some(("other", true)));
    }

    #[test]
    fn the_container_and_the_instance_are_the_last_sources() {
        let links = links(
            None,
            None,
            &Environment::from([
                ("HOME", "/nowhere"),
                ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2"),
                ("AWS_EC2_METADATA_DISABLED", "false"),
            ]),
        );
        assert_eq!(profile_of(&links), Some(("default", false)));
        let uri = "http://169.254.170.2/v2/credentials/x".to_owned();
        assert_eq!(links[1], ChainLink::Container { uri, token: ContainerToken::Value(Secret::new("hunter2")) });
        assert_eq!(links[2], ChainLink::Instance { host: "http://169.254.169.254".to_owned() });
        assert!(!format!("{links:?}").contains("hunter2"));
    }

    #[test]
    fn an_eks_pod_has_a_full_uri_and_a_token_file() {
        let links = links(
            None,
            None,
            &Environment::from([
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/token"),
                ("AWS_EC2_METADATA_DISABLED", "TRUE"),
            ]),
        );
        let uri = "http://169.254.170.23/v1/credentials".to_owned();
        let token = ContainerToken::File("/run/token".into());
        assert_eq!(links[1..], [ChainLink::Container { uri, token }], "the instance is disabled");
    }

    #[test]
    fn a_web_identity_replaces_the_instance_and_is_not_sufficient_alone() {
        let irsa = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token");
        let nowhere = ("HOME", "/nowhere");
        let alone = links(None, None, &Environment::from([irsa, nowhere]));
        assert_eq!(alone[1..], [ChainLink::WebIdentity]);
        assert!(has_web_identity_only(&alone));
        let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
        let of_pod = links(None, None, &Environment::from([irsa, nowhere, uri]));
        assert!(matches!(of_pod[1..], [ChainLink::Container { .. }, ChainLink::WebIdentity]));
        for others in [
            of_pod,
            links(None, None, &Environment::from([irsa, KEYS[0], KEYS[1]])),
            links(Some(keys("AKIDCONFIG")), None, &Environment::from([irsa])),
            links(None, None, &Environment::from([nowhere])),
        ] {
            assert!(!has_web_identity_only(&others), "{others:?}");
        }
    }

    #[test]
    fn the_files_are_in_the_home_directory_unless_the_environment_names_them() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".aws")).unwrap();
        let text = "[default]\naws_access_key_id = AKIDHOME\naws_secret_access_key = secret\n";
        fs::write(folder.path().join(".aws/credentials"), text).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "[profile x]\nregion = eu-north-1\n").unwrap();

        let home = folder.path().to_str().unwrap();
        let environment = Environment::from([("HOME", home), ("AWS_CONFIG_FILE", elsewhere.to_str().unwrap())]);
        assert_eq!(ProfileFiles::of(&environment).keys("default"), Ok(Some(keys("AKIDHOME"))));
        assert_eq!(default_region(Some("x"), &environment).as_deref(), Some("eu-north-1"));
        assert_eq!(default_region(None, &environment), None);
        let chosen = Environment::from([("HOME", home), ("AWS_DEFAULT_REGION", "eu-west-1")]);
        assert_eq!(default_region(Some("x"), &chosen).as_deref(), Some("eu-west-1"));
        assert_eq!(ProfileFiles::of(&Environment::default()).keys("default"), Ok(None));
    }

    #[test]
    fn the_error_for_an_unreadable_file_names_it() {
        let environment = Environment::from([("AWS_CONFIG_FILE", "/proc/self/mem")]);
        let problem = ProfileFiles::of(&environment).keys("default").unwrap_err();
        assert!(problem.starts_with("/proc/self/mem cannot be read: "), "{problem}");
    }
}
