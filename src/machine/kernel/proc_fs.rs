//! `/proc`, made when it is read.

use std::sync::Arc;

use crate::machine::errno::Errno;

use super::files::{FileId, On};
use super::mounts::Mount;
use super::process::{Disposition, Process, State};
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

/// The open file that a path of `/proc` is a link to: `/self/fd/1`.
pub(super) fn open_file(sys: &Sys<'_>, path: &str) -> Option<FileId> {
    let mut parts = path.split('/').filter(|p| !p.is_empty());
    let (pid, "fd", fd, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    let pid = if pid == "self" { sys.getpid() } else { pid.parse().ok()? };
    let of = sys.sandbox.processes.values().find(|p| p.local == pid && sys.sees(p))?;
    of.fds.get(&fd.parse().ok()?).copied()
}

/// Where a path of `/proc` leads that goes through the root or the working directory of a process that sees other file
/// systems: those, the path in them, and how the way there is called. None where it leads to the same ones.
#[allow(clippy::type_complexity)]
pub(super) fn elsewhere(
    sys: &Sys<'_>,
    path: &str,
    follow: bool,
) -> Option<Result<(Arc<Vec<Mount>>, String, String), Errno>> {
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (pid, what, rest) = (parts.next()?.parse::<u32>().ok()?, parts.next()?, parts.next());
    let of = sys.sandbox.processes.values().find(|p| p.local == pid && sys.sees(p))?;
    let mounts = sys.sandbox.mounts_of(of);
    let base = match what {
        "root" => "",
        "cwd" => of.cwd.as_str(),
        _ => return None,
    };
    // Whoever asks for the link itself gets it.
    if mounts[..] == sys.mounts()[..] || (rest.is_none() && !follow) {
        return None;
    }
    let me = sys.process();
    if me.uid != 0 && me.uid != of.uid {
        return Some(Err(Errno::Access));
    }
    let inside = format!("{base}/{}", rest.unwrap_or_default());
    Some(Ok((mounts, inside, format!("/proc/{pid}/root"))))
}

/// Why what is there cannot be written: the runtime mounts settings read-only.
pub(super) fn refuses_writing(path: &str) -> Errno {
    let settings = path.starts_with("/sys/") || path.starts_with(super::mounts::SYS);
    if settings { Errno::ReadOnly } else { Errno::Access }
}

/// Looks at a path below `/proc`, which begins with a slash or is empty.
pub(super) fn look(sys: &Sys<'_>, path: &str) -> Result<Entry, Errno> {
    if let Some(path) = path.strip_prefix(super::mounts::SYS) {
        return super::sys_fs::look(sys, path);
    }
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let text = |t: String| Ok(Entry::File(t.into_bytes()));
    let names = |all: &[&str]| Ok(Entry::Dir(all.iter().map(|n| n.to_string()).collect()));
    match parts.as_slice() {
        [] => {
            let mut all: Vec<u32> = sys.sandbox.processes.values().filter(|p| sys.sees(p)).map(|p| p.local).collect();
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
            super::sys::MEMORY, 5_242_880, 6_291_456
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
        ["sys", "vm"] => names(&["drop_caches", "max_map_count", "overcommit_memory", "swappiness"]),
        ["sys", "vm", "max_map_count"] => text("262144\n".into()),
        ["sys", "vm", "overcommit_memory"] => text("1\n".into()),
        ["sys", "vm", "drop_caches"] => text("0\n".into()),
        ["sys", "vm", "swappiness"] => text("60\n".into()),
        ["sys", "net"] => names(&["core", "ipv4"]),
        ["sys", "net", "core"] => names(&["somaxconn"]),
        ["sys", "net", "core", "somaxconn"] => text("4096\n".into()),
        ["sys", "net", "ipv4"] => names(&["ip_forward"]),
        ["sys", "net", "ipv4", "ip_forward"] => text("1\n".into()),
        ["sys", "fs"] => names(&["file-max"]),
        ["sys", "fs", "file-max"] => text("9223372036854775807\n".into()),
        ["net"] => names(&["dev", "tcp", "tcp6", "udp", "unix"]),
        ["net", "tcp"] => {
            let line = |(n, port): (usize, &u16)| {
                format!(
                    "{n:>4}: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 {} 1 0000000000000000 100 0 0 10 0\n",
                    60_000 + u32::from(*port)
                )
            };
            let lines: String = sys.sandbox.listeners.keys().enumerate().map(line).collect();
            text(format!(
                "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n{lines}"
            ))
        }
        ["net", "tcp6"] => text("  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n".into()),
        ["net", "udp"] => text("   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n".into()),
        ["net", "unix"] => text("Num       RefCount Protocol Flags    Type St Inode Path\n".into()),
        ["net", "dev"] => text("Inter-|   Receive  |  Transmit\n face |bytes |bytes\n    lo:       0 0\n  eth0:       0 0\n".into()),
        [pid, rest @ ..] => {
            let pid: u32 = pid.parse().map_err(|_| Errno::NoEnt)?;
            let of = sys.sandbox.processes.values().find(|p| p.local == pid && sys.sees(p)).ok_or(Errno::NoEnt)?;
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
    let orphan = if of.from_outside || of.local == 1 { 0 } else { 1 };
    let parent = sys.sandbox.processes.get(&of.parent).map_or(orphan, |p| p.local);
    match rest {
        [] => Ok(Entry::Dir(
            ["cgroup", "cmdline", "comm", "cwd", "environ", "exe", "fd", "limits", "loginuid", "mountinfo", "mounts", "net", "oom_score", "oom_score_adj", "root", "stat", "statm", "status"].map(String::from).to_vec(),
        )),
        ["cmdline"] => text(of.args.iter().map(|a| format!("{a}\0")).collect()),
        ["comm"] => text(format!("{}\n", name.chars().take(15).collect::<String>())),
        ["environ"] => text(of.env.iter().map(|(k, v)| format!("{k}={v}\0")).collect()),
        ["cgroup"] => text("0::/\n".into()),
        ["limits"] => text("Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1048576              1048576              files     \n".into()),
        ["cwd"] => Ok(Entry::Link(of.cwd.clone())),
        ["root"] => Ok(Entry::Link("/".into())),
        ["mountinfo"] => text(
            sys.sandbox
                .mounts_of(of)
                .iter()
                .enumerate()
                .map(|(n, m)| {
                    let access = if m.read_only { "ro" } else { "rw" };
                    format!("{} {} 0:{} / {} {access},relatime - {} {} {access}\n", 600 + n, if n == 0 { 500 } else { 600 }, 40 + n, m.at, m.fs_type, m.device)
                })
                .collect(),
        ),
        ["oom_score"] => text("0\n".into()),
        ["oom_score_adj"] => text("1000\n".into()),
        ["statm"] => text(format!("{} {} 340 180 0 100 0\n", 648 + of.memory / 4096, 432 + of.memory / 4096)),
        ["loginuid"] => text("4294967295".into()),
        ["net", ..] => look(sys, &format!("/{}", rest.join("/"))),
        ["exe"] => Ok(Entry::Link(format!("/bin/{name}"))),
        ["mounts"] => text(sys.sandbox.mounts_of(of).iter().map(mount_line).collect()),
        ["stat"] => text(format!("{} ({name}) {state} {parent} {} {} 0 -1 4194304 0 0 0 0 {} 0 0 0 20 0 1 0 0 0 0\n", of.local, of.local, of.local, of.cpu / 10)),
        ["status"] => {
            let long = match state {
                'R' => "R (running)",
                'T' => "T (stopped)",
                'Z' => "Z (zombie)",
                _ => "S (sleeping)",
            };
            let groups: String = of.groups.iter().map(|g| format!("{g} ")).collect();
            let mask = |wanted: Disposition| {
                let set = of.dispositions.iter().filter(|(_, d)| **d == wanted);
                format!("{:016x}", set.fold(0_u64, |all, (s, _)| all | 1 << (s.number() - 1)))
            };
            let caps = if of.uid == 0 { "00000000a80425fb" } else { "0000000000000000" };
            let (u, g, rss) = (of.uid, of.gid, 1728 + of.memory / 1024);
            text(format!(
                "Name:\t{name}\nUmask:\t{:04o}\nState:\t{long}\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t{parent}\nTracerPid:\t0\nUid:\t{u}\t{u}\t{u}\t{u}\nGid:\t{g}\t{g}\t{g}\t{g}\nFDSize:\t64\nGroups:\t{groups}\nNStgid:\t{pid}\nNSpid:\t{pid}\nNSpgid:\t{pid}\nNSsid:\t{pid}\nVmPeak:\t{:8} kB\nVmSize:\t{:8} kB\nVmLck:\t       0 kB\nVmHWM:\t{rss:8} kB\nVmRSS:\t{rss:8} kB\nThreads:\t1\nSigQ:\t0/31327\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t{}\nSigCgt:\t{}\nCapInh:\t0000000000000000\nCapPrm:\t{caps}\nCapEff:\t{caps}\nCapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n",
                of.umask,
                rss + 864,
                rss + 864,
                mask(Disposition::Ignore),
                mask(Disposition::Catch),
                pid = of.local,
            ))
        }
        ["fd"] => {
            let mut all: Vec<u32> = of.fds.keys().copied().collect();
            // Whoever looks at his own has this folder open.
            if of.local == sys.getpid() {
                all.extend((0..).find(|fd| !of.fds.contains_key(fd)));
            }
            Ok(Entry::Dir(all.iter().map(u32::to_string).collect()))
        }
        ["fd", fd] => {
            let fd: u32 = fd.parse().map_err(|_| Errno::NoEnt)?;
            if of.local == sys.getpid() && (0..).find(|fd| !of.fds.contains_key(fd)) == Some(fd) {
                return Ok(Entry::Link(format!("/proc/{}/fd", of.local)));
            }
            let id = of.fds.get(&fd).ok_or(Errno::NoEnt)?;
            let file = sys.sandbox.files.get(id).ok_or(Errno::NoEnt)?;
            Ok(Entry::Link(match &file.on {
                On::PipeIn(n) | On::PipeOut(n) => format!("pipe:[{}]", 20_000 + n),
                On::Log(_, n) => format!("pipe:[{}]", 10_000 + u32::from(*n)),
                On::Session(n, 0) if !sys.sandbox.sessions.get(n).is_some_and(|s| s.tty) => format!("pipe:[{}]", 30_000 + n),
                On::Session(n, _) if !sys.sandbox.sessions.get(n).is_some_and(|s| s.tty) => format!("pipe:[{}]", 40_000 + n),
                On::Session(..) => "/dev/pts/0".into(),
                On::Connection(n) => format!("socket:[{}]", 50_000 + n),
                On::Listener(n) => format!("socket:[{}]", 60_000 + u32::from(*n)),
                _ if file.path.is_empty() => "/dev/null".into(),
                _ => file.path.clone(),
            }))
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
