//! The desk of who takes a lesson: a shell, all tools, and `kubectl`.

use super::base::Base;
use super::model::Model;

/// The image of a learner's desk: a shell with all tools, and programs whose work is done outside of the machine.
pub const DESK: &str = "desk.kstate/desk";

/// What it holds.
pub(super) fn model() -> Model {
    let client = crate::machine::tools::client::NAME;
    let mut model = Model::on(Base::Anything).runs(&["/bin/bash"]).file("/etc/bash.bashrc", "PS1=\nPS2=\n");
    for name in ["kubectl", "kstate", "k"] {
        model = model.program(&format!("/usr/local/bin/{name}"), client);
    }
    model.account("learner", 1000, 1000, "/lesson", "/bin/bash").dir("/lesson", 0o755, (1000, 1000))
}
