//! A `KSTATE_HOME` of its own for a test, and the binary that works on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a command gave back.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub out: String,
    pub err: String,
    /// None when a signal ended it.
    pub code: Option<i32>,
}

fn answer(output: Output) -> Answer {
    Answer {
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
        code: output.status.code(),
    }
}

/// A folder that goes when it is dropped.
pub struct Home {
    folder: PathBuf,
}

impl Home {
    pub fn new() -> Home {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("home-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(folder.join("work")).expect("a folder");
        Home { folder }
    }

    /// A home with the default cluster on a manual clock.
    pub fn manual() -> Home {
        let home = Home::new();
        home.ok("cluster create --clock manual");
        home
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The state file of the default cluster.
    pub fn state(&self) -> PathBuf {
        self.folder.join("clusters").join("k3d-deadless.db")
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join("work").join(name), text).expect("to write a file");
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kstate"));
        command.args(line.split_whitespace()).current_dir(self.folder.join("work"));
        command
            .env("KSTATE_HOME", &self.folder)
            .env("NO_COLOR", "1")
            .env_remove("KUBECONFIG")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, line: &str) -> Answer {
        answer(self.command(line).output().expect("to run kstate"))
    }

    /// The output of a command that must succeed.
    pub fn ok(&self, line: &str) -> String {
        let answer = self.run(line);
        assert_eq!(answer.code, Some(0), "kstate {line}: {answer:?}");
        answer.out
    }

    /// The same where no file may grow beyond so many blocks of 512 bytes, as on a disk that is full; none without `sh`.
    #[cfg(unix)]
    pub fn run_limited(&self, blocks: u64, line: &str) -> Option<Answer> {
        let mut shell = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_kstate")]).args(line.split_whitespace());
        shell.current_dir(self.folder.join("work")).env("KSTATE_HOME", &self.folder);
        shell.output().ok().map(answer)
    }

    pub fn spawn(&self, line: &str) -> Child {
        self.command(line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("to start kstate")
    }

    /// Everything that the cluster holds, as YAML.
    pub fn everything(&self) -> String {
        let kinds = "nodes,ns,sc,pv,pvc,pods,services,endpoints,endpointslices,sts,deploy,rs,controllerrevisions,\
                     configmaps,serviceaccounts,events,leases";
        self.ok(&format!("get {kinds} -A -o yaml"))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
