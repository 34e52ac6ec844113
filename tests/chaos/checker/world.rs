//! What may be true of one key: how far each node has come, who holds it. Pure.

use std::collections::HashMap;

use super::Symbol;
use crate::Ms;
use crate::history::{Life, Step, What};

/// How far clocks that are read in different processes may be apart, and a write from what it tells.
const SLACK: Ms = 20;

/// How long after the death of a node a claim that it had sent may still be carried out. It is shorter than what
/// is left of its lease, so that nothing is taken from it before.
const ON_THE_WAY: Ms = 400;

/// A claim that waits for longer may have been given up by a node that was taken for dead.
const WAITS: Ms = 500;

/// One node process, as far as it concerns the key.
#[derive(Clone, Debug)]
pub(super) struct Program {
    begins: Ms,
    holds: Vec<(bool, Times)>,
    whispers: Vec<(String, Times)>,
    gone: Option<Ms>,
    away: Vec<(Ms, Ms)>,
}

/// When a step happened, if it did.
#[derive(Clone, Copy, Debug)]
struct Times {
    order: u64,
    from: Ms,
    /// The latest; `None` when it need not have happened.
    to: Option<Ms>,
}

/// How far a node has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Progress {
    /// Its place among the programs.
    node: usize,
    holds: usize,
    whispers: usize,
    held: bool,
    /// Its holds were taken from it while it was away, and it has not claimed them again.
    lost: bool,
    /// The first absence in which that may (still) happen.
    away: usize,
}

/// One way in which things may stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// The nodes that are not dead.
    nodes: Vec<Progress>,
    /// The programs before this one have begun.
    begun: usize,
    /// Dead nodes from which the key has not been taken yet.
    ghosts: usize,
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
            from: step.from.saturating_sub(SLACK),
            to: step.to.map(|to| to + SLACK),
        };
        let begins = steps.first().map_or(Ms::MAX, |step| times(step).from);
        let (holds, whispers) = (Vec::new(), Vec::new());
        let mut program = Self { begins, holds, whispers, gone: life.gone, away: life.away.clone() };
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
        times.to.or_else(|| self.gone.map(|gone| gone + ON_THE_WAY)).unwrap_or(Ms::MAX)
    }

    /// Everything that may happen to the node next, before `horizon`.
    fn turns(&self, node: Progress, horizon: Ms) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut turn = |from, to, then, whisper| turns.push(Turn { from, to, then, whisper });
        let (hold, whisper) = (self.holds.get(node.holds), self.whispers.get(node.whispers));
        let is_next = |order: u64| whisper.is_none_or(|(_, whisper)| order <= whisper.order);
        if node.lost {
            // What it held when it noticed, or holds by now.
            for holds in node.holds..=self.holds.len() {
                let asked = self.holds[node.holds..holds].last().map_or(0, |(_, times)| times.from);
                if asked > horizon {
                    break;
                }
                let then = Progress { holds, held: self.wants(holds), lost: false, ..node };
                turn(asked, Ms::MAX, then, None);
            }
        } else if let Some((held, times)) = hold.filter(|(_, times)| is_next(times.order)) {
            let then = Progress { holds: node.holds + 1, held: *held, ..node };
            turn(times.from, self.latest(*times), then, None);
        } else if let Some((text, times)) = whisper {
            let then = Progress { whispers: node.whispers + 1, ..node };
            turn(times.from, self.latest(*times), then, Some(text.clone()));
        }
        for (absence, (from, to)) in self.away.iter().enumerate().skip(node.away) {
            let waits = hold.is_some_and(|(_, times)| {
                let latest = self.latest(*times);
                times.from <= *to && latest >= *from && latest >= times.from + WAITS
            });
            if !node.lost && (node.held || waits) {
                let then = Progress { held: false, lost: true, away: absence + 1, ..node };
                turn(*from, *to, then, None);
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

    /// What the node would hold after `holds` of its steps.
    fn wants(&self, holds: usize) -> bool {
        holds.checked_sub(1).is_some_and(|last| self.holds[last].0)
    }
}

impl World {
    fn is_held(&self) -> bool {
        self.ghosts > 0 || self.nodes.iter().any(|node| node.held)
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
            if program.gone.is_some_and(|gone| gone + ON_THE_WAY < at) {
                self.nodes.remove(n);
                self.ghosts += usize::from(node.held);
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
        self.ghosts == 0 && self.nodes.iter().all(is_done)
    }

    /// Everything that may happen next, from `now` to `horizon`.
    fn moves(&self, now: Ms, horizon: Ms, programs: &[Program]) -> Vec<Move> {
        let mut moves = Vec::new();
        for n in 0..self.nodes.len() {
            let program = &programs[self.nodes[n].node];
            for Turn { from, to, then, whisper } in program.turns(self.nodes[n], horizon) {
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
        let buried = self.nodes.iter().filter_map(|node| programs[node.node].gone).map(|gone| gone + ON_THE_WAY + 1);
        for at in buried.map(|at| at.max(now)).filter(|at| *at <= horizon) {
            moves.extend(self.clone().come_to(at, programs).map(|world| Move { at, to: Ms::MAX, world, symbol: None }));
        }
        if self.ghosts > 0 {
            let world = Self { ghosts: self.ghosts - 1, ..self.clone() };
            let symbol = edge(self, &world);
            moves.push(Move { at: now, to: Ms::MAX, world, symbol });
        }
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

/// The worlds in which `symbol` has just been told, within `window`, nothing else having been told since `worlds`.
pub(super) fn told(worlds: &Worlds, symbol: &Symbol, window: (Ms, Ms), programs: &[Program]) -> Worlds {
    let (earliest, latest) = (window.0.saturating_sub(SLACK), window.1.saturating_add(SLACK));
    let mut next = Worlds::new();
    explore(worlds, latest, programs, |step| {
        if step.symbol.as_ref() == Some(symbol) && step.to >= earliest {
            let at = step.at.max(earliest);
            if let Some(world) = step.world.clone().come_to(at, programs) {
                enter(&mut next, world, at);
            }
        }
    });
    next
}

/// The worlds in which something that should have been told was not.
pub(super) fn untold(worlds: &Worlds, latest: Ms, programs: &[Program]) -> Worlds {
    let mut next = Worlds::new();
    explore(worlds, latest.saturating_add(SLACK), programs, |step| {
        if step.symbol.is_some() {
            enter(&mut next, step.world.clone(), step.at);
        }
    });
    next
}

/// Whether everything may be over without another word.
pub(super) fn may_rest(worlds: &Worlds, programs: &[Program]) -> bool {
    let done = explore(worlds, Ms::MAX, programs, |_| {});
    let buried = done.into_keys().filter_map(|world| Some((world.come_to(Ms::MAX, programs)?, Ms::MAX))).collect();
    explore(&buried, Ms::MAX, programs, |_| {}).keys().any(|world| world.is_at_rest(programs))
}

/// Lets everything happen that tells nothing, and shows every move to `see`.
fn explore(worlds: &Worlds, horizon: Ms, programs: &[Program], mut see: impl FnMut(&Move)) -> Worlds {
    let mut silent: Worlds = worlds.iter().map(|(world, at)| (world.clone().begin(horizon, programs), *at)).collect();
    let mut todo: Vec<(World, Ms)> = silent.iter().map(|(world, at)| (world.clone(), *at)).collect();
    while let Some((world, at)) = todo.pop() {
        if silent.get(&world).is_some_and(|known| *known < at) {
            continue;
        }
        for step in world.moves(at, horizon, programs) {
            see(&step);
            if step.symbol.is_none() && enter(&mut silent, step.world.clone(), step.at) {
                todo.push((step.world, step.at));
            }
        }
    }
    silent
}

/// Adds a world, if it is new or came about earlier than was known.
fn enter(worlds: &mut Worlds, world: World, at: Ms) -> bool {
    let is_earlier = worlds.get(&world).is_none_or(|known| at < *known);
    if is_earlier {
        worlds.insert(world, at);
    }
    is_earlier
}
