//! What `psql` shows for its own commands: `\l`, `\d`, `\dt`, `\du`, `\c`.
//!
//! Facts: PostgreSQL's manual; what psql prints.

use super::{Client, Postgres};
use crate::machine::images::sql::{Table, Wire};

/// A table as psql shows it: its name, its columns, its rows, and what stands below it.
fn titled(title: &str, columns: &[&str], rows: Vec<Vec<String>>, footer: Option<String>) -> Wire {
    let columns = columns.iter().map(|name| ((*name).to_string(), false)).collect();
    let rows = rows.into_iter().map(|row| row.into_iter().map(Some).collect()).collect();
    Wire::Titled(title.to_string(), columns, rows, footer)
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_string()).collect()
}

impl Postgres {
    /// The answer to a command of psql's own; none for a statement.
    pub(super) fn backslash(&self, client: &mut Client, text: &str) -> Option<Wire> {
        let text = text.trim().strip_prefix('\\')?;
        let (command, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let argument = argument.trim().trim_matches('"');
        Some(match (command.trim_end_matches('+'), argument) {
            ("l", "") => self.databases(),
            ("dt" | "d", "") => self.relations(client),
            ("dt" | "d", name) => self.relation(client, name, command.starts_with("dt")),
            ("du" | "dg", _) => self.roles(),
            ("c" | "connect", "") => Wire::Uses(client.database.clone()),
            ("c" | "connect", name) if self.store.databases.all.contains_key(name) => {
                client.database = name.to_string();
                Wire::Uses(client.database.clone())
            }
            ("c" | "connect", name) => Wire::Failed(format!(
                "connection to server on socket \"{}\" failed: FATAL:  database \"{name}\" does not exist\nPrevious connection kept",
                super::SOCKET
            )),
            _ => Wire::Failed(format!("invalid command \\{command}\nTry \\? for help.")),
        })
    }

    fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|v| v.parse().ok()).unwrap_or(17)
    }

    fn databases(&self) -> Wire {
        let of_template = "=c/postgres\npostgres=CTc/postgres";
        let rows = self.store.databases.all.keys().map(|name| {
            let rights = if name.starts_with("template") { of_template } else { "" };
            let mut row = owned(&[name, "postgres", "UTF8"]);
            row.extend(owned(match self.major() {
                ..15 => &["en_US.utf8", "en_US.utf8"],
                15 => &["en_US.utf8", "en_US.utf8", "", "libc"],
                _ => &["libc", "en_US.utf8", "en_US.utf8", "", ""],
            }));
            row.push(rights.to_string());
            row
        });
        let columns: &[&str] = match self.major() {
            ..15 => &["Name", "Owner", "Encoding", "Collate", "Ctype", "Access privileges"],
            15 => {
                &["Name", "Owner", "Encoding", "Collate", "Ctype", "ICU Locale", "Locale Provider", "Access privileges"]
            }
            16 => &[
                "Name",
                "Owner",
                "Encoding",
                "Locale Provider",
                "Collate",
                "Ctype",
                "ICU Locale",
                "ICU Rules",
                "Access privileges",
            ],
            _ => &[
                "Name",
                "Owner",
                "Encoding",
                "Locale Provider",
                "Collate",
                "Ctype",
                "Locale",
                "ICU Rules",
                "Access privileges",
            ],
        };
        titled("List of databases", columns, rows.collect(), None)
    }

    fn relations(&self, client: &Client) -> Wire {
        let tables = self.store.databases.all.get(&client.database);
        let rows: Vec<Vec<String>> = tables
            .into_iter()
            .flat_map(|t| t.keys())
            .map(|name| owned(&["public", name, "table", &client.user]))
            .collect();
        if rows.is_empty() {
            return Wire::Done("Did not find any relations.".into(), 0);
        }
        titled("List of relations", &["Schema", "Name", "Type", "Owner"], rows, None)
    }

    fn relation(&self, client: &Client, name: &str, lists: bool) -> Wire {
        let bare = name.strip_prefix("public.").unwrap_or(name).to_ascii_lowercase();
        let table = self.store.databases.all.get(&client.database).and_then(|t| t.get(&bare));
        match table {
            None => Wire::Done(format!("Did not find any relation named \"{name}\"."), 0),
            Some(_) if lists => {
                let row = owned(&["public", &bare, "table", &client.user]);
                titled("List of relations", &["Schema", "Name", "Type", "Owner"], vec![row], None)
            }
            Some(table) => described(&bare, table),
        }
    }

    fn roles(&self) -> Wire {
        let of = |name: &str| match name {
            "postgres" => "Superuser, Create role, Create DB, Replication, Bypass RLS",
            _ => "",
        };
        let is_old = self.major() < 16;
        let rows = self.store.users.keys().map(|name| {
            let mut row = owned(&[name, of(name)]);
            if is_old {
                row.push("{}".into());
            }
            row
        });
        let columns: &[&str] =
            if is_old { &["Role name", "Attributes", "Member of"] } else { &["Role name", "Attributes"] };
        titled("List of roles", columns, rows.collect(), Some(String::new()))
    }
}

/// `\d TABLE`
fn described(name: &str, table: &Table) -> Wire {
    let mut footer = String::new();
    let rows = table.columns.iter().map(|(column, kind)| {
        let lower = kind.to_ascii_lowercase();
        let is_key = lower.contains("primary key");
        let is_serial = lower.contains("serial");
        if is_key {
            footer = format!("Indexes:\n    \"{name}_pkey\" PRIMARY KEY, btree ({column})\n");
        }
        let nullable = if is_key || is_serial || lower.contains("not null") { "not null" } else { "" };
        let default = match lower.split_once("default ") {
            _ if is_serial => format!("nextval('{name}_{column}_seq'::regclass)"),
            Some((_, value)) => match value.split_whitespace().next().unwrap_or_default() {
                "current_timestamp" => "CURRENT_TIMESTAMP".into(),
                value => value.into(),
            },
            None => String::new(),
        };
        vec![column.clone(), type_name(&lower), String::new(), nullable.into(), default]
    });
    let rows = rows.collect();
    let columns = ["Column", "Type", "Collation", "Nullable", "Default"];
    titled(&format!("Table \"public.{name}\""), &columns, rows, Some(footer))
}

/// The full name of a type: `character varying(20)` of `varchar(20) not null`.
fn type_name(kind: &str) -> String {
    let ends = ["not null", "null", "primary key", "default", "unique", "references", "check"];
    let end = ends.iter().filter_map(|word| kind.find(word)).min().unwrap_or(kind.len());
    let kind = kind.get(..end).unwrap_or(kind).trim();
    let (base, size) = match kind.find('(') {
        Some(at) => kind.split_at(at),
        None => (kind, ""),
    };
    let full = match base.trim() {
        "int" | "int4" | "serial" => "integer",
        "int8" | "bigserial" => "bigint",
        "int2" | "smallserial" => "smallint",
        "varchar" => "character varying",
        "char" => "character",
        "bool" => "boolean",
        "decimal" => "numeric",
        "float" | "float8" | "double" => "double precision",
        "float4" => "real",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        other => other,
    };
    format!("{full}{size}")
}
