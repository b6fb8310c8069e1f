//! Objects of one kind as a table, with the columns that the cluster's version has.

use std::sync::Arc;

use super::Server;
use crate::api::table::{ColumnDefinition, Row, Table};
use crate::api::{Kind, Object};
use crate::kinds;

/// The table of some objects of one kind.
pub(super) fn build(server: &Server, kind: Kind, objects: &[Arc<Object>]) -> Table {
    let rules = kinds::rules(kind);
    server.cluster.registry().with_print_context(|context| {
        let shown: Vec<bool> = rules.columns().iter().map(|c| c.exists_in(context.version)).collect();
        let columns = rules.columns().iter().zip(&shown).filter(|(_, shown)| **shown);
        let columns = columns.map(|(c, _)| ColumnDefinition { name: c.name, priority: i32::from(c.wide) }).collect();
        let row = |object: &Arc<Object>| {
            let cells = rules.row(object, context).into_iter().zip(&shown);
            let cells = cells.filter(|(_, shown)| **shown).map(|(cell, _)| cell).collect();
            Row { cells, object: Arc::clone(object) }
        };
        let rows = objects.iter().map(row).collect();
        Table { kind, columns, rows, revision: 0, continue_at: String::new(), remaining: None }
    })
}
