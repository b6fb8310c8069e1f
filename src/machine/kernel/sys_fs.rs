//! `/sys`, made when it is read: the container's own control group, and its network card.

use super::proc_fs::Entry;
use super::sys::Sys;
use crate::machine::errno::Errno;

const GROUP: [&str; 20] = [
    "cgroup.controllers",
    "cgroup.events",
    "cgroup.max.depth",
    "cgroup.procs",
    "cgroup.stat",
    "cgroup.subtree_control",
    "cgroup.type",
    "cpu.max",
    "cpu.stat",
    "cpu.weight",
    "io.stat",
    "memory.current",
    "memory.events",
    "memory.high",
    "memory.max",
    "memory.min",
    "memory.stat",
    "memory.swap.max",
    "pids.current",
    "pids.max",
];

/// Looks at a path below `/sys`, which begins with a slash or is empty.
pub(super) fn look(sys: &Sys<'_>, path: &str) -> Result<Entry, Errno> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let text = |t: String| Ok(Entry::File(t.into_bytes()));
    let names = |all: &[&str]| Ok(Entry::Dir(all.iter().map(|n| n.to_string()).collect()));
    match parts.as_slice() {
        [] => names(&["block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module", "power"]),
        ["fs"] => names(&["cgroup"]),
        ["fs", "cgroup"] => names(&GROUP),
        ["fs", "cgroup", file] => group(sys, file),
        ["class"] => names(&["block", "net"]),
        ["class", "net"] => names(&["eth0", "lo"]),
        ["class", "net", "eth0"] => names(&["address", "mtu", "operstate", "speed"]),
        ["class", "net", "lo"] => names(&["address", "mtu", "operstate"]),
        ["class", "net", card, "address"] => text(match *card {
            "eth0" => {
                let last = sys.sandbox.ip.rsplit('.').next().and_then(|n| n.parse::<u8>().ok()).unwrap_or(2);
                format!("0a:58:0a:f4:00:{last:02x}\n")
            }
            "lo" => "00:00:00:00:00:00\n".into(),
            _ => return Err(Errno::NoEnt),
        }),
        ["class", "net", "eth0", "mtu"] => text("1450\n".into()),
        ["class", "net", "lo", "mtu"] => text("65536\n".into()),
        ["class", "net", "eth0", "operstate"] => text("up\n".into()),
        ["class", "net", "lo", "operstate"] => text("unknown\n".into()),
        ["class", "net", "eth0", "speed"] => text("10000\n".into()),
        ["kernel"] => names(&["mm"]),
        ["kernel", "mm"] => names(&["transparent_hugepage"]),
        ["kernel", "mm", "transparent_hugepage"] => names(&["defrag", "enabled"]),
        ["kernel", "mm", "transparent_hugepage", _] => text("always [madvise] never\n".into()),
        ["block" | "bus" | "dev" | "devices" | "firmware" | "module" | "power"] | ["class", "block"] => names(&[]),
        _ => Err(Errno::NoEnt),
    }
}

fn group(sys: &Sys<'_>, file: &str) -> Result<Entry, Errno> {
    let mine = &sys.process().container;
    let container = sys.container();
    let processes: Vec<_> = sys.sandbox.processes.values().filter(|p| p.container == *mine).collect();
    let memory: u64 = processes.iter().map(|p| p.memory + (1728 << 10)).sum();
    let cpu: u64 = container.cpu + processes.iter().map(|p| p.cpu).sum::<u64>();
    Ok(Entry::File(
        match file {
            "cgroup.controllers" => "cpuset cpu io memory hugetlb pids rdma misc\n".to_string(),
            "cgroup.events" => "populated 1\nfrozen 0\n".into(),
            "cgroup.max.depth" | "memory.high" | "pids.max" => "max\n".into(),
            "cgroup.procs" => processes.iter().map(|p| format!("{}\n", p.local)).collect(),
            "cgroup.stat" => "nr_descendants 0\nnr_dying_descendants 0\n".into(),
            "cgroup.subtree_control" | "io.stat" => String::new(),
            "cgroup.type" => "domain\n".into(),
            "cpu.max" => match container.cpu_limit {
                Some(milli) => format!("{} 100000\n", milli * 100),
                None => "max 100000\n".into(),
            },
            "cpu.stat" => format!(
                "usage_usec {}\nuser_usec {}\nsystem_usec 0\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n",
                cpu * 1000,
                cpu * 1000
            ),
            "cpu.weight" => "1\n".into(),
            "memory.current" => format!("{}\n", memory / 4096 * 4096),
            "memory.events" => {
                format!("low 0\nhigh 0\nmax 0\noom 0\noom_kill {}\noom_group_kill 0\n", u8::from(container.oom))
            }
            "memory.max" => container.memory_limit.map_or("max\n".into(), |limit| format!("{limit}\n")),
            "memory.min" => "0\n".into(),
            "memory.stat" => format!("anon {memory}\nfile 0\nkernel 0\n"),
            "memory.swap.max" => "0\n".into(),
            "pids.current" => format!("{}\n", processes.len()),
            _ => return Err(Errno::NoEnt),
        }
        .into_bytes(),
    ))
}
