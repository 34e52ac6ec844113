//! A model of the claimer's stop. Redis is unreachable, so the claimer does nothing but wait.

use super::*;
use crate::config::{Address, Config, Connection as Settings};
use crate::event::Shard;
use crate::sync::{check, sleep, spawn};

#[test]
fn a_stop_wakes_the_claimer_at_once() {
    check(500, || {
        let (node_state, stop) = (Arc::new(SharedNodeState::new(8)), Arc::<StopFlag>::default());
        let connection = Settings { address: Address::Unix("/nonexistent/redis.sock".into()), ..Settings::default() };
        let config = Config { connection, ..Config::default() };
        let telemetry = Arc::<Telemetry>::default();
        let cluster = ClaimerParts {
            link: Link::new(crate::redis::Settings::of(&config, Shard::FIRST).unwrap(), Arc::clone(&telemetry)),
            keys: PresenceScripts::of(&Config::default(), Shard::FIRST),
            audit: None,
            compare_every: Duration::from_secs(3600),
            membership: Arc::default(),
            next_incarnation: Box::new(|| NodeId::new("node", 1, 1)),
            others: OtherData::default(),
        };
        let mut claimer = Claimer::new(Arc::clone(&node_state), cluster, Arc::clone(&stop), telemetry);
        let thread = spawn(move || claimer.run());
        sleep(Duration::ZERO);
        stop.raise(&[node_state]);
        thread.join().unwrap();
    });
}
