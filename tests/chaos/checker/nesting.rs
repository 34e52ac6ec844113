//! Nesting: `channel_occupied` comes before the first `member_added`, and `channel_vacated` after the last
//! `member_removed`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Occurrence, Report, Symbol, Violation};
use crate::history::Key;

pub(super) fn check(path: &str, arrived: &BTreeMap<Key, Vec<Occurrence>>, report: &mut Report) {
    for (channel, edges) in arrived.iter().filter(|(key, _)| key.user.is_none()) {
        let of_channel = |key: &&Key| (&key.app, &key.channel) == (&channel.app, &channel.channel);
        let users = arrived.iter().filter(|(key, _)| key.user.is_some() && of_channel(key));
        let mut all: Vec<(&Key, &Occurrence)> = edges.iter().map(|edge| (channel, edge)).collect();
        all.extend(users.flat_map(|(user, edges)| edges.iter().map(move |edge| (user, edge))));
        all.sort_by_key(|(_, occurrence)| occurrence.place);
        walk(path, channel, &all, report);
    }
}

fn walk(path: &str, channel: &Key, all: &[(&Key, &Occurrence)], report: &mut Report) {
    let (mut occupied, mut present) = (false, BTreeSet::new());
    for (key, occurrence) in all {
        match (&key.user, &occurrence.symbol) {
            (None, Symbol::Up) => occupied = true,
            (None, Symbol::Down) => occupied = false,
            (Some(user), Symbol::Up) => {
                present.insert(user);
            }
            (Some(user), Symbol::Down) => {
                present.remove(user);
            }
            (_, Symbol::Whisper(_)) => continue,
        }
        if !occupied && !present.is_empty() {
            let details = format!("{path} {channel:?}: vacated while {present:?} is on it, in {}", occurrence.id);
            report.violations.push(Violation { fault: Fault::OutOfOrder, details });
            return;
        }
    }
}
