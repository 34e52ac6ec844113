//! What may be true of one key: how far each node has come, who holds it. Pure.

use std::collections::{BTreeMap, HashMap};

use super::Symbol;
use crate::Ms;
use crate::history::{Absence, Life, Step, What};

/// How far clocks that are read in different processes may be apart, and a write from what it tells.
const SLACK: Ms = 20;

/// Ways in which things may stand at once, beyond which they are not followed. Some thousands are seen, and many more for a
/// channel that all nodes share while several of them are cut off.
const MOST_WORLDS: usize = 400_000;

/// One node process, as far as it concerns the key.
#[derive(Clone, Debug)]
pub(super) struct Program {
    begins: Ms,
    holds: Vec<(bool, Times)>,
    whispers: Vec<(String, Times)>,
    death: Option<Death>,
    absences: Vec<Absence>,
}

/// The end of a node that left something.
#[derive(Clone, Copy, Debug)]
struct Death {
    /// Until when something that it had sent may be carried out.
    ends: Ms,
    /// From when on its holds may be taken from it.
    reapable: Ms,
}

/// When a step happened, if it did.
#[derive(Clone, Copy, Debug)]
struct Times {
    order: u64,
    /// When the node was told.
    asked: Ms,
    /// When Redis may have been at the earliest.
    from: Ms,
    /// The latest; `None` when it need not have happened.
    to: Option<Ms>,
}

/// How far a node has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Progress {
    /// Its place among the programs.
    pub(super) node: usize,
    pub(super) holds: usize,
    pub(super) whispers: usize,
    pub(super) held: bool,
    /// Its holds were taken from it while it was away, and it has not claimed them again.
    pub(super) lost: bool,
    /// The first absence in which that may (still) happen.
    pub(super) away: usize,
}

/// One way in which things may stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// The nodes that may still do something.
    nodes: Vec<Progress>,
    /// The programs before this one have begun.
    begun: usize,
    /// Dead nodes, by their programs, from which the key has not been taken yet.
    ghosts: Vec<usize>,
}

/// Worlds, with the earliest time at which each may have come about.
pub(super) type Worlds = HashMap<World, Ms>;

/// Something that may happen to a node.
struct Turn {
    from: Ms,
    to: Ms,
    /// How far it has come then.
    then: Progress,
    whisper: Option<String>,
}

/// Something that may happen: when at the earliest and the latest, to what it leads, what it tells the receiver.
struct Move {
    at: Ms,
    to: Ms,
    world: World,
    symbol: Option<Symbol>,
}

impl Program {
    /// What a node was asked for.
    pub(super) fn new(life: &Life, steps: &[Step]) -> Self {
        let times = |step: &Step| Times {
            order: step.order,
            asked: step.from.saturating_sub(SLACK),
            from: life.earliest(step.from).saturating_sub(SLACK),
            to: step.to.map(|to| to + SLACK),
        };
        let begins = steps.first().map_or(Ms::MAX, |step| times(step).from);
        let (holds, whispers) = (Vec::new(), Vec::new());
        let death = life.gone.zip(life.reapable()).map(|(gone, reapable)| {
            let ends = gone.max(life.settled) + SLACK;
            Death { ends, reapable: reapable.saturating_sub(SLACK) }
        });
        let mut program = Self { begins, holds, whispers, death, absences: life.absences() };
        for step in steps {
            match &step.what {
                What::Hold(hold) => program.holds.push((*hold, times(step))),
                What::Whisper(text) => program.whispers.push((text.clone(), times(step))),
            }
        }
        program
    }

    /// When it may do something for the first time.
    pub(super) const fn begins(&self) -> Ms {
        self.begins
    }

    /// Until when a step may happen: for ever, when nobody knows.
    fn latest(&self, times: Times) -> Ms {
        times.to.or_else(|| self.death.map(|death| death.ends)).unwrap_or(Ms::MAX)
    }

    /// Everything that may happen to the node next.
    fn turns(&self, node: Progress) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut turn = |from, to, then, whisper| turns.push(Turn { from, to, then, whisper });
        let (hold, whisper) = (self.holds.get(node.holds), self.whispers.get(node.whispers));
        let is_next = |order: u64| whisper.is_none_or(|(_, whisper)| order <= whisper.order);
        let hold = hold.filter(|(_, times)| is_next(times.order));
        if node.lost {
            // It claims anew what it serves, and what it has left meanwhile too, if something of that visit has not been told.
            turn(0, Ms::MAX, Progress { held: true, lost: false, ..node }, None);
            let noticed = node.away.checked_sub(1).map_or(Ms::MAX, |absence| self.absences[absence].noticed);
            if let Some((_, times)) = hold.filter(|(_, times)| times.asked <= noticed) {
                // Else that visit is over: nothing more is to be told of it.
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

    /// Until when the node must have come further, if it must.
    fn next_deadline(&self, node: Progress) -> Option<Ms> {
        let hold = self.holds.get(node.holds).and_then(|(_, times)| times.to);
        let whisper = self.whispers.get(node.whispers).and_then(|(_, times)| times.to);
        hold.into_iter().chain(whisper).min()
    }

    /// Whether the node holds nothing and never will again.
    fn is_over(&self, node: Progress) -> bool {
        !node.held && !node.lost && node.holds == self.holds.len() && node.whispers == self.whispers.len()
    }
}

impl World {
    fn is_held(&self) -> bool {
        !self.ghosts.is_empty() || self.nodes.iter().any(|node| node.held)
    }

    /// Lets every program begin that may do something before `horizon`.
    fn begin(mut self, horizon: Ms, programs: &[Program]) -> Self {
        while programs.get(self.begun).is_some_and(|program| program.begins <= horizon) {
            let node = self.begun;
            self.nodes.push(Progress { node, holds: 0, whispers: 0, held: false, lost: false, away: 0 });
            self.begun += 1;
        }
        self
    }

    /// Lets the time come to `at`: `None` if something should have happened before and did not.
    fn come_to(mut self, at: Ms, programs: &[Program]) -> Option<Self> {
        for n in (0..self.nodes.len()).rev() {
            let (node, program) = (self.nodes[n], &programs[self.nodes[n].node]);
            if program.next_deadline(node).is_some_and(|to| to < at) {
                return None;
            }
            if program.is_over(node) {
                self.nodes.remove(n);
            } else if program.death.is_some_and(|death| death.ends < at) {
                self.nodes.remove(n);
                self.ghosts.extend(node.held.then_some(node.node));
                self.ghosts.sort_unstable();
            }
        }
        Some(self)
    }

    /// Whether nothing is left that has to happen, the dead being buried.
    fn is_at_rest(&self, programs: &[Program]) -> bool {
        let is_done = |node: &Progress| {
            let program = &programs[node.node];
            !node.lost && node.holds == program.holds.len() && node.whispers == program.whispers.len()
        };
        self.ghosts.is_empty() && self.nodes.iter().all(is_done)
    }

    /// What may happen to dead nodes: that nothing of theirs can be carried out any more, and that the key is taken from
    /// one.
    fn burials(&self, now: Ms, horizon: Ms, programs: &[Program]) -> Vec<Move> {
        let mut moves = Vec::new();
        let mut reaped = |node: usize, world: Self| {
            let at = programs[node].death.map_or(now, |death| death.reapable).max(now);
            if at <= horizon {
                let symbol = edge(self, &world);
                moves.extend(world.come_to(at, programs).map(|world| Move { at, to: Ms::MAX, world, symbol }));
            }
        };
        for n in 0..self.ghosts.len() {
            let mut world = self.clone();
            reaped(world.ghosts.remove(n), world);
        }
        // What is known to have happened did so before.
        let is_mortal = |node: &Progress| {
            let program = &programs[node.node];
            program.death.is_some() && program.next_deadline(*node).is_none()
        };
        for n in (0..self.nodes.len()).filter(|n| is_mortal(&self.nodes[*n])) {
            let mut world = self.clone();
            reaped(world.nodes.remove(n).node, world);
        }
        let ends = self.nodes.iter().filter_map(|node| programs[node.node].death).map(|death| death.ends + 1);
        for at in ends.map(|at| at.max(now)).filter(|at| *at <= horizon) {
            moves.extend(self.clone().come_to(at, programs).map(|world| Move { at, to: Ms::MAX, world, symbol: None }));
        }
        moves
    }

    /// Everything that may happen next, from `now` to `horizon`.
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
        moves.extend(self.burials(now, horizon, programs));
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

/// The worlds in which `symbol` has just been told, within `window`, nothing else having been told since `worlds`. `None`
/// when there are too many.
pub(super) fn told(worlds: &Worlds, symbol: &Symbol, window: (Ms, Ms), programs: &[Program]) -> Option<Worlds> {
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

/// The worlds in which something that should have been told was not.
pub(super) fn untold(worlds: &Worlds, latest: Ms, programs: &[Program]) -> Option<Worlds> {
    let mut next = Worlds::new();
    explore(worlds, latest.saturating_add(SLACK), programs, |step| {
        if step.symbol.is_some() {
            enter(&mut next, step.world.clone(), step.at);
        }
    })?;
    Some(next)
}

/// Whether everything may be over without another word. `None` when there are too many worlds to tell.
pub(super) fn may_rest(worlds: &Worlds, programs: &[Program]) -> Option<bool> {
    let done = explore(worlds, Ms::MAX, programs, |_| {})?;
    let buried = done.into_keys().filter_map(|world| Some((world.come_to(Ms::MAX, programs)?, Ms::MAX))).collect();
    Some(explore(&buried, Ms::MAX, programs, |_| {})?.keys().any(|world| world.is_at_rest(programs)))
}

/// Lets everything happen that tells nothing, and shows every move to `see`.
fn explore(worlds: &Worlds, horizon: Ms, programs: &[Program], mut see: impl FnMut(&Move)) -> Option<Worlds> {
    let mut silent: Worlds = worlds.iter().map(|(world, at)| (world.clone().begin(horizon, programs), *at)).collect();
    // The earliest first, so that each is looked at once.
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

/// Adds a world, if it is new or came about earlier than was known.
fn enter(worlds: &mut Worlds, world: World, at: Ms) -> bool {
    let is_earlier = worlds.get(&world).is_none_or(|known| at < *known);
    if is_earlier {
        worlds.insert(world, at);
    }
    is_earlier
}
