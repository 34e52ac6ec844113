//! Threads of a test server: one for its listener, one per connection. They end with the process of the test.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// Serves every connection of `listener` in a thread of its own.
pub(crate) fn serve(listener: TcpListener, connection: impl Fn(&TcpStream) + Send + Sync + 'static) {
    let connection = Arc::new(connection);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = Arc::clone(&connection);
            std::thread::spawn(move || connection(&stream));
        }
    });
}
