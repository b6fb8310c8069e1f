//! `echo`, `true`, `false`.

use crate::machine::kernel::Sys;
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
    sys.out(format!("{}\n", args[1..].join(" ")));
    Started::Exit(0)
}
