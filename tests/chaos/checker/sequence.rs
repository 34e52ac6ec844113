//! Sequence: whether the history explains the events of a key, and if not, where it stops doing so.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::world::{Program, World, Worlds, after_event, after_missed_event, may_rest};
use super::{Fault, Occurrence, Report, Violation};
use crate::Ms;
use crate::history::{History, Key, Step};

/// Events after a break that are compared with each repair.
const AHEAD: usize = 40;

/// Positions that an event may have moved to count as late.
const REACH: usize = 6;

/// Breaks of one key that are reported.
const BREAKS: usize = 2;

/// Checks every key of the history and of the received events. Stops at `deadline`.
pub(super) fn check(
    path: &str,
    history: &History,
    arrived: &BTreeMap<Key, Vec<Occurrence>>,
    deadline: Instant,
    report: &mut Report,
) {
    let mut keys: Vec<&Key> = history.steps.keys().chain(arrived.keys()).collect();
    keys.sort();
    keys.dedup();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(key) = keys.get(next.fetch_add(1, Ordering::Relaxed)) {
            let told = arrived.get(*key).map_or(&[][..], Vec::as_slice);
            for (fault, at) in breaks(&programs(history, key), told, deadline) {
                let details = format!("{path} {}", details(history, key, told, at));
                found.lock().push((*key, Violation { fault, details }));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    let mut found = found.into_inner();
    found.sort_by_key(|(key, _)| *key);
    report.violations.extend(found.into_iter().map(|(_, violation)| violation));
}

fn programs(history: &History, key: &Key) -> Vec<Program> {
    let lives = history.steps.get(key).into_iter().flatten();
    let of_life = |(life, steps): (&usize, &Vec<Step>)| Program::new(history.life(*life, key), steps, &history.clock);
    let mut programs: Vec<Program> = lives.map(of_life).collect();
    programs.sort_by_key(Program::begins);
    programs
}

/// Returns the breaks: the events that the history does not explain.
fn breaks(programs: &[Program], events: &[Occurrence], deadline: Instant) -> Vec<(Fault, usize)> {
    let mut worlds = Worlds::from([(World::default(), 0)]);
    let mut events = events.to_vec();
    let mut breaks = Vec::new();
    let mut at = 0;
    while at < events.len() && breaks.len() < BREAKS {
        let next = step(&worlds, &events[at], programs).filter(|_| Instant::now() < deadline);
        let Some(next) = next else {
            breaks.push((Fault::Undecided, at));
            return breaks;
        };
        if next.is_empty() {
            let Some(repaired) = repair(&worlds, &events, at, programs, deadline) else {
                breaks.push((Fault::Duplicate, at));
                return breaks;
            };
            breaks.push((repaired.fault, at));
            (worlds, events) = (repaired.worlds, repaired.events);
        } else {
            worlds = next;
            at += 1;
        }
    }
    if at == events.len() {
        match may_rest(&worlds, programs) {
            Some(true) => {}
            Some(false) => breaks.push((Fault::Missing, at)),
            None => breaks.push((Fault::Undecided, at)),
        }
    }
    breaks
}

fn step(worlds: &Worlds, event: &Occurrence, programs: &[Program]) -> Option<Worlds> {
    after_event(worlds, &event.symbol, event.window, programs)
}

/// A repair after a break.
struct Repaired {
    fault: Fault,
    worlds: Worlds,
    events: Vec<Occurrence>,
}

/// Returns the smallest change after which the history explains the most events: one event removed, one missing event
/// inserted, or one moved to an earlier place. Returns the best one found by `deadline`.
fn repair(
    worlds: &Worlds,
    events: &[Occurrence],
    at: usize,
    programs: &[Program],
    deadline: Instant,
) -> Option<Repaired> {
    let mut ways = Vec::new();
    for late in (1..=REACH).filter(|late| at + late < events.len()) {
        let mut reordered = events.to_vec();
        let event = reordered.remove(at + late);
        reordered.insert(at, event);
        ways.push(Repaired { fault: Fault::OutOfOrder, worlds: worlds.clone(), events: reordered });
    }
    let missing = after_missed_event(worlds, events[at].window.1, programs)?;
    ways.push(Repaired { fault: Fault::Missing, worlds: missing, events: events.to_vec() });
    let mut fewer = events.to_vec();
    fewer.remove(at);
    ways.push(Repaired { fault: Fault::Duplicate, worlds: worlds.clone(), events: fewer });

    let reach = |way: &Repaired| {
        let mut worlds = way.worlds.clone();
        for (done, event) in way.events[at..].iter().take(AHEAD).enumerate() {
            worlds = step(&worlds, event, programs).unwrap_or_default();
            if worlds.is_empty() || Instant::now() > deadline {
                return done;
            }
        }
        AHEAD
    };
    let mut best: Option<(usize, Repaired)> = None;
    for way in ways {
        let reach = reach(&way);
        if reach > best.as_ref().map_or(0, |(known, _)| *known) {
            best = Some((reach, way));
        }
    }
    best.map(|(_, way)| way)
}

/// Describes the events and the history around a break.
fn details(history: &History, key: &Key, told: &[Occurrence], at: usize) -> String {
    use std::fmt::Write as _;

    let time = told.get(at).or(told.last()).map_or(0, |event| event.window.0);
    let mut details = format!("{key:?} at event {at} of {}, around {time}\n", told.len());
    for (n, event) in told.iter().enumerate().skip(at.saturating_sub(4)).take(9) {
        let mark = if n == at { ">" } else { " " };
        let Occurrence { symbol, window, id, .. } = event;
        let _ = writeln!(details, "  {mark} {symbol:?} within {}..{} in {id}", window.0, window.1);
    }
    let near = |from: Ms, to: Option<Ms>| from <= time + 4000 && to.is_none_or(|to| to + 8000 >= time);
    for (life, steps) in history.steps.get(key).into_iter().flatten() {
        let state = history.life(*life, key);
        for step in steps.iter().filter(|step| near(step.from, step.to)) {
            let _ = writeln!(details, "    life {life}: {:?} after {} before {:?}", step.what, step.from, step.to);
        }
        if let Some(gone) = state.gone.filter(|gone| near(*gone, Some(*gone))) {
            let _ = writeln!(details, "    life {life}: gone at {gone}");
        }
        for (from, to) in state.silences.iter().filter(|(from, to)| near(*from, Some(*to))) {
            let _ = writeln!(details, "    life {life}: silent from {from} to {to}");
        }
        for at in state.reaped.iter().filter(|at| near(**at, Some(**at))) {
            let _ = writeln!(details, "    life {life}: logged at {at} that it was reaped");
        }
    }
    details
}
