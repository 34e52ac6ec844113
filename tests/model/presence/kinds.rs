//! Types of the model.

/// Incarnation of a node.
pub(super) type Id = u32;

/// A channel, or a user on it, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) app: usize,
    pub(super) channel: usize,
    pub(super) user: Option<usize>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ModelEvent {
    pub(super) key: Key,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Came,
    Went,
    /// A client event, by number.
    Whispered(u32),
    /// A number of connections.
    Counted(u64),
}

impl Key {
    /// Returns the channel of this key.
    pub(super) const fn channel(self) -> Self {
        Self { user: None, ..self }
    }
}

impl ModelEvent {
    pub(super) const fn is_whisper(&self) -> bool {
        matches!(self.what, What::Whispered(_))
    }
}
