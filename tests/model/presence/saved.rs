//! Snapshots of Redis.

use redis::Connection;

/// All keys of Redis with their values.
pub(super) struct Saved(Vec<(Vec<u8>, Vec<u8>)>);

impl Saved {
    pub(super) fn take(redis: &mut Connection) -> Self {
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(redis).unwrap();
        let dump = |key: Vec<u8>| {
            let value = redis::cmd("DUMP").arg(&key).query(redis).unwrap();
            (key, value)
        };
        Self(keys.into_iter().map(dump).collect())
    }

    pub(super) fn restore(&self, redis: &mut Connection) {
        redis::cmd("FLUSHALL").exec(redis).unwrap();
        for (key, value) in &self.0 {
            redis::cmd("RESTORE").arg(key).arg(0).arg(value).exec(redis).unwrap();
        }
    }
}
