//! `certificate`: says whether requests for certificates shall be signed.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/certificates`.

use crate::api::Typed;
use crate::api::k8s::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestCondition};
use crate::api::request::WriteOptions;
use crate::error::Failure;
use crate::kinds::certificates::certificate_signing_request::{APPROVED, DENIED, conditions, has_condition};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::server::tree_of;

/// Modify certificate resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Approve a certificate signing request
    Approve(Which),
    /// Deny a certificate signing request
    Deny(Which),
}

/// Which requests, and how it is told.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// Names of certificate signing requests
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Update the CSR even if it is already approved or denied
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// A decision: its condition, the one that it excludes, and the words for it.
struct Decision {
    condition: &'static str,
    excludes: &'static str,
    reason: &'static str,
    message: &'static str,
    done: &'static str,
}

const APPROVE: Decision = Decision {
    condition: APPROVED,
    excludes: DENIED,
    reason: "KubectlApprove",
    message: "This CSR was approved by kubectl certificate approve.",
    done: "approved",
};

const DENY: Decision = Decision {
    condition: DENIED,
    excludes: APPROVED,
    reason: "KubectlDeny",
    message: "This CSR was denied by kubectl certificate deny.",
    done: "denied",
};

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.what {
        What::Approve(which) => decide(&which, &APPROVE, session),
        What::Deny(which) => decide(&which, &DENY, session),
    }
}

/// Mirrors `modifyCertificateCondition`.
fn decide(which: &Which, decision: &Decision, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut printer = ObjectPrinter::new(&which.output, DryRun::None, session)?;
    if which.names.is_empty() && which.files.is_empty() {
        return Err(Failure::error("one or more CSRs must be specified as <name> or -f <filename>"));
    }
    let builder = Builder {
        args: &which.names,
        default_type: "certificatesigningrequest",
        files: Some(&which.files),
        continue_on_error: true,
        latest: true,
        ..Builder::default()
    };
    let mut done = 0;
    builder.plan(session)?.visit(session, |info, session| {
        add_condition(&info, which.force, decision, session)?;
        done += 1;
        // What is printed is the request as it was found.
        printer.print(&info.tree, decision.done, session)
    })?;
    if done == 0 {
        session.ui.out("No resources found\n");
    }
    Ok(())
}

/// Mirrors `addConditionIfNeeded`.
fn add_condition(info: &Info, force: bool, decision: &Decision, session: &mut Session<'_>) -> Result<(), Fault> {
    let Some(csr) = info.object.as_ref().and_then(|object| object.get::<CertificateSigningRequest>()) else {
        let (wanted, got) = (CertificateSigningRequest::OF.qualified_kind(), info.kind().qualified_kind());
        return Err(Fault::plain(format!("can only handle {wanted} objects, got {got}")));
    };
    if let Some(other) = conditions(csr).iter().find(|c| c.type_ == decision.excludes) {
        let text = format!("certificate signing request {:?} is already {}", info.name, other.type_);
        return Err(Fault::plain(text));
    }
    let decided = has_condition(csr, decision.condition);
    if decided && !force {
        return Ok(());
    }
    let mut updated = csr.clone();
    if !decided {
        let all = updated.status.get_or_insert_default().conditions.get_or_insert_default();
        all.push(CertificateSigningRequestCondition {
            type_: decision.condition.into(),
            status: "True".into(),
            reason: Some(decision.reason.into()),
            message: Some(decision.message.into()),
            last_update_time: Some(session.client.now().meta()),
            last_transition_time: None,
        });
    }
    session.client.update(info.whole().part("approval"), tree_of(&updated.into_object()), WriteOptions::default())?;
    Ok(())
}
