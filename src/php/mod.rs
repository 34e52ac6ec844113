//! The PHP extension: the only module that sees ext-php-rs.
//!
//! It converts PHP values to owned ones, calls the [`crate::engine`], and converts the results back. No method calls back into
//! PHP, so no fiber can switch and no object can be re-entered while Rust is on the stack.

#![allow(elided_lifetimes_in_paths, reason = "php_impl adds the lifetimes of arguments")]
#![allow(non_snake_case, reason = "some identifiers are the names of PHP's methods and arguments")]
#![allow(missing_docs, reason = "the rustdoc becomes the PHP stub, to which ext-php-rs adds the parameters")]
#![allow(clippy::needless_pass_by_value, reason = "ext-php-rs passes arguments by value")]

mod array_keys;
mod cluster;
mod config_array;
mod dead_letters;
mod engine;
mod event_sender;
mod exceptions;
mod json_array;
mod lifecycle;
mod presence;

use ext_php_rs::binary_slice::BinarySlice;
#[cfg(feature = "stubgen")]
use ext_php_rs::describe::{Module, ToStub};
use ext_php_rs::prelude::{ModuleBuilder, php_module};
#[cfg(feature = "stubgen")]
use ext_php_rs::prelude::{PhpResult, php_function};

use cluster::Cluster;
use dead_letters::DeadLetters;
use engine::Engine;
use event_sender::EventSender;
use presence::Presence;

/// A string argument. It may be any bytes.
type Bytes<'a> = BinarySlice<'a, u8>;

fn build(module: ModuleBuilder<'_>) -> ModuleBuilder<'_> {
    module
        .name("resonate_webhooks")
        .version(env!("CARGO_PKG_VERSION"))
        .class::<Engine>()
        .class::<DeadLetters>()
        .class::<Cluster>()
        .class::<EventSender>()
        .class::<Presence>()
}

/// The entry point of the extension.
#[php_module]
pub fn get_module(module: ModuleBuilder<'_>) -> ModuleBuilder<'_> {
    let module = build(module)
        .info_function(lifecycle::info)
        .request_shutdown_function(lifecycle::request_shutdown)
        .shutdown_function(lifecycle::module_shutdown);
    #[cfg(feature = "stubgen")]
    let module = module.function(ext_php_rs::wrap_function!(resonate_webhooks_stubs));
    module
}

/// Returns the IDE stub of the extension, generated from the same description that PHP gets.
#[cfg(feature = "stubgen")]
#[php_function]
pub(crate) fn resonate_webhooks_stubs() -> PhpResult<String> {
    let module: Module = build(ModuleBuilder::new("resonate_webhooks", env!("CARGO_PKG_VERSION"))).into();
    module.to_stub().map_err(|error| error.to_string().into())
}
