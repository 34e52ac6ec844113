//! The rows of `make bench` that need no PHP. `rows NAME` measures one row and prints its figures, one name and number per
//! line. The goals are in benches/goals.php.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot prepare its data has failed")]
#![allow(clippy::cast_precision_loss, reason = "figures are read by people")]

mod claims;
mod figures;
mod growth;
mod memory;
mod native;
mod peers;
mod posts;
mod receipt;
mod receiver;
mod shards;
mod signing;
mod stage;
mod throughput;

/// The test servers.
#[path = "../../tests/support"]
mod support {
    #![allow(dead_code, reason = "the benchmarks use only some of them")]

    pub(crate) mod certificates;
    pub(crate) mod client_event;
    pub(crate) mod memory_outbox;
    pub(crate) mod port;
    pub(crate) mod redis;
    pub(crate) mod wait;
}

fn main() {
    let row = std::env::args().nth(1).unwrap_or_default();
    match row.as_str() {
        "native" => native::measure(),
        "claims" => claims::measure(),
        "growth" => growth::measure(),
        "shards" => shards::measure(),
        "signing" => signing::measure(),
        "posts" => posts::measure(),
        "receipt" => receipt::measure(),
        "throughput" => throughput::measure(),
        "memory" => memory::measure(),
        "receiver" => receiver::run(),
        other => {
            eprintln!("there is no row called {other:?}");
            std::process::exit(2);
        }
    }
}
