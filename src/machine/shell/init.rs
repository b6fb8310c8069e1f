//! How a shell begins: its arguments, its first variables, the files that it reads first.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::options::Options;
use super::source::{Source, What};
use super::vars::{Value, Vars};
use super::{Flavor, Shell};
use crate::machine::errno::Errno;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{OpenOptions, Signal, Sys};

/// The search path where the environment has none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What bash's `shopt` has on from the beginning.
const SHOPTS: [&str; 14] = [
    "checkwinsize",
    "cmdhist",
    "complete_fullquote",
    "extquote",
    "force_fignore",
    "globasciiranges",
    "globskipdots",
    "hostcomplete",
    "interactive_comments",
    "patsub_replacement",
    "progcomp",
    "promptvars",
    "sourcepath",
    "no_such",
];

/// The name of the user that runs a process.
pub(super) fn user_name(sys: &mut Sys<'_>) -> String {
    let uid = sys.process().uid.to_string();
    let passwd = sys.read_file("/etc/passwd").map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let line = passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|l| l.get(2) == Some(&uid.as_str()));
    line.and_then(|l| l.first().map(|n| n.to_string())).unwrap_or_else(|| "I have no name!".into())
}

impl Shell {
    fn empty(flavor: Flavor, name: &str, sys: &Sys<'_>) -> Shell {
        Shell {
            flavor,
            name: name.into(),
            args: Arc::default(),
            options: Options::default(),
            shopts: Arc::default(),
            vars: Vars::default(),
            functions: Arc::default(),
            function_files: Arc::default(),
            aliases: Arc::default(),
            status: 0,
            pipe_status: Arc::new(vec![0]),
            acts: Vec::new(),
            progress: Default::default(),
            jobs: Vec::new(),
            ended: Vec::new(),
            last_background: None,
            pid: sys.getpid(),
            traps: Arc::default(),
            caught: Vec::new(),
            line: 1,
            started: sys.now(),
            random: 0,
            command: "".into(),
            last_arg: name.into(),
            calls: Arc::default(),
            subshells: 0,
            substitutions: 0,
            tested: false,
            outer_loops: false,
            kept: Vec::new(),
            processes: Vec::new(),
            getopts: (1, 0),
            builtin: None,
            return_trap: 0,
            from_c: false,
            lone: false,
            exiting: false,
            exit_status: None,
            hashed: Arc::default(),
            dirs: Vec::new(),
            limits: BTreeMap::new(),
            in_trap: false,
        }
    }

    /// A shell with its arguments, the first being its name.
    pub fn new(flavor: Flavor, args: &[String], sys: &mut Sys<'_>) -> Shell {
        let name = args.first().map_or("sh", String::as_str);
        let mut sh = Shell::empty(flavor, name, sys);
        let bash = flavor == Flavor::Bash;
        if bash {
            sh.options.hashall = true;
            sh.options.braces = true;
            sh.shopts = Arc::new(SHOPTS.iter().filter(|s| **s != "no_such").map(|s| s.to_string()).collect());
            if name.trim_start_matches('-').rsplit('/').next() == Some("sh") {
                sh.options.posix = true;
            }
        }
        sh.first_variables(sys);
        let mut login = name.starts_with('-');
        let (mut command, mut from_stdin, mut interactive, mut norc) = (false, false, false, false);
        let mut rest = args.get(1..).unwrap_or_default().iter().peekable();
        while let Some(arg) = rest.next_if(|a| a.len() > 1 && a.starts_with(['-', '+']) || *a == "-") {
            if arg == "--" || arg == "-" {
                break;
            }
            if let Some(long) = arg.strip_prefix("--") {
                match long {
                    "login" => login = true,
                    "norc" => norc = true,
                    "noprofile" | "noediting" | "restricted" | "verbose" | "debugger" => {}
                    "posix" => sh.options.posix = true,
                    "rcfile" | "init-file" => drop(rest.next()),
                    "version" if bash => {
                        sys.out("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nCopyright (C) 2022 Free Software Foundation, Inc.\nLicense GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>\n\nThis is free software; you are free to change and redistribute it.\nThere is NO WARRANTY, to the extent permitted by law.\n");
                        sh.exiting = true;
                        return sh;
                    }
                    _ => return sh.usage(sys, arg),
                }
                continue;
            }
            let on = arg.starts_with('-');
            for letter in arg.chars().skip(1) {
                match letter {
                    'c' if on => command = true,
                    's' if on => from_stdin = true,
                    'i' if on => interactive = true,
                    'l' if on => login = true,
                    'o' | 'O' => {
                        let Some(name) = rest.next() else { continue };
                        if letter == 'O' {
                            if on {
                                Arc::make_mut(&mut sh.shopts).insert(name.clone());
                            }
                        } else if let Some(option) = sh.options.by_name(flavor, name) {
                            *option = on;
                        } else {
                            sys.err(match flavor {
                                Flavor::Bash => {
                                    format!("{}: line 0: {}: {name}: invalid option name\n", sh.name, sh.name)
                                }
                                Flavor::Dash => format!("{}: 0: Illegal option -o {name}\n", sh.name),
                                Flavor::Ash => format!("{}: bad -o argument '{name}'\n", sh.name),
                            });
                            sh.status = 2;
                            sh.exiting = true;
                            return sh;
                        }
                    }
                    letter => match sh.options.by_letter(flavor, letter) {
                        Some(option) => *option = on,
                        None => return sh.usage(sys, &format!("-{letter}")),
                    },
                }
            }
        }
        let mut rest: Vec<String> = rest.cloned().collect();
        let main = if command {
            if rest.is_empty() {
                sys.err(match flavor {
                    Flavor::Bash => format!("{name}: -c: option requires an argument\n"),
                    Flavor::Dash => format!("{name}: 0: -c requires an argument\n"),
                    Flavor::Ash => format!("{name}: -c requires an argument\n"),
                });
                sh.status = 2;
                sh.exiting = true;
                return sh;
            }
            sh.from_c = true;
            sh.options.command = true;
            let text = rest.remove(0);
            if !rest.is_empty() {
                sh.name = rest.remove(0).into();
            }
            let mut source = Source::new(text, What::Main);
            source.line = if flavor == Flavor::Ash { 0 } else { 1 };
            Some(source)
        } else if !from_stdin && !rest.is_empty() {
            let file = rest.remove(0);
            match sh.script(sys, &file) {
                Some(source) => Some(source),
                None => return sh,
            }
        } else {
            sh.options.stdin = true;
            if sys.is_tty(0) && sys.is_tty(2) {
                interactive = true;
            }
            None
        };
        sh.args = Arc::new(rest);
        sh.options.interactive = interactive;
        if interactive {
            if bash {
                let prompts = [("PS1", "\\s-\\v\\$ "), ("PS2", "> ")];
                for (name, text) in prompts {
                    if sh.vars.get(name).is_none() {
                        sh.vars.set(name, text);
                    }
                }
            }
            sh.options.monitor = true;
            if bash {
                Arc::make_mut(&mut sh.shopts).insert("expand_aliases".into());
                (sh.options.histexpand, sh.options.history, sh.options.emacs) = (true, true, true);
            }
            sys.set_disposition(Signal::INT, Some(Disposition::Catch));
            sys.set_disposition(Signal::QUIT, Some(Disposition::Ignore));
            sys.set_disposition(Signal::TERM, Some(Disposition::Ignore));
        }
        sh.acts.push(match main {
            Some(source) => source.act(),
            None => {
                let mut source = Source::new(String::new(), What::Main);
                source.fd = Some(0);
                source.act()
            }
        });
        sh.read_profiles(sys, login, interactive && !norc);
        sh
    }

    fn usage(mut self, sys: &mut Sys<'_>, option: &str) -> Shell {
        match self.flavor {
            Flavor::Bash => {
                sys.err(format!(
                    "{0}: {option}: invalid option\nUsage:\t{0} [GNU long option] [option] ...\n\t{0} [GNU long option] [option] script-file ...\n",
                    self.name
                ));
            }
            Flavor::Dash => sys.err(format!("{}: 0: Illegal option {option}\n", self.name)),
            Flavor::Ash => sys.err(format!("{}: illegal option {option}\n", self.name)),
        }
        (self.status, self.exiting) = (2, true);
        self
    }

    /// The script of a file. None where it cannot be read: that has been said.
    fn script(&mut self, sys: &mut Sys<'_>, file: &str) -> Option<Source> {
        let mut contents = sys.read_file(file);
        if self.bash()
            && contents.is_err()
            && !file.contains('/')
            && let Ok(found) = crate::machine::tools::look_up(sys, file)
        {
            contents = sys.read_file(&found);
        }
        let fault = match contents {
            Ok(bytes) => {
                self.name = file.into();
                if self.bash() && bytes.starts_with(crate::machine::images::BINARY) {
                    sys.err(format!("{file}: {file}: cannot execute binary file\n"));
                    (self.status, self.exiting) = (126, true);
                    return None;
                }
                let text = String::from_utf8_lossy(&bytes).into_owned();
                return Some(Source::new(text, What::Main));
            }
            Err(fault) => fault,
        };
        let text = sys.text(fault);
        self.exiting = true;
        self.status = if fault == Errno::NoEnt { 127 } else { 126 };
        sys.err(match self.flavor {
            Flavor::Bash if fault == Errno::IsDir => format!("{file}: {file}: {text}\n"),
            Flavor::Bash => format!("{}: {file}: {text}\n", self.name),
            Flavor::Dash => {
                self.status = 2;
                let text = if fault == Errno::NoEnt { "No such file" } else { text };
                format!("{}: 0: cannot open {file}: {text}\n", self.name)
            }
            Flavor::Ash => {
                self.status = 2;
                format!("{}: can't open '{file}': {text}\n", self.name)
            }
        });
        None
    }

    /// A function that a bash above has exported.
    fn import_function(&mut self, name: &str, value: &str) {
        let text = format!("{name} {value}\n");
        let dialect =
            super::lex::Dialect { flavor: self.flavor, extglob: false, aliases: None, utf8: false, more: false };
        let Ok(Some(unit)) = super::lex::Parser::new(&text, 1, dialect).complete() else { return };
        if let super::ast::Node::Function { body, .. } = unit.node(unit.root) {
            Arc::make_mut(&mut self.functions).insert(name.to_string(), body.clone());
            let key = format!("BASH_FUNC_{name}%%");
            self.vars.set(&key, value);
            self.vars.entry(&key).exported = true;
        }
    }

    /// The variables that a shell has from its environment, and those that it sets by itself.
    fn first_variables(&mut self, sys: &mut Sys<'_>) {
        for (name, value) in sys.process().env.clone().iter() {
            let function = name.strip_prefix("BASH_FUNC_").and_then(|n| n.strip_suffix("%%"));
            if let (Some(function), Flavor::Bash) = (function, self.flavor) {
                self.import_function(function, value);
                continue;
            }
            if super::lex::is_identifier(name) {
                let var = self.vars.entry(name);
                var.value = Value::Text(value.as_str().into());
                var.exported = true;
            }
        }
        let bash = self.bash();
        let mut set = |name: &str, value: &str| self.vars.set(name, value);
        set("IFS", " \t\n");
        set("OPTIND", "1");
        set("PPID", &sys.getppid().to_string());
        set("PS4", "+ ");
        if bash {
            set("BASH", "/bin/bash");
            set("BASH_VERSION", "5.2.15(1)-release");
            set("HOSTNAME", &sys.sandbox.hostname.clone());
            set("HOSTTYPE", "x86_64");
            set("MACHTYPE", "x86_64-pc-linux-gnu");
            set("OSTYPE", "linux-gnu");
            set("OPTERR", "1");
            set("UID", &sys.process().uid.to_string());
            set("EUID", &sys.process().uid.to_string());
        } else if self.flavor == Flavor::Ash && self.vars.get("HOSTNAME").is_none() {
            self.vars.set("HOSTNAME", &sys.sandbox.hostname.clone());
        }
        if self.vars.get("PATH").is_none() {
            let path = if bash {
                PATH
            } else if self.flavor == Flavor::Ash {
                "/sbin:/usr/sbin:/bin:/usr/bin"
            } else {
                PATH
            };
            self.vars.set("PATH", path);
        }
        let cwd = sys.process().cwd.clone();
        let same = self
            .vars
            .get("PWD")
            .map(str::to_string)
            .filter(|p| p.starts_with('/') && sys.canonical(p).is_ok_and(|c| c == cwd));
        self.vars.set("PWD", same.as_deref().unwrap_or(&cwd));
        if bash {
            let level = self.vars.get("SHLVL").and_then(|l| l.parse::<i64>().ok()).unwrap_or(0);
            self.vars.set("SHLVL", &(level + 1).max(0).to_string());
            self.vars.set("_", "");
            for name in ["PWD", "SHLVL", "OLDPWD"] {
                self.vars.entry(name).exported = true;
            }
            for name in ["UID", "EUID", "PPID"] {
                let var = self.vars.entry(name);
                (var.readonly, var.integer) = (true, true);
            }
            let versions = ["5", "2", "15", "1", "release", "x86_64-pc-linux-gnu"];
            let all = versions.iter().enumerate().map(|(k, v)| (k as i64, v.to_string())).collect();
            let var = self.vars.entry("BASH_VERSINFO");
            (var.value, var.readonly) = (Value::Array(Arc::new(all)), true);
        } else if self.flavor == Flavor::Dash {
            self.vars.entry("PWD").exported = true;
        } else {
            let level = self.vars.get("SHLVL").and_then(|l| l.parse::<i64>().ok()).unwrap_or(0);
            self.vars.set("SHLVL", &(level + 1).max(0).to_string());
            self.vars.entry("SHLVL").exported = true;
            self.vars.entry("PWD").exported = true;
        }
        self.vars.env_is_old = true;
    }

    /// Reads what comes before the first command: `/etc/profile`, `~/.profile`, `$ENV`, `~/.bashrc`.
    fn read_profiles(&mut self, sys: &mut Sys<'_>, login: bool, interactive: bool) {
        let home = self.vars.get("HOME").unwrap_or("").to_string();
        let mut files: Vec<String> = Vec::new();
        if login {
            files.push("/etc/profile".into());
            let own = [".bash_profile", ".bash_login", ".profile"];
            let own = if self.bash() { &own[..] } else { &own[2..] };
            files.extend(own.iter().map(|n| format!("{home}/{n}")).find(|f| sys.stat(f).is_ok()));
        }
        if interactive && self.bash() && !login {
            files.push("/etc/bash.bashrc".into());
            files.push(format!("{home}/.bashrc"));
        } else if interactive && !self.bash() {
            files.extend(self.vars.get("ENV").map(str::to_string));
        }
        for file in files.iter().rev() {
            let Ok(fd) = sys.open(file, OpenOptions::READ) else { continue };
            let _ = sys.close(fd);
            if let Ok(bytes) = sys.read_file(file) {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                self.acts.push(Source::new(text, What::Profile).act());
            }
        }
    }
}
