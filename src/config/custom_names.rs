//! The custom events in `endpoints.*.events`: names, and families of names such as `order.*`.

use crate::event::{CustomName, CustomNameError, EventName};

/// The custom events that an endpoint receives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomNames(Vec<NamePattern>);

/// One of them, or a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NamePattern {
    One(Box<str>),
    /// Those that begin so, with the full stop.
    Family(Box<str>),
}

impl NamePattern {
    /// Reads a name, or one that ends with `.*`.
    ///
    /// # Errors
    /// When it is none; the message says why.
    pub(super) fn parse(written: &str) -> Result<Self, CustomNameError> {
        match written.strip_suffix('*').filter(|family| family.ends_with('.')) {
            Some(family) => CustomName::parse(family).map(|family| Self::Family(family.as_str().into())),
            None => CustomName::parse(written).map(|name| Self::One(name.as_str().into())),
        }
    }

    /// The event of Pusher's that is probably meant: `member.added` for `member_added`.
    pub(super) fn meant(written: &str) -> Option<EventName> {
        EventName::parse(&written.replace(['.', '-'], "_"))
    }

    fn fits(&self, name: &str) -> bool {
        match self {
            Self::One(one) => **one == *name,
            Self::Family(family) => name.starts_with(&**family),
        }
    }
}

impl CustomNames {
    /// Whether `name` is one of them.
    #[must_use]
    pub fn contain(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.fits(name))
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<NamePattern> for CustomNames {
    fn from_iter<I: IntoIterator<Item = NamePattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_all_names_below_it_and_a_name_itself_only() {
        let names: CustomNames =
            ["order.*", "user.born"].map(|name| NamePattern::parse(name).unwrap()).into_iter().collect();
        for name in ["order.paid", "order.item.lost", "order.", "user.born"] {
            assert!(names.contain(name), "{name}");
        }
        for name in ["orders.paid", "order", "user.born.twice", "user.*"] {
            assert!(!names.contain(name), "{name}");
        }
    }

    #[test]
    fn a_star_stands_at_the_end_and_behind_a_full_stop() {
        for written in ["*", "order*", "*.paid", "order.*.paid", "order.**"] {
            assert!(NamePattern::parse(written).is_err(), "{written}");
        }
    }

    #[test]
    fn what_looks_like_an_event_of_pushers_is_probably_meant_to_be_that() {
        assert_eq!(NamePattern::meant("member.added"), Some(EventName::MemberAdded));
        assert_eq!(NamePattern::meant("order.paid"), None);
    }
}
