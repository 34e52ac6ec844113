//! The custom events in `endpoints.*.events`: names such as `order.paid` and families such as `order.*`.

use super::filter::matches;
use crate::event::{CustomName, CustomNameError, EventName};

/// The custom events that an endpoint receives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomNames(pub(super) Vec<NamePattern>);

/// A name or a family of names, as in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamePattern(Box<str>);

impl NamePattern {
    /// Parses a name, or a family that ends with `.*`.
    ///
    /// # Errors
    /// If it is neither. The message has the reason.
    pub(super) fn parse(written: &str) -> Result<Self, CustomNameError> {
        let family = written.strip_suffix('*').filter(|family| family.ends_with('.'));
        CustomName::parse(family.unwrap_or(written)).map(|_| Self(written.into()))
    }

    /// Returns the Pusher event that was probably meant: `member_added` for `member.added`.
    pub(super) fn meant(written: &str) -> Option<EventName> {
        written.replace(['.', '-'], "_").parse().ok()
    }
}

impl CustomNames {
    /// Returns `true` if any pattern matches `name`.
    pub(crate) fn contain(&self, name: &str) -> bool {
        self.0.iter().any(|NamePattern(pattern)| matches(pattern, name.as_bytes()))
    }

    /// Returns `true` if there are no patterns.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_matches_all_names_with_its_prefix_and_a_name_only_itself() {
        let names = CustomNames(["order.*", "user.born"].map(|name| NamePattern::parse(name).unwrap()).into());
        for name in ["order.paid", "order.item.lost", "order.", "user.born"] {
            assert!(names.contain(name), "{name}");
        }
        for name in ["orders.paid", "order", "user.born.twice", "user.*"] {
            assert!(!names.contain(name), "{name}");
        }
    }

    #[test]
    fn a_star_is_allowed_only_at_the_end_after_a_full_stop() {
        for written in ["*", "order*", "*.paid", "order.*.paid", "order.**"] {
            assert!(NamePattern::parse(written).is_err(), "{written}");
        }
    }

    #[test]
    fn a_misspelt_pusher_event_is_recognised() {
        assert_eq!(NamePattern::meant("member.added"), Some(EventName::MemberAdded));
        assert_eq!(NamePattern::meant("order.paid"), None);
    }
}
