//! `tee`.

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::opts::{self, Arg, Spec};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Fd, OpenOptions, Signal, Sys};
use crate::machine::tools::Started;

/// A `tee` with its open files.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tee {
    files: Vec<(Fd, String)>,
    code: u8,
}

const SPEC: Spec = Spec {
    short: "aip",
    long: &[("append", Arg::No, 'a'), ("ignore-interrupts", Arg::No, 'i'), ("output-error", Arg::Maybe, 'p')],
    code: 1,
};

/// `tee [-ai] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let options = match opts::parse(sys, args, &SPEC) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    if options.has('i') {
        sys.set_disposition(Signal::INT, Some(Disposition::Ignore));
    }
    let how = if options.has('a') { OpenOptions::APPEND } else { OpenOptions::WRITE };
    let mut tee = Tee::default();
    for name in &options.operands {
        match sys.open(name, how) {
            Ok(fd) => tee.files.push((fd, name.clone())),
            Err(fault) => {
                let text = sys.text(fault);
                sys.err(format!("tee: {name}: {text}\n"));
                tee.code = 1;
            }
        }
    }
    filter(sys, "tee", &[], Kind::Tee(tee)).direct().start()
}

impl Filter for Tee {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn bytes(&mut self, io: &mut Io<'_, '_>, bytes: Vec<u8>) -> Flow {
        let mut failed = Vec::new();
        for (fd, name) in &self.files {
            if let Err(fault) = io.sys.write(*fd, &bytes) {
                let text = io.sys.text(fault);
                io.sys.err(format!("tee: {name}: {text}\n"));
                failed.push(*fd);
                self.code = 1;
            }
        }
        self.files.retain(|(fd, _)| !failed.contains(fd));
        io.out.put(bytes);
        Flow::More
    }

    fn end(&mut self, _io: &mut Io<'_, '_>) -> u8 {
        self.code
    }
}
