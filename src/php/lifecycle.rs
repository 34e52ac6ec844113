//! The shutdown callbacks of the PHP process, and the table of `phpinfo()`.
//!
//! PHP calls these functions from C. A panic must not unwind into C, because that is undefined behaviour, so each function
//! catches panics.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ext_php_rs::zend::ModuleEntry;
use ext_php_rs::{info_table_end, info_table_row, info_table_start};

use crate::engine::registry;

/// The longest time for the threads to end. Threads that still run are leaked, and the library stays mapped for them.
const STOP_GRACE: Duration = Duration::from_millis(300);

/// `RSHUTDOWN`: the end of the request, and a CLI process has only one. Destructors and fibers have run, and no hook follows.
pub(super) extern "C" fn request_shutdown(_type: i32, _module: i32) -> i32 {
    guarded(|| {
        for left in registry::end_all(STOP_GRACE) {
            if !left.is_nothing() {
                // Laravel's logger is gone by now, but a supervisor keeps stderr. A failed write is ignored.
                let _ = writeln!(std::io::stderr(), "resonate_webhooks: the process ended with {left}");
            }
        }
    })
}

/// `MSHUTDOWN`: the hard stop. Must not call the Zend API.
pub(super) extern "C" fn module_shutdown(_type: i32, _module: i32) -> i32 {
    guarded(|| registry::stop_all(STOP_GRACE))
}

/// Prints the table of `phpinfo()` and `php --ri resonate_webhooks`.
pub(super) extern "C" fn info(_module: *mut ModuleEntry) {
    guarded(|| {
        info_table_start!();
        info_table_row!("resonate_webhooks", "enabled");
        info_table_row!("version", env!("CARGO_PKG_VERSION"));
        info_table_row!("engines", registry::count().to_string());
        info_table_end!();
    });
}

/// Runs `body` and returns success even if it panics, because a failure would abort the shutdown of the process.
fn guarded(body: impl FnOnce()) -> i32 {
    const SUCCESS: i32 = 0;
    let _ = catch_unwind(AssertUnwindSafe(body));
    SUCCESS
}
