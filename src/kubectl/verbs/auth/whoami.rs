//! `auth whoami`: who the server takes one for.

use serde_json::Value;

use crate::api::Kind;
use crate::error::{Failure, Reason};
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::printers::table::{Column, Options, Row, Table, print};

/// Experimental: Check self subject attributes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut printer = match args.output.is_given() {
        true => Some(ObjectPrinter::new(&args.output, DryRun::None, session)?),
        false => None,
    };
    let review =
        super::review(session, Kind::SelfSubjectReview, Value::Null).map_err(|refused| match refused.reason {
            Reason::Forbidden => Failure::error(
                "the selfsubjectreviews API is not enabled in the cluster or you do not have permission to call it",
            ),
            Reason::NotFound => Failure::error("the selfsubjectreviews API is not enabled in the cluster"),
            _ => refused.into(),
        })?;
    if let Some(printer) = &mut printer {
        return Ok(printer.print_struct(Kind::SelfSubjectReview, &review, "", session)?);
    }
    let info = &review["status"]["userInfo"];
    let mut rows = Vec::new();
    let mut add = |attribute: &str, value: String| {
        rows.push(Row { cells: vec![attribute.to_string(), value], ..Row::default() });
    };
    for (attribute, field) in [("Username", "username"), ("UID", "uid")] {
        if let Some(value) = info[field].as_str().filter(|v| !v.is_empty()) {
            add(attribute, value.to_string());
        }
    }
    if let Some(groups) = info["groups"].as_array().filter(|g| !g.is_empty()) {
        add("Groups", go_list(groups));
    }
    for (key, values) in info["extra"].as_object().into_iter().flatten() {
        add(&format!("Extra: {key}"), go_list(values.as_array().map(Vec::as_slice).unwrap_or_default()));
    }
    let table = Table { columns: ["ATTRIBUTE", "VALUE"].map(Column::new).to_vec(), rows };
    session.ui.out(&print(&table, &Options::default()));
    Ok(())
}

fn go_list(values: &[Value]) -> String {
    format!("[{}]", values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
}
