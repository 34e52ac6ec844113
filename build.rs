//! Link arguments of the PHP extension.
//!
//! They stand here and not in `.cargo/config.toml`, where a `RUSTFLAGS` in the environment would silently replace
//! them.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        // PHP unloads extensions with dlclose after module shutdown. A thread that could not be stopped in time would
        // then run unmapped code, so the library stays mapped until the process ends.
        Ok("linux") => println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete"),
        Ok("macos") => println!("cargo::rustc-cdylib-link-arg=-Wl,-undefined,dynamic_lookup"),
        _ => {}
    }
}
