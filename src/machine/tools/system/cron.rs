//! `crond`, `crontab`.

use serde::{Deserialize, Serialize};

use super::wait::spawn;
use super::{Running, runs};
use crate::api::Time;
use crate::machine::kernel::{Status, Sys, Turn, Wait};
use crate::machine::tools::common::{fail, missing_operand, parse, say};
use crate::machine::tools::options::Spec;
use crate::machine::tools::{Started, dates, users};

/// A `crond`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cron {
    args: Vec<String>,
    folder: String,
    /// The minute that comes next.
    next: Time,
}

/// `crond [-f] [-c FOLDER] [-l LEVEL] [-L FILE]`: stays in the foreground.
pub(super) fn crond(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("fbSc:l:L:d:m:", &[])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let folder = parsed.value('c').unwrap_or("/var/spool/cron/crontabs").to_string();
    if parsed.value('l').or(parsed.value('d')).and_then(|l| l.parse::<u8>().ok()).is_some_and(|l| l < 8)
        || parsed.has('d')
    {
        sys.err("crond: crond (busybox 1.36.1) started, log level 8\n");
    }
    let next = Time((sys.now().0.div_euclid(60_000) + 1) * 60_000);
    runs(Running::Cron(Cron { args: args.to_vec(), folder, next }))
}

impl Cron {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        while let Ok(Some(_)) = sys.wait_child(None) {}
        if sys.now() < self.next {
            return Turn::Wait(Wait { until: Some(self.next), child: false, ..Wait::default() });
        }
        let at = self.next;
        self.next = Time(at.0 + 60_000);
        let zone = dates::zone(sys);
        let now: Vec<u32> =
            dates::format("%M %H %d %m %w", at, 0, &zone, true).split(' ').filter_map(|n| n.parse().ok()).collect();
        let tables: Vec<String> =
            sys.read_dir(&self.folder).unwrap_or_default().into_iter().map(|(name, _)| name).collect();
        for user in tables {
            let path = format!("{}/{user}", self.folder);
            let Some(user) = users::find_user(sys, &user) else { continue };
            let bytes = sys.read_file(&path).unwrap_or_default();
            for line in String::from_utf8_lossy(&bytes).lines() {
                let Some(command) = due(line, &now) else { continue };
                let command = vec!["/bin/sh".to_string(), "-c".into(), command];
                let args = self.args.clone();
                if let Some(pid) = spawn(sys, &args, &command) {
                    let user = user.clone();
                    let _ = sys.as_child(pid, |sys| {
                        let process = sys.process_mut();
                        (process.uid, process.gid, process.group) = (user.uid, user.gid, process.group);
                        sys.set_env("HOME", Some(user.home.clone()));
                        sys.set_env("USER", Some(user.name.clone()));
                        sys.set_env("LOGNAME", Some(user.name.clone()));
                        sys.set_env("SHELL", Some("/bin/sh".into()));
                        sys.chdir(&user.home)
                    });
                }
            }
        }
        if sys.is_dead() { Turn::Exit(Status::Code(1)) } else { Turn::Again }
    }
}

/// The command of a line that is due at minute, hour, day, month and day of the week.
fn due(line: &str, now: &[u32]) -> Option<String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let expanded = match line.split_whitespace().next()? {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        _ => "",
    };
    let line = match expanded {
        "" => line.to_string(),
        fields => format!("{fields} {}", line.split_once(char::is_whitespace)?.1),
    };
    let mut rest = line.as_str();
    let mut fields = Vec::new();
    for _ in 0..5 {
        let trimmed = rest.trim_start();
        let end = trimmed.find(char::is_whitespace)?;
        fields.push(&trimmed[..end]);
        rest = &trimmed[end..];
    }
    let holds = |n: usize, low: u32, high: u32| {
        let value = now.get(n).copied().unwrap_or(0);
        fields.get(n).is_some_and(|f| f.split(',').any(|part| in_range(part, value, low, high)))
    };
    let day = holds(2, 1, 31);
    let week = holds(4, 0, 7) || now.get(4) == Some(&0) && fields[4].split(',').any(|p| in_range(p, 7, 0, 7));
    let days = match (fields[2].starts_with('*'), fields[4].starts_with('*')) {
        (false, false) => day || week,
        _ => day && week,
    };
    (holds(0, 0, 59) && holds(1, 0, 23) && holds(3, 1, 12) && days).then(|| rest.trim().to_string())
}

fn in_range(part: &str, value: u32, low: u32, high: u32) -> bool {
    let names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let number =
        |t: &str| t.parse().ok().or_else(|| names.iter().position(|n| *n == t.to_lowercase()).map(|p| p as u32));
    let (range, step) = part.split_once('/').map_or((part, 1), |(r, s)| (r, s.parse().unwrap_or(1).max(1)));
    let (from, to) = match range.split_once('-') {
        _ if range == "*" => (low, high),
        Some((from, to)) => (number(from).unwrap_or(u32::MAX), number(to).unwrap_or(0)),
        None => {
            let n = number(range).unwrap_or(u32::MAX);
            (n, if part.contains('/') { high } else { n })
        }
    };
    from <= value && value <= to && (value - from).is_multiple_of(step)
}

/// `crontab [-l|-r] [-u USER] [FILE]`
pub(super) fn crontab(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("lreu:c:", &[])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let uid = sys.process().uid;
    let me = users::users(sys).into_iter().find(|u| u.uid == uid).map_or("root".into(), |u| u.name);
    let user = parsed.value('u').map_or(me, String::from);
    let folder = parsed.value('c').unwrap_or("/var/spool/cron/crontabs").to_string();
    let path = format!("{folder}/{user}");
    let result = match (parsed.last_of("lre"), parsed.rest.first()) {
        (Some('l'), _) => match sys.read_file(&path) {
            Ok(bytes) => {
                sys.out(bytes.to_vec());
                Ok(())
            }
            Err(fault) => {
                say(sys, args, "", &format!("can't open '{user}': {}", fault.text()));
                return Started::Exit(1);
            }
        },
        (Some('r'), _) => sys.unlink(&path),
        (Some(_), _) => {
            say(sys, args, "no editor", "vi: not a tty");
            return Started::Exit(1);
        }
        (None, None) => return missing_operand(sys, args),
        (None, Some(file)) => {
            let file = if file == "-" { "/dev/stdin".to_string() } else { file.clone() };
            sys.read_file(&file).and_then(|bytes| {
                let mut at = String::new();
                for part in folder.split_inclusive('/') {
                    at.push_str(part);
                    let _ = sys.mkdir(&at, 0o755);
                }
                sys.write_file(&path, &bytes)
            })
        }
    };
    match result {
        Ok(()) => Started::Exit(0),
        Err(fault) => {
            fail(sys, args, &path, &path, fault);
            Started::Exit(1)
        }
    }
}
