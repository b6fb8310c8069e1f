//! `cat`.

use serde::{Deserialize, Serialize};

use super::{Running, runs};
use crate::machine::kernel::{Fd, Input, OpenOptions, Status, Sys, Turn, Wait};
use crate::machine::tools::Started;

/// A `cat` on its way through its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cat {
    /// What is left, the next one last.
    files: Vec<String>,
    open: Option<Fd>,
    code: u8,
}

/// `cat FILE...`
pub(super) fn start(_: &mut Sys<'_>, args: &[String]) -> Started {
    let mut files: Vec<String> = args[1..].iter().rev().filter(|a| *a == "-" || !a.starts_with('-')).cloned().collect();
    if files.is_empty() {
        files.push("-".into());
    }
    runs(Running::Cat(Cat { files, open: None, code: 0 }))
}

impl Cat {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let Some(fd) = self.open else {
            let Some(file) = self.files.pop() else { return Turn::Exit(Status::Code(self.code)) };
            let opened = if file == "-" { Ok(0) } else { sys.open(&file, OpenOptions::READ) };
            match opened {
                Ok(fd) => self.open = Some(fd),
                Err(fault) => self.fail(sys, &file, fault),
            }
            return Turn::Again;
        };
        match sys.read(fd, 65536) {
            Ok(Input::Bytes(bytes)) => sys.out(bytes),
            Ok(Input::Wait) => return Turn::Wait(Wait::input(fd)),
            Ok(Input::End) => self.close(sys, fd),
            Err(fault) => {
                let name = sys.open_file(fd).map(|f| f.path.clone()).unwrap_or_default();
                self.fail(sys, &name, fault);
                self.close(sys, fd);
            }
        }
        Turn::Again
    }

    fn close(&mut self, sys: &mut Sys<'_>, fd: Fd) {
        self.open = None;
        if fd != 0 {
            let _ = sys.close(fd);
        }
    }

    fn fail(&mut self, sys: &mut Sys<'_>, name: &str, fault: crate::machine::errno::Errno) {
        let text = sys.text(fault);
        sys.err(format!("cat: can't open '{name}': {text}\n"));
        self.code = 1;
    }
}
