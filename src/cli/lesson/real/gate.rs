//! What of a real kubectl a lesson may use: a lesson was written by somebody else, and reaches no file but its own and no
//! program but kubectl.

use std::path::{Component, Path};

use crate::cli::help::table::is_kubectl;

/// Verbs that start programs, or listen on this machine.
const REFUSED: [&str; 5] = ["edit", "plugin", "port-forward", "proxy", "kuberc"];

/// Flags whose value is a path.
const PATHS: [&str; 17] = [
    "-f",
    "--filename",
    "-k",
    "--kustomize",
    "--from-file",
    "--from-env-file",
    "--patch-file",
    "--cert",
    "--key",
    "--certificate-authority",
    "--client-certificate",
    "--client-key",
    "--cache-dir",
    "--kubeconfig",
    "--kuberc",
    "--output-directory",
    "--profile-output",
];

/// Ways of printing whose rest is a path.
const PRINTED_BY_FILE: [&str; 5] =
    ["go-template-file=", "templatefile=", "jsonpath-file=", "custom-columns-file=", "jsonpath-as-json-file="];

/// Why a command is not run; none for one that may be. The first word is kubectl's name.
pub(super) fn refusal(words: &[String]) -> Option<String> {
    let own: Vec<&str> = words.iter().skip(1).map(String::as_str).take_while(|word| *word != "--").collect();
    let verb = own.first().copied().unwrap_or_default();
    if !verb.starts_with('-') && !verb.is_empty() && !is_kubectl(verb) {
        return Some(format!("error: unknown command {verb:?} for \"kubectl\"\n"));
    }
    // Behind a flag a word may be its value or the verb.
    let could_be = if verb.starts_with('-') { &own[..] } else { std::slice::from_ref(&verb) };
    if let Some(verb) = could_be.iter().find(|word| REFUSED.contains(word)) {
        return Some(format!("error: kubectl {verb} is not for a lesson on a real cluster\n"));
    }
    let path = paths(verb, &own).into_iter().find(|path| leads_out(path))?;
    Some(format!("error: the path {path:?} does not exist\n"))
}

/// The paths that a command names.
fn paths<'w>(verb: &str, own: &[&'w str]) -> Vec<&'w str> {
    let mut paths = Vec::new();
    for (at, word) in own.iter().enumerate() {
        let next = own.get(at + 1).copied();
        let (flag, value) = word.split_once('=').map_or((*word, None), |(flag, value)| (flag, Some(value)));
        if PATHS.contains(&flag) {
            // `--from-file=key=path`.
            paths.extend(value.or(next).map(|value| value.rsplit_once('=').map_or(value, |(_, path)| path)));
        } else if !word.starts_with("--") && word.starts_with('-') && word.len() > 2 {
            // `-fpath`, `-Rf path`.
            paths.extend(["-f", "-k"].iter().filter_map(|short| word.strip_prefix(short)));
            paths.extend(next.filter(|_| word.ends_with(['f', 'k'])));
        }
        let printed = PRINTED_BY_FILE.iter().filter_map(|way| word.split_once(way)).map(|(_, path)| path);
        paths.extend(printed);
        let is_local = match verb {
            "cp" => at > 0 && !word.starts_with('-') && !word.contains(':'),
            "kustomize" => at > 0 && !word.starts_with('-'),
            _ => false,
        };
        paths.extend(is_local.then_some(*word));
    }
    paths.into_iter().flat_map(|list| list.split(',')).collect()
}

/// Whether a path leads out of the folder that it starts from, or into the network.
fn leads_out(path: &str) -> bool {
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    path.contains("://")
        || path.contains('\\')
        || path.contains("github.com")
        || path.starts_with('~')
        || !Path::new(path).components().all(is_plain)
}

/// Whether a kustomization may be built: one that names what lies elsewhere has kubectl read that, or run git.
pub(super) fn stays_here(kustomization: &str) -> bool {
    !["..", "://", "git@", "github.com", "exec:", "plugin"].iter().any(|part| kustomization.contains(part))
}

#[cfg(test)]
mod tests {
    use super::refusal;

    fn said(line: &str) -> String {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        refusal(&words).unwrap_or_default()
    }

    #[test]
    fn a_lesson_reaches_its_own_files_alone() {
        for line in [
            "kubectl get pods -o wide",
            "kubectl apply -f pod.yaml",
            "kubectl apply -f ./sub/pod.yaml -n x",
            "kubectl create cm c --from-file=a.txt --from-file=key=b.txt --from-literal=path=/etc/passwd",
            "kubectl get --raw /api/v1",
            "kubectl exec p -- cat /etc/passwd",
            "kubectl cp p:/etc/hosts hosts",
            "kubectl -n x get pods",
            "kubectl patch pod p -p {\"a\":\"/b\"}",
            "kubectl --help",
            "kubectl",
        ] {
            assert_eq!(said(line), "", "{line}");
        }
        for line in [
            "kubectl apply -f /etc/passwd",
            "kubectl apply -f../x.yaml",
            "kubectl apply -Rf ..",
            "kubectl apply --filename=https://example.com/x.yaml",
            "kubectl apply -f a.yaml,/etc/passwd",
            "kubectl create cm c --from-file=/etc/passwd",
            "kubectl create cm c --from-file=key=~/.ssh/id",
            "kubectl create cm c --from-file key=../x",
            "kubectl create secret tls s --cert=/x --key=/y",
            "kubectl get pods -o go-template-file=/etc/passwd",
            "kubectl get pods --kubeconfig=/root/.kube/config",
            "kubectl cp p:/etc/hosts /tmp/hosts",
            "kubectl cp ../x p:/x",
            "kubectl kustomize https://github.com/x/y",
            "kubectl apply -k /x",
            "kubectl evil",
            "kubectl edit pod p",
            "kubectl -n edit proxy",
            "kubectl cluster-info dump --output-directory=/tmp/x",
        ] {
            assert_ne!(said(line), "", "{line}");
        }
    }
}
