//! A thread for the connections of a test server, and one for each of them. They end with the process of the test.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// Has every connection that comes to `listener` served.
pub(crate) fn serve(listener: TcpListener, connection: impl Fn(&TcpStream) + Send + Sync + 'static) {
    let connection = Arc::new(connection);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = Arc::clone(&connection);
            std::thread::spawn(move || connection(&stream));
        }
    });
}
