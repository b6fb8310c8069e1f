//! The words that are types, names, containers and contexts: the server and the kubeconfig are asked.
//!
//! Mirrors `k8s.io/kubectl/pkg/util/completion/completion.go`.

use super::{Ask, Before, Found, NO_FILES, NO_SPACE, lessons};

/// Types that hold pods: they are offered where a pod is wanted.
const WITH_PODS: [&str; 8] =
    ["daemonsets", "deployments", "pods", "jobs", "replicasets", "replicationcontrollers", "services", "statefulsets"];

const ROLLOUTS: &[&str] = &["deployment", "daemonset", "statefulset"];
const SCALED: &[&str] = &["deployment", "replicaset", "replicationcontroller", "statefulset"];
const EXPOSED: &[&str] = &["pod", "service", "replicationcontroller", "deployment", "replicaset"];
const IMAGED: &[&str] =
    &["cronjob", "daemonset", "deployment", "job", "pod", "replicaset", "replicationcontroller", "statefulset"];

/// What an argument of a command could be; none where nothing is known of it.
pub(super) fn arguments(known: &Before, last: &str, ask: Ask<'_>) -> Option<Found> {
    let none = || Found::of(Vec::new(), NO_FILES);
    let is_first = known.args.is_empty();
    let first = |words: Vec<String>| Found::of(words, NO_FILES);
    Some(match known.path.as_str() {
        "get"
        | "edit"
        | "annotate"
        | "label"
        | "describe"
        | "delete"
        | "patch"
        | "apply edit-last-applied"
        | "apply view-last-applied" => types_and_names(known, &[], true, last, ask),
        "rollout resume" | "rollout pause" => types_and_names(known, &["deployment"], true, last, ask),
        "rollout restart" | "rollout undo" | "rollout history" => types_and_names(known, ROLLOUTS, true, last, ask),
        "rollout status" => types_and_names(known, ROLLOUTS, false, last, ask),
        "scale" | "autoscale" => types_and_names(known, SCALED, true, last, ask),
        "expose" => types_and_names(known, EXPOSED, true, last, ask),
        "set image" => types_and_names(known, IMAGED, false, last, ask),
        "taint" => types_and_names(known, &["node"], true, last, ask),
        "exec" | "attach" if is_first => pods(known, last, ask),
        "exec" | "attach" => none(),
        "logs" if is_first => pods(known, last, ask),
        "logs" if known.args.len() == 1 => first(containers(known, &known.args[0], last, ask)),
        "logs" => none(),
        "port-forward" if is_first => pods(known, last, ask),
        "port-forward" => none(),
        "cp" if !last.contains('/') && !last.contains(':') => {
            let pods = names(known, "pod", last, ask).into_iter().map(|pod| format!("{pod}:")).collect();
            // A file of one's own stands there, too.
            Found::of(pods, NO_SPACE)
        }
        "cordon" | "uncordon" | "drain" | "top node" if is_first => first(names(known, "node", last, ask)),
        "top pod" if is_first => first(names(known, "pod", last, ask)),
        "create token" if is_first => first(names(known, "serviceaccount", last, ask)),
        "cordon" | "uncordon" | "drain" | "top node" | "top pod" | "create token" => none(),
        "config use-context" | "config set-context" | "config delete-context" | "config rename-context" if is_first => {
            first(of_config(known, "context", last, ask))
        }
        "config delete-cluster" if is_first => first(of_config(known, "cluster", last, ask)),
        "config delete-user" if is_first => first(of_config(known, "user", last, ask)),
        "completion" if is_first => {
            let shells = ["bash", "fish", "powershell", "zsh"].into_iter().filter(|s| s.starts_with(last));
            first(shells.map(String::from).collect())
        }
        // kstate's own.
        "why" => types_and_names(known, &[], false, last, ask),
        "node stop" | "node start" | "node exec" if is_first => first(names(known, "node", last, ask)),
        "lesson" | "shell" if is_first => Found::of(lessons(last), 0),
        "lesson check" => Found::of(lessons(last), 0),
        _ => return None,
    })
}

/// Runs a command of kubectl's that looks at the server that is meant.
fn asked(known: &Before, words: &[&str], ask: Ask<'_>) -> String {
    let words = words.iter().map(|word| (*word).to_string());
    let all: Vec<String> = std::iter::once("kubectl".to_string()).chain(words).chain(known.server.clone()).collect();
    ask(&all)
}

fn beginning(text: &str, separator: char, last: &str) -> Vec<String> {
    text.split(separator).map(str::trim).filter(|w| !w.is_empty() && w.starts_with(last)).map(String::from).collect()
}

/// The objects of a type whose names begin so.
pub(super) fn names(known: &Before, of: &str, last: &str, ask: Ask<'_>) -> Vec<String> {
    let template = "go-template={{ range .items  }}{{ .metadata.name }} {{ end }}";
    beginning(&asked(known, &["get", of, "-o", template], ask), ' ', last)
}

/// The containers of a pod.
pub(super) fn containers(known: &Before, pod: &str, last: &str, ask: Ask<'_>) -> Vec<String> {
    let template = "go-template={{ range .spec.initContainers }}{{ .name }} {{end}}{{ range .spec.containers  }}{{ .name }} {{ end }}";
    let pod = pod.strip_prefix("pod/").or(pod.strip_prefix("pods/")).unwrap_or(pod);
    match pod.is_empty() || pod.contains('/') {
        true => Vec::new(),
        false => beginning(&asked(known, &["get", "pod", pod, "-o", template], ask), ' ', last),
    }
}

/// The contexts, clusters or users of the kubeconfig.
pub(super) fn of_config(known: &Before, what: &str, last: &str, ask: Ask<'_>) -> Vec<String> {
    let text = match what {
        "context" => asked(known, &["config", "get-contexts", "-o", "name"], ask),
        "cluster" => asked(known, &["config", "get-clusters"], ask),
        _ => asked(known, &["config", "get-users"], ask),
    };
    beginning(&text, '\n', last).into_iter().filter(|name| name != "NAME").collect()
}

/// The types that can be got; the last of a list of them is completed.
fn types(known: &Before, last: &str, ask: Ask<'_>) -> Vec<String> {
    let (list, last) = last.rfind(',').map_or(("", last), |at| last.split_at(at + 1));
    let all = asked(known, &["api-resources", "-o", "name", "--verbs=get"], ask);
    beginning(&all, '\n', last).into_iter().map(|name| format!("{list}{name}")).collect()
}

fn allowed(known: &Before, some: &[&str], last: &str, ask: Ask<'_>) -> Vec<String> {
    match some {
        [] => types(known, last, ask),
        some => some.iter().filter(|t| t.starts_with(last)).map(|t| (*t).to_string()).collect(),
    }
}

/// A type and then names, or `TYPE/NAME`. Mirrors `resourceTypeAndNameCompletionFunc`.
fn types_and_names(known: &Before, some: &[&str], repeats: bool, last: &str, ask: Ask<'_>) -> Found {
    let new = |words: Vec<String>, old: &[String]| words.into_iter().filter(|w| !old.contains(w)).collect();
    match known.args.split_first() {
        Some((first, old)) if !first.contains('/') => {
            if !repeats && !old.is_empty() {
                return Found::of(Vec::new(), NO_FILES);
            }
            Found::of(new(names(known, first, last, ask), old), NO_FILES)
        }
        before => match last.split_once('/') {
            None if before.is_none() => Found::of(allowed(known, some, last, ask), NO_FILES),
            None if repeats => {
                let types = allowed(known, some, last, ask).into_iter().map(|t| format!("{t}/")).collect();
                Found::of(types, NO_FILES | NO_SPACE)
            }
            Some((of, name)) if repeats || before.is_none() => {
                let all = names(known, of, name, ask).into_iter().map(|name| format!("{of}/{name}")).collect();
                Found::of(new(all, &known.args), NO_FILES)
            }
            _ => Found::of(Vec::new(), NO_FILES),
        },
    }
}

/// A pod, or what holds pods. Mirrors `doPodResourceCompletion`.
fn pods(known: &Before, last: &str, ask: Ask<'_>) -> Found {
    if let Some((of, name)) = last.split_once('/') {
        let all = names(known, of, name, ask).into_iter().map(|name| format!("{of}/{name}")).collect();
        return Found::of(all, NO_FILES);
    }
    let mut words = names(known, "pod", last, ask);
    let directive = if words.is_empty() { NO_FILES | NO_SPACE } else { NO_FILES };
    words.extend(WITH_PODS.iter().filter(|t| t.starts_with(last)).map(|t| format!("{t}/")));
    Found::of(words, directive)
}
