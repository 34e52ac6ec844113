//! Tests of the proxy, with a real Redis.

use super::*;
use crate::support::redis::RedisServer;
use crate::support::redis_cluster::RedisCluster;

const LONG: Duration = Duration::from_secs(60);

fn connect(network: &Network) -> redis::Connection {
    let client = redis::Client::open(format!("redis://127.0.0.1:{}/", network.ports()[0])).unwrap();
    let connection = client.get_connection().unwrap();
    connection.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    connection
}

fn set(connection: &mut redis::Connection, value: u64) -> redis::RedisResult<()> {
    let call = "return redis.call('SET', KEYS[1], ARGV[1])";
    redis::Script::new(call).key("wh:held_users:x").arg(value).invoke(connection)
}

fn get(redis: &RedisServer) -> Option<u64> {
    redis::Commands::get(&mut redis.connect(), "wh:held_users:x").unwrap()
}

#[test]
fn a_call_whose_reply_is_cut_was_carried_out() {
    let redis = RedisServer::start();
    let network = Network::start(&[redis.port()]);
    let mut connection = connect(&network);
    set(&mut connection, 1).unwrap();
    network.start_fault(NetworkFault::CutsReply(Call::Claim), LONG, None);
    assert!(set(&mut connection, 2).is_err());
    assert_eq!(get(&redis), Some(2));
    set(&mut connect(&network), 3).unwrap();
}

#[test]
fn a_network_is_settled_when_redis_has_carried_out_all_calls_of_a_dead_node() {
    let redis = RedisServer::start();
    let network = Network::start(&[redis.port()]);
    let mut connection = connect(&network);
    set(&mut connection, 1).unwrap();
    assert_eq!(network.settled(), None);
    redis.hang();
    assert!(set(&mut connection, 2).unwrap_err().is_timeout());
    drop(connection);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(network.settled(), None);
    let before = now();
    redis.resume();
    let settled = crate::support::wait::eventually("the end of the connection", || network.settled());
    assert!(settled >= before);
    assert_eq!(get(&redis), Some(2));
}

#[test]
fn a_held_back_call_arrives_after_a_later_one_on_another_connection() {
    let redis = RedisServer::start();
    let network = Network::start(&[redis.port()]);
    let mut connection = connect(&network);
    set(&mut connection, 1).unwrap();
    network.start_fault(NetworkFault::HoldsBack(Call::Claim), LONG, None);
    assert!(set(&mut connection, 2).unwrap_err().is_timeout());
    drop(connection);
    set(&mut connect(&network), 3).unwrap();
    assert_eq!(get(&redis), Some(3));
    network.close();
    network.end_fault();
    crate::support::wait::eventually("the late call", || (get(&redis) == Some(2)).then_some(()));
}

#[test]
fn a_connection_that_lost_bytes_is_cut_after_the_fault() {
    let redis = RedisServer::start();
    let network = Network::start(&[redis.port()]);
    for (fault, arrives) in [(NetworkFault::LosesRequests, Some(1)), (NetworkFault::LosesReplies, Some(2))] {
        let mut connection = connect(&network);
        set(&mut connection, 1).unwrap();
        network.start_fault(fault, LONG, None);
        assert!(set(&mut connection, 2).unwrap_err().is_timeout());
        assert_eq!(get(&redis), arrives, "{fault:?}");
        network.end_fault();
        assert!(set(&mut connection, 3).is_err());
        set(&mut connect(&network), 4).unwrap();
    }
}

#[test]
fn refused_and_half_closed_connections_fail_at_once() {
    let redis = RedisServer::start();
    let network = Network::start(&[redis.port()]);
    for fault in [NetworkFault::Refuses, NetworkFault::HalfCloses(Way::Request), NetworkFault::HalfCloses(Way::Reply)] {
        network.end_fault();
        let mut connection = connect(&network);
        set(&mut connection, 1).unwrap();
        network.start_fault(fault, LONG, None);
        let error = set(&mut connection, 2).unwrap_err();
        assert!(!error.is_timeout(), "{fault:?}: {error}");
    }
}

#[test]
fn a_fault_of_one_server_spares_the_others() {
    let servers = [RedisServer::start(), RedisServer::start()];
    let network = Network::start(&servers.each_ref().map(RedisServer::port));
    let connect =
        |port: u16| redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap().get_connection().unwrap();
    let mut connections: Vec<_> = network.ports().into_iter().map(connect).collect();
    network.start_fault(NetworkFault::Refuses, LONG, Some(servers[1].port()));
    set(&mut connections[0], 1).unwrap();
    assert_eq!(get(&servers[0]), Some(1));
    set(&mut connections[1], 2).unwrap_err();
}

#[test]
fn a_node_reads_the_ports_of_the_proxies() {
    let cluster = RedisCluster::start();
    let ports: Vec<u16> = cluster.servers.iter().map(RedisServer::port).collect();
    let network = Network::start(&ports);
    let proxies = network.ports();
    let slots: String =
        format!("{:?}", redis::cmd("CLUSTER").arg("SLOTS").query::<redis::Value>(&mut connect(&network)).unwrap());
    assert!(proxies.iter().all(|port| slots.contains(&format!("int({port})"))), "{slots}");
    assert!(!ports.iter().any(|port| slots.contains(&format!("int({port})"))), "{slots}");
}
