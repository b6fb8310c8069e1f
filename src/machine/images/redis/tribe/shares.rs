//! `--cluster reshard` and `rebalance`: who serves which slots.

use super::{Member, Phase, Tone, Tribe, place};
use crate::machine::images::redis::cluster::slots::{ALL, Slots};
use crate::machine::images::redis::resp::Resp;
use crate::machine::kernel::{Status, Sys, Turn};

impl Tribe {
    pub(super) fn reshard(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        let known = place(&self.arguments[0]);
        if !self.check(sys, &known)? {
            sys.out("*** Please fix your cluster problems before resharding\n");
            return Ok(Turn::Exit(Status::Code(1)));
        }
        self.members = self.members_of(sys, &known)?.into_iter().filter(|m| !m.fails).collect();
        self.phase = Phase::Question;
        Ok(Turn::Again)
    }

    /// Asks for what the options did not say.
    pub(super) fn question(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        let asked = std::mem::take(&mut self.questions);
        let answer = match asked {
            0 => String::new(),
            _ => match self.line(sys) {
                Ok(line) => line,
                Err(wait) => {
                    self.questions = asked;
                    return Ok(wait);
                }
            },
        };
        match asked {
            1 => self.slots = answer.parse().unwrap_or(0),
            2 => self.to = answer,
            3 if answer == "all" => self.from = "all".into(),
            3 if answer == "done" => self.from = self.from.trim_end_matches(',').to_string() + " ",
            3 => self.from.push_str(&format!("{answer},")),
            _ => {}
        }
        if self.slots == 0 || self.slots > u32::from(ALL) {
            sys.out("How many slots do you want to move (from 1 to 16384)? ");
            self.questions = 1;
            return Ok(Turn::Again);
        }
        let Some(target) = self.members.iter().find(|m| m.id == self.to && !m.is_replica).cloned() else {
            if !self.to.is_empty() {
                let text =
                    format!("*** The specified node ({}) is not known or not a master, please retry.\n", self.to);
                self.say(sys, Tone::Fault, &text);
            }
            sys.out("What is the receiving node ID? ");
            self.questions = 2;
            return Ok(Turn::Again);
        };
        if self.from.is_empty() {
            sys.out("Please enter all the source node IDs.\n  Type 'all' to use all the nodes as source nodes for the hash slots.\n  Type 'done' once you entered all the source nodes IDs.\n");
        }
        if self.from.is_empty() || self.from.ends_with(',') {
            let number = self.from.matches(',').count() + 1;
            sys.out(format!("Source node #{number}: "));
            self.questions = 3;
            return Ok(Turn::Again);
        }
        let from = self.from.trim().to_string();
        let sources: Vec<Member> = self
            .members
            .iter()
            .filter(|m| !m.is_replica && m.id != target.id && !m.slots.is_empty())
            .filter(|m| from == "all" || from.split(',').any(|f| f == m.id))
            .cloned()
            .collect();
        if sources.is_empty() {
            return Err("*** No source nodes given, operation aborted.\n".into());
        }
        sys.out(format!("\nReady to move {} slots.\n  Source nodes:\n", self.slots));
        for source in &sources {
            let text = self.describe(source, &self.members);
            sys.out(indented(&text));
        }
        let text = self.describe(&target, &self.members);
        sys.out(format!("  Destination node:\n{}  Resharding plan:\n", indented(&text)));
        let total: usize = sources.iter().map(|m| m.slots.len()).sum();
        let mut left = self.slots as usize;
        let mut plan = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            let share = self.slots as f64 / total as f64 * source.slots.len() as f64;
            let share = if number == 0 { share.ceil() } else { share.floor() } as usize;
            for slot in source.slots.iter().take(share.min(left)) {
                sys.out(format!("    Moving slot {slot} from {}\n", source.id));
                plan.push((slot, source.clone(), target.clone()));
            }
            left = left.saturating_sub(share);
        }
        self.members = plan
            .iter()
            .flat_map(|(slot, from, to)| {
                let mut one = from.clone();
                one.slots = Slots::default();
                one.slots.add(*slot, *slot);
                [one, to.clone()]
            })
            .collect();
        self.phase = Phase::Move;
        if !self.yes {
            sys.out("Do you want to proceed with the proposed reshard plan (yes/no)? ");
        }
        Ok(Turn::Again)
    }

    /// Moves the slots of the plan: pairs of where each is from and where it goes.
    pub(super) fn move_slots(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        if self.command == "reshard" && !self.yes {
            match self.line(sys) {
                Ok(line) if line == "yes" => self.yes = true,
                Ok(_) => return Ok(Turn::Exit(Status::Code(1))),
                Err(wait) => return Ok(wait),
            }
        }
        let quiet = self.command == "rebalance";
        // A piece of the work at a time.
        for _ in 0..16 {
            if self.members.len() < 2 {
                if quiet {
                    sys.out("\n");
                }
                return Ok(Turn::Exit(Status::Code(0)));
            }
            let (from, to) = (self.members.remove(0), self.members.remove(0));
            for slot in from.slots.iter() {
                let keys = self.move_slot(sys, slot, &from, &to)?;
                if quiet {
                    sys.out("#");
                } else {
                    let dots = ".".repeat(keys.min(1));
                    sys.out(format!("Moving slot {slot} from {} to {}: {dots}\n", from.address(), to.address()));
                }
            }
        }
        Ok(Turn::Again)
    }

    pub(super) fn move_slot(&self, sys: &mut Sys<'_>, slot: u16, from: &Member, to: &Member) -> Result<usize, String> {
        let text = slot.to_string();
        self.ask_text(sys, &to.address(), &["CLUSTER", "SETSLOT", &text, "IMPORTING", &from.id])?;
        self.ask_text(sys, &from.address(), &["CLUSTER", "SETSLOT", &text, "MIGRATING", &to.id])?;
        let mut moved = 0;
        for _ in 0..10_000 {
            let Resp::Array(keys) = self.ask(sys, &from.address(), &["CLUSTER", "GETKEYSINSLOT", &text, "10"])? else {
                break;
            };
            let keys: Vec<Vec<u8>> =
                keys.into_iter().filter_map(|k| if let Resp::Bulk(b) = k { Some(b) } else { None }).collect();
            if keys.is_empty() {
                break;
            }
            moved += keys.len();
            // OBSERVATION: the real one has the source send its keys with MIGRATE. Who moves them here is this program, as
            // the target may be the pod that it runs in.
            for key in keys {
                let dumped = match self.ask(sys, &from.address(), &[b"DUMP".as_slice(), &key])? {
                    Resp::Bulk(bytes) => bytes,
                    _ => continue,
                };
                let words = [b"RESTORE-ASKING".as_slice(), &key, b"0", &dumped];
                if let Resp::Error(why) = self.ask(sys, &to.address(), &words)? {
                    return Err(format!("\n[ERR] Calling MIGRATE: ERR Target instance replied with error: {why}\n"));
                }
                self.ask(sys, &from.address(), &[b"DEL".as_slice(), &key])?;
            }
        }
        for member in [to, from] {
            self.ask_text(sys, &member.address(), &["CLUSTER", "SETSLOT", &text, "NODE", &to.id])?;
        }
        Ok(moved)
    }

    pub(super) fn rebalance(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        let known = place(&self.arguments[0]);
        if !self.check(sys, &known)? {
            return Err("*** Please fix your cluster problems before rebalancing\n".into());
        }
        let all: Vec<Member> = self.members_of(sys, &known)?.into_iter().filter(|m| !m.fails).collect();
        let mut masters: Vec<Member> =
            all.into_iter().filter(|m| !m.is_replica && (self.empty_masters || !m.slots.is_empty())).collect();
        let count = masters.len().max(1);
        let fair = usize::from(ALL) / count;
        // Less than two percent off is no work.
        let off = |m: &Member| (m.slots.len() as f64 - fair as f64).abs() / fair as f64 * 100.0 > 2.0;
        if !masters.iter().any(off) {
            sys.out("*** No rebalancing needed! All nodes are within the 2.00% threshold.\n");
            return Ok(Turn::Exit(Status::Code(0)));
        }
        self.say(sys, Tone::Info, &format!(">>> Rebalancing across {count} nodes. Total weight = {count}.00\n"));
        masters.sort_by_key(|m| m.slots.len());
        let mut plan: Vec<Member> = Vec::new();
        let (mut poor, mut rich) = (0, count - 1);
        while poor < rich {
            let wants = fair.saturating_sub(masters[poor].slots.len());
            let has = masters[rich].slots.len().saturating_sub(fair);
            let moves = wants.min(has);
            if moves > 0 {
                sys.out(format!(
                    "Moving {moves} slots from {} to {}\n",
                    masters[rich].address(),
                    masters[poor].address()
                ));
                let slots: Vec<u16> = masters[rich].slots.iter().take(moves).collect();
                for slot in slots {
                    masters[rich].slots.remove(slot, slot);
                    masters[poor].slots.add(slot, slot);
                    let mut one = masters[rich].clone();
                    one.slots = Slots::default();
                    one.slots.add(slot, slot);
                    plan.extend([one, masters[poor].clone()]);
                }
            }
            if fair <= masters[poor].slots.len() {
                poor += 1;
            } else {
                rich -= 1;
            }
        }
        self.members = plan;
        self.phase = Phase::Move;
        Ok(Turn::Again)
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|l| format!("    {l}\n")).collect()
}
