//! Keys of a Redis connection that other clients support and this one ignores.

/// The serde name of the struct for `connection`.
pub(super) const CONNECTION: &str = "connection";

/// Options of `PhpRedis`, Predis and the packages of Resonate that a connection in Laravel's `config/database.php` may
/// have. They are listed so that none is taken for a misspelt key.
pub(super) const OF_DRIVERS: [&str; 39] = [
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
