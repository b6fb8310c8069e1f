//! Tools that cannot do here what they are for: editors without a terminal, package managers without a network.

use crate::machine::images::{self, base::Base};
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;
use crate::machine::tools::common::{base, is_gnu};

/// `vi`, `vim`, `nano`, `emacs`: an editor needs a terminal that a script cannot give.
pub(super) fn editor(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let name = base(args.first().map_or("vi", String::as_str)).to_string();
    let text = match (name.as_str(), is_gnu(sys)) {
        ("nano", _) => "Standard input is not a terminal".to_string(),
        ("emacs", _) => "emacs: standard input is not a tty".into(),
        ("vim" | "view" | "vi", true) => "Vim: Error: Input is not from a terminal".into(),
        _ => format!("{name}: can't open the terminal: not a tty"),
    };
    sys.err(format!("{text}\n"));
    Started::Exit(1)
}

/// `apk`
pub(super) fn apk(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let words: Vec<String> = args.iter().skip(1).filter(|a| !a.starts_with('-')).cloned().collect();
    let mirror = "https://dl-cdn.alpinelinux.org/alpine/v3.22";
    let fetch = |sys: &mut Sys<'_>, what: &str| {
        for repository in ["main", "community"] {
            sys.out(format!("fetch {mirror}/{repository}/x86_64/APKINDEX.tar.gz\n"));
            sys.err(format!("WARNING: {what} {mirror}/{repository}: temporary error (try again later)\n"));
        }
    };
    match words.first().map(String::as_str) {
        Some("update") => {
            fetch(sys, "updating and opening");
            sys.err("4 unavailable, 0 stale; 16 distinct packages available\n");
            Started::Exit(4)
        }
        Some("add") => {
            fetch(sys, "opening");
            let mut missing: Vec<&String> = words[1..].iter().collect();
            missing.sort();
            let mut text = String::from("ERROR: unable to select packages:\n");
            for package in missing {
                text.push_str(&format!("  {package} (no such package):\n    required by: world[{package}]\n"));
            }
            sys.err(text);
            Started::Exit((words.len() - 1).min(99) as u8)
        }
        Some("del" | "info" | "search" | "upgrade" | "fix" | "cache") => Started::Exit(0),
        _ => {
            sys.out("apk-tools 2.14.9, compiled for x86_64.\n\nusage: apk [<OPTIONS>...] COMMAND [<ARGUMENTS>...]\n");
            Started::Exit(1)
        }
    }
}

/// Where a distribution's packages are, and the suites of it that are asked for.
fn suites(sys: &Sys<'_>) -> (&'static str, [String; 2]) {
    let (site, name) = match images::find(sys.image()).base {
        Base::Ubuntu(version) => (
            "archive.ubuntu.com/ubuntu",
            match version {
                (16, _) => "xenial",
                (18, _) => "bionic",
                (20, _) => "focal",
                (22, _) => "jammy",
                _ => "noble",
            },
        ),
        Base::Debian(number) => (
            "deb.debian.org/debian",
            match number {
                ..=8 => "jessie",
                9 => "stretch",
                10 => "buster",
                11 => "bullseye",
                12 => "bookworm",
                _ => "trixie",
            },
        ),
        _ => ("deb.debian.org/debian", "trixie"),
    };
    (site, [name.to_string(), format!("{name}-updates")])
}

/// `apt`, `apt-get`
pub(super) fn apt(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let words: Vec<String> = args.iter().skip(1).filter(|a| !a.starts_with('-')).cloned().collect();
    let quiet = args.iter().any(|a| a.starts_with("-qq"));
    if base(&args[0]) == "apt" {
        sys.err("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n");
    }
    let (site, suites) = suites(sys);
    let host = site.split('/').next().unwrap_or_default();
    match words.first().map(String::as_str) {
        Some("update") => {
            if !quiet {
                for (n, suite) in suites.iter().enumerate() {
                    sys.out(format!("Ign:{} http://{site} {suite} InRelease\n", n + 1));
                }
                for (n, suite) in suites.iter().enumerate() {
                    sys.out(format!(
                        "Err:{} http://{site} {suite} InRelease\n  Temporary failure resolving '{host}'\n",
                        n + 1
                    ));
                }
                sys.out("Reading package lists...\n");
            }
            for suite in suites {
                sys.err(format!(
                    "W: Failed to fetch http://{site}/dists/{suite}/InRelease  Temporary failure resolving '{host}'\n"
                ));
            }
            sys.err("W: Some index files failed to download. They have been ignored, or old ones used instead.\n");
            Started::Exit(0)
        }
        Some("install") => {
            if !quiet {
                sys.out("Reading package lists...\nBuilding dependency tree...\nReading state information...\n");
            }
            for package in &words[1..] {
                sys.err(format!("E: Unable to locate package {package}\n"));
            }
            Started::Exit(if words.len() > 1 { 100 } else { 0 })
        }
        Some("clean" | "autoclean" | "autoremove" | "upgrade" | "dist-upgrade" | "purge" | "remove") => {
            Started::Exit(0)
        }
        Some(other) => {
            sys.err(format!("E: Invalid operation {other}\n"));
            Started::Exit(100)
        }
        None => {
            sys.out("apt 2.6.1 (amd64)\n");
            Started::Exit(0)
        }
    }
}

/// `yum`, `dnf`, `microdnf`
pub(super) fn yum(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let words: Vec<&String> = args.iter().skip(1).filter(|a| !a.starts_with('-')).collect();
    match words.first().map(|w| w.as_str()) {
        Some("clean") => Started::Exit(0),
        _ => {
            sys.err("Errors during downloading metadata for repository 'baseos':\n  - Curl error (6): Couldn't resolve host name for http://mirrorlist.centos.org/ [Could not resolve host: mirrorlist.centos.org]\nError: Failed to download metadata for repo 'baseos': Cannot prepare internal mirrorlist: Curl error (6): Couldn't resolve host name for http://mirrorlist.centos.org/ [Could not resolve host: mirrorlist.centos.org]\n");
            Started::Exit(1)
        }
    }
}

/// `pip`, `pip3`
pub(super) fn pip(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let words: Vec<String> = args.iter().skip(1).filter(|a| !a.starts_with('-')).cloned().collect();
    match words.first().map(String::as_str) {
        Some("install") => {
            let package = words.get(1).cloned().unwrap_or_default();
            let name = package.split(['=', '<', '>', '[']).next().unwrap_or("").to_string();
            for left in (0..5).rev() {
                sys.err(format!("WARNING: Retrying (Retry(total={left}, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f0000000000>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/{name}/\n"));
            }
            sys.err(format!("ERROR: Could not find a version that satisfies the requirement {package} (from versions: none)\nERROR: No matching distribution found for {package}\n"));
            Started::Exit(1)
        }
        _ => Started::Exit(0),
    }
}

/// `npm`
pub(super) fn npm(sys: &mut Sys<'_>, args: &[String]) -> Started {
    match args.get(1).map(String::as_str) {
        Some("install" | "i" | "ci") => {
            sys.err("npm error code EAI_AGAIN\nnpm error syscall getaddrinfo\nnpm error errno EAI_AGAIN\nnpm error request to https://registry.npmjs.org/ failed, reason: getaddrinfo EAI_AGAIN registry.npmjs.org\n");
            Started::Exit(1)
        }
        _ => Started::Exit(0),
    }
}
