//! What is told of endpoints, beside their deliveries and drops.

use super::Dispatcher;
use crate::delivery::health::News;
use crate::telemetry::{Level, Outcome};

impl Dispatcher {
    /// Tells what the last answer changed.
    pub(super) fn tell_news(&mut self) {
        for (place, news) in self.lanes.take_news() {
            let endpoint = &self.endpoints[place];
            let (url, id, label) = (endpoint.url.to_string(), endpoint.id.to_string(), endpoint.label());
            match news {
                News::Failing { reason, after } => {
                    self.telemetry.log(
                        Level::Warning,
                        format_args!("Endpoint {label} is failing ({reason}): its events wait and are sent again"),
                    );
                    let seconds = after.as_secs();
                    self.telemetry.report(Outcome::EndpointFailing { url, endpoint: id, reason, seconds });
                }
                News::Recovered { after } => {
                    let seconds = after.as_secs();
                    self.telemetry.log(Level::Info, format_args!("Endpoint {label} answers again after {seconds} s"));
                    self.telemetry.report(Outcome::EndpointRecovered { url, endpoint: id, seconds });
                }
            }
        }
    }
}
