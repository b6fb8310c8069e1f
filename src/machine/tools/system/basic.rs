//! `echo`, `printf`, `test`, `true`, `false`.

use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::shell::{echo, printf, test};
use crate::machine::tools::Started;

/// `true`
pub(super) fn truth(_: &mut Sys<'_>, _: &[String]) -> Started {
    Started::Exit(0)
}

/// `false`
pub(super) fn falsity(_: &mut Sys<'_>, _: &[String]) -> Started {
    Started::Exit(1)
}

/// `echo`
pub(super) fn echo(sys: &mut Sys<'_>, args: &[String]) -> Started {
    sys.out(echo::text(args.get(1..).unwrap_or_default(), echo::Style::Options));
    Started::Exit(0)
}

/// `printf`
pub(super) fn printf(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let voice = match sys.userland() {
        Userland::Busybox => printf::Voice::Busybox,
        Userland::Gnu => printf::Voice::Coreutils,
    };
    let rest = args.get(1..).unwrap_or_default();
    let rest = if rest.first().is_some_and(|a| a == "--") { &rest[1..] } else { rest };
    let Some(format) = rest.first() else {
        sys.err(match voice {
            printf::Voice::Busybox => "BusyBox v1.36.1 () multi-call binary.\n\nUsage: printf FORMAT [ARG]...\n\nFormat and print ARG(s) according to FORMAT (a-la C printf)\n",
            _ => "printf: missing operand\nTry 'printf --help' for more information.\n",
        });
        return Started::Exit(1);
    };
    let printed = printf::print(format, &rest[1..], voice);
    let mut from = 0;
    for (at, text) in &printed.errors {
        sys.out(&printed.out[from..*at]);
        from = *at;
        sys.err(format!("printf: {text}\n"));
    }
    sys.out(&printed.out[from..]);
    Started::Exit(printed.code)
}

/// `test` and `[`
pub(super) fn test(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let name = args.first().map_or("test", |a| a.rsplit('/').next().unwrap_or("test"));
    let (name, mut rest) = (name.to_string(), args.get(1..).unwrap_or_default());
    let voice = match sys.userland() {
        Userland::Busybox => test::Voice::Busybox,
        Userland::Gnu => test::Voice::Coreutils,
    };
    if name == "[" {
        match rest.split_last() {
            Some((last, before)) if last == "]" => rest = before,
            _ => {
                sys.err(if voice == test::Voice::Busybox { "[: missing ]\n" } else { "[: missing ']'\n" });
                return Started::Exit(2);
            }
        }
    }
    match test::evaluate(sys, rest, voice, &test::Nobody) {
        Ok(result) => Started::Exit(u8::from(!result)),
        Err(text) => {
            sys.err(format!("{name}: {text}\n"));
            Started::Exit(2)
        }
    }
}
