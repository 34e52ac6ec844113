//! Single scenarios, made of the operations of the model.

use super::names::Names;
use super::operations::Operation::{self, *};
use super::*;

/// Runs a scenario with two nodes on both sides, and compares after each operation. Returns the events as text.
fn run(operations: impl FnOnce(&Reference) -> Vec<Operation>) -> Vec<String> {
    let names = Names {
        apps: vec![b"app".to_vec(), b"other".to_vec()],
        channels: ["presence-a", "presence-b", "news"].map(|name| name.as_bytes().to_vec()).to_vec(),
        users: ["7", "8", "9"].map(|name| name.as_bytes().to_vec()).to_vec(),
    };
    let mut reference = Reference::new(names, 2, false);
    let server = RedisServer::start();
    let mut stage = Stage::new(&server, &reference);
    let mut published = Vec::new();
    for operation in operations(&reference) {
        assert!(reference.allows(&operation), "{operation:?} cannot happen");
        reference = Reference::apply(reference, &operation);
        stage.apply(&operation, &reference);
        published.extend(reference.published.iter().map(|event| format!("{:?} {:?}", event.key.user, event.what)));
    }
    SideBySide::teardown(stage, reference);
    published
}

const ROOM: (usize, usize) = (0, 0);
const NEWS: (usize, usize) = (0, 2);

#[test]
fn a_published_number_is_corrected_after_redis_lost_it_between_two_visits() {
    run(|_| {
        vec![
            Step { node: 0 },
            Step { node: 1 },
            Subscribe { node: 0, channel: NEWS, socket: 1, user: None },
            Step { node: 0 },
            Wipe { node: 0 },
            Close { node: 0, app: 0, socket: 1 },
            Subscribe { node: 0, channel: NEWS, socket: 0, user: None },
            Settle,
            Wipe { node: 0 },
            Unsubscribe { node: 0, channel: NEWS, socket: 0 },
        ]
    });
}

#[test]
fn a_visit_during_an_outage_makes_its_edges_after_its_node_was_reaped() {
    let published = run(|_| {
        vec![
            Renew { node: 0 },
            Renew { node: 1 },
            Pause { node: 0 },
            Subscribe { node: 0, channel: ROOM, socket: 0, user: None },
            OrderedEvent { node: 0, channel: ROOM, socket: 0 },
            Unsubscribe { node: 0, channel: ROOM, socket: 0 },
            Lapse { incarnation: 1 },
            Renew { node: 1 },
            Renew { node: 1 },
            Renew { node: 1 },
            Renew { node: 1 },
            Resume { node: 0 },
            Step { node: 0 },
        ]
    });
    assert_eq!(published, ["None Came", "None Whispered(1)", "None Went"]);
}
