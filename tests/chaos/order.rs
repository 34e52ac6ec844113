//! Orders to a node process, one per line. Names contain no white space.

/// An order: one thing that happens on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// A socket subscribes, as a user on a presence channel.
    Subscribe { app: String, channel: String, socket: String, user: Option<String> },
    /// A socket leaves a channel.
    Unsubscribe { app: String, channel: String, socket: String },
    /// A socket closes.
    Close { app: String, socket: String },
    /// A socket sends a client event whose data is `text`.
    Whisper { app: String, channel: String, socket: String, user: Option<String>, text: String },
    /// The process ends cleanly.
    End,
}

/// Stands for "no user".
const NO_USER: &str = "-";

impl Order {
    /// Formats the order as a line.
    pub(crate) fn line(&self) -> String {
        let user = |user: &Option<String>| user.clone().unwrap_or_else(|| NO_USER.to_owned());
        match self {
            Self::Subscribe { app, channel, socket, user: of } => format!("sub {app} {channel} {socket} {}", user(of)),
            Self::Unsubscribe { app, channel, socket } => format!("unsub {app} {channel} {socket}"),
            Self::Close { app, socket } => format!("close {app} {socket}"),
            Self::Whisper { app, channel, socket, user: of, text } => {
                format!("whisper {app} {channel} {socket} {} {text}", user(of))
            }
            Self::End => "end".to_owned(),
        }
    }

    /// Parses a line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let own = str::to_owned;
        let user = |user: &str| (user != NO_USER).then(|| user.to_owned());
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["sub", app, channel, socket, of] => {
                Some(Self::Subscribe { app: own(app), channel: own(channel), socket: own(socket), user: user(of) })
            }
            ["unsub", app, channel, socket] => {
                Some(Self::Unsubscribe { app: own(app), channel: own(channel), socket: own(socket) })
            }
            ["close", app, socket] => Some(Self::Close { app: own(app), socket: own(socket) }),
            ["whisper", app, channel, socket, of, text] => Some(Self::Whisper {
                app: own(app),
                channel: own(channel),
                socket: own(socket),
                user: user(of),
                text: own(text),
            }),
            ["end"] => Some(Self::End),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_survives_formatting_and_parsing() {
        let own = str::to_owned;
        let (app, channel, socket) = (own("a"), own("presence-c"), own("1.1"));
        for user in [None, Some(own("7"))] {
            let [app, channel, socket, user] = [Some(app.clone()), Some(channel.clone()), Some(socket.clone()), user];
            let (app, channel, socket) = (app.unwrap(), channel.unwrap(), socket.unwrap());
            let order = Order::Whisper { app, channel, socket, user, text: own("w1") };
            assert_eq!(Order::parse(&order.line()), Some(order));
        }
        let order = Order::Subscribe { app, channel, socket, user: None };
        assert_eq!(Order::parse(&order.line()), Some(order));
        assert_eq!(Order::parse("dance"), None);
    }
}
