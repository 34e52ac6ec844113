//! A receiver's answer and its right outcome.

/// One answer with its outcome.
pub(crate) struct Row {
    pub(crate) name: String,
    /// The answer in pieces, each written by a call of its own.
    pub(crate) says: Vec<Vec<u8>>,
    /// The time between two pieces, in ms.
    pub(crate) pause: u64,
    pub(crate) reads: Reads,
    pub(crate) then: Then,
    pub(crate) outcome: Outcome,
    /// The connection of the next request.
    pub(crate) next: usize,
    pub(crate) curl: Curl,
}

/// The part of the request that the receiver reads before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// All of it.
    All,
    /// The head of one with 2 MiB of body, and nothing afterwards.
    HeadOfMany,
}

/// The receiver's next step after its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Waits for the next request, which it answers with 200.
    Keep,
    /// Closes the connection.
    Close,
    /// Breaks it off.
    Reset,
}

/// The outcome of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has answered with this status.
    Status(u16),
    /// There was no answer, for a reason that has these words in it.
    Failed(&'static str),
}

/// curl's reading of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curl {
    /// The same: it ends well exactly if there was an answer, whose status it shows, and takes the same connection.
    Same,
    /// Something else: its exit code, the status that it shows (0 for none) and the connection of its next request.
    Other { exit: i32, status: u16, next: usize, why: &'static str },
    /// One or the other, as it happens: the same, or no status and this exit code.
    Sometimes { exit: i32, why: &'static str },
}

/// A row whose answer is one piece: delivered with 200, on a connection that stays.
pub(super) fn row(name: &str, says: &str) -> Row {
    Row {
        name: name.to_owned(),
        says: vec![says.as_bytes().to_vec()],
        pause: 0,
        reads: Reads::All,
        then: Then::Keep,
        outcome: Outcome::Status(200),
        next: 0,
        curl: Curl::Same,
    }
}

impl Row {
    pub(super) fn status(mut self, status: u16) -> Self {
        self.outcome = Outcome::Status(status);
        self
    }

    /// The delivery fails, and the connection is not used again.
    pub(super) fn fails(mut self, reason: &'static str) -> Self {
        (self.outcome, self.next) = (Outcome::Failed(reason), 1);
        self
    }

    /// The connection is not used again.
    pub(super) fn ends(mut self) -> Self {
        self.next = 1;
        self
    }

    pub(super) fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    pub(super) fn reads(mut self, reads: Reads) -> Self {
        self.reads = reads;
        self
    }

    /// Adds a piece.
    pub(super) fn and(mut self, piece: &str) -> Self {
        self.says.push(piece.as_bytes().to_vec());
        self
    }

    /// Adds bytes, each a piece, `pause` ms apart.
    pub(super) fn and_drips(mut self, bytes: &str, pause: u64) -> Self {
        self.says.extend(bytes.as_bytes().chunks(1).map(<[u8]>::to_vec));
        self.pause = pause;
        self
    }

    /// Cuts the answer into bytes, `pause` ms apart.
    pub(super) fn dripped(mut self, pause: u64) -> Self {
        self.says = self.says.concat().chunks(1).map(<[u8]>::to_vec).collect();
        self.pause = pause;
        self
    }

    pub(super) fn curl(mut self, exit: i32, status: u16, next: usize, why: &'static str) -> Self {
        self.curl = Curl::Other { exit, status, next, why };
        self
    }
}
