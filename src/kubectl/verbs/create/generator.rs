//! What all generators of `create` share: one NAME, the flags, and the way of the object to the server.

use serde_json::{Value, json};

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::print::errors::{Fault, usage};
use crate::kubectl::print::made::{self, MakeArgs, ObjectPrinter};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;

/// The arguments of every generator.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// The name of the new object
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The command, for those that run one
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    make: MakeArgs,
    /// Must be one of: strict (or true), warn, ignore (or false)
    #[arg(long, default_value = "strict")]
    validate: String,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-create")]
    field_manager: String,
}

/// A generator at work: its flags are read.
pub struct Generator<'a> {
    /// The object's name.
    pub name: String,
    /// What stands after `--`.
    pub command: &'a [String],
    printer: ObjectPrinter,
    validate: Validate,
    save_config: bool,
    manager: &'a str,
}

impl Common {
    /// Reads the flags. `path` is the command as it is known, `create configmap`.
    ///
    /// # Errors
    /// kubectl's texts.
    pub fn start(&self, path: &str, session: &Session<'_>) -> Result<Generator<'_>, Failure> {
        let [name] = self.names.as_slice() else {
            let text = format!("exactly one NAME is required, got {}", self.names.len());
            return Err(usage(session, path, &text));
        };
        Ok(Generator {
            name: name.clone(),
            command: &self.command,
            printer: ObjectPrinter::new(&self.make.output, DryRun::parse(&self.make.dry_run)?, session)?,
            validate: Validate::parse(&self.validate)?,
            save_config: self.make.save_config,
            manager: &self.field_manager,
        })
    }
}

impl Generator<'_> {
    /// The same, which notes nothing for `apply` whatever `--save-config` says.
    pub fn without_last_applied(self) -> Self {
        Generator { save_config: false, ..self }
    }

    /// Refuses an empty name, for those that look at it themselves.
    ///
    /// # Errors
    /// kubectl's text.
    pub fn require_name(&self) -> Result<(), Failure> {
        if self.name.is_empty() { Err(Failure::error("name must be specified")) } else { Ok(()) }
    }

    /// Creates the object and prints it. `failed` is what kubectl puts before a refusal, which then loses its reason;
    /// without it the refusal is printed as the server's own.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn finish(
        mut self,
        session: &mut Session<'_>,
        kind: Kind,
        mut tree: Value,
        failed: Option<&str>,
    ) -> Result<(), Failure> {
        if !self.name.is_empty() && tree["metadata"]["name"].is_null() {
            tree["metadata"]["name"] = json!(self.name);
        }
        made::as_client(kind, &mut tree, session);
        if self.save_config {
            made::save_config(kind, &mut tree);
        }
        let writing = Writing::by(self.manager).dry_run(self.printer.dry_run()).validate(self.validate);
        let made = made::create(session, kind, &tree, &writing);
        let tree = made.map_err(|fault| match (fault, failed) {
            (Fault::Api(e), Some(failed)) => Fault::plain(format!("{failed}{}", e.message)),
            (fault, _) => fault,
        })?;
        Ok(self.printer.print_struct(kind, &tree, "created", session)?)
    }
}
