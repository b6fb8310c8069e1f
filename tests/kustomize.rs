//! Kustomizations, a folder each, and what kubectl v1.36.3 prints of them: `expected.yaml`, or why it refuses to build
//! those in `faults` (where it names its folder, `expected.txt` says `FOLDER`, and `ABOVE` for the one that holds it).

use std::fs;
use std::path::{Path, PathBuf};

use crate::conformance::shell::Shell;

fn folders(top: &str) -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join(top);
    let mut folders: Vec<PathBuf> = fs::read_dir(top).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    folders.retain(|folder| folder.is_dir() && !folder.ends_with("faults"));
    folders.sort();
    folders
}

/// What `kubectl kustomize` prints of a folder, without what it says of deprecated fields.
fn build(shell: &mut Shell, folder: &Path) -> String {
    let relative = folder.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("a folder of ours");
    let (output, _) = shell.run(&format!("kubectl kustomize {}", relative.display())).expect("a command of ours");
    output.lines().filter(|line| !line.starts_with("# Warning: ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn kustomizations_come_to_what_kubectl_makes_of_them() {
    let mut shell = Shell::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    let folders = folders("tests/kustomize");
    assert!(folders.len() >= 50, "{}", folders.len());
    for folder in folders {
        let expected = fs::read_to_string(folder.join("expected.yaml")).expect("a recording");
        check(&folder, &build(&mut shell, &folder), &expected);
    }
}

#[test]
fn what_cannot_be_built_is_refused_in_kustomizes_words() {
    let mut shell = Shell::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    let folders = folders("tests/kustomize/faults");
    assert!(folders.len() >= 45, "{}", folders.len());
    for folder in folders {
        let expected = fs::read_to_string(folder.join("expected.txt")).expect("a recording");
        let above = "/lesson/tests/kustomize/faults";
        let shown = format!("{above}/{}", folder.file_name().expect("a name").display());
        let output = build(&mut shell, &folder).replace(&shown, "FOLDER").replace(above, "ABOVE");
        let expected: String =
            expected.lines().filter(|l| !l.starts_with("# Warning: ")).map(|l| format!("{l}\n")).collect();
        check(&folder, &output, &expected);
    }
}

fn check(folder: &Path, output: &str, expected: &str) {
    assert!(output == expected, "{}\n--- printed\n{output}\n--- expected\n{expected}", folder.display());
}
