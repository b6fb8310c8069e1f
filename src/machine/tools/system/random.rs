//! `uuidgen`, `openssl`, `busybox`.

use base64::Engine;
use md5::Digest;

use crate::machine::kernel::Sys;
use crate::machine::tools::common::{base, fail, parse};
use crate::machine::tools::options::{BANNER, Spec};
use crate::machine::tools::{self, Started};

/// `uuidgen`
pub(super) fn uuidgen(sys: &mut Sys<'_>, _: &[String]) -> Started {
    let hex = format!("{:016x}{:016x}", sys.random(), sys.random());
    sys.out(format!("{}-{}-4{}-a{}-{}\n", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32]));
    Started::Exit(0)
}

/// `openssl rand|dgst|version`
pub(super) fn openssl(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    match args.get(1).map(String::as_str) {
        Some("version") => sys.out("OpenSSL 3.0.17 1 Jul 2025 (Library: OpenSSL 3.0.17 1 Jul 2025)\n"),
        Some("rand") => {
            let Some(count) = args.last().and_then(|n| n.parse::<usize>().ok()).filter(|n| *n <= 1 << 20) else {
                sys.err("rand: Use -help for summary.\n");
                return Started::Exit(1);
            };
            let bytes: Vec<u8> = (0..count).map(|_| (sys.random() >> 24) as u8).collect();
            if args.iter().any(|a| a == "-hex") {
                sys.out(hex(&bytes) + "\n");
            } else if args.iter().any(|a| a == "-base64") {
                let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
                let lines: Vec<&str> =
                    (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
                sys.out(lines.join("\n") + "\n");
            } else {
                sys.out(bytes);
            }
        }
        Some(kind @ ("dgst" | "sha256" | "md5" | "sha512" | "sha1")) => {
            let md5 = kind == "md5" || args.iter().any(|a| a == "-md5");
            let long = kind == "sha512" || args.iter().any(|a| a == "-sha512");
            let files: Vec<&String> = args.iter().skip(2).filter(|a| !a.starts_with('-')).collect();
            let names: Vec<String> =
                if files.is_empty() { vec!["/dev/stdin".into()] } else { files.into_iter().cloned().collect() };
            for name in names {
                let bytes = match sys.read_file(&name) {
                    Ok(bytes) => bytes,
                    Err(fault) => {
                        fail(sys, args, &format!("Can't open \"{name}\" for reading"), &name, fault);
                        return Started::Exit(1);
                    }
                };
                let (label, sum) = match (md5, long) {
                    (true, _) => ("MD5", hex(&md5::Md5::digest(&*bytes))),
                    (_, true) => ("SHA2-512", hex(&sha2::Sha512::digest(&*bytes))),
                    _ => ("SHA2-256", hex(&sha2::Sha256::digest(&*bytes))),
                };
                let shown = if name == "/dev/stdin" { "stdin" } else { &name };
                sys.out(format!("{label}({shown})= {sum}\n"));
            }
        }
        other => {
            let name = other.unwrap_or("");
            sys.err(format!("Invalid command '{name}'; type \"help\" for a list.\n"));
            return Started::Exit(1);
        }
    }
    Started::Exit(0)
}

/// `busybox [APPLET [ARGUMENTS]]`
pub(super) fn busybox(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut names: Vec<&str> = tools::names().chain(["ash", "sh"]).filter(|n| *n != "busybox").collect();
    names.sort_unstable();
    match args.get(1).map(String::as_str) {
        None | Some("--help") => {
            let mut text = format!(
                "{BANNER}\nBusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n   or: busybox --show SCRIPT\n   or: busybox --install [-s] [DIR]\n   or: function [arguments]...\n\n\tBusyBox is a multi-call binary that combines many common Unix\n\tutilities into a single executable.  Most people will create a\n\tlink to busybox for each function they wish to use and BusyBox\n\twill act like whatever it was invoked as.\n\nCurrently defined functions:\n"
            );
            let mut line = String::from("\t");
            for (at, name) in names.iter().enumerate() {
                let end = if at + 1 == names.len() { "" } else { ", " };
                if line.len() + name.len() + end.len() > 71 {
                    text.push_str(line.trim_end());
                    text.push_str("\n\t");
                    line.clear();
                }
                line.push_str(&format!("{name}{end}"));
            }
            text.push_str(&line);
            sys.out(text + "\n\n");
            Started::Exit(0)
        }
        Some("--list") => {
            sys.out(names.join("\n") + "\n");
            Started::Exit(0)
        }
        Some("--list-full") => {
            sys.out(names.iter().map(|n| format!("bin/{n}\n")).collect::<String>());
            Started::Exit(0)
        }
        Some("--install") => Started::Exit(0),
        Some("sh" | "ash") => Started::Exec(args[1..].to_vec()),
        Some(applet) => match tools::find(base(applet)) {
            Some(start) => start(sys, &args[1..]),
            None => {
                sys.err(format!("{applet}: applet not found\n"));
                Started::Exit(127)
            }
        },
    }
}

/// `nologin`
pub(super) fn nologin(sys: &mut Sys<'_>, args: &[String]) -> Started {
    if parse(sys, args, Spec::new("", &[])).is_ok() {
        sys.out("This account is currently not available.\n");
    }
    Started::Exit(1)
}
