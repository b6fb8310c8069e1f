//! `crictl`: what a node's runtime holds, as far as it can be looked at.
//!
//! Mirrors `cmd/crictl` of `sigs.k8s.io/cri-tools`.

use std::fmt::Write as _;

use crate::api::{Duration, Time};
use crate::machine::kernel::node_view::{ContainerView, NodeView, PodView};
use crate::machine::kernel::{Sys, log};
use crate::machine::tools::Started;

/// The runtime's socket on a k3s node.
const SOCKET: &str = "unix:///run/k3s/containerd/containerd.sock";

/// `crictl ps|pods|images|logs|inspect`
pub(super) fn crictl(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let words = match words.as_slice() {
        ["-r" | "--runtime-endpoint" | "-i" | "--image-endpoint", _, rest @ ..] => rest.to_vec(),
        _ => words,
    };
    let (Some(command), rest) = (words.first().copied(), words.get(1..).unwrap_or_default()) else {
        sys.out(HELP);
        return Started::Exit(0);
    };
    if matches!(command, "help" | "h" | "--help" | "-h") {
        sys.out(HELP);
        return Started::Exit(0);
    }
    if matches!(command, "--version" | "-v") {
        sys.out("crictl version 1.36.0\n");
        return Started::Exit(0);
    }
    let Some(view) = sys.sandbox.node_view.clone() else {
        let path = SOCKET.trim_start_matches("unix://");
        return fatal(
            sys,
            &format!(
                "validate service connection: validate CRI v1 runtime API for endpoint \"{SOCKET}\": rpc error: code = \
                 Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix {path}: connect: \
                 no such file or directory\""
            ),
        );
    };
    let options = match Options::parse(rest) {
        Ok(options) => options,
        Err(text) => return fatal(sys, &text),
    };
    match command {
        "ps" => ps(sys, &view, &options),
        "pods" => pods(sys, &view, &options),
        "images" | "image" | "img" => images(sys, &view, &options),
        "logs" => logs(sys, &view, &options),
        "inspect" => inspect(sys, &view, &options),
        other => {
            fatal(sys, &format!("{other}: of a node's runtime only ps, pods, images, logs and inspect answer here"))
        }
    }
}

const HELP: &str = "NAME:
   crictl - client for CRI

USAGE:
   crictl [global options] command [command options] [arguments...]

COMMANDS:
   images, image, img  List images
   inspect             Display the status of one or more containers
   logs                Fetch the logs of a container
   pods                List pods
   ps                  List containers
   help, h             Shows a list of commands or help for one command
";

fn fatal(sys: &mut Sys<'_>, text: &str) -> Started {
    sys.err(format!("FATA[0000] {text}\n"));
    Started::Exit(1)
}

/// The flags of all commands.
#[derive(Default)]
struct Options {
    all: bool,
    quiet: bool,
    no_trunc: bool,
    digests: bool,
    previous: bool,
    name: Option<String>,
    pod: Option<String>,
    namespace: Option<String>,
    state: Option<String>,
    last: Option<usize>,
    tail: Option<usize>,
    output: String,
    rest: Vec<String>,
}

impl Options {
    fn parse(words: &[&str]) -> Result<Options, String> {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (flag, mut given) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with('-') => (flag, Some(value.to_string())),
                _ => (*word, None),
            };
            let mut value = || {
                given
                    .take()
                    .or_else(|| words.next().map(ToString::to_string))
                    .ok_or(format!("flag needs an argument: {flag}"))
            };
            match flag {
                "-a" | "--all" => options.all = true,
                "-q" | "--quiet" => options.quiet = true,
                "--no-trunc" => options.no_trunc = true,
                "--digests" => options.digests = true,
                "-p" | "--previous" => options.previous = true,
                "--name" => options.name = Some(value()?),
                "--pod" => options.pod = Some(value()?),
                "--namespace" => options.namespace = Some(value()?),
                "-s" | "--state" => options.state = Some(value()?.to_lowercase()),
                "-l" | "--latest" => options.last = Some(1),
                "-n" | "--last" => options.last = value()?.parse().ok(),
                "--tail" => options.tail = value()?.parse().ok(),
                "-o" | "--output" => options.output = value()?,
                "-aq" | "-qa" => (options.all, options.quiet) = (true, true),
                "-f" | "--follow" | "-v" | "--verbose" => {}
                flag if flag.starts_with('-') && flag.len() > 1 => {
                    return Err(format!("flag provided but not defined: {flag}"));
                }
                other => options.rest.push(other.to_string()),
            }
        }
        Ok(options)
    }

    fn short(&self, id: &str) -> String {
        if self.no_trunc { id.to_string() } else { id.chars().take(13).collect() }
    }
}

/// Rows below each other. Mirrors `newDefaultTableDisplay`: `tabwriter` with columns of twenty and three blanks between.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let widest = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        (widest.unwrap_or(0) + 3).max(20)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (n, cell) in row.iter().enumerate() {
            match n + 1 == row.len() {
                true => text.push_str(cell),
                false => _ = write!(text, "{cell:<width$}", width = widths.get(n).copied().unwrap_or(0)),
            }
        }
        text.push('\n');
    }
    text
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

fn state(container: &ContainerView) -> &'static str {
    if container.ended.is_some() { "Exited" } else { "Running" }
}

/// How long ago something was. Mirrors `units.HumanDuration`.
fn ago(since: Duration) -> String {
    let seconds = since.0.max(0) / 1000;
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    let text = match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".into(),
        (1, ..) => "1 second".into(),
        (2..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".into(),
        (_, 2..60, _) => format!("{minutes} minutes"),
        (.., 1) => "About an hour".into(),
        (.., 2..48) => format!("{hours} hours"),
        (.., 48..336) => format!("{} days", hours / 24),
        (.., 336..1440) => format!("{} weeks", hours / 24 / 7),
        (.., 1440..17520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    };
    format!("{text} ago")
}

fn ps(sys: &mut Sys<'_>, view: &NodeView, options: &Options) -> Started {
    let now = sys.now();
    let none = PodView::default();
    let pod_of = |c: &ContainerView| view.pods.get(c.pod).unwrap_or(&none);
    let mut all: Vec<&ContainerView> = view.containers.iter().collect();
    all.sort_by_key(|c| std::cmp::Reverse(c.started));
    all.retain(|c| {
        let shown = options.all || options.state.is_some() || options.last.is_some() || c.ended.is_none();
        let state = options.state.as_ref().is_none_or(|s| state(c).to_lowercase().starts_with(s.as_str()));
        let name = options.name.as_ref().is_none_or(|n| c.name.contains(n.as_str()));
        let pod = options.pod.as_ref().is_none_or(|p| pod_of(c).id.starts_with(p.as_str()));
        let id = options.rest.first().is_none_or(|id| c.id.starts_with(id.as_str()));
        shown && state && name && pod && id
    });
    all.truncate(options.last.unwrap_or(usize::MAX));
    if options.quiet {
        let ids: String = all.iter().map(|c| format!("{}\n", c.id)).collect();
        sys.out(ids);
        return Started::Exit(0);
    }
    let title = ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
    let mut rows = vec![row(&title)];
    for c in all {
        let pod = pod_of(c);
        let created = ago(now - c.started);
        let (id, image, attempt) = (options.short(&c.id), options.short(&c.image_id), c.attempt.to_string());
        let pod_id = options.short(&pod.id);
        rows.push(row(&[&id, &image, &created, state(c), &c.name, &attempt, &pod_id, &pod.name, &pod.namespace]));
    }
    sys.out(table(&rows));
    Started::Exit(0)
}

fn pods(sys: &mut Sys<'_>, view: &NodeView, options: &Options) -> Started {
    let now = sys.now();
    let mut all: Vec<&PodView> = view.pods.iter().collect();
    all.sort_by_key(|p| std::cmp::Reverse(p.created));
    let ready = |p: &PodView| if p.is_ready { "Ready" } else { "NotReady" };
    all.retain(|p| {
        options.name.as_ref().is_none_or(|n| p.name.contains(n.as_str()))
            && options.namespace.as_ref().is_none_or(|n| p.namespace.contains(n.as_str()))
            && options.state.as_ref().is_none_or(|s| ready(p).to_lowercase() == *s)
            && options.rest.first().is_none_or(|id| p.id.starts_with(id.as_str()))
    });
    all.truncate(options.last.unwrap_or(usize::MAX));
    if options.quiet {
        let ids: String = all.iter().map(|p| format!("{}\n", p.id)).collect();
        sys.out(ids);
        return Started::Exit(0);
    }
    let mut rows = vec![row(&["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"])];
    for p in all {
        let created = ago(now - p.created);
        rows.push(row(&[&options.short(&p.id), &created, ready(p), &p.name, &p.namespace, "0", "(default)"]));
    }
    sys.out(table(&rows));
    Started::Exit(0)
}

/// A size with three digits. Mirrors `units.HumanSizeWithPrecision`.
fn size(bytes: i64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit < 4 {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", ["B", "kB", "MB", "GB", "TB"][unit])
}

fn images(sys: &mut Sys<'_>, view: &NodeView, options: &Options) -> Started {
    let mut all: Vec<_> = view.images.iter().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.retain(|i| options.rest.first().is_none_or(|name| i.name.contains(name.as_str())));
    if options.quiet {
        let ids: String = all.iter().map(|i| format!("sha256:{}\n", i.id)).collect();
        sys.out(ids);
        return Started::Exit(0);
    }
    let mut title = vec!["IMAGE", "TAG", "IMAGE ID", "SIZE"];
    if options.digests {
        title.insert(2, "DIGEST");
    }
    let mut rows = vec![row(&title)];
    for image in all {
        let at = image.name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match image.name[at..].split_once(':') {
            Some((base, tag)) if !image.name.contains('@') => (format!("{}{base}", &image.name[..at]), tag.to_string()),
            _ => (image.name.split('@').next().unwrap_or_default().to_string(), "<none>".into()),
        };
        let mut cells = vec![name, tag, options.short(&image.id), size(image.size)];
        if options.digests {
            let digest = image.digest.split_once("sha256:").map_or("", |(_, d)| d);
            cells.insert(2, options.short(digest));
        }
        rows.push(cells);
    }
    sys.out(table(&rows));
    Started::Exit(0)
}

/// The container that a command is about; says why there is none.
fn find<'a>(sys: &mut Sys<'_>, view: &'a NodeView, options: &Options) -> Option<&'a ContainerView> {
    let Some(id) = options.rest.first() else {
        fatal(sys, "ID cannot be empty");
        return None;
    };
    let found = view.containers.iter().find(|c| c.id.starts_with(id.as_str()));
    if found.is_none() {
        let text = format!(
            "getting the status of the container \"{id}\": rpc error: code = NotFound desc = an error occurred when try to \
             find container \"{id}\": not found"
        );
        fatal(sys, &text);
    }
    found
}

fn logs(sys: &mut Sys<'_>, view: &NodeView, options: &Options) -> Started {
    let Some(container) = find(sys, view, options) else { return Started::Exit(1) };
    let none = PodView::default();
    let pod = view.pods.get(container.pod).unwrap_or(&none);
    let mut wanted = container.clone();
    wanted.attempt -= i32::from(options.previous);
    let path = wanted.log_path(pod);
    let bytes = match sys.read_file(&path) {
        Ok(bytes) => bytes,
        Err(fault) => {
            let text = sys.text(fault).to_lowercase();
            return fatal(sys, &format!("failed to try resolving symlinks in path \"{path}\": lstat {path}: {text}"));
        }
    };
    let entries: Vec<log::Entry> = bytes.split(|b| *b == b'\n').filter_map(log::Entry::parse).collect();
    let from = options.tail.map_or(0, |tail| entries.len().saturating_sub(tail));
    for entry in entries.into_iter().skip(from) {
        match entry.stream {
            2 => sys.err(entry.text),
            _ => sys.out(entry.text),
        }
    }
    Started::Exit(0)
}

fn inspect(sys: &mut Sys<'_>, view: &NodeView, options: &Options) -> Started {
    let Some(c) = find(sys, view, options) else { return Started::Exit(1) };
    let none = PodView::default();
    let pod = view.pods.get(c.pod).unwrap_or(&none);
    let stamp = |time: Time| {
        let stamp = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
        stamp.strftime("%Y-%m-%dT%H:%M:%S.%3f000000Z").to_string()
    };
    let digest = view.images.iter().find(|i| i.name == c.image).map_or("", |i| &i.digest);
    let ended = c.ended.clone();
    let status = serde_json::json!({
        "status": {
            "annotations": {},
            "createdAt": stamp(c.started),
            "exitCode": ended.as_ref().map_or(0, |e| e.1),
            "finishedAt": ended.as_ref().map_or_else(|| "0001-01-01T00:00:00Z".into(), |e| stamp(e.0)),
            "id": c.id,
            "image": {"annotations": {}, "image": c.image, "runtimeHandler": "", "userSpecifiedImage": ""},
            "imageId": format!("sha256:{}", c.image_id),
            "imageRef": digest,
            "labels": {
                "io.kubernetes.container.name": c.name,
                "io.kubernetes.pod.name": pod.name,
                "io.kubernetes.pod.namespace": pod.namespace,
                "io.kubernetes.pod.uid": pod.uid,
            },
            "logPath": c.log_path(pod),
            "message": "",
            "metadata": {"attempt": c.attempt, "name": c.name},
            "mounts": [],
            "reason": ended.as_ref().map_or("", |e| e.2.as_str()),
            "startedAt": stamp(c.started),
            "state": if ended.is_some() { "CONTAINER_EXITED" } else { "CONTAINER_RUNNING" },
        },
        "info": {"sandboxID": pod.id, "runtimeType": "io.containerd.runc.v2"},
    });
    let text = match options.output.as_str() {
        "" | "json" => serde_json::to_string_pretty(&status).unwrap_or_default(),
        other => return fatal(sys, &format!("don't support {other:?} format")),
    };
    sys.out(format!("{text}\n"));
    Started::Exit(0)
}
