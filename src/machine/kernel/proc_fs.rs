//! `/proc`, made when it is read.

use crate::machine::errno::Errno;

use super::process::{Process, State};
use super::sys::Sys;

/// What is at a path of `/proc`.
pub(super) enum Entry {
    /// A file with its text.
    File(Vec<u8>),
    /// A folder with its names.
    Dir(Vec<String>),
    /// A link.
    Link(String),
}

const TOP: [&str; 11] =
    ["cpuinfo", "filesystems", "loadavg", "meminfo", "mounts", "net", "self", "stat", "sys", "uptime", "version"];

/// Looks at a path below `/proc`, which begins with a slash or is empty.
pub(super) fn look(sys: &Sys<'_>, path: &str) -> Result<Entry, Errno> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let text = |t: String| Ok(Entry::File(t.into_bytes()));
    let names = |all: &[&str]| Ok(Entry::Dir(all.iter().map(|n| n.to_string()).collect()));
    match parts.as_slice() {
        [] => {
            let mine = sys.process().container.clone();
            let mut all: Vec<u32> =
                sys.sandbox.processes.values().filter(|p| p.container == mine).map(|p| p.local).collect();
            all.sort_unstable();
            Ok(Entry::Dir(all.iter().map(u32::to_string).chain(TOP.iter().map(|n| n.to_string())).collect()))
        }
        ["self"] => Ok(Entry::Link(format!("/proc/{}", sys.getpid()))),
        ["self", rest @ ..] => look(sys, &format!("/{}/{}", sys.getpid(), rest.join("/"))),
        ["mounts"] => Ok(Entry::Link("/proc/self/mounts".into())),
        ["uptime"] => {
            let up = (sys.now().0 - sys.sandbox.booted.0).max(0) as f64 / 1000.0;
            text(format!("{up:.2} {:.2}\n", up * 1.9))
        }
        ["loadavg"] => text(format!("0.00 0.01 0.05 1/{} {}\n", sys.sandbox.processes.len() + 200, sys.getpid())),
        ["version"] => text(format!(
            "Linux version {} (builder@host) (gcc (GCC) 11.2.0) #1 SMP PREEMPT\n",
            crate::machine::images::KERNEL
        )),
        ["filesystems"] => text("nodev\tproc\nnodev\ttmpfs\nnodev\toverlay\n\text4\nnodev\tnfs4\n".into()),
        ["meminfo"] => text(format!(
            "MemTotal:       {:8} kB\nMemFree:        {:8} kB\nMemAvailable:   {:8} kB\nBuffers:               0 kB\nCached:          1048576 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n",
            8_048_128, 5_242_880, 6_291_456
        )),
        ["cpuinfo"] => text(
            (0..2)
                .map(|n| {
                    format!(
                        "processor\t: {n}\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) CPU\ncpu MHz\t\t: 2400.000\ncpu cores\t: 2\n\n"
                    )
                })
                .collect(),
        ),
        ["stat"] => text("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\n".into()),
        ["sys"] => names(&["fs", "kernel", "net", "vm"]),
        ["sys", "kernel"] => names(&["hostname", "osrelease", "ostype", "pid_max", "random"]),
        ["sys", "kernel", "hostname"] => text(format!("{}\n", sys.sandbox.hostname)),
        ["sys", "kernel", "osrelease"] => text(format!("{}\n", crate::machine::images::KERNEL)),
        ["sys", "kernel", "ostype"] => text("Linux\n".into()),
        ["sys", "kernel", "pid_max"] => text("4194304\n".into()),
        ["sys", "kernel", "random"] => names(&["boot_id", "uuid"]),
        ["sys", "kernel", "random", "boot_id" | "uuid"] => {
            let h = format!("{:016x}{:016x}", sys.sandbox.seed ^ sys.now().0 as u64, sys.sandbox.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ sys.sandbox.seed.rotate_left(17));
            text(format!("{}-{}-4{}-a{}-{}\n", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..32]))
        }
        ["sys", "vm"] => names(&["max_map_count", "overcommit_memory", "swappiness"]),
        ["sys", "vm", "max_map_count"] => text("262144\n".into()),
        ["sys", "vm", "overcommit_memory"] => text("1\n".into()),
        ["sys", "vm", "swappiness"] => text("60\n".into()),
        ["sys", "net"] => names(&["core", "ipv4"]),
        ["sys", "net", "core"] => names(&["somaxconn"]),
        ["sys", "net", "core", "somaxconn"] => text("4096\n".into()),
        ["sys", "net", "ipv4"] => names(&["ip_forward"]),
        ["sys", "net", "ipv4", "ip_forward"] => text("1\n".into()),
        ["sys", "fs"] => names(&["file-max"]),
        ["sys", "fs", "file-max"] => text("9223372036854775807\n".into()),
        ["net"] => names(&["dev"]),
        ["net", "dev"] => text("Inter-|   Receive  |  Transmit\n face |bytes |bytes\n    lo:       0 0\n  eth0:       0 0\n".into()),
        [pid, rest @ ..] => {
            let pid: u32 = pid.parse().map_err(|_| Errno::NoEnt)?;
            let mine = &sys.process().container;
            let of = sys.sandbox.processes.values().find(|p| p.local == pid && p.container == *mine).ok_or(Errno::NoEnt)?;
            of_process(sys, of, rest)
        }
    }
}

fn of_process(sys: &Sys<'_>, of: &Process, rest: &[&str]) -> Result<Entry, Errno> {
    let text = |t: String| Ok(Entry::File(t.into_bytes()));
    let name = of.args.first().map_or("", |a| a.rsplit('/').next().unwrap_or_default());
    let state = match &of.state {
        _ if of.local == sys.getpid() => 'R',
        State::Ready => 'R',
        State::Waits(_) => 'S',
        State::Stopped => 'T',
        State::Zombie(_) => 'Z',
    };
    let parent = sys.sandbox.processes.get(&of.parent).map_or(0, |p| p.local);
    match rest {
        [] => Ok(Entry::Dir(
            ["cgroup", "cmdline", "comm", "cwd", "environ", "exe", "fd", "limits", "mounts", "stat", "status"].map(String::from).to_vec(),
        )),
        ["cmdline"] => text(of.args.iter().map(|a| format!("{a}\0")).collect()),
        ["comm"] => text(format!("{}\n", name.chars().take(15).collect::<String>())),
        ["environ"] => text(of.env.iter().map(|(k, v)| format!("{k}={v}\0")).collect()),
        ["cgroup"] => text("0::/\n".into()),
        ["limits"] => text("Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1048576              1048576              files     \n".into()),
        ["cwd"] => Ok(Entry::Link(of.cwd.clone())),
        ["exe"] => Ok(Entry::Link(format!("/bin/{name}"))),
        ["mounts"] => text(sys.mounts().iter().map(mount_line).collect()),
        ["stat"] => text(format!("{} ({name}) {state} {parent} {} {} 0 -1 4194304 0 0 0 0 {} 0 0 0 20 0 1 0 0 0 0\n", of.local, of.local, of.local, of.cpu / 10)),
        ["status"] => text(format!(
            "Name:\t{name}\nUmask:\t{:04o}\nState:\t{state}\nTgid:\t{}\nPid:\t{}\nPPid:\t{parent}\nUid:\t{u}\t{u}\t{u}\t{u}\nGid:\t{g}\t{g}\t{g}\t{g}\nVmRSS:\t{:8} kB\nThreads:\t1\n",
            of.umask,
            of.local,
            of.local,
            of.memory / 1024,
            u = of.uid,
            g = of.gid,
        )),
        ["fd"] => Ok(Entry::Dir(of.fds.keys().map(u32::to_string).collect())),
        ["fd", fd] => {
            let fd: u32 = fd.parse().map_err(|_| Errno::NoEnt)?;
            let id = of.fds.get(&fd).ok_or(Errno::NoEnt)?;
            let file = sys.sandbox.files.get(id).ok_or(Errno::NoEnt)?;
            Ok(Entry::Link(if file.path.is_empty() { "/dev/null".into() } else { file.path.clone() }))
        }
        _ => Err(Errno::NoEnt),
    }
}

/// A line of `/proc/mounts`.
fn mount_line(mount: &super::mounts::Mount) -> String {
    let access = if mount.read_only { "ro" } else { "rw" };
    let options = if mount.options.is_empty() { access.to_string() } else { format!("{access},{}", mount.options) };
    format!("{} {} {} {options} 0 0\n", mount.device, mount.at, mount.fs_type)
}
