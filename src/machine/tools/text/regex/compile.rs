//! Compiles a pattern's tree into a program for the matcher.

use super::parse::{Node, Parsed, Place};
use super::set::Set;
use super::{Fault, Flags};

/// The largest program.
const MAX_LEN: usize = 60_000;

/// One instruction.
#[derive(Debug, Clone)]
pub enum Op {
    Byte(u8),
    Char(char),
    Any,
    Set(Box<Set>),
    /// Tries the first, then the second.
    Split(usize, usize),
    Jump(usize),
    Save(usize),
    At(Place),
    BackReference(usize),
    /// Remembers where an iteration began.
    Begin(usize),
    /// Goes on only where the iteration has taken something.
    Progress(usize),
    Look(Box<Prog>, bool),
    Behind(Box<Prog>, bool),
    Match,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Prog {
    pub ops: Vec<Op>,
    pub groups: usize,
    /// How many places the iterations of loops are remembered in.
    pub loops: usize,
    /// Whether it refers back, so that the same place may be worth another visit.
    pub references: bool,
    /// The bytes that a match can begin with; none where it may be empty or begin with any.
    pub first: Option<[bool; 256]>,
    /// The text that is all of it.
    pub literal: Option<Vec<u8>>,
    /// Whether it can match only at the beginning of the text.
    pub anchored: bool,
    pub flags: Flags,
}

struct Compiler {
    ops: Vec<Op>,
    flags: Flags,
    loops: usize,
}

pub fn compile(parsed: &Parsed, flags: Flags) -> Result<Prog, Fault> {
    program(&parsed.node, parsed.groups, parsed.references, flags)
}

fn program(node: &Node, groups: usize, references: bool, flags: Flags) -> Result<Prog, Fault> {
    let mut compiler = Compiler { ops: Vec::new(), flags, loops: 0 };
    compiler.node(node)?;
    compiler.push(Op::Match)?;
    let mut first = [false; 256];
    let begins = first_bytes(&compiler.ops, 0, &mut first, &mut vec![false; compiler.ops.len()], flags);
    Ok(Prog {
        literal: literal(node, flags),
        anchored: !flags.newline && begins_anchored(node),
        ops: compiler.ops,
        groups,
        loops: compiler.loops,
        references,
        first: begins.then_some(first),
        flags,
    })
}

fn literal(node: &Node, flags: Flags) -> Option<Vec<u8>> {
    let of = |node: &Node| match node {
        Node::Byte(b) if !flags.icase || !b.is_ascii_alphabetic() => Some(vec![*b]),
        Node::Char(c) if !flags.icase => Some(c.to_string().into_bytes()),
        _ => None,
    };
    match node {
        Node::Concat(all) => all.iter().map(of).collect::<Option<Vec<_>>>().map(|parts| parts.concat()),
        other => of(other),
    }
}

fn begins_anchored(node: &Node) -> bool {
    match node {
        Node::At(Place::LineStart | Place::TextStart) => true,
        Node::Concat(all) => all.first().is_some_and(begins_anchored),
        Node::Group(_, inner) => begins_anchored(inner),
        Node::Alternate(all) => all.iter().all(begins_anchored),
        _ => false,
    }
}

/// Collects what a match can begin with. False where that says nothing.
fn first_bytes(ops: &[Op], start: usize, first: &mut [bool; 256], seen: &mut [bool], flags: Flags) -> bool {
    let mut stack = vec![start];
    while let Some(at) = stack.pop() {
        match seen.get_mut(at) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let mut add = |b: u8| first[usize::from(b)] = true;
        match &ops[at] {
            Op::Byte(b) => add(*b),
            Op::Char(c) => add(c.to_string().as_bytes().first().copied().unwrap_or_default()),
            Op::Set(set) => {
                (0..=255).filter(|b| set.has_byte(*b)).for_each(&mut add);
                if flags.utf8 {
                    (128..=255).for_each(add);
                }
            }
            Op::Split(a, b) => stack.extend([*a, *b]),
            Op::Jump(to) => stack.push(*to),
            Op::Save(_) | Op::Begin(_) | Op::Progress(_) | Op::At(_) | Op::Look(..) | Op::Behind(..) => {
                stack.push(at + 1);
            }
            Op::Any | Op::BackReference(_) | Op::Match => return false,
        }
    }
    true
}

impl Compiler {
    fn push(&mut self, op: Op) -> Result<usize, Fault> {
        if self.ops.len() >= MAX_LEN {
            return Err(Fault::TooBig);
        }
        self.ops.push(op);
        Ok(self.ops.len() - 1)
    }

    fn here(&self) -> usize {
        self.ops.len()
    }

    fn set_split(&mut self, at: usize, into: usize, past: usize, lazy: bool) {
        if let Some(op) = self.ops.get_mut(at) {
            *op = if lazy { Op::Split(past, into) } else { Op::Split(into, past) };
        }
    }

    fn node(&mut self, node: &Node) -> Result<(), Fault> {
        match node {
            Node::Empty => {}
            Node::Byte(b) => self.byte(*b)?,
            Node::Char(c) => self.char(*c)?,
            Node::Any => drop(self.push(Op::Any)?),
            Node::Set(set) => drop(self.push(Op::Set(set.clone()))?),
            Node::At(place) => drop(self.push(Op::At(*place))?),
            Node::BackReference(number) => drop(self.push(Op::BackReference(*number))?),
            Node::Keep => drop(self.push(Op::Save(0))?),
            Node::Concat(all) => all.iter().try_for_each(|n| self.node(n))?,
            Node::Group(None, inner) => self.node(inner)?,
            Node::Group(Some(number), inner) => {
                self.push(Op::Save(number * 2))?;
                self.node(inner)?;
                self.push(Op::Save(number * 2 + 1))?;
            }
            Node::Alternate(all) => self.alternate(all)?,
            Node::Repeat { node, min, max, lazy } => self.repeat(node, *min, *max, *lazy)?,
            Node::Look(inner, wanted) => {
                let inner = program(inner, 0, false, self.flags)?;
                self.push(Op::Look(Box::new(inner), *wanted))?;
            }
            Node::Behind(inner, wanted) => {
                let inner = program(inner, 0, false, self.flags)?;
                self.push(Op::Behind(Box::new(inner), *wanted))?;
            }
        }
        Ok(())
    }

    fn byte(&mut self, b: u8) -> Result<(), Fault> {
        if self.flags.icase && b.is_ascii_alphabetic() {
            let mut set = Set::default();
            set.add(b.to_ascii_lowercase());
            set.add(b.to_ascii_uppercase());
            return self.push(Op::Set(Box::new(set))).map(drop);
        }
        self.push(Op::Byte(b)).map(drop)
    }

    fn char(&mut self, c: char) -> Result<(), Fault> {
        if self.flags.icase {
            let mut set = Set::default();
            set.add_range(u32::from(c), u32::from(c), true);
            set.fold();
            return self.push(Op::Set(Box::new(set))).map(drop);
        }
        self.push(Op::Char(c)).map(drop)
    }

    fn alternate(&mut self, all: &[Node]) -> Result<(), Fault> {
        let mut ends = Vec::new();
        for (n, node) in all.iter().enumerate() {
            if n + 1 == all.len() {
                self.node(node)?;
                break;
            }
            let split = self.push(Op::Jump(0))?;
            self.node(node)?;
            ends.push(self.push(Op::Jump(0))?);
            let next = self.here();
            self.set_split(split, split + 1, next, false);
        }
        let end = self.here();
        for at in ends {
            if let Some(op) = self.ops.get_mut(at) {
                *op = Op::Jump(end);
            }
        }
        Ok(())
    }

    fn repeat(&mut self, node: &Node, min: u32, max: Option<u32>, lazy: bool) -> Result<(), Fault> {
        // `x+` is `x` with a way back, so that a group's last turn is the one that counts.
        for _ in 0..min {
            self.node(node)?;
        }
        match max {
            None => {
                let slot = self.loops;
                self.loops += 1;
                let split = self.push(Op::Jump(0))?;
                self.push(Op::Begin(slot))?;
                self.node(node)?;
                self.push(Op::Progress(slot))?;
                self.push(Op::Jump(split))?;
                let end = self.here();
                self.set_split(split, split + 1, end, lazy);
            }
            Some(max) => {
                let mut splits = Vec::new();
                for _ in min..max {
                    splits.push(self.push(Op::Jump(0))?);
                    self.node(node)?;
                }
                let end = self.here();
                for split in splits {
                    self.set_split(split, split + 1, end, lazy);
                }
            }
        }
        Ok(())
    }
}
