//! `bc` and `dc`.

mod dc;
mod decimal;
mod parse;
mod run;

pub use dc::dc;

use super::gather::Call;
use crate::machine::kernel::Sys;

/// `bc [-lqs] FILE...`: all of its input is run at once.
pub fn bc(sys: &mut Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let text = String::from_utf8_lossy(&call.all()).into_owned();
    let mut machine = run::Machine::new(call.options.has('l'));
    let mut errors = String::new();
    let code = machine.run(&text, call.gnu, out, &mut errors);
    sys.err(errors);
    code
}
