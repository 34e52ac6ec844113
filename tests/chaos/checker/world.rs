//! Possible states of one key: the progress of each node, and which nodes hold the key. Pure.

use std::collections::{BTreeMap, HashMap};

use super::Symbol;
use crate::Ms;
use crate::clock::Steps;
use crate::history::{Absence, Life, Step, What};

/// Largest difference between clocks read in different processes, and between a write and its log line (ms).
const SLACK: Ms = 20;

/// Maximum number of states to follow at once. A few thousand are usual. A channel that all nodes share has many more
/// while several of them are cut off.
const MOST_WORLDS: usize = 400_000;

/// Operations of one node process on the key.
#[derive(Clone, Debug)]
pub(super) struct Program {
    begins: Ms,
    holds: Vec<(bool, Times)>,
    whispers: Vec<(String, Times)>,
    death: Option<Death>,
    absences: Vec<Absence>,
}

/// End of a node that may have left holds.
#[derive(Clone, Copy, Debug)]
struct Death {
    /// Last time at which Redis may carry out a call of the node.
    ends: Ms,
    /// First time at which its holds may be removed.
    reapable: Ms,
}

/// Time of an operation, if it happened.
#[derive(Clone, Copy, Debug)]
struct Times {
    order: u64,
    /// Time at which the node got the order.
    asked: Ms,
    /// Earliest time at which Redis may have carried it out.
    from: Ms,
    /// Latest time; `None` if it need not have happened.
    to: Option<Ms>,
}

/// Progress of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Progress {
    /// Index into the programs.
    pub(super) node: usize,
    pub(super) holds: usize,
    pub(super) whispers: usize,
    pub(super) held: bool,
    /// Its holds were removed while it was away, and it has not claimed them again.
    pub(super) lost: bool,
    /// Index of the first absence in which its holds may still be removed.
    pub(super) away: usize,
}

/// A possible state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// Nodes that may still do something.
    nodes: Vec<Progress>,
    /// Number of programs that have begun.
    begun: usize,
    /// If dead nodes still hold the key, the first time at which all these holds may be removed. Which of them are
    /// removed before makes no difference, so they are all removed at once.
    unreaped: Option<Ms>,
}

/// Possible states, with the earliest time at which each may have been reached.
pub(super) type Worlds = HashMap<World, Ms>;

/// A possible next operation of a node.
struct Turn {
    from: Ms,
    to: Ms,
    /// Progress of the node after it.
    then: Progress,
    whisper: Option<String>,
}

/// A possible transition: its earliest and latest time, the state after it, and the event that it publishes.
struct Move {
    at: Ms,
    to: Ms,
    world: World,
    symbol: Option<Symbol>,
}

impl Program {
    /// Builds the program of a node from its orders.
    pub(super) fn new(life: &Life, steps: &[Step], clock: &Steps) -> Self {
        let times = |step: &Step| Times {
            order: step.order,
            asked: step.from.saturating_sub(SLACK),
            from: life.earliest(step.from).saturating_sub(SLACK),
            to: step.to.map(|to| to + SLACK),
        };
        let begins = steps.first().map_or(Ms::MAX, |step| times(step).from);
        let (holds, whispers) = (Vec::new(), Vec::new());
        let death = life.gone.zip(life.reapable(clock)).map(|(gone, reapable)| {
            let ends = gone.max(life.settled) + SLACK;
            Death { ends, reapable: reapable.saturating_sub(SLACK) }
        });
        let mut program = Self { begins, holds, whispers, death, absences: life.absences(clock) };
        for step in steps {
            match &step.what {
                What::Hold(hold) => program.holds.push((*hold, times(step))),
                What::Whisper(text) => program.whispers.push((text.clone(), times(step))),
            }
        }
        program
    }

    /// Returns the earliest time of its first operation.
    pub(super) const fn begins(&self) -> Ms {
        self.begins
    }

    /// Returns the latest time of an operation, or `Ms::MAX` if it is unknown.
    fn latest(&self, times: Times) -> Ms {
        times.to.or_else(|| self.death.map(|death| death.ends)).unwrap_or(Ms::MAX)
    }

    /// Returns all operations that may come next.
    fn turns(&self, node: Progress) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut turn = |from, to, then, whisper| turns.push(Turn { from, to, then, whisper });
        let (hold, whisper) = (self.holds.get(node.holds), self.whispers.get(node.whispers));
        let is_next = |order: u64| whisper.is_none_or(|(_, whisper)| order <= whisper.order);
        let hold = hold.filter(|(_, times)| is_next(times.order));
        if node.lost {
            // It claims again what it serves. If a part of a visit that ended meanwhile is not published yet, it claims
            // that too.
            turn(0, Ms::MAX, Progress { held: true, lost: false, ..node }, None);
            let noticed = node.away.checked_sub(1).map_or(Ms::MAX, |absence| self.absences[absence].noticed);
            if let Some((_, times)) = hold.filter(|(_, times)| times.asked <= noticed) {
                // Otherwise that visit is over, and nothing of it is published any more.
                turn(times.asked, Ms::MAX, Progress { holds: node.holds + 1, lost: false, ..node }, None);
            }
        } else if let Some((held, times)) = hold {
            let then = Progress { holds: node.holds + 1, held: *held, ..node };
            turn(times.from, self.latest(*times), then, None);
        } else if let Some((text, times)) = whisper {
            let then = Progress { whispers: node.whispers + 1, ..node };
            turn(times.from, self.latest(*times), then, Some(text.clone()));
        }
        for (n, absence) in self.absences.iter().enumerate().skip(node.away) {
            if node.held {
                let then = Progress { held: false, lost: true, away: n + 1, ..node };
                turn(absence.from, absence.to, then, None);
            }
        }
        turns
    }

    /// Returns the time by which the next operation must have happened, if there is one.
    fn next_deadline(&self, node: Progress) -> Option<Ms> {
        let hold = self.holds.get(node.holds).and_then(|(_, times)| times.to);
        let whisper = self.whispers.get(node.whispers).and_then(|(_, times)| times.to);
        hold.into_iter().chain(whisper).min()
    }

    /// Returns true if the node holds nothing and never will again.
    fn is_over(&self, node: Progress) -> bool {
        !node.held && !node.lost && node.holds == self.holds.len() && node.whispers == self.whispers.len()
    }
}

impl World {
    fn is_held(&self) -> bool {
        self.unreaped.is_some() || self.nodes.iter().any(|node| node.held)
    }

    /// Adds the nodes that may do something before `horizon`.
    fn begin(mut self, horizon: Ms, programs: &[Program]) -> Self {
        while programs.get(self.begun).is_some_and(|program| program.begins <= horizon) {
            let node = self.begun;
            self.nodes.push(Progress { node, holds: 0, whispers: 0, held: false, lost: false, away: 0 });
            self.begun += 1;
        }
        self
    }

    /// Advances the time to `at`. Returns `None` if an operation that must have happened before did not.
    fn come_to(mut self, at: Ms, programs: &[Program]) -> Option<Self> {
        for n in (0..self.nodes.len()).rev() {
            let (node, program) = (self.nodes[n], &programs[self.nodes[n].node]);
            if program.next_deadline(node).is_some_and(|to| to < at) {
                return None;
            }
            if program.is_over(node) {
                self.nodes.remove(n);
            } else if let Some(death) = program.death.filter(|death| death.ends < at) {
                self.nodes.remove(n);
                self.unreaped = self.unreaped.max(node.held.then_some(death.reapable));
            }
        }
        Some(self)
    }

    /// Returns true if nothing has to happen any more and all dead nodes are reaped.
    fn is_at_rest(&self, programs: &[Program]) -> bool {
        let is_done = |node: &Progress| {
            let program = &programs[node.node];
            !node.lost && node.holds == program.holds.len() && node.whispers == program.whispers.len()
        };
        self.unreaped.is_none() && self.nodes.iter().all(is_done)
    }

    /// Returns the transitions of dead nodes: the end of the time in which their calls may be carried out, and the
    /// removal of their holds.
    fn reapings(&self, now: Ms, horizon: Ms, programs: &[Program]) -> Vec<Move> {
        let mut moves = Vec::new();
        let mut reaped = |reapable: Ms, world: Self| {
            let at = reapable.max(now);
            if at <= horizon {
                let symbol = edge(self, &world);
                moves.extend(world.come_to(at, programs).map(|world| Move { at, to: Ms::MAX, world, symbol }));
            }
        };
        if let Some(reapable) = self.unreaped {
            reaped(reapable, Self { unreaped: None, ..self.clone() });
        }
        // Operations that are known to have happened did so before the node died.
        let may_have_died = |node: &Progress| {
            let program = &programs[node.node];
            program.death.is_some() && program.next_deadline(*node).is_none()
        };
        for n in (0..self.nodes.len()).filter(|n| may_have_died(&self.nodes[*n])) {
            let mut world = self.clone();
            let node = world.nodes.remove(n).node;
            reaped(programs[node].death.map_or(now, |death| death.reapable), world);
        }
        let ends = self.nodes.iter().filter_map(|node| programs[node.node].death).map(|death| death.ends + 1);
        for at in ends.map(|at| at.max(now)).filter(|at| *at <= horizon) {
            moves.extend(self.clone().come_to(at, programs).map(|world| Move { at, to: Ms::MAX, world, symbol: None }));
        }
        moves
    }

    /// Returns all possible transitions from `now` to `horizon`.
    fn moves(&self, now: Ms, horizon: Ms, programs: &[Program]) -> Vec<Move> {
        let mut moves = Vec::new();
        for n in 0..self.nodes.len() {
            let program = &programs[self.nodes[n].node];
            for Turn { from, to, then, whisper } in program.turns(self.nodes[n]) {
                let at = from.max(now);
                if at > to || at > horizon {
                    continue;
                }
                let mut world = self.clone();
                world.nodes[n] = then;
                let symbol = whisper.map(Symbol::Whisper).or_else(|| edge(self, &world));
                moves.extend(world.come_to(at, programs).map(|world| Move { at, to, world, symbol }));
            }
        }
        moves.extend(self.reapings(now, horizon, programs));
        moves
    }
}

fn edge(before: &World, after: &World) -> Option<Symbol> {
    match (before.is_held(), after.is_held()) {
        (false, true) => Some(Symbol::Up),
        (true, false) => Some(Symbol::Down),
        _ => None,
    }
}

/// Returns the states right after the event `symbol`, with a time within `window` and no other event since `worlds`.
/// Returns `None` if there are too many states.
pub(super) fn after_event(worlds: &Worlds, symbol: &Symbol, window: (Ms, Ms), programs: &[Program]) -> Option<Worlds> {
    let (earliest, latest) = (window.0.saturating_sub(SLACK), window.1.saturating_add(SLACK));
    let mut next = Worlds::new();
    explore(worlds, latest, programs, |step| {
        if step.symbol.as_ref() == Some(symbol) && step.to >= earliest {
            let at = step.at.max(earliest);
            if let Some(world) = step.world.clone().come_to(at, programs) {
                enter(&mut next, world, at);
            }
        }
    })?;
    Some(next)
}

/// Returns the states after one event that did not arrive.
pub(super) fn after_missed_event(worlds: &Worlds, latest: Ms, programs: &[Program]) -> Option<Worlds> {
    let mut next = Worlds::new();
    explore(worlds, latest.saturating_add(SLACK), programs, |step| {
        if step.symbol.is_some() {
            enter(&mut next, step.world.clone(), step.at);
        }
    })?;
    Some(next)
}

/// Returns true if no further event is needed. Returns `None` if there are too many states.
pub(super) fn may_rest(worlds: &Worlds, programs: &[Program]) -> Option<bool> {
    let done = explore(worlds, Ms::MAX, programs, |_| {})?;
    let buried = done.into_keys().filter_map(|world| Some((world.come_to(Ms::MAX, programs)?, Ms::MAX))).collect();
    Some(explore(&buried, Ms::MAX, programs, |_| {})?.keys().any(|world| world.is_at_rest(programs)))
}

/// Follows all transitions without an event, and passes every transition to `see`.
fn explore(worlds: &Worlds, horizon: Ms, programs: &[Program], mut see: impl FnMut(&Move)) -> Option<Worlds> {
    let mut silent: Worlds = worlds.iter().map(|(world, at)| (world.clone().begin(horizon, programs), *at)).collect();
    // In order of time, so that each state is visited once.
    let mut todo: BTreeMap<(Ms, usize), World> = BTreeMap::new();
    for (world, at) in &silent {
        todo.insert((*at, todo.len()), world.clone());
    }
    let mut noted = todo.len();
    while let Some(((at, _), world)) = todo.pop_first() {
        if silent.len() > MOST_WORLDS {
            return None;
        }
        if silent.get(&world).is_some_and(|known| *known < at) {
            continue;
        }
        for step in world.moves(at, horizon, programs) {
            see(&step);
            if step.symbol.is_none() && enter(&mut silent, step.world.clone(), step.at) {
                noted += 1;
                todo.insert((step.at, noted), step.world);
            }
        }
    }
    Some(silent)
}

/// Adds a state, or the earlier time of a known one. Returns true if something changed.
fn enter(worlds: &mut Worlds, world: World, at: Ms) -> bool {
    let is_earlier = worlds.get(&world).is_none_or(|known| at < *known);
    if is_earlier {
        worlds.insert(world, at);
    }
    is_earlier
}
