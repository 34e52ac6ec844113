//! The words of the model.

/// An incarnation of a node.
pub(super) type Id = u32;

/// A channel, or a user on it, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) app: usize,
    pub(super) channel: usize,
    pub(super) user: Option<usize>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    pub(super) key: Key,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Came,
    Went,
    /// A client event, by number.
    Whispered(u32),
    /// How many connections there are.
    Counted(u64),
}

impl Key {
    /// The channel that it is about.
    pub(super) const fn channel(self) -> Self {
        Self { user: None, ..self }
    }
}

impl Told {
    pub(super) const fn is_whisper(&self) -> bool {
        matches!(self.what, What::Whispered(_))
    }
}
