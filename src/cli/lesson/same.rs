//! Whether a command that a learner typed does what the lesson's does: any spelling of it counts.

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory;

use crate::api::Kind;
use crate::cli::App;
use crate::cli::argv::{self, Line};
use crate::lessons::check::compare;
use crate::lessons::model::Command;
use crate::lessons::shell::Reply;
use crate::lessons::{tables, words};

/// The verbs whose arguments are types and names.
const OF_OBJECTS: [&str; 12] = [
    "get",
    "describe",
    "delete",
    "edit",
    "label",
    "annotate",
    "patch",
    "scale",
    "rollout status",
    "rollout restart",
    "rollout undo",
    "rollout history",
];

/// Whether what was typed, with its answer, does what the command does.
pub(super) fn has_same_effect(command: &Command, typed: &str, reply: &Reply) -> bool {
    let typed = typed.trim();
    if typed == command.line {
        return true;
    }
    let (Some(one), Some(other)) = (meaning(&command.line), meaning(typed)) else {
        return says_the_same(command, reply);
    };
    if one == other {
        return true;
    }
    // A look that shows the same is the same look.
    let looks = |m: &Meaning| matches!(m.verb.as_str(), "get" | "describe" | "logs" | "exec" | "api-resources" | "top");
    looks(&one) && looks(&other) && says_the_same(command, reply)
}

/// Whether an answer is the expected one, but for ages.
fn says_the_same(command: &Command, reply: &Reply) -> bool {
    if command.expected.is_empty() || reply.code != command.exit {
        return false;
    }
    let is_table = command.expected.starts_with("NAME ") || command.expected.starts_with("NAMESPACE ");
    compare(command, reply).is_none() || is_table && !tables::differ(&command.expected, &reply.output)
}

/// What a command line means.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    program: &'static str,
    verb: String,
    flags: BTreeMap<String, Vec<String>>,
    /// Objects in no order, or the arguments in theirs.
    objects: BTreeSet<String>,
    args: Vec<String>,
}

fn meaning(line: &str) -> Option<Meaning> {
    let mut words = words::split(line).ok()?;
    let program = match words.first().map(String::as_str) {
        Some("k" | "kubectl") => "kubectl",
        Some("kstate") => "kstate",
        _ => return None,
    };
    words.remove(0);
    let root = App::command();
    let line = Line::read(&words, &root);
    let command = line.command(&root);
    let mut verb = line.path.join(" ");
    let (mut flags, mut args) = (BTreeMap::<String, Vec<String>>::new(), Vec::new());
    let mut rest = line.rest.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            args.push(word.clone());
            args.extend(rest.by_ref().cloned());
        } else if !word.starts_with('-') || word == "-" {
            args.push(word.clone());
        } else {
            let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_string())));
            let (name, value) = match name.strip_prefix("--") {
                Some(long) => (long.to_string(), value),
                // `-ojson`, `-it`
                None => {
                    let letters = name.trim_start_matches('-');
                    let first = letters.chars().next()?;
                    let takes = argv::find_flag(command, &root, &first.to_string()).is_some_and(argv::needs_value);
                    match (letters.len() > first.len_utf8(), takes) {
                        (true, true) => (first.to_string(), Some(letters[first.len_utf8()..].to_string())),
                        (true, false) => {
                            for letter in letters.chars() {
                                let arg = argv::find_flag(command, &root, &letter.to_string())?;
                                flags.entry(arg.get_long()?.to_string()).or_default().push("true".into());
                            }
                            continue;
                        }
                        (false, _) => (first.to_string(), value),
                    }
                }
            };
            let arg = argv::find_flag(command, &root, &name)?;
            let value = match value {
                Some(value) => value,
                None if argv::needs_value(arg) => rest.next()?.clone(),
                None => "true".into(),
            };
            flags.entry(arg.get_long().unwrap_or(&name).to_string()).or_default().push(value);
        }
    }
    // The default namespace need not be named.
    if flags.get("namespace").is_some_and(|all| all == &["default"]) {
        flags.remove("namespace");
    }
    // What is made of a file can be made or applied.
    if matches!(verb.as_str(), "create" | "apply") && flags.contains_key("filename") {
        verb = "make".into();
    }
    let mut objects = BTreeSet::new();
    if OF_OBJECTS.contains(&verb.as_str()) {
        let is_object = |word: &String| !word.contains('=') && !word.ends_with('-');
        let rest: Vec<String> = args.iter().filter(|word| !is_object(word)).cloned().collect();
        let named: Vec<String> = args.into_iter().filter(is_object).collect();
        objects = targets(&named);
        args = rest;
    }
    Some(Meaning { program, verb, flags, objects, args })
}

/// The objects that arguments name: `pv,pvc`, `pod a b`, `pod/a`.
fn targets(args: &[String]) -> BTreeSet<String> {
    let plural = |name: &str| {
        let (name, _) = name.split_once('.').unwrap_or((name, ""));
        Kind::ALL.iter().find(|k| k.is_called(name)).map_or(name.to_string(), |k| format!("{k:?}"))
    };
    let Some((first, names)) = args.split_first() else { return BTreeSet::new() };
    if first.contains('/') {
        return args
            .iter()
            .filter_map(|a| a.split_once('/'))
            .map(|(of, name)| format!("{}/{name}", plural(of)))
            .collect();
    }
    let types = first.split(',').map(plural);
    match names {
        [] => types.collect(),
        names => types.flat_map(|of| names.iter().map(move |name| format!("{of}/{name}"))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn any_spelling_counts() {
        let same = |one: &str, other: &str| meaning(one).is_some() && meaning(one) == meaning(other);
        assert!(same("kubectl get sc,pv,pvc", "k get pv,pvc,storageclasses"));
        assert!(same("kubectl get pod web -o yaml", "k get po/web -oyaml"));
        assert!(same("kubectl get pods --namespace=default", "kubectl get pod"));
        assert!(same("kubectl apply -f a.yaml", "k create --filename a.yaml"));
        assert!(same("kubectl scale deploy web --replicas=3", "k scale --replicas 3 deployment/web"));
        assert!(same("kubectl delete pod a b", "k delete pods b a"));
        assert!(same("kubectl exec -it web -- sh", "k exec -ti web -- sh"));
        assert!(same("kubectl get pv \\\n  -o na\\\nme", "kubectl get pv -o name"), "a command that goes on");
        assert!(!same("kubectl get pods", "kubectl get pods -A") && !same("kubectl get pv", "kubectl get pvc"));
        assert!(!same("kubectl delete pod a", "kubectl delete pod b"));
    }
}
