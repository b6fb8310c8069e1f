//! A lesson's own cluster, served for a real kubectl.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Result;

use crate::cli::home::failed;
use crate::cli::lesson::shell::LessonShell;
use crate::error::Failure;
use crate::host::moment::{Stopwatch, rest};
use crate::host::temporary::Passing;
use crate::lessons::model::Lesson;
use crate::ui::Ui;

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(20);

/// A lesson's cluster behind a server of its own.
pub(super) struct Served {
    pub(super) home: Passing,
    pub(super) exe: PathBuf,
    server: Child,
}

impl Served {
    pub(super) fn start(lesson: &Lesson, ui: &Ui) -> Result<Served> {
        let home = Passing::folder("kstate-served-").map_err(|e| failed("a folder for the cluster".into(), &e))?;
        let unmade = |e: &std::io::Error| failed("the lesson's cluster can't be made".into(), e);
        let clusters = home.path().join("clusters");
        let files = home.path().join("files");
        [&clusters, &files].into_iter().try_for_each(std::fs::create_dir).map_err(|e| unmade(&e))?;
        drop(LessonShell::on_disk(lesson, &clusters.join("k3d-deadless.db"), files, ui)?);
        let exe = std::env::current_exe().map_err(|e| failed("kstate's own file is not found".into(), &e))?;
        let kubeconfig = home.path().join("kubeconfig");
        let mut command = Command::new(&exe);
        command.args(["serve", "--port", "0", "--kubeconfig"]).arg(&kubeconfig).env("KSTATE_HOME", home.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().map_err(|e| failed("kstate serve can't be started".into(), &e))?;
        let served = Served { home, exe, server };
        let began = Stopwatch::start();
        while !std::fs::metadata(&kubeconfig).is_ok_and(|file| file.len() > 0) {
            if began.passed() > START {
                return Err(Failure::error("kstate serve does not listen").into());
            }
            rest(Duration::from_millis(10));
        }
        Ok(served)
    }

    /// A command that means this cluster.
    pub(super) fn own(&self) -> Command {
        let mut command = Command::new(&self.exe);
        command.env("KSTATE_HOME", self.home.path()).stdin(Stdio::null());
        command
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // OBSERVATION: it may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
