//! A response of a receiver and the outcome it must have.

/// A response with its expected outcome.
pub(crate) struct Row {
    pub(crate) name: String,
    /// The response in pieces. Each is written by a separate call.
    pub(crate) says: Vec<Vec<u8>>,
    /// Time between two pieces (ms).
    pub(crate) pause: u64,
    pub(crate) reads: Reads,
    pub(crate) then: Then,
    pub(crate) outcome: Outcome,
    /// Index of the connection that the next request uses.
    pub(crate) next: usize,
    pub(crate) curl: Curl,
}

/// The part of the request that the receiver reads before it responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// The whole request.
    All,
    /// The head of a request with a body of 2 MiB, and nothing afterwards.
    HeadOfMany,
}

/// The receiver's action after its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Waits for the next request and responds with 200.
    Keep,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// Outcome of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A response with this status.
    Status(u16),
    /// A failure whose reason contains these words.
    Failed(&'static str),
}

/// Outcome of the same response with curl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curl {
    /// The same: curl succeeds exactly if there was a response, shows its status, and uses the same connection next.
    Same,
    /// Something else: the exit code, the status that curl shows (0 for none), and the index of the next connection.
    Other { exit: i32, status: u16, next: usize, why: &'static str },
    /// Either the same, or no status and this exit code, depending on timing.
    Sometimes { exit: i32, why: &'static str },
}

/// A response in one piece: status 200, on a connection that is used again.
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

    /// Adds bytes, one per piece, `pause` ms apart.
    pub(super) fn and_drips(mut self, bytes: &str, pause: u64) -> Self {
        self.says.extend(bytes.as_bytes().chunks(1).map(<[u8]>::to_vec));
        self.pause = pause;
        self
    }

    /// Splits the response into single bytes, `pause` ms apart.
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
