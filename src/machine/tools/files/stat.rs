//! `stat`.

use crate::api::Time;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::{FileSystem, Kind, Stat};
use crate::machine::tools::Started;
use crate::machine::tools::common::{
    device_numbers, fail, is_gnu, kind_bits, missing_operand, misuse, mode_string, parse, quote,
};
use crate::machine::tools::dates::{self, Zone};
use crate::machine::tools::options::Spec;
use crate::machine::tools::users::Names;

/// `stat [-ftL] [-c FORMAT] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("format", 'c'),
        ("printf", 'π'),
        ("dereference", 'L'),
        ("file-system", 'f'),
        ("terse", 't'),
        ("cached", 'κ'),
    ];
    let long = if is_gnu(sys) { &long[..] } else { &[] };
    let parsed = match parse(sys, args, Spec::new("ftLc:π:κ:", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return if is_gnu(sys) { misuse(sys, args, "missing operand", 1) } else { missing_operand(sys, args) };
    }
    let (names, zone) = (Names::of(sys), dates::zone(sys));
    let gnu = is_gnu(sys);
    let unknown = gnu.then_some('?');
    let raw = parsed.has('π');
    let format = parsed.last_of("cπ").and_then(|c| parsed.value(c)).map(String::from);
    let mut code = 0;
    for path in &parsed.rest {
        let found = if parsed.has_any("Lf") { sys.stat(path) } else { sys.lstat(path) };
        let stat = match found {
            Ok(stat) => stat,
            Err(fault) => {
                let gnu = if parsed.has('f') { "cannot read file system information for" } else { "cannot statx" };
                fail(sys, args, &format!("{gnu} {}", quote(path)), &format!("can't stat '{path}'"), fault);
                code = 1;
                continue;
            }
        };
        if parsed.has('f') {
            let mount = sys.mount_of(path).cloned();
            let (fs, fs_type) = match mount {
                Ok(m) => (sys.statfs(&m).unwrap_or(FileSystem { block: 4096, ..FileSystem::default() }), m.fs_type),
                Err(_) => Default::default(),
            };
            let text = match &format {
                Some(format) => expand(format, (raw, unknown), |d, _| system_directive(d, path, &fs, &fs_type)),
                None if parsed.has('t') => {
                    let f = "%n %i %l %t %s %S %b %f %a %c %d\n";
                    expand(f, (true, unknown), |d, _| system_directive(d, path, &fs, &fs_type))
                }
                None => {
                    let f = if gnu {
                        "  File: \"%n\"\n    ID: %-8i Namelen: %-7l Type: %T\nBlock size: %-10s Fundamental block size: %S\nBlocks: Total: %-10b Free: %-10f Available: %a\nInodes: Total: %-10c Free: %d\n"
                    } else {
                        "  File: \"%n\"\n    ID: %-8i Namelen: %-7l Type: %T\nBlock size: %-10s\nBlocks: Total: %-10b Free: %-10f Available: %a\nInodes: Total: %-10c Free: %d\n"
                    };
                    expand(f, (true, unknown), |d, _| system_directive(d, path, &fs, &fs_type))
                }
            };
            sys.out(text);
            if format.is_some() && !raw {
                sys.out("\n");
            }
            continue;
        }
        let mount = sys.mount_of(path).map(|m| m.at.clone()).unwrap_or_else(|_| "/".into());
        let show = Show { path, stat: &stat, names: &names, zone: &zone, gnu, mount, device: device_of(&stat) };
        let text = match &format {
            Some(format) => expand(format, (raw && gnu, unknown), |d, m| show.directive(d, m)),
            None if parsed.has('t') && gnu => {
                expand("%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o\n", (true, unknown), |d, m| {
                    show.directive(d, m)
                })
            }
            None if parsed.has('t') => {
                expand("%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %o\n", (true, unknown), |d, m| show.directive(d, m))
            }
            None => show.default(),
        };
        sys.out(text);
        if format.is_some() && !(raw && gnu) {
            sys.out("\n");
        }
    }
    Started::Exit(code)
}

/// A number for a disk's device, the same each time.
fn device_of(stat: &Stat) -> u64 {
    let sum = stat.disk.bytes().fold(17_u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(b)));
    sum % 200 + 40
}

struct Show<'a> {
    path: &'a str,
    stat: &'a Stat,
    names: &'a Names,
    zone: &'a Zone,
    gnu: bool,
    mount: String,
    device: u64,
}

impl Show<'_> {
    fn default(&self) -> String {
        let is_device = matches!(self.stat.kind, Kind::CharDevice | Kind::BlockDevice);
        let name = if self.gnu || self.stat.kind == Kind::Link { "%N" } else { "%n" };
        let device = if self.gnu { "%Hd,%Ld\t" } else { "%Dh/%dd\t" };
        let size = "  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\n";
        let links = match (is_device, self.gnu) {
            (true, true) => "%-5h Device type: %Hr,%Lr\n",
            (true, false) => "%-5h Device type: %t,%T\n",
            _ => "%h\n",
        };
        let access = "Access: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\n";
        let times = "Access: %x\nModify: %y\nChange: %z\n";
        let birth = if self.gnu { " Birth: %w\n" } else { "" };
        let device = if self.gnu { device.trim_end_matches('\t').to_string() + "\t" } else { device.to_string() };
        let format =
            format!("  File: {name}\n{size}Device: {device}Inode: %-10i  Links: {links}{access}{times}{birth}");
        let mut format = format;
        if self.gnu {
            // GNU's %N quotes only names that need it here.
            format = format.replace("%N", &self.plain_name());
        }
        expand(&format, (true, None), |d, m| self.directive(d, m))
    }

    fn plain_name(&self) -> String {
        let shown = |n: &str| {
            let plain = n.chars().all(|c| c.is_alphanumeric() || "%+,-./:@_~".contains(c));
            (if plain { n.to_string() } else { quote(n) }).replace('%', "%%")
        };
        match &self.stat.target {
            Some(to) => format!("{} -> {}", shown(self.path), shown(to)),
            None => shown(self.path),
        }
    }

    fn time(&self, time: Time) -> String {
        dates::format("%Y-%m-%d %H:%M:%S.%N %z", time, 0, self.zone, true)
    }

    fn directive(&self, directive: char, modifier: Option<char>) -> Option<Value> {
        use Value::{Number, Text};
        let stat = self.stat;
        let (major, minor) = match stat.kind {
            Kind::CharDevice | Kind::BlockDevice => device_numbers(self.path, stat),
            _ => (0, 0),
        };
        Some(match directive {
            'a' => Value::Octal(u64::from(stat.mode)),
            'A' => Text(mode_string(stat.kind, stat.mode)),
            'b' => Number(stat.usage.div_ceil(512)),
            'B' => Number(512),
            'd' => match modifier {
                Some('H') => Number(0),
                Some('L') => Number(self.device),
                _ => Number(self.device),
            },
            'D' => Value::Hex(self.device),
            'f' => Value::Hex(u64::from(stat.mode | kind_bits(stat.kind))),
            'F' => Text(match stat.kind {
                Kind::File if stat.size == 0 => "regular empty file".into(),
                other => kind_name(other).into(),
            }),
            'g' => Number(u64::from(stat.gid)),
            'G' => Text(self.names.find_group(stat.gid).unwrap_or("UNKNOWN").to_string()),
            'h' => Number(u64::from(stat.links)),
            'i' => Number(stat.ino),
            'm' if self.gnu => Text(self.mount.clone()),
            'n' => Text(self.path.to_string()),
            'N' => Text(match (&stat.target, self.gnu) {
                (Some(to), true) => format!("{} -> {}", quote(self.path), quote(to)),
                (Some(to), false) => format!("'{}' -> '{to}'", self.path),
                (None, true) => quote(self.path),
                (None, false) => self.path.to_string(),
            }),
            'o' => Number(4096),
            'r' if modifier == Some('H') => Number(u64::from(major)),
            'r' if modifier == Some('L') => Number(u64::from(minor)),
            'r' => Number(u64::from(major) * 256 + u64::from(minor)),
            's' => Number(stat.size),
            't' => Value::Hex(u64::from(major)),
            'T' => Value::Hex(u64::from(minor)),
            'u' => Number(u64::from(stat.uid)),
            'U' => Text(self.names.find_user(stat.uid).unwrap_or("UNKNOWN").to_string()),
            'w' | 'x' | 'y' | 'z' => Text(self.time(stat.modified)),
            'W' | 'X' | 'Y' | 'Z' => Value::Seconds(stat.modified),
            'C' => Text("?".into()),
            _ => return None,
        })
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "regular file",
        Kind::Dir => "directory",
        Kind::Link => "symbolic link",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
        Kind::CharDevice => "character special file",
        Kind::BlockDevice => "block special file",
    }
}

fn system_directive(directive: char, path: &str, fs: &FileSystem, fs_type: &str) -> Option<Value> {
    use Value::{Number, Text};
    let (magic, name) = match fs_type {
        "tmpfs" => (0x0102_1994, "tmpfs"),
        "overlay" => (0x794c_7630, "overlayfs"),
        "nfs" | "nfs4" => (0x6969, "nfs"),
        "proc" => (0x9fa0, "proc"),
        "xfs" => (0x5846_5342, "xfs"),
        _ => (0xef53, "ext2/ext3"),
    };
    Some(match directive {
        'a' => Number(fs.available),
        'b' => Number(fs.blocks),
        'c' => Number(fs.files),
        'd' => Number(fs.free_files),
        'f' => Number(fs.free),
        'i' => Text("7eaf9ac67bda4294".into()),
        'l' => Number(255),
        'n' => Text(path.to_string()),
        's' | 'S' => Number(fs.block.max(4096)),
        't' => Value::Hex(magic),
        'T' => Text(name.into()),
        _ => return None,
    })
}

/// What a directive stands for.
enum Value {
    Text(String),
    Number(u64),
    Octal(u64),
    Hex(u64),
    Seconds(Time),
}

/// Fills in a format: `%[flags][width][.precision]directive`; with `escapes`, backslashes too.
fn expand(
    format: &str,
    (escapes, unknown): (bool, Option<char>),
    value: impl Fn(char, Option<char>) -> Option<Value>,
) -> String {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && escapes {
            match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('a') => out.push('\x07'),
                Some('r') => out.push('\r'),
                Some('0') => out.push('\0'),
                Some('\\') => out.push('\\'),
                Some('"') => out.push('"'),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            }
            continue;
        }
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = String::new();
        while let Some(f) = chars.next_if(|c| "-+ #0123456789.'".contains(*c)) {
            spec.push(f);
        }
        let Some(mut directive) = chars.next() else {
            out.push('%');
            break;
        };
        if directive == '%' {
            out.push('%');
            continue;
        }
        let mut modifier = None;
        if (directive == 'H' || directive == 'L') && chars.peek().is_some_and(|c| "dr".contains(*c)) {
            modifier = Some(directive);
            directive = chars.next().unwrap_or('d');
        }
        let left = spec.contains('-');
        let alternate = spec.contains('#');
        let body = spec.trim_start_matches(['-', '+', ' ', '#', '\'']);
        let zero = body.starts_with('0');
        let (width, precision) = match body.split_once('.') {
            Some((w, p)) => (w, Some(p.parse::<usize>().unwrap_or(0))),
            None => (body, None),
        };
        let width: usize = width.parse().unwrap_or(0).min(4096);
        let text = match value(directive, modifier) {
            None => {
                out.push(unknown.unwrap_or(directive));
                continue;
            }
            Some(Value::Text(text)) => precision.map_or(text.clone(), |p| text.chars().take(p).collect()),
            Some(Value::Number(n)) => n.to_string(),
            Some(Value::Octal(n)) if alternate => format!("0{n:o}"),
            Some(Value::Octal(n)) => format!("{n:o}"),
            Some(Value::Hex(n)) if alternate => format!("0x{n:x}"),
            Some(Value::Hex(n)) => format!("{n:x}"),
            Some(Value::Seconds(time)) => match precision {
                Some(p) => {
                    let nanos = format!("{:09}", time.0.rem_euclid(1000) * 1_000_000);
                    let p = if spec.ends_with('.') { 9 } else { p.min(9) };
                    format!("{}.{}", time.0.div_euclid(1000), &nanos[..p])
                }
                None => time.0.div_euclid(1000).to_string(),
            },
        };
        let padded = match (left, zero) {
            (true, _) => format!("{text:<width$}"),
            (false, true) => format!("{text:0>width$}"),
            (false, false) => format!("{text:>width$}"),
        };
        out.push_str(&padded);
    }
    out
}
