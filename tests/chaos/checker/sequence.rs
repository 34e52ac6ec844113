//! Whether the events of a key can have followed from what happened, and where that breaks off.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::world::{Program, World, Worlds, may_rest, told, untold};
use super::{Fault, Occurrence, Report, Violation};
use crate::Ms;
use crate::history::{History, Key};

/// Events after a break that are tried to tell its nature.
const AHEAD: usize = 40;

/// How far an event may have moved to be taken for one that came too late.
const REACH: usize = 6;

/// Breaks of one key that are told.
const BREAKS: usize = 2;

/// Checks every key that something happened to or was told of, by `deadline`.
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
                let story = format!("{path} {}", story(history, key, told, at));
                found.lock().push((*key, Violation { fault, story }));
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
    let mut programs: Vec<Program> = lives.map(|(life, steps)| Program::new(&history.lives[*life], steps)).collect();
    programs.sort_by_key(Program::begins);
    programs
}

/// Where the events break with what happened, and in which way.
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
            let Some(mended) = mend(&worlds, &events, at, programs, deadline) else {
                breaks.push((Fault::Duplicate, at));
                return breaks;
            };
            breaks.push((mended.fault, at));
            (worlds, events) = (mended.worlds, mended.events);
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
    told(worlds, &event.symbol, event.window, programs)
}

/// A way to go on behind a break.
struct Mended {
    fault: Fault,
    worlds: Worlds,
    events: Vec<Occurrence>,
}

/// The smallest change that lets the most of what follows be true: an event too many, one too few, or one too early. By
/// `deadline` the best one that was found.
fn mend(worlds: &Worlds, events: &[Occurrence], at: usize, programs: &[Program], deadline: Instant) -> Option<Mended> {
    let mut ways = Vec::new();
    for late in (1..=REACH).filter(|late| at + late < events.len()) {
        let mut reordered = events.to_vec();
        let event = reordered.remove(at + late);
        reordered.insert(at, event);
        ways.push(Mended { fault: Fault::OutOfOrder, worlds: worlds.clone(), events: reordered });
    }
    let missing = untold(worlds, events[at].window.1, programs)?;
    ways.push(Mended { fault: Fault::Missing, worlds: missing, events: events.to_vec() });
    let mut fewer = events.to_vec();
    fewer.remove(at);
    ways.push(Mended { fault: Fault::Duplicate, worlds: worlds.clone(), events: fewer });

    let reach = |way: &Mended| {
        let mut worlds = way.worlds.clone();
        for (done, event) in way.events[at..].iter().take(AHEAD).enumerate() {
            worlds = step(&worlds, event, programs).unwrap_or_default();
            if worlds.is_empty() || Instant::now() > deadline {
                return done;
            }
        }
        AHEAD
    };
    let mut best: Option<(usize, Mended)> = None;
    for way in ways {
        let reach = reach(&way);
        if reach > best.as_ref().map_or(0, |(known, _)| *known) {
            best = Some((reach, way));
        }
    }
    best.map(|(_, way)| way)
}

/// What was around a break.
fn story(history: &History, key: &Key, told: &[Occurrence], at: usize) -> String {
    use std::fmt::Write as _;

    let time = told.get(at).or(told.last()).map_or(0, |event| event.window.0);
    let mut story = format!("{key:?} at event {at} of {}, around {time}\n", told.len());
    for (n, event) in told.iter().enumerate().skip(at.saturating_sub(4)).take(9) {
        let mark = if n == at { ">" } else { " " };
        let Occurrence { symbol, window, id, .. } = event;
        let _ = writeln!(story, "  {mark} {symbol:?} within {}..{} in {id}", window.0, window.1);
    }
    let near = |from: Ms, to: Option<Ms>| from <= time + 4000 && to.is_none_or(|to| to + 8000 >= time);
    for (life, steps) in history.steps.get(key).into_iter().flatten() {
        let state = &history.lives[*life];
        for step in steps.iter().filter(|step| near(step.from, step.to)) {
            let _ = writeln!(story, "    life {life}: {:?} after {} before {:?}", step.what, step.from, step.to);
        }
        if let Some(gone) = state.gone.filter(|gone| near(*gone, Some(*gone))) {
            let _ = writeln!(story, "    life {life}: gone at {gone}");
        }
        for (from, to) in state.silences.iter().filter(|(from, to)| near(*from, Some(*to))) {
            let _ = writeln!(story, "    life {life}: silent from {from} to {to}");
        }
        for at in state.reaped.iter().filter(|at| near(**at, Some(**at))) {
            let _ = writeln!(story, "    life {life}: says at {at} that it was taken for dead");
        }
    }
    story
}
