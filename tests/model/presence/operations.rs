//! Operations of the model, and their preconditions.

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::kinds::Id;
use super::names::{APPS, CHANNELS, Names, USERS};
use super::reference::Reference;

/// Maximum number of nodes in a case.
const NODES: usize = 4;

/// Sockets per node and application.
pub(super) const SOCKETS: usize = 3;

/// A channel: index of the application and index of the name.
pub(super) type Channel = (usize, usize);

/// An operation on the cluster. Nodes are numbered by their place; an incarnation is an [`Id`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// A socket subscribes, possibly again or as another user.
    Subscribe { node: usize, channel: Channel, socket: usize, user: Option<usize> },
    /// A socket leaves a channel, possibly one that it never joined.
    Unsubscribe { node: usize, channel: Channel, socket: usize },
    /// A socket closes.
    Close { node: usize, app: usize, socket: usize },
    /// A socket sends a client event.
    OrderedEvent { node: usize, channel: Channel, socket: usize },
    /// A socket subscribes without a hook.
    SubscribeUnseen { node: usize, channel: Channel, socket: usize, user: Option<usize> },
    /// A socket leaves a channel without a hook.
    UnsubscribeUnseen { node: usize, channel: Channel, socket: usize },
    /// A node compares a channel with its live connections.
    Reconcile { node: usize, channel: Channel },
    /// A node sends its waiting claims to Redis.
    Step { node: usize },
    /// A third of a lease passes on a node.
    Renew { node: usize },
    /// A batch is sent but never arrives.
    LoseRequest { node: usize },
    /// A batch is carried out, but its reply never arrives.
    LoseReply { node: usize },
    /// A batch that was answered long ago arrives again, from a connection that its node gave up.
    Late { which: usize },
    /// A lease lapses.
    Lapse { incarnation: Id },
    /// A reaper removes one hold of a node, then dies.
    ReapOne { incarnation: Id },
    /// The grace of all waiting departures ends.
    GraceOver,
    /// A node loses its connection to Redis; its clients stay.
    Pause { node: usize },
    /// The node has a connection again.
    Resume { node: usize },
    /// A process dies, and another one starts in its place.
    Crash { node: usize },
    /// A process shuts down cleanly, and another one starts in its place.
    OwnershipEnd { node: usize },
    /// Redis loses all data. This node notices first.
    Wipe { node: usize },
    /// Every node has had time to notice the loss.
    Settle,
}

impl Operation {
    /// Returns the node of the operation, if it has one.
    pub(super) const fn node(&self) -> Option<usize> {
        match self {
            Self::Subscribe { node, .. }
            | Self::Unsubscribe { node, .. }
            | Self::Close { node, .. }
            | Self::OrderedEvent { node, .. }
            | Self::SubscribeUnseen { node, .. }
            | Self::UnsubscribeUnseen { node, .. }
            | Self::Reconcile { node, .. }
            | Self::Step { node }
            | Self::Renew { node }
            | Self::LoseRequest { node }
            | Self::LoseReply { node }
            | Self::Pause { node }
            | Self::Resume { node }
            | Self::Crash { node }
            | Self::OwnershipEnd { node }
            | Self::Wipe { node } => Some(*node),
            Self::Late { .. } | Self::Lapse { .. } | Self::ReapOne { .. } | Self::GraceOver | Self::Settle => None,
        }
    }
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Self> {
        let cluster = |(names, nodes, grace)| Self::new(names, nodes, grace);
        (Names::any(), 1..=NODES, any::<bool>()).prop_map(cluster).boxed()
    }

    fn transitions(reference: &Self) -> BoxedStrategy<Operation> {
        let node = || 0..reference.nodes();
        let channel = || (0..APPS, 0..CHANNELS);
        let socket = || 0..SOCKETS;
        let user = || prop::option::weighted(0.7, 0..USERS);
        let mut incarnations = reference.incarnations();
        if incarnations.is_empty() {
            // The precondition rejects it.
            incarnations.push(Id::MAX);
        }
        let incarnation = || prop::sample::select(incarnations.clone());
        prop_oneof![
            14 => (node(), channel(), socket(), user())
                .prop_map(|(node, channel, socket, user)| Operation::Subscribe { node, channel, socket, user }),
            8 => (node(), channel(), socket())
                .prop_map(|(node, channel, socket)| Operation::Unsubscribe { node, channel, socket }),
            6 => (node(), 0..APPS, socket()).prop_map(|(node, app, socket)| Operation::Close { node, app, socket }),
            8 => (node(), channel(), socket())
                .prop_map(|(node, channel, socket)| Operation::OrderedEvent { node, channel, socket }),
            2 => (node(), channel(), socket(), user())
                .prop_map(|(node, channel, socket, user)| Operation::SubscribeUnseen { node, channel, socket, user }),
            2 => (node(), channel(), socket())
                .prop_map(|(node, channel, socket)| Operation::UnsubscribeUnseen { node, channel, socket }),
            3 => (node(), channel()).prop_map(|(node, channel)| Operation::Reconcile { node, channel }),
            14 => node().prop_map(|node| Operation::Step { node }),
            10 => node().prop_map(|node| Operation::Renew { node }),
            3 => node().prop_map(|node| Operation::LoseRequest { node }),
            5 => node().prop_map(|node| Operation::LoseReply { node }),
            2 => (0..64_usize).prop_map(|which| Operation::Late { which }),
            5 => incarnation().prop_map(|incarnation| Operation::Lapse { incarnation }),
            3 => incarnation().prop_map(|incarnation| Operation::ReapOne { incarnation }),
            3 => Just(Operation::GraceOver),
            2 => node().prop_map(|node| Operation::Pause { node }),
            3 => node().prop_map(|node| Operation::Resume { node }),
            2 => node().prop_map(|node| Operation::Crash { node }),
            1 => node().prop_map(|node| Operation::OwnershipEnd { node }),
            3 => node().prop_map(|node| Operation::Wipe { node }),
            4 => Just(Operation::Settle),
        ]
        .boxed()
    }

    fn apply(mut reference: Self, operation: &Operation) -> Self {
        reference.carry_out(operation);
        reference
    }

    fn preconditions(reference: &Self, operation: &Operation) -> bool {
        reference.allows(operation)
    }
}
