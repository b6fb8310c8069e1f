//! Holds the tree to its own rules: who may import whom, how long a file may be, who may write to the terminal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The import table of ARCHITECTURE.md. Every module may use `error` and itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("error", &[]),
    ("host", &[]),
    ("ui", &["api", "host"]),
    ("manifest", &["api"]),
    ("kinds", &["api"]),
    ("machine", &["api"]),
    ("store", &["machine", "api", "host"]),
    ("admission", &["kinds", "store", "api"]),
    ("registry", &["admission", "store", "manifest", "kinds", "api"]),
    ("controllers", &["kinds", "api", "store"]),
    ("node", &["machine", "controllers", "kinds", "api", "store"]),
    ("sim", &["registry", "controllers", "node", "machine", "store", "kinds", "api"]),
    ("printers", &["kinds", "api"]),
    ("why", &["controllers", "kinds", "store", "api"]),
    ("server", &["sim", "registry", "machine", "manifest", "printers", "kinds", "store", "api"]),
    ("serve", &["server", "api"]),
    ("lessons", &["server", "manifest", "api"]),
    ("kubectl", &["server", "manifest", "printers", "kinds", "api", "host", "ui"]),
];

/// A file over this becomes a folder.
const LONGEST_FILE: usize = 500;

/// Files that have outgrown it and are yet to be divided. None is added.
const OUTGROWN: &[&str] = &[
    "tests/machine/kernel.rs",
    "src/machine/disk/mod.rs",
    "src/machine/images/base.rs",
    "src/machine/images/hello.rs",
    "src/machine/images/httpd.rs",
    "src/machine/images/nginx/mod.rs",
    "src/machine/images/nginx/serve.rs",
    "src/machine/images/postgres/mod.rs",
    "src/machine/images/redis/commands.rs",
    "src/machine/images/redis/data.rs",
    "src/machine/images/redis/mod.rs",
    "src/machine/images/sql.rs",
    "src/machine/kernel/mod.rs",
    "src/machine/net/http.rs",
    "src/machine/shell/builtins/test.rs",
    "src/machine/shell/lex.rs",
    "src/machine/shell/parse.rs",
    "src/machine/shell/vm.rs",
    "src/machine/tools/date_input.rs",
    "src/machine/tools/files/copy.rs",
    "src/machine/tools/files/ls.rs",
    "src/machine/tools/network/curl.rs",
    "src/machine/tools/network/nc.rs",
    "src/machine/tools/network/wget.rs",
    "src/machine/tools/system/ps.rs",
    "src/machine/tools/system/run.rs",
    "src/machine/tools/text/awk/code.rs",
    "src/machine/tools/text/awk/parse.rs",
    "src/machine/tools/text/awk/run.rs",
    "src/machine/tools/text/grep.rs",
    "src/machine/tools/text/regex/parse.rs",
    "src/machine/tools/text/sed/exec.rs",
    "src/machine/tools/text/sed/parse.rs",
    "src/machine/tools/text/usage.rs",
    "src/sim/converge.rs",
];

fn sources() -> Vec<PathBuf> {
    below("src").into_iter().filter(|path| !path.ends_with("tests.rs")).collect()
}

/// The Rust files below a folder.
fn below(top: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(top)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == "rs") => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    files
}

fn shown(path: &Path) -> String {
    let relative = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path);
    relative.to_string_lossy().replace('\\', "/")
}

/// `src/api/time.rs` belongs to `api`, `src/ui.rs` to `ui`.
fn module_of(shown: &str) -> String {
    let rest = shown.trim_start_matches("src/");
    rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs").to_string()
}

/// Tests may look further than the code that they test.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

fn report(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn imports_go_one_way() {
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut faults = Vec::new();
    for path in sources() {
        let name = shown(&path);
        let module = module_of(&name);
        let Some(allowed) = table.get(module.as_str()) else { continue };
        let text = fs::read_to_string(&path).expect("a source file");
        let code = without_tests(&text);
        for (n, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            for (at, _) in line.match_indices("crate::") {
                let target: String = line[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let fine = target == module
                    || target == "error"
                    || target.ends_with("_kind")
                    || target == "spec_and_status"
                    || allowed.contains(&target.as_str());
                if !fine {
                    faults.push(format!("{name}:{}: {module} may not import {target}", n + 1));
                }
            }
        }
    }
    report(faults);
}

/// kubectl's verbs ask the server; only kstate's own reach the cluster behind it.
#[test]
fn kubectl_stays_before_the_door() {
    let mut faults = Vec::new();
    for path in sources() {
        let name = shown(&path);
        if !name.starts_with("src/kubectl/") && !name.starts_with("src/lessons/") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let code = without_tests(&text);
        for behind in [".server()", ".server_mut()", ".cluster_mut()", ".registry()", ".registry_mut()"] {
            if code.contains(behind) {
                faults.push(format!("{name} reaches behind the server with {behind}"));
            }
        }
    }
    report(faults);
}

/// What is done to disks and containers is handed over to be done, as a write is: here it is written down.
const HAND_OVER: &[&str] = &[
    "src/controllers/mod.rs",
    "src/node/disk.rs",
    "src/node/hooks.rs",
    "src/node/node_disks.rs",
    "src/node/prober.rs",
    "src/node/runtime/",
    "src/node/stopping.rs",
    "src/node/storage.rs",
];

#[test]
fn controllers_see_the_store_only_through_its_view() {
    let mut faults = Vec::new();
    for path in sources() {
        let name = shown(&path);
        if !name.starts_with("src/controllers") && !name.starts_with("src/node") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let code = without_tests(&text);
        let hands_over = HAND_OVER.iter().any(|of| name.starts_with(of));
        for forbidden in ["store::Store", "Store,", "sqlite", "rusqlite", "SystemTime", "Instant::now"] {
            if code.contains(forbidden) && !(hands_over && forbidden.contains("Store")) {
                faults.push(format!("{name} uses {forbidden}"));
            }
        }
    }
    report(faults);
}

#[test]
fn only_the_edge_touches_the_world() {
    let edge = |name: &str| {
        ["src/cli", "src/host", "src/kubectl", "src/store/sqlite"].iter().any(|folder| name.starts_with(folder))
            || matches!(name, "src/main.rs" | "src/ui.rs")
    };
    let mut faults = Vec::new();
    for path in sources() {
        let name = shown(&path);
        let text = fs::read_to_string(&path).expect("a source file");
        let code = without_tests(&text);
        for world in ["std::fs", "std::env", "std::{", "SystemTime::now", "Instant::now", "std::process::Command"] {
            if code.contains(world) && !edge(&name) {
                faults.push(format!("{name} uses {world}"));
            }
        }
        for print in ["println!", "eprintln!", "print!(", "eprint!("] {
            if code.contains(print) && name != "src/ui.rs" {
                faults.push(format!("{name} writes to the terminal with {print}"));
            }
        }
        for unordered in ["HashMap", "HashSet"] {
            if code.contains(unordered) {
                faults.push(format!("{name} uses {unordered}, whose order is not the same twice"));
            }
        }
    }
    report(faults);
}

/// What a command sees of the machine goes through `host`, so that a lesson's command sees no more than it may. kstate's
/// own folder and the lessons' are kstate's affair.
#[test]
fn nobody_goes_around_the_gate() {
    let keeps_own_files = |name: &str| {
        ["src/cli/home", "src/cli/cluster", "src/cli/lesson", "src/host/"].iter().any(|part| name.starts_with(part))
    };
    // The folder that one stands in, and the words that were typed.
    let of_the_process = [("src/cli/mod.rs", "std::env::current_dir"), ("src/kubectl/version.rs", "std::env::consts")];
    let mut faults = Vec::new();
    for path in sources() {
        let name = shown(&path);
        if !(name.starts_with("src/cli") || name.starts_with("src/kubectl")) || keeps_own_files(&name) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let mut code = without_tests(&text).to_string();
        for (_, allowed) in of_the_process.iter().filter(|(file, _)| *file == name) {
            code = code.replace(allowed, "");
        }
        for around in [
            "std::fs",
            "std::env",
            "std::os",
            "std::{",
            "std::process",
            "fs::read",
            "fs::write",
            "env::var",
            "File::open",
            "File::create",
            "OpenOptions",
            "read_dir(",
            "temp_dir(",
            ".exists()",
            ".is_dir()",
            ".is_file()",
            ".is_symlink()",
            ".canonicalize()",
            ".symlink_metadata()",
            ".read_link()",
            "Command::new",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "cap_std",
            "tempfile::",
            "rustix",
        ] {
            if code.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| line.contains(around)) {
                faults.push(format!("{name} goes around `host` with {around}"));
            }
        }
    }
    report(faults);
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut faults = Vec::new();
    for path in ["src", "tests", "benches"].into_iter().flat_map(below) {
        let name = shown(&path);
        let text = fs::read_to_string(&path).expect("a source file");
        if text.lines().count() > LONGEST_FILE && !OUTGROWN.contains(&name.as_str()) {
            faults.push(format!("{name} has {} lines: make it a folder", text.lines().count()));
        }
        if !text.starts_with("//! ") {
            faults.push(format!("{name} does not open with a sentence on what it is for"));
        }
        if text.lines().any(|l| l.ends_with(' ')) && !text.contains("r#\"") && !text.contains("@r") {
            faults.push(format!("{name} has blanks at the end of a line"));
        }
    }
    report(faults);
}
