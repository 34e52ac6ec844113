//! Link arguments of the PHP extension.
//!
//! They are not in `.cargo/config.toml`, because `RUSTFLAGS` in the environment would silently replace them there.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_EXTENSION").is_none() {
        return;
    }
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        // PHP unloads extensions with dlclose after module shutdown. A thread that has not stopped by then would run
        // unmapped code, so the library stays mapped until the process ends.
        Ok("linux") => println!("cargo::rustc-link-arg=-Wl,-z,nodelete"),
        Ok("macos") => println!("cargo::rustc-link-arg=-Wl,-undefined,dynamic_lookup"),
        _ => {}
    }
}
