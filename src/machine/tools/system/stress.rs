//! `stress`, `stress-ng`: uses memory and processors for a time.

use serde::{Deserialize, Serialize};

use super::sleep::seconds;
use super::{Running, runs};
use crate::api::{Duration, Time};
use crate::machine::kernel::{Pid, Program, Status, Sys, Turn, Wait};
use crate::machine::tools::Started;
use crate::machine::tools::common::{base, parse, parse_size, tool_name};
use crate::machine::tools::options::Spec;

/// A `stress`, or one of its workers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stress {
    name: String,
    workers: Vec<Pid>,
    /// Whether it burns the processor itself, how much memory it takes, and how much it has.
    busy: bool,
    wanted: u64,
    has: u64,
    until: Option<Time>,
    began: Time,
    is_worker: bool,
    /// For how long a worker that has its memory sleeps before it looks at it again, in milliseconds; 0 for not at all.
    hang: i64,
    report: String,
}

/// `stress [--cpu N] [--vm N] [--vm-bytes B] [--timeout T]`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("cpu", 'c'),
        ("vm", 'm'),
        ("vm-bytes", 'β'),
        ("timeout", 't'),
        ("io", 'i'),
        ("hdd", 'd'),
        ("vm-hang", 'η'),
        ("vm-keep", 'κ'),
        ("verbose", 'v'),
        ("quiet", 'q'),
        ("backoff", 'γ'),
        ("cpu-load", 'l'),
        ("metrics-brief", 'μ'),
        ("metrics", 'μ'),
    ];
    let parsed = match parse(sys, args, Spec::new("c:m:t:i:d:vqβ:η:κγ:l:μ", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let name = base(args.first().map_or("stress", String::as_str)).to_string();
    let number = |option: char| parsed.value(option).and_then(|v| v.parse::<usize>().ok()).unwrap_or(0).min(64);
    let (cpus, io, vms, disks) = (number('c'), number('i'), number('m'), number('d'));
    if cpus + io + vms + disks == 0 {
        let tool = tool_name(sys, args);
        sys.out(format!(
            "`{tool}' imposes certain types of compute stress on your system\n\nUsage: {tool} [OPTION [ARG]] ...\n"
        ));
        return Started::Exit(1);
    }
    let bytes = parsed.value('β').map_or(Some(256 << 20), |b| parse_size(b.trim_end_matches('%'))).unwrap_or(256 << 20);
    let time = parsed.value('t').and_then(|t| seconds(t, true)).filter(|t| *t > 0.0);
    let until = time.map(|t| sys.now() + Duration::millis((t.min(1e9) * 1000.0) as i64));
    let pid = sys.getpid();
    if !parsed.has('q') {
        let text = match name.as_str() {
            "stress" => format!("stress: info: [{pid}] dispatching hogs: {cpus} cpu, {io} io, {vms} vm, {disks} hdd\n"),
            _ => {
                let limit = time.map_or(String::new(), |t| {
                    format!("stress-ng: info:  [{pid}] setting to a {t:.0} secs run per stressor\n")
                });
                let hogs: Vec<String> = [(cpus, "cpu"), (io, "io"), (vms, "vm"), (disks, "hdd")]
                    .iter()
                    .filter(|h| h.0 > 0)
                    .map(|(n, kind)| format!("{n} {kind}"))
                    .collect();
                format!("{limit}stress-ng: info:  [{pid}] dispatching hogs: {}\n", hogs.join(", "))
            }
        };
        if name == "stress" { sys.out(text) } else { sys.err(text) }
    }
    let mut stress = Stress {
        name,
        workers: Vec::new(),
        busy: false,
        wanted: 0,
        has: 0,
        until,
        began: sys.now(),
        is_worker: false,
        hang: parsed.value('η').and_then(|t| seconds(t, true)).map_or(0, |t| (t.min(1e9) * 1000.0) as i64),
        report: if parsed.has('q') { "q".into() } else { String::new() },
    };
    for at in 0..cpus + io + vms + disks {
        let is_memory = at >= cpus + io && at < cpus + io + vms;
        let worker =
            Stress { busy: true, wanted: if is_memory { bytes } else { 0 }, is_worker: true, ..stress.clone() };
        let program =
            Program::Tool(Box::new(crate::machine::tools::Running::System(Running::Stress(Box::new(worker)))));
        if let Ok(pid) = sys.fork(program) {
            stress.workers.push(pid);
        }
    }
    runs(Running::Stress(Box::new(stress)))
}

impl Stress {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if self.is_worker {
            return self.work(sys);
        }
        loop {
            match sys.wait_child(None) {
                Ok(Some((pid, Status::Code(0)))) => self.workers.retain(|w| *w != pid),
                Ok(Some((pid, status))) => {
                    let signal = match status {
                        Status::Killed(signal) => signal.number(),
                        Status::Code(_) => 0,
                    };
                    for worker in &self.workers {
                        let _ = sys.kill(i64::from(*worker), Some(crate::machine::kernel::Signal::KILL));
                    }
                    let me = sys.getpid();
                    if self.name == "stress" {
                        let run = (sys.now() - self.began).as_secs();
                        sys.err(format!(
                            "stress: FAIL: [{me}] (416) <-- worker {pid} got signal {signal}\nstress: WARN: [{me}] (418) now reaping child worker processes\nstress: FAIL: [{me}] (452) failed run completed in {run}s\n"
                        ));
                    }
                    return Turn::Exit(Status::Code(1));
                }
                Ok(None) => return Turn::Wait(Wait::child()),
                Err(_) => break,
            }
        }
        let (me, run) = (sys.getpid(), (sys.now() - self.began).0 as f64 / 1000.0);
        if self.report.is_empty() {
            if self.name == "stress" {
                sys.out(format!("stress: info: [{me}] successful run completed in {run:.0}s\n"));
            } else {
                sys.err(format!("stress-ng: info:  [{me}] successful run completed in {run:.2} secs\n"));
            }
        }
        Turn::Exit(Status::Code(0))
    }

    fn work(&mut self, sys: &mut Sys<'_>) -> Turn {
        if self.until.is_some_and(|until| sys.now() >= until) {
            return Turn::Exit(Status::Code(0));
        }
        if self.has < self.wanted {
            self.has = self.wanted.min(self.has + (4 << 20));
            sys.set_memory(self.has);
            return Turn::Again;
        }
        if self.wanted > 0 && self.hang > 0 {
            let next = sys.now() + Duration::millis(self.hang);
            return Turn::Wait(Wait::until(self.until.map_or(next, |until| until.min(next))));
        }
        sys.spin(self.until)
    }
}
