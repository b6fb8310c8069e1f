//! `dd`.

use serde::{Deserialize, Serialize};

use super::{Running, runs};
use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::kernel::files::On;
use crate::machine::kernel::sys::Seek;
use crate::machine::kernel::{Fd, Input, OpenOptions, Status, Sys, Turn, Wait};
use crate::machine::tools::Started;
use crate::machine::tools::common::{fail, is_gnu, misuse, parse_size, quote, say};

/// How much is copied in a step.
const CHUNK: u64 = 1 << 16;

/// A `dd` that copies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dd {
    args: Vec<String>,
    input: Fd,
    output: Fd,
    of: String,
    ibs: u64,
    obs: u64,
    /// Blocks, or bytes with `iflag=count_bytes`, that are left to read.
    count: Option<u64>,
    count_bytes: bool,
    skip: u64,
    fullblock: bool,
    pad: bool,
    swab: bool,
    upper: Option<bool>,
    quiet: bool,
    no_rate: bool,
    append: bool,
    began: Time,
    /// Bytes of the record that is being read.
    partial: u64,
    records_in: (u64, u64),
    out: u64,
    records_out: (u64, u64),
}

fn number(text: &str) -> Option<u64> {
    text.split('x').try_fold(1_u64, |product, part| product.checked_mul(parse_size(part)?))
}

/// `dd [if=FILE] [of=FILE] [bs=N] [count=N] [skip=N] [seek=N] [conv=...]`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = is_gnu(sys);
    let mut dd = Dd {
        args: args.to_vec(),
        input: 0,
        output: 1,
        of: "standard output".into(),
        ibs: 512,
        obs: 512,
        count: None,
        count_bytes: false,
        skip: 0,
        fullblock: false,
        pad: false,
        swab: false,
        upper: None,
        quiet: false,
        no_rate: false,
        append: false,
        began: sys.now(),
        partial: 0,
        records_in: (0, 0),
        out: 0,
        records_out: (0, 0),
    };
    let (mut from, mut seek, mut block) = (None, 0, None);
    let mut to: Option<String> = None;
    let (mut truncate, mut create, mut exclusive) = (true, true, false);
    let (mut skip_bytes, mut seek_bytes) = (false, false);
    for arg in &args[1..] {
        if arg == "--help" {
            return misuse(sys, args, "", 0);
        }
        let Some((key, value)) = arg.split_once('=') else {
            return misuse(
                sys,
                args,
                if gnu { format!("unrecognized operand {}", quote(arg)) } else { String::new() }.as_str(),
                1,
            );
        };
        let numeric = matches!(key, "bs" | "ibs" | "obs" | "cbs" | "count" | "skip" | "iseek" | "seek" | "oseek");
        let (value, bytes) = match value.strip_suffix('B').filter(|v| gnu && v.ends_with(|c: char| c.is_ascii_digit()))
        {
            Some(short) if matches!(key, "count" | "skip" | "seek" | "iseek" | "oseek") => (short, true),
            _ => (value, false),
        };
        let n = if gnu { number(value) } else { parse_size(value) };
        if numeric && (n.is_none() || n == Some(0) && key.ends_with("bs")) {
            let busybox = match n {
                Some(0) => "number 0 is not in 1..9223372036854775807 range".to_string(),
                _ => format!("invalid number '{value}'"),
            };
            say(sys, args, &format!("invalid number: {}", quote(value)), &busybox);
            return Started::Exit(1);
        }
        let n = n.unwrap_or(0);
        match key {
            "if" => from = Some(value.to_string()),
            "of" => to = Some(value.to_string()),
            "bs" => block = Some(n),
            "ibs" => dd.ibs = n,
            "obs" => dd.obs = n,
            "cbs" => {}
            "count" => (dd.count, dd.count_bytes) = (Some(n), dd.count_bytes || bytes),
            "skip" | "iseek" => (dd.skip, skip_bytes) = (n, skip_bytes || bytes),
            "seek" | "oseek" => (seek, seek_bytes) = (n, seek_bytes || bytes),
            "status" => match value {
                "none" => dd.quiet = true,
                "noxfer" => dd.no_rate = true,
                "progress" if gnu => {}
                other => {
                    return misuse(sys, args, &format!("invalid status level: {}", quote(other)), 1);
                }
            },
            "conv" | "iflag" | "oflag" => {
                for flag in value.split(',') {
                    match flag {
                        "notrunc" => truncate = false,
                        "nocreat" if gnu => create = false,
                        "excl" if gnu => exclusive = true,
                        "sync" if key == "conv" => dd.pad = true,
                        "swab" => dd.swab = true,
                        "ucase" if gnu => dd.upper = Some(true),
                        "lcase" if gnu => dd.upper = Some(false),
                        "fullblock" => dd.fullblock = true,
                        "count_bytes" => dd.count_bytes = true,
                        "skip_bytes" => skip_bytes = true,
                        "seek_bytes" => seek_bytes = true,
                        "append" => dd.append = true,
                        "fsync" | "fdatasync" | "noerror" | "sparse" | "direct" | "dsync" | "sync" | "nonblock"
                        | "noatime" | "nocache" | "ascii" | "ebcdic" | "block" | "unblock" | "directory" | "noctty"
                        | "nofollow" | "nolinks" => {}
                        other => {
                            let what = match key {
                                "conv" => "conversion",
                                "iflag" => "input flag",
                                _ => "output flag",
                            };
                            let text = format!("invalid {what}: {}", quote(other));
                            return if gnu {
                                misuse(sys, args, &text, 1)
                            } else {
                                say(sys, args, "", &format!("invalid argument '{other}' to '{key}'"));
                                Started::Exit(1)
                            };
                        }
                    }
                }
            }
            _ => {
                let text = if gnu { format!("unrecognized operand {}", quote(arg)) } else { String::new() };
                return misuse(sys, args, &text, 1);
            }
        }
    }
    if let Some(block) = block {
        (dd.ibs, dd.obs) = (block, block);
    }
    if !skip_bytes {
        dd.skip = dd.skip.saturating_mul(dd.ibs);
    }
    let seek = if seek_bytes { seek } else { seek.saturating_mul(dd.obs) };
    let open_fault = |sys: &mut Sys<'_>, path: &str, fault| {
        fail(sys, args, &format!("failed to open {}", quote(path)), &format!("can't open '{path}'"), fault);
        Started::Exit(1)
    };
    if let Some(path) = &from {
        match sys.open(path, OpenOptions::READ) {
            Ok(fd) => dd.input = fd,
            Err(fault) => return open_fault(sys, path, fault),
        }
    }
    if let Some(path) = &to {
        let how =
            OpenOptions { truncate: truncate && seek == 0, create, exclusive, append: dd.append, ..OpenOptions::WRITE };
        match sys.open(path, how) {
            Ok(fd) => dd.output = fd,
            Err(fault) => return open_fault(sys, path, fault),
        }
        dd.of.clone_from(path);
        if truncate && seek > 0 && !dd.append {
            if let Err(fault @ (Errno::NoSpace | Errno::FileTooBig)) = sys.ftruncate(dd.output, seek) {
                fail(
                    sys,
                    args,
                    &format!("failed to truncate to {seek} bytes in output file {}", quote(path)),
                    path,
                    fault,
                );
                return Started::Exit(1);
            }
        }
    }
    if seek > 0 && !dd.append {
        let _ = sys.seek(dd.output, Seek::Start(seek));
    }
    if dd.skip > 0 && sys.seek(dd.input, Seek::Current(i64::try_from(dd.skip).unwrap_or(i64::MAX))).is_ok() {
        dd.skip = 0;
    }
    // Both blocks are held in memory.
    sys.set_memory(dd.ibs.saturating_add(if dd.ibs == dd.obs { 0 } else { dd.obs }).saturating_add(1 << 20));
    runs(Running::Dd(Box::new(dd)))
}

impl Dd {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let done = match self.count {
            Some(count) if self.count_bytes => self.bytes_in() >= count,
            Some(count) => self.records_in.0 + self.records_in.1 >= count,
            None => false,
        };
        if done {
            if self.partial > 0 {
                self.record(false);
            }
            return self.end(sys, 0);
        }
        let mut want = (self.ibs - self.partial).min(CHUNK);
        if let (Some(count), true) = (self.count, self.count_bytes) {
            want = want.min(count - self.bytes_in());
        }
        if self.skip > 0 {
            want = self.skip.min(CHUNK);
        }
        let streams = sys
            .open_file(self.input)
            .is_ok_and(|f| matches!(f.on, On::PipeOut(_) | On::Session(..) | On::Connection(_)));
        match sys.read(self.input, want as usize) {
            Ok(Input::Wait) => Turn::Wait(Wait::input(self.input)),
            Ok(Input::End) => {
                if self.partial > 0 {
                    self.record(false);
                }
                self.end(sys, 0)
            }
            Ok(Input::Bytes(bytes)) if self.skip > 0 => {
                self.skip -= (bytes.len() as u64).min(self.skip);
                Turn::Again
            }
            Ok(Input::Bytes(mut bytes)) => {
                self.partial += bytes.len() as u64;
                let whole = self.partial >= self.ibs;
                // A read from a pipe that gives less is a record of its own.
                let short = !whole && streams && !self.fullblock && (bytes.len() as u64) < want;
                if whole || short {
                    self.record(whole);
                    if self.pad && short {
                        let missing = self.ibs.min(1 << 24) as usize;
                        bytes.resize(missing.max(bytes.len()), 0);
                    }
                }
                if self.swab {
                    bytes.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
                }
                match self.upper {
                    Some(true) => bytes.make_ascii_uppercase(),
                    Some(false) => bytes.make_ascii_lowercase(),
                    None => {}
                }
                self.write(sys, &bytes)
            }
            Err(fault) => {
                let name = self.input_name();
                fail(sys, &self.args, &format!("error reading {}", quote(&name)), &name, fault);
                if is_gnu(sys) { self.end(sys, 1) } else { Turn::Exit(Status::Code(1)) }
            }
        }
    }

    fn input_name(&self) -> String {
        let of = |a: &String| a.strip_prefix("if=").map(String::from);
        self.args.iter().rev().find_map(of).unwrap_or_else(|| "standard input".into())
    }

    fn bytes_in(&self) -> u64 {
        self.out
    }

    fn record(&mut self, whole: bool) {
        if whole {
            self.records_in.0 += 1;
        } else {
            self.records_in.1 += 1;
            self.records_out.1 += u64::from(self.ibs == self.obs && !self.pad);
        }
        self.partial = 0;
    }

    fn write(&mut self, sys: &mut Sys<'_>, bytes: &[u8]) -> Turn {
        let before = sys.open_file(self.output).map(|f| f.offset).unwrap_or(0);
        match sys.write(self.output, bytes) {
            Ok(()) => {
                self.out += bytes.len() as u64;
                if sys.is_dead() { Turn::Exit(Status::Code(1)) } else { Turn::Again }
            }
            Err(fault) => {
                let after = sys.open_file(self.output).map(|f| f.offset).unwrap_or(before);
                self.out += after.saturating_sub(before);
                if self.partial > 0 {
                    // The block was read before it could not be written.
                    self.record(true);
                }
                let name = self.of.clone();
                let text = if name == "standard output" { "standard output".to_string() } else { name };
                let gnu = format!("error writing {}", quote(&text));
                fail(sys, &self.args, &gnu, &format!("error writing '{text}'"), fault);
                self.end(sys, 1)
            }
        }
    }

    fn end(&mut self, sys: &mut Sys<'_>, code: u8) -> Turn {
        if self.quiet {
            return Turn::Exit(Status::Code(code));
        }
        let (whole, partial) = match self.ibs == self.obs {
            true => ((self.out / self.obs).min(self.records_in.0), self.records_out.1),
            false => (self.out / self.obs, u64::from(!self.out.is_multiple_of(self.obs))),
        };
        let partial = if code != 0 && !self.out.is_multiple_of(self.obs) { 1 } else { partial };
        let mut text =
            format!("{}+{} records in\n{whole}+{partial} records out\n", self.records_in.0, self.records_in.1);
        if !self.no_rate {
            let elapsed = ((sys.now() - self.began).0 as f64 / 1000.0).max(0.000_05 + self.out as f64 / 2.5e9);
            let rate = self.out as f64 / elapsed;
            text.push_str(&if is_gnu(sys) {
                gnu_rate(self.out, elapsed, rate)
            } else {
                busybox_rate(self.out, elapsed, rate)
            });
        }
        sys.err(text);
        Turn::Exit(Status::Code(code))
    }
}

fn gnu_rate(bytes: u64, elapsed: f64, rate: f64) -> String {
    // Bytes as powers of 1000 and of 1024, rounded to the nearest.
    let scaled = |step: f64, units: [&str; 6]| {
        let mut value = bytes as f64;
        let mut unit = 0;
        while value >= step && unit + 1 < units.len() {
            value /= step;
            unit += 1;
        }
        let digits = if value < 9.95 && unit > 0 { 1 } else { 0 };
        format!("{value:.digits$} {}", units[unit])
    };
    let sizes = match bytes {
        0..1000 => String::new(),
        1000..1024 => format!(" ({})", scaled(1000.0, ["B", "kB", "MB", "GB", "TB", "PB"])),
        _ => format!(
            " ({}, {})",
            scaled(1000.0, ["B", "kB", "MB", "GB", "TB", "PB"]),
            scaled(1024.0, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
        ),
    };
    let mut speed = rate;
    let mut unit = 0;
    let units = ["B", "kB", "MB", "GB", "TB"];
    while speed >= 1000.0 && unit + 1 < units.len() {
        speed /= 1000.0;
        unit += 1;
    }
    let speed = match speed {
        _ if bytes == 0 => "0.0 kB/s".to_string(),
        s if s < 9.95 => format!("{s:.1} {}/s", units[unit]),
        s => format!("{s:.0} {}/s", units[unit]),
    };
    let unit = if bytes == 1 { "byte" } else { "bytes" };
    format!("{bytes} {unit}{sizes} copied, {} s, {speed}\n", significant(elapsed))
}

/// Six significant digits, as `%g` prints them.
fn significant(value: f64) -> String {
    if value >= 1e-4 {
        let digits = (6 - 1 - value.log10().floor() as i32).clamp(0, 12) as usize;
        let text = format!("{value:.digits$}");
        return if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text };
    }
    let exponent = value.log10().floor() as i32;
    let mantissa = format!("{:.5}", value / 10_f64.powi(exponent));
    format!("{}e-{:02}", mantissa.trim_end_matches('0').trim_end_matches('.'), -exponent)
}

fn busybox_rate(bytes: u64, elapsed: f64, rate: f64) -> String {
    let short = |n: u64| {
        let text = crate::machine::tools::common::busybox_human(n);
        if n < 1024 { format!("{n}") } else { text }
    };
    format!("{bytes} bytes ({}B) copied, {elapsed:.6} seconds, {}B/s\n", short(bytes), short(rate as u64))
}
