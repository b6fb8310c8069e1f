//! `truncate`, `fallocate`, `shred`, `mktemp`.

use crate::machine::errno::Errno;
use crate::machine::kernel::{OpenOptions, Sys};
use crate::machine::tools::Started;
use crate::machine::tools::common::{
    fail, is_gnu, join, missing_operand, misuse, parse, parse_size, quote, say, tool_name,
};
use crate::machine::tools::options::Spec;

/// `truncate [-c] -s SIZE FILE...`
pub(super) fn truncate(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("no-create", 'c'), ("size", 's'), ("reference", 'r'), ("io-blocks", 'o')];
    let parsed = match parse(sys, args, Spec::new(if is_gnu(sys) { "cs:r:o" } else { "cs:" }, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let size = match (parsed.value('s'), parsed.value('r')) {
        (Some(text), _) => {
            let operator = text.chars().next().filter(|c| "+-<>/%".contains(*c) && is_gnu(sys));
            let number = operator.map_or(text, |_| &text[1..]);
            let Some(number) = parse_size(number) else {
                let text = format!("Invalid number: {}", quote(text));
                say(sys, args, &text, &format!("invalid number '{number}'"));
                return Started::Exit(1);
            };
            (operator, number)
        }
        (None, Some(path)) => match sys.stat(path) {
            Ok(stat) => (None, stat.size),
            Err(fault) => {
                fail(sys, args, &format!("cannot stat {}", quote(path)), path, fault);
                return Started::Exit(1);
            }
        },
        _ if is_gnu(sys) => return misuse(sys, args, "you must specify either '--size' or '--reference'", 1),
        _ => return missing_operand(sys, args),
    };
    if parsed.rest.is_empty() {
        return if is_gnu(sys) { misuse(sys, args, "missing file operand", 1) } else { missing_operand(sys, args) };
    }
    let mut code = 0;
    for path in &parsed.rest {
        let how = OpenOptions { write: true, read: false, create: !parsed.has('c'), ..OpenOptions::READ };
        let result = sys.open(path, how).and_then(|fd| {
            let old = sys.fstat(fd)?.size;
            let number = size.1;
            let len = match size.0 {
                Some('+') => old.saturating_add(number),
                Some('-') => old.saturating_sub(number),
                Some('<') => old.min(number),
                Some('>') => old.max(number),
                Some('/') if number > 0 => old / number * number,
                Some('%') if number > 0 => old.div_ceil(number) * number,
                _ => number,
            };
            let cut = sys.ftruncate(fd, len);
            let _ = sys.close(fd);
            cut
        });
        match result {
            Err(Errno::NoEnt) if parsed.has('c') => {}
            Err(fault) => {
                let gnu = match fault {
                    Errno::NoSpace | Errno::FileTooBig => {
                        format!("failed to truncate {} at {} bytes", quote(path), size.1)
                    }
                    _ => format!("cannot open {} for writing", quote(path)),
                };
                fail(sys, args, &gnu, &format!("{path}: open"), fault);
                code = 1;
            }
            Ok(()) => {}
        }
    }
    Started::Exit(code)
}

/// `fallocate [-l SIZE] [-o OFFSET] FILE`
pub(super) fn fallocate(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("l:o:nv", &[("length", 'l'), ("offset", 'o'), ("keep-size", 'n')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let (Some(length), Some(path)) = (parsed.value('l').and_then(parse_size), parsed.rest.first()) else {
        let text = if parsed.value('l').is_none() { "no length argument specified" } else { "no filename specified" };
        say(sys, args, text, text);
        return Started::Exit(1);
    };
    let end = parsed.value('o').and_then(parse_size).unwrap_or(0).saturating_add(length);
    let how = OpenOptions { write: true, read: true, create: true, ..OpenOptions::READ };
    let made = sys.open(path, how).and_then(|fd| {
        let old = sys.fstat(fd)?.size;
        let done = if old >= end { Ok(()) } else { sys.fallocate(fd, end) };
        let _ = sys.close(fd);
        done
    });
    match made {
        Ok(()) => Started::Exit(0),
        Err(fault) => {
            let failed = if fault == Errno::NoSpace { "fallocate failed" } else { &format!("cannot open {path}") };
            fail(sys, args, failed, &format!("fallocate '{path}'"), fault);
            Started::Exit(1)
        }
    }
}

/// `mktemp [-dqtu] [-p FOLDER] [TEMPLATE]`
pub(super) fn mktemp(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("directory", 'd'), ("quiet", 'q'), ("dry-run", 'u'), ("tmpdir", 'π'), ("suffix", 'σ')];
    let parsed = match parse(sys, args, Spec::new("dqtup:π::σ:", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let template = parsed.rest.first().cloned();
    if parsed.rest.len() > 1 {
        return misuse(sys, args, if is_gnu(sys) { "too many templates" } else { "" }, 1);
    }
    let temporary = sys.env("TMPDIR").filter(|t| !t.is_empty()).unwrap_or("/tmp").to_string();
    let folder = match (parsed.last_of("pπ").and_then(|c| parsed.value(c)), &template) {
        (Some(""), _) => Some(temporary),
        (Some(folder), _) if parsed.has('t') && is_gnu(sys) && sys.env("TMPDIR").is_some() => {
            let _ = folder;
            Some(temporary)
        }
        (Some(folder), _) => Some(folder.to_string()),
        (None, None) => Some(temporary),
        (None, Some(_)) if parsed.has('t') => Some(temporary),
        (None, Some(_)) => None,
    };
    let suffix = parsed.value('σ').unwrap_or("");
    let template = template.unwrap_or_else(|| if is_gnu(sys) { "tmp.XXXXXXXXXX" } else { "tmp.XXXXXX" }.into());
    let (head, tail) = match template.rfind('X') {
        Some(at) => (&template[..=at], format!("{}{suffix}", &template[at + 1..])),
        None => (template.as_str(), suffix.to_string()),
    };
    let stem = head.trim_end_matches('X');
    let wanted = head.len() - stem.len();
    let least = if is_gnu(sys) { 3 } else { 6 };
    if wanted < least || !is_gnu(sys) && !tail.is_empty() {
        if !parsed.has('q') {
            let gnu = format!("too few X's in template {}", quote(&template));
            let name = tool_name(sys, args);
            let text = if is_gnu(sys) { gnu } else { format!("(null): {}", sys.text(Errno::Invalid)) };
            sys.err(format!("{name}: {text}\n"));
        }
        return Started::Exit(1);
    }
    let letters: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    for _ in 0..100 {
        let random = if is_gnu(sys) { wanted } else { 6 };
        let mut name = stem.to_string() + &"X".repeat(wanted - random);
        for _ in 0..random {
            let at = (sys.random() % letters.len() as u64) as usize;
            name.push(char::from(letters[at]));
        }
        name.push_str(&tail);
        let path = folder.as_ref().map_or(name.clone(), |f| join(f, &name));
        let made = if parsed.has('u') {
            match sys.lstat(&path) {
                Ok(_) => Err(Errno::Exist),
                Err(_) => Ok(()),
            }
        } else if parsed.has('d') {
            sys.mkdir(&path, 0o700)
        } else {
            let how = OpenOptions { exclusive: true, mode: 0o600, read: true, ..OpenOptions::WRITE };
            sys.open(&path, how).map(|fd| {
                let _ = sys.close(fd);
            })
        };
        match made {
            Ok(()) => {
                sys.out(format!("{path}\n"));
                return Started::Exit(0);
            }
            Err(Errno::Exist) => {}
            Err(fault) => {
                let shown = folder.as_ref().map_or(template.clone(), |f| join(f, &template));
                if !parsed.has('q') {
                    let what = if parsed.has('d') { "directory" } else { "file" };
                    let gnu = format!("failed to create {what} via template {}", quote(&shown));
                    fail(sys, args, &gnu, "(null)", fault);
                }
                return Started::Exit(1);
            }
        }
    }
    Started::Exit(1)
}

/// `shred [-uz] [-n TIMES] FILE...`
pub(super) fn shred(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("remove", 'u'), ("zero", 'z'), ("iterations", 'n'), ("force", 'f'), ("size", 's'), ("verbose", 'v')];
    let parsed = match parse(sys, args, Spec::new("fuzn:s:vx", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return if is_gnu(sys) { misuse(sys, args, "missing file operand", 1) } else { missing_operand(sys, args) };
    }
    let mut code = 0;
    for path in &parsed.rest {
        let how = OpenOptions { write: true, read: false, ..OpenOptions::READ };
        let done = sys.open(path, how).and_then(|fd| {
            let size = sys.fstat(fd)?.size.min(1 << 20);
            let bytes: Vec<u8> = match parsed.has('z') {
                true => vec![0; size as usize],
                false => (0..size).map(|_| sys.random() as u8).collect(),
            };
            let written = sys.write(fd, &bytes);
            let _ = sys.close(fd);
            written?;
            if parsed.has('u') { sys.unlink(path) } else { Ok(()) }
        });
        if let Err(fault) = done {
            say(
                sys,
                args,
                &format!("{path}: failed to open for writing: {}", fault.text()),
                &format!("can't open '{path}': {}", fault.text()),
            );
            code = 1;
        }
    }
    Started::Exit(code)
}
