//! `mysql` and `mysqladmin`: the clients.
//!
//! Facts: MySQL's manual, and what the clients print.

use serde::{Deserialize, Serialize};

use crate::machine::errno::Errno;
use crate::machine::images::sql::{self, Wire};
use crate::machine::images::typed::{Ends, Statements};
use crate::machine::images::{Begun, Server, find};
use crate::machine::kernel::{Fd, Input, Signal, Status, Sys, Turn};
use crate::machine::net::resolver;

/// A client of a database under way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MysqlClient {
    /// As whom it will log in once it has been told the password.
    asks: Option<Login>,
    statements: Statements,
    fd: Option<Fd>,
    headers: bool,
    table: bool,
    forces: bool,
    code: u8,
}

/// The options that say whom to ask and as whom.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Login {
    host: Option<String>,
    port: u16,
    user: String,
    password: String,
    database: String,
    statements: Vec<String>,
    letters: String,
    words: Vec<String>,
    /// Whether the password is to be asked for.
    asks: bool,
}

fn login(sys: &mut Sys<'_>, program: &str, args: &[String]) -> Login {
    let mut login = Login {
        host: sys.env("MYSQL_HOST").map(String::from),
        port: 3306,
        user: "root".into(),
        password: sys.env("MYSQL_PWD").unwrap_or_default().to_string(),
        database: String::new(),
        ..Login::default()
    };
    let mut words = args[1..].iter();
    let mut warns = false;
    while let Some(word) = words.next() {
        let long = word.strip_prefix("--").map(|l| l.split_once('=').unwrap_or((l, "")));
        let letter = word.strip_prefix('-').filter(|w| !w.starts_with('-')).and_then(|w| w.chars().next());
        let attached = word.get(2..).unwrap_or_default().to_string();
        let mut value =
            |given: String| if given.is_empty() { words.next().cloned().unwrap_or_default() } else { given };
        match (long, letter) {
            (Some(("host", v)), _) => login.host = Some(value(v.into())),
            (Some(("port", v)), _) => login.port = value(v.into()).parse().unwrap_or(3306),
            (Some(("user", v)), _) => login.user = value(v.into()),
            (Some(("password", v)), _) => {
                (login.password, warns, login.asks) = (v.to_string(), !v.is_empty(), !word.contains('='));
            }
            (Some(("execute", v)), _) => login.statements.push(value(v.into())),
            (Some(("database", v)), _) => login.database = value(v.into()),
            (Some(("skip-column-names", _)), _) => login.letters.push('N'),
            (Some(("table", _)), _) => login.letters.push('t'),
            (Some(("silent", _)), _) => login.letters.push('s'),
            (Some(("force", _)), _) => login.letters.push('f'),
            (Some(_), _) => {}
            (None, Some('h')) => login.host = Some(value(attached)),
            (None, Some('P')) => login.port = value(attached).parse().unwrap_or(3306),
            (None, Some('u')) => login.user = value(attached),
            (None, Some('e')) => login.statements.push(value(attached)),
            (None, Some('D')) => login.database = value(attached),
            (None, Some('p')) => {
                (login.password, warns, login.asks) = (attached.clone(), !attached.is_empty(), attached.is_empty());
            }
            (None, Some(_)) => login.letters.push_str(&word[1..]),
            (None, None) => login.words.push(word.clone()),
        }
    }
    if warns {
        sys.err(format!("{program}: [Warning] Using a password on the command line interface can be insecure.\n"));
    }
    login
}

/// Connects and says who asks; on failure the error's number and text.
fn connect(sys: &mut Sys<'_>, login: &Login) -> Result<Fd, (String, bool)> {
    let local = login.host.as_deref().is_none_or(|h| h == "localhost");
    let host = login.host.clone().filter(|h| h != "localhost").unwrap_or("127.0.0.1".into());
    let ips = resolver::resolve(sys, &host)
        .map_err(|_| (format!("ERROR 2005 (HY000): Unknown MySQL server host '{host}' (-2)"), false))?;
    let ip = ips.first().copied().unwrap_or(std::net::IpAddr::from([127, 0, 0, 1]));
    let fd = sys.connect(ip, login.port).map_err(|fault| {
        let number = match fault {
            Errno::TimedOut => 110,
            Errno::HostUnreach => 113,
            _ => 111,
        };
        let text = match local {
            true => "ERROR 2002 (HY000): Can't connect to local MySQL server through socket '/var/run/mysqld/mysqld.sock' (2)".to_string(),
            // Clients of 5.7 and before don't name the port.
            false => {
                let is_old = !find(sys.image()).version.starts_with(['8', '9']);
                let port = if is_old { String::new() } else { format!(":{}", login.port) };
                format!("ERROR 2003 (HY000): Can't connect to MySQL server on '{host}{port}' ({number})")
            }
        };
        (text, false)
    })?;
    let hello = Wire::Login(login.user.clone(), login.password.clone(), login.database.clone());
    match ask(sys, fd, &hello) {
        Some(Wire::Welcome) => Ok(fd),
        Some(Wire::Failed(text)) => Err((text, true)),
        _ => Err(("ERROR 2013 (HY000): Lost connection to MySQL server at 'reading initial communication packet', system error: 0".into(), false)),
    }
}

/// Whether a server lets somebody in: for programs that keep their data there.
///
/// # Errors
/// What the client says.
pub(in super::super) fn reaches(
    sys: &mut Sys<'_>,
    server: &str,
    user: &str,
    password: &str,
    database: &str,
) -> Result<(), String> {
    let (host, port) = server.split_once(':').unwrap_or((server, ""));
    let login = Login {
        host: Some(host.to_string()),
        port: port.parse().unwrap_or(3306),
        user: user.to_string(),
        password: password.to_string(),
        database: database.to_string(),
        ..Login::default()
    };
    let fd = connect(sys, &login).map_err(|(text, _)| text)?;
    let _ = sys.close(fd);
    Ok(())
}

/// Asks and gets the answer.
pub(in super::super) fn ask(sys: &mut Sys<'_>, fd: Fd, what: &Wire) -> Option<Wire> {
    sys.write(fd, &what.bytes()).ok()?;
    let mut buffer = Vec::new();
    while let Ok(Input::Bytes(bytes)) = sys.read(fd, 1 << 20) {
        buffer.extend(bytes);
        if let Some(answer) = Wire::take(&mut buffer) {
            return Some(answer);
        }
    }
    None
}

pub(super) fn client(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    if args.iter().any(|a| a == "--version" || a == "-V") {
        let version = find(sys.image()).version.clone();
        sys.out(format!("mysql  Ver {version} for Linux on x86_64 (MySQL Community Server - GPL)\n"));
        return Begun::Exit(0);
    }
    let mut login = login(sys, "mysql", args);
    if let (true, Some(name)) = (login.database.is_empty(), login.words.first()) {
        login.database.clone_from(name);
    }
    let letters = &login.letters;
    let mut client = MysqlClient {
        headers: !letters.contains('N') && !letters.contains("ss"),
        table: letters.contains('t') || (sys.is_tty(1) && !letters.contains('B') && !letters.contains('s')),
        forces: letters.contains('f'),
        ..MysqlClient::default()
    };
    if login.asks {
        client.statements = Statements::asked_for(Ends::Line, "Enter password: ", "");
        client.asks = Some(login);
    } else if let Err(code) = client.log_in(sys, &login) {
        return Begun::Exit(code);
    }
    Begun::Serves(Server::MysqlClient(Box::new(client)))
}

pub(super) fn admin(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let login = login(sys, "mysqladmin", args);
    let command = login.words.first().cloned().unwrap_or_default();
    let host = login.host.clone().unwrap_or("localhost".into());
    match connect(sys, &login) {
        Ok(fd) => {
            let _ = sys.close(fd);
        }
        Err((_, true)) if command == "ping" => {}
        Err((text, denied)) => {
            let inner = text.split_once("): ").map_or(text.as_str(), |(_, t)| t).to_string();
            sys.err(format!("mysqladmin: connect to server at '{host}' failed\nerror: '{inner}'\n"));
            if !denied && host == "localhost" {
                sys.err("Check that mysqld is running and that the socket: '/var/run/mysqld/mysqld.sock' exists!\n");
            } else if !denied {
                sys.err(format!("Check that mysqld is running on {host} and that the port is {0}.\nYou can check this by doing 'telnet {host} {0}'\n", login.port));
            }
            return Begun::Exit(1);
        }
    }
    match command.as_str() {
        "ping" => sys.out("mysqld is alive\n"),
        "status" => sys.out("Uptime: 60  Threads: 2  Questions: 6  Slow queries: 0  Opens: 119  Flush tables: 3  Open tables: 38  Queries per second avg: 0.100\n"),
        "version" => {
            let version = find(sys.image()).version.clone();
            sys.out(format!("mysqladmin  Ver {version} for Linux on x86_64 (MySQL Community Server - GPL)\n"));
        }
        "shutdown" => drop(sys.kill(1, Some(Signal::TERM))),
        _ => {
            sys.err(format!("mysqladmin: Unknown command: '{command}'\n"));
            return Begun::Exit(1);
        }
    }
    Begun::Exit(0)
}

/// Rows in a frame.
fn framed(columns: &[(String, bool)], all: &[Vec<Option<String>>], headers: bool) -> String {
    let shown = |v: &Option<String>| v.clone().unwrap_or("NULL".into());
    let width = |at: usize| {
        let values = all.iter().filter_map(|r| r.get(at)).map(|v| shown(v).chars().count());
        values.chain(headers.then(|| columns[at].0.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let rule = format!("+{}+\n", widths.iter().map(|w| "-".repeat(w + 2)).collect::<Vec<_>>().join("+"));
    let mut out = rule.clone();
    if headers {
        let names: Vec<String> = columns.iter().zip(&widths).map(|((n, _), w)| format!(" {n:<w$} ")).collect();
        out.push_str(&format!("|{}|\n{rule}", names.join("|")));
    }
    for row in all {
        let cells: Vec<String> = row
            .iter()
            .zip(columns.iter().zip(&widths))
            .map(
                |(v, ((_, number), w))| {
                    if *number { format!(" {:>w$} ", shown(v)) } else { format!(" {:<w$} ", shown(v)) }
                },
            )
            .collect();
        out.push_str(&format!("|{}|\n", cells.join("|")));
    }
    out.push_str(&rule);
    out
}

/// What it says to somebody at a terminal.
fn welcome(sys: &mut Sys<'_>) {
    let version = find(sys.image()).version.clone();
    sys.out(format!(
        "Welcome to the MySQL monitor.  Commands end with ; or \\g.\nYour MySQL connection id is 8\n\
         Server version: {version} MySQL Community Server - GPL\n\n\
         Copyright (c) 2000, 2025, Oracle and/or its affiliates.\n\n\
         Oracle is a registered trademark of Oracle Corporation and/or its\naffiliates. Other names may be trademarks of their respective\n\
         owners.\n\nType 'help;' or '\\h' for help. Type '\\c' to clear the current input statement.\n\n"
    ));
}

/// `2 rows`
fn rows(count: usize) -> String {
    format!("{count} row{}", if count == 1 { "" } else { "s" })
}

impl MysqlClient {
    /// Connects, and begins with the statements; the exit code where that fails.
    fn log_in(&mut self, sys: &mut Sys<'_>, login: &Login) -> Result<(), u8> {
        let fd = connect(sys, login).map_err(|(text, _)| {
            sys.err(format!("{text}\n"));
            1
        })?;
        self.fd = Some(fd);
        let typed = login.statements.is_empty();
        let mut statements = Statements::new(sql::statements(&login.statements.join(";")), typed);
        if typed && sys.is_tty(0) {
            welcome(sys);
            statements.ask_with(Ends::Mysql, "mysql> ", "    -> ");
        }
        self.statements.become_others(statements);
        Ok(())
    }

    /// Takes the password that was asked for.
    fn take_password(&mut self, sys: &mut Sys<'_>, mut login: Login) -> Turn {
        match self.statements.next(sys) {
            Ok(password) => login.password = password,
            Err(Some(turn)) => {
                self.asks = Some(login);
                return turn;
            }
            Err(None) => {}
        }
        match self.log_in(sys, &login) {
            Ok(()) => Turn::Again,
            Err(code) => Turn::Exit(Status::Code(code)),
        }
    }

    /// What it says of an answer to somebody at a terminal.
    fn sum_up(&self, sys: &mut Sys<'_>, answer: Option<&Wire>) {
        if !self.statements.is_prompting() {
            return;
        }
        let text = match answer {
            Some(Wire::Rows(_, all)) if all.is_empty() => "Empty set (0.00 sec)\n\n".into(),
            Some(Wire::Rows(_, all)) => format!("{} in set (0.00 sec)\n\n", rows(all.len())),
            Some(Wire::Done(_, count)) => format!("Query OK, {} affected (0.01 sec)\n\n", rows(*count as usize)),
            Some(Wire::Uses(_)) => "Database changed\n".into(),
            _ => return,
        };
        sys.out(text);
    }

    pub(in super::super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some(login) = self.asks.take() {
            return self.take_password(sys, login);
        }
        let is_over = |this: &MysqlClient, sys: &mut Sys<'_>| {
            if this.statements.is_prompting() {
                sys.out("Bye\n");
            }
            Turn::Exit(Status::Code(this.code))
        };
        let text = match self.statements.next(sys) {
            Ok(text) => text,
            Err(Some(turn)) => return turn,
            Err(None) => return is_over(self, sys),
        };
        let Some(fd) = self.fd else { return Turn::Exit(Status::Code(self.code)) };
        if matches!(text.to_ascii_lowercase().as_str(), "exit" | "quit" | "\\q") {
            return is_over(self, sys);
        }
        let (text, vertical) = match text.strip_suffix("\\G") {
            Some(text) => (text.trim().to_string(), true),
            None => (text.strip_suffix("\\g").unwrap_or(&text).to_string(), false),
        };
        let answer = ask(sys, fd, &Wire::Statement(text));
        let summary = answer.clone();
        match answer {
            Some(Wire::Rows(columns, all)) if vertical => {
                let width = columns.iter().map(|(n, _)| n.chars().count()).max().unwrap_or(0);
                let mut out = String::new();
                for (at, row) in all.iter().enumerate() {
                    let stars = "*".repeat(27);
                    out.push_str(&format!("{stars} {}. row {stars}\n", at + 1));
                    for ((name, _), value) in columns.iter().zip(row) {
                        out.push_str(&format!("{name:>width$}: {}\n", value.as_deref().unwrap_or("NULL")));
                    }
                }
                sys.out(out);
            }
            Some(Wire::Rows(columns, all)) if self.table => {
                if !all.is_empty() {
                    sys.out(framed(&columns, &all, self.headers));
                }
            }
            Some(Wire::Rows(columns, all)) => {
                let mut out = String::new();
                if self.headers && !all.is_empty() {
                    out.push_str(&columns.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join("\t"));
                    out.push('\n');
                }
                for row in all {
                    let cells: Vec<String> = row.into_iter().map(|v| v.unwrap_or("NULL".into())).collect();
                    out.push_str(&format!("{}\n", cells.join("\t")));
                }
                sys.out(out);
            }
            Some(Wire::Failed(text)) if self.statements.is_prompting() => {
                sys.err(format!("{}\n", text.replacen(" at line 1:", ":", 1)));
            }
            Some(Wire::Failed(text)) => {
                sys.err(format!("{text}\n"));
                self.code = 1;
                if !self.forces {
                    return Turn::Exit(Status::Code(1));
                }
            }
            Some(_) => {}
            None => {
                sys.err("ERROR 2013 (HY000): Lost connection to MySQL server during query\n");
                return Turn::Exit(Status::Code(1));
            }
        }
        self.sum_up(sys, summary.as_ref());
        Turn::Again
    }
}
