//! Keys of a Redis connection that other clients read, and this one does not.

/// The name of the struct that reads a connection.
pub(super) const CONNECTION: &str = "connection";

/// Options of `PhpRedis`, Predis and the packages of Resonate, which a connection in Laravel's `config/database.php` may have.
/// They are known by name, so that none is taken for a misspelt key of ours.
pub(super) const OF_DRIVERS: [&str; 40] = [
    "aggregate",
    "alias",
    "async",
    "async_connect",
    "async_persistent",
    "backoff_algorithm",
    "backoff_base",
    "backoff_cap",
    "cas",
    "client",
    "cluster",
    "command_retries",
    "command_timeout",
    "compression",
    "compression_level",
    "conn_uid",
    "exceptions",
    "failover",
    "iterable_multibulk",
    "max_retries",
    "name",
    "options",
    "pack_ignore_numbers",
    "parameters",
    "persistent",
    "persistent_id",
    "prefix",
    "protocol",
    "read_timeout",
    "read_write_timeout",
    "replication",
    "retry_interval",
    "role",
    "scan",
    "serializer",
    "slots",
    "tcp_keepalive",
    "tcp_nodelay",
    "throw_errors",
    "weight",
];
