//! What a server was told in files of options and on its command line, and the system variables that follow.
//!
//! Facts: MySQL's manual of options and system variables.

use std::collections::BTreeMap;

use super::{Mysql, plain_time};
use crate::machine::images::sql::{self, Wire};
use crate::machine::kernel::Sys;

/// Where files of options lie.
const FOLDERS: [&str; 3] = ["/etc/mysql/conf.d", "/etc/mysql/mysql.conf.d", "/etc/my.cnf.d"];

/// The options of `[mysqld]` in the files, then those of the command line.
pub(super) fn options(sys: &mut Sys<'_>, args: &[String]) -> BTreeMap<String, String> {
    let mut files = vec!["/etc/my.cnf".to_string(), "/etc/mysql/my.cnf".to_string()];
    for folder in FOLDERS {
        let mut names: Vec<String> = sys.read_dir(folder).unwrap_or_default().into_iter().map(|(n, _)| n).collect();
        names.sort();
        files.extend(names.into_iter().filter(|n| n.ends_with(".cnf")).map(|n| format!("{folder}/{n}")));
    }
    let mut all = BTreeMap::new();
    let mut add = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        all.insert(name.trim().replace('-', "_"), value.trim().trim_matches('"').to_string());
    };
    for file in files {
        let Ok(bytes) = sys.read_file(&file) else { continue };
        let mut ours = false;
        for line in String::from_utf8_lossy(&bytes).lines().map(str::trim) {
            match line.strip_prefix('[') {
                Some(group) => ours = matches!(group.trim_end_matches(']'), "mysqld" | "server" | "mariadb"),
                None if ours && !line.is_empty() && !line.starts_with(['#', ';', '!']) => add(line),
                None => {}
            }
        }
    }
    args.iter().filter_map(|a| a.strip_prefix("--")).for_each(add);
    all
}

impl Mysql {
    /// Whether an option is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.options.get(name).is_some_and(|v| !matches!(v.to_ascii_lowercase().as_str(), "0" | "off" | "false"))
    }

    /// The number of the version: 5.7 is 507.
    pub(super) fn age(&self) -> u32 {
        let mut parts = self.version.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
        parts.next().unwrap_or(8) * 100 + parts.next().unwrap_or(0)
    }

    /// Why a client may not write.
    pub(super) fn read_only(&self) -> Option<String> {
        // Root may write where it is read-only alone.
        self.is_on("super_read_only").then(|| {
            "ERROR 1290 (HY000) at line 1: The MySQL server is running with the --super-read-only option so it cannot execute this statement".into()
        })
    }

    fn variable(&self, sys: &Sys<'_>, name: &str) -> Option<String> {
        let name = name.trim_start_matches("@@").trim_start_matches("global.").trim_start_matches("session.");
        let switch = |on: bool| u8::from(on).to_string();
        Some(match name {
            "server_id" => self
                .options
                .get("server_id")
                .cloned()
                .unwrap_or_else(|| if self.age() < 800 { "0".into() } else { "1".into() }),
            "hostname" => sys.sandbox.hostname.clone(),
            "version" => self.full_version(),
            "version_comment" => "MySQL Community Server (GPL)".into(),
            "server_uuid" => self.uuid.clone(),
            "port" => "3306".into(),
            "datadir" => "/var/lib/mysql/".into(),
            "log_bin" => switch(self.logs()),
            "read_only" => switch(self.is_on("read_only") || self.is_on("super_read_only")),
            "super_read_only" => switch(self.is_on("super_read_only")),
            "max_connections" => "151".into(),
            "autocommit" => "1".into(),
            other => self.options.get(other).cloned()?,
        })
    }

    fn full_version(&self) -> String {
        if self.age() < 800 && self.logs() { format!("{}-log", self.version) } else { self.version.clone() }
    }

    /// Answers a `SELECT` of variables and functions alone, and `SHOW VARIABLES LIKE`.
    pub(super) fn variables(&self, sys: &Sys<'_>, text: &str) -> Option<Wire> {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("show variables") || lower.starts_with("show global variables") {
            let wanted = text.split('\'').nth(1)?;
            let rows = match self.variable(sys, wanted) {
                Some(value) => {
                    let is_switch = matches!(wanted, "log_bin" | "read_only" | "super_read_only" | "autocommit");
                    let value = match value.as_str() {
                        "1" if is_switch => "ON".into(),
                        "0" if is_switch => "OFF".into(),
                        _ => value,
                    };
                    vec![vec![Some(wanted.to_string()), Some(value)]]
                }
                None => Vec::new(),
            };
            return Some(sql::rows(vec!["Variable_name".into(), "Value".into()], rows));
        }
        let items = text.get(..7).filter(|w| w.eq_ignore_ascii_case("select ")).and_then(|_| text.get(7..))?;
        if !lower.contains("@@") && !lower.contains("version()") && !lower.contains("now()") || lower.contains(" from ")
        {
            return None;
        }
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for item in items.split(',').map(str::trim) {
            let (item, name) = match item.to_ascii_lowercase().find(" as ") {
                Some(at) => (item[..at].trim(), item[at + 4..].trim().trim_matches(['`', '\'', '"'])),
                None => (item, item),
            };
            let value = match item.to_ascii_lowercase().as_str() {
                "now()" | "current_timestamp()" | "current_timestamp" => plain_time(sys.now()),
                "version()" => self.full_version(),
                "user()" => "root@localhost".into(),
                variable if variable.starts_with("@@") => match self.variable(sys, variable) {
                    Some(value) => value,
                    None => {
                        let name = variable.trim_start_matches("@@");
                        return Some(Wire::Failed(format!(
                            "ERROR 1193 (HY000) at line 1: Unknown system variable '{name}'"
                        )));
                    }
                },
                number if number.parse::<f64>().is_ok() => number.into(),
                text if text.starts_with('\'') => item.trim_matches('\'').into(),
                _ => return None,
            };
            names.push(name.to_string());
            values.push(Some(value));
        }
        Some(sql::rows(names, vec![values]))
    }
}
