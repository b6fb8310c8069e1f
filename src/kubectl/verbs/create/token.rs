//! `create token`: asks for a token of a service account.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/create/create_token.go`.

use serde_json::{Value, json};

use crate::api::request::{Resource, Verb, WriteOptions};
use crate::api::{Duration, Kind};
use crate::error::Failure;
use crate::kubectl::print::errors::usage;
use crate::kubectl::print::made::OutputArgs;
use crate::kubectl::request::PROGRAM;
use crate::kubectl::session::Session;
use crate::printers::go_order::Order;
use crate::server::Reply;

/// What a token can be bound to.
const KINDS: [&str; 3] = ["Node", "Pod", "Secret"];

/// Request a service account token.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The service account's name
    #[arg(value_name = "SERVICE_ACCOUNT_NAME")]
    names: Vec<String>,
    /// Audience of the requested token
    #[arg(long)]
    audience: Vec<String>,
    /// Kind of an object to bind the token to
    #[arg(long, default_value = "")]
    bound_object_kind: String,
    /// Name of an object to bind the token to
    #[arg(long, default_value = "")]
    bound_object_name: String,
    /// UID of an object to bind the token to
    #[arg(long, default_value = "")]
    bound_object_uid: String,
    /// Requested lifetime of the issued token
    #[arg(long, default_value = "0s", value_parser = Duration::parse)]
    duration: Duration,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs `create token`.
///
/// # Errors
/// kubectl's texts, and the server's refusal.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let [name] = args.names.as_slice() else {
        let text = format!("exactly one NAME is required, got {}", args.names.len());
        return Err(usage(session, "create token", &text));
    };
    let format = args.output.format(session)?;
    check(args, name).map_err(Failure::error)?;
    let resource = Resource::object(&session.key(Kind::ServiceAccount, name)).part("token");
    let options = WriteOptions { field_manager: PROGRAM.to_string(), ..WriteOptions::default() };
    let failed = |text: &str| Failure::error(format!("failed to create token: {text}"));
    let answer = session.client.send(Verb::Create(options, request(args)), resource);
    let Reply::Tree(answer) = answer.map_err(|refused| failed(&refused.message))? else {
        return Err(failed("no token in server response"));
    };
    let token = answer["status"]["token"].as_str().unwrap_or_default();
    if token.is_empty() {
        return Err(failed("no token in server response"));
    }
    if let Some(format) = format {
        session.ui.out(&format.print_struct(&Fields, &answer, args.output.allow_missing_template_keys)?);
        return Ok(());
    }
    let end = if session.ui.is_interactive() { "\n" } else { "" };
    session.ui.out(&format!("{token}{end}"));
    Ok(())
}

/// Mirrors `TokenOptions.Validate`.
fn check(args: &Args, name: &str) -> Result<(), String> {
    let (kind, object, uid) = (&args.bound_object_kind, &args.bound_object_name, &args.bound_object_uid);
    let refusal = if name.is_empty() {
        "service account name is required"
    } else if args.duration < Duration::ZERO {
        "--duration must be greater than or equal to 0"
    } else if Duration::secs(args.duration.as_secs()) != args.duration {
        "--duration cannot be expressed in units less than seconds"
    } else if args.audience.iter().any(String::is_empty) {
        "--audience must not be an empty string"
    } else if kind.is_empty() && !object.is_empty() {
        "--bound-object-name can only be set if --bound-object-kind is provided"
    } else if kind.is_empty() && !uid.is_empty() {
        "--bound-object-uid can only be set if --bound-object-kind is provided"
    } else if !kind.is_empty() && !KINDS.contains(&kind.as_str()) {
        return Err(format!("supported --bound-object-kind values are {}", KINDS.join(", ")));
    } else if !kind.is_empty() && object.is_empty() {
        "--bound-object-name is required if --bound-object-kind is provided"
    } else {
        return Ok(());
    };
    Err(refusal.to_string())
}

fn request(args: &Args) -> Value {
    let audiences = if args.audience.is_empty() { Value::Null } else { json!(args.audience) };
    let mut spec = json!({"audiences": audiences, "expirationSeconds": null, "boundObjectRef": null});
    if args.duration > Duration::ZERO {
        spec["expirationSeconds"] = json!(args.duration.as_secs());
    }
    if !args.bound_object_kind.is_empty() {
        let mut bound = json!({"kind": args.bound_object_kind, "apiVersion": "v1", "name": args.bound_object_name});
        if !args.bound_object_uid.is_empty() {
            bound["uid"] = json!(args.bound_object_uid);
        }
        spec["boundObjectRef"] = bound;
    }
    json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": spec})
}

/// The order of a `TokenRequest`'s fields in Go, and of what is in them.
struct Fields;

impl Order for Fields {
    fn place(&self, name: &str) -> Option<usize> {
        const ORDER: [&str; 14] = [
            "kind",
            "apiVersion",
            "metadata",
            "spec",
            "status",
            "name",
            "namespace",
            "uid",
            "creationTimestamp",
            "audiences",
            "expirationSeconds",
            "boundObjectRef",
            "token",
            "expirationTimestamp",
        ];
        ORDER.iter().position(|field| *field == name)
    }

    fn below(&self, _name: &str) -> Option<&dyn Order> {
        Some(self)
    }
}
