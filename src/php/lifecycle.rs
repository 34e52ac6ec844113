//! The end of a PHP process, and what `phpinfo()` shows.
//!
//! The functions here are called by the engine itself. A panic must not reach it, for an unwind through C is undefined;
//! what they do is guarded.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ext_php_rs::zend::ModuleEntry;
use ext_php_rs::{info_table_end, info_table_row, info_table_start};

use crate::engine::registry;

/// How long the threads may take to end. Those that do not are left behind: the library stays mapped.
const STOP_GRACE: Duration = Duration::from_millis(300);

/// `RSHUTDOWN`: a CLI process has one request, so this is its end. Destructors and fibers have run, no hook comes after.
pub(super) extern "C" fn request_shutdown(_type: i32, _module: i32) -> i32 {
    guarded(|| {
        for left in registry::end_all(STOP_GRACE) {
            if !left.is_nothing() {
                // Laravel is gone by now; the standard error stream is what a supervisor keeps. Where nobody reads it
                // there is nobody to tell.
                let _ = writeln!(std::io::stderr(), "resonate_webhooks: the process ended with {left}");
            }
        }
    })
}

/// `MSHUTDOWN`: the hard stop. No Zend call is allowed here.
pub(super) extern "C" fn module_shutdown(_type: i32, _module: i32) -> i32 {
    guarded(|| registry::stop_all(STOP_GRACE))
}

/// The table of `phpinfo()` and `php --ri resonate_webhooks`.
pub(super) extern "C" fn info(_module: *mut ModuleEntry) {
    guarded(|| {
        info_table_start!();
        info_table_row!("resonate_webhooks", "enabled");
        info_table_row!("version", env!("CARGO_PKG_VERSION"));
        info_table_row!("engines", registry::count().to_string());
        info_table_end!();
    });
}

/// Runs `body` and reports success, whatever happens in it: a failure here would abort the end of the process.
fn guarded(body: impl FnOnce()) -> i32 {
    const SUCCESS: i32 = 0;
    let _ = catch_unwind(AssertUnwindSafe(body));
    SUCCESS
}
