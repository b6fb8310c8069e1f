//! The map in a terminal: each node with its pods, their claims and volumes; and the same in small, a line each.

use owo_colors::{OwoColorize, Style};

use super::graph::{Graph, Mood, Thing};
use crate::lessons::narrow::without_uid;

/// How wide a node's box is at least, where they stand side by side.
const BOX: usize = 46;

/// How the map is to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) width: usize,
    pub(super) colour: bool,
    /// Whether names carry their namespaces.
    pub(super) all: bool,
}

/// A line with its length as it is seen.
type Row = (String, usize);

impl Look {
    fn paint(self, text: &str, style: Style) -> String {
        if self.colour { text.style(style).to_string() } else { text.to_string() }
    }

    fn name(self, thing: &Thing) -> String {
        let name = without_uid(&thing.name).unwrap_or_else(|| thing.name.clone());
        match self.all && !thing.namespace.is_empty() {
            true => format!("{}/{name}", thing.namespace),
            false => name,
        }
    }

    /// A line of a tree: what stands before it, the object, and what is said of it.
    fn row(self, before: &str, thing: &Thing, width: usize) -> Row {
        let kind = short(thing.kind);
        let head = format!("{before}{} {kind}/{}", mark(thing.mood), self.name(thing));
        let about = format!("{} {}", thing.state, thing.about);
        let about = about.trim();
        let plain = cut(&format!("{head}  {about}"), width);
        let length = plain.chars().count();
        let head_length = head.chars().count().min(length);
        let rest: String = plain.chars().skip(head_length).collect();
        let shown: String = plain.chars().take(head_length).collect();
        let marked = shown.replacen(mark(thing.mood), &self.paint(mark(thing.mood), style(thing.mood)), 1);
        (format!("{marked}{}", self.paint(&rest, Style::new().dimmed())), length)
    }
}

fn mark(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => "●",
        Mood::Waits => "○",
        Mood::Bad => "✗",
    }
}

fn style(mood: Mood) -> Style {
    match mood {
        Mood::Good => Style::new().green(),
        Mood::Waits => Style::new().yellow(),
        Mood::Bad => Style::new().red().bold(),
    }
}

/// What kubectl's users call a kind.
pub(super) fn short(kind: &str) -> &str {
    match kind {
        "persistentvolume" => "pv",
        "persistentvolumeclaim" => "pvc",
        "storageclass" => "sc",
        other => other,
    }
}

fn cut(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.trim_end().to_string(),
    }
}

/// The whole map.
pub(super) fn whole(graph: &Graph, look: Look) -> String {
    let count = graph.of("node").count();
    let beside = count > 1 && look.width >= count * BOX;
    let inner = if beside { look.width / count - 4 } else { look.width.saturating_sub(4).max(20) };
    let boxes: Vec<Vec<Row>> = graph.of("node").map(|node| of_node(graph, node, look, inner)).collect();
    let mut out = String::new();
    match beside {
        true => out += &side_by_side(&boxes, inner),
        false => boxes.iter().for_each(|rows| out += &framed(rows, inner)),
    }
    let width = look.width.max(24);
    let lonely = |kind: &'static str, what: &'static str| {
        graph.of(kind).filter(|t| graph.from(&t.id(), what).is_empty()).collect::<Vec<_>>()
    };
    let mut section = |title: &str, rows: Vec<Row>| {
        if !rows.is_empty() {
            out += &format!("\n{}\n", look.paint(title, Style::new().bold()));
            rows.iter().for_each(|(row, _)| out += &format!("{row}\n"));
        }
    };
    let waiting: Vec<Row> =
        lonely("pod", "runs on").into_iter().flat_map(|pod| of_pod(graph, pod, look, "  ", width)).collect();
    section("Pods without a node", waiting);
    let unmounted = graph.of("persistentvolumeclaim").filter(|c| graph.to(&c.id(), "mounts").is_empty());
    section("Claims that no pod mounts", unmounted.flat_map(|c| of_claim(graph, c, look, "  ", width)).collect());
    let unclaimed = graph.of("persistentvolume").filter(|v| graph.to(&v.id(), "bound").is_empty());
    section("Volumes that no claim is bound to", unclaimed.map(|v| look.row("  ", v, width)).collect());
    section("Classes", graph.of("storageclass").map(|c| look.row("  ", c, width)).collect());
    if out.is_empty() { "Nothing is there.\n".to_string() } else { out }
}

fn of_node(graph: &Graph, node: &Thing, look: Look, width: usize) -> Vec<Row> {
    let mut rows = vec![look.row("", node, width)];
    for pod in graph.to(&node.id(), "runs on").into_iter().filter_map(|id| graph.find(id)) {
        rows.extend(of_pod(graph, pod, look, "", width));
    }
    let here = graph.to(&node.id(), "on").into_iter().filter_map(|id| graph.find(id));
    let unused = here.filter(|v| {
        let claims = graph.to(&v.id(), "bound");
        claims.iter().all(|c| graph.to(c, "mounts").is_empty())
    });
    rows.extend(unused.map(|volume| look.row("  ", volume, width)));
    rows
}

fn of_pod(graph: &Graph, pod: &Thing, look: Look, before: &str, width: usize) -> Vec<Row> {
    let mut rows = vec![look.row(before, pod, width)];
    for claim in graph.from(&pod.id(), "mounts").into_iter().filter_map(|id| graph.find(id)) {
        rows.extend(of_claim(graph, claim, look, &format!("{before}  └─ "), width));
    }
    rows
}

fn of_claim(graph: &Graph, claim: &Thing, look: Look, before: &str, width: usize) -> Vec<Row> {
    let mut rows = vec![look.row(before, claim, width)];
    let below = format!("{}  └─ ", " ".repeat(before.chars().count()));
    for volume in graph.from(&claim.id(), "bound").into_iter().filter_map(|id| graph.find(id)) {
        rows.push(look.row(&below, volume, width));
    }
    for class in graph.from(&claim.id(), "wants").into_iter().filter_map(|id| graph.find(id)) {
        let waits = cut(&format!("{below}waits for sc/{}", class.name), width);
        let length = waits.chars().count();
        rows.push((waits, length));
    }
    rows
}

fn framed(rows: &[Row], inner: usize) -> String {
    let line = "─".repeat(inner + 2);
    let body = rows.iter().map(|(row, length)| format!("│ {row}{} │\n", " ".repeat(inner.saturating_sub(*length))));
    format!("┌{line}┐\n{}└{line}┘\n", body.collect::<String>())
}

fn side_by_side(boxes: &[Vec<Row>], inner: usize) -> String {
    let height = boxes.iter().map(Vec::len).max().unwrap_or(0);
    let line = "─".repeat(inner + 2);
    let mut out = format!("{}\n", format!("┌{line}┐").repeat(boxes.len()));
    for n in 0..height {
        for rows in boxes {
            let (row, length) = rows.get(n).cloned().unwrap_or_default();
            out += &format!("│ {row}{} │", " ".repeat(inner.saturating_sub(length)));
        }
        out.push('\n');
    }
    out + &format!("{}\n", format!("└{line}┘").repeat(boxes.len()))
}

/// A line for each pod, claim and volume: who holds whom, from left to right. Each begins with a blank.
pub(super) fn small(graph: &Graph, look: Look) -> String {
    let shared = shared_beginning(&graph.of("node").map(|n| n.name.as_str()).collect::<Vec<_>>());
    let node = |id: &str| id.strip_prefix("node/").and_then(|n| n.get(shared..)).unwrap_or_default().to_string();
    let label = |thing: &Thing| match (thing.kind, thing.mood, thing.state.as_str()) {
        (_, Mood::Good, _) | (_, _, "") => look.name(thing),
        (_, _, state) => format!("{} {state}", look.name(thing)),
    };
    let of_claim = |claim: &Thing| -> (String, String, String, Mood) {
        let volume = graph.from(&claim.id(), "bound").into_iter().find_map(|id| graph.find(id));
        let at = volume.and_then(|v| graph.from(&v.id(), "on").first().map(|id| node(id))).unwrap_or_default();
        let volume = volume.map_or("-".to_string(), label);
        (label(claim), volume, at, claim.mood)
    };
    let mut rows: Vec<(Mood, [String; 4])> = Vec::new();
    for pod in graph.of("pod") {
        let runs_on = graph.from(&pod.id(), "runs on").first().map(|id| node(id)).unwrap_or("-".into());
        let claims: Vec<&Thing> = graph.from(&pod.id(), "mounts").into_iter().filter_map(|id| graph.find(id)).collect();
        if claims.is_empty() {
            rows.push((pod.mood, [label(pod), String::new(), String::new(), runs_on.clone()]));
        }
        for claim in claims {
            let (claim, volume, _, mood) = of_claim(claim);
            rows.push((pod.mood.max(mood), [label(pod), claim, volume, runs_on.clone()]));
        }
    }
    for claim in graph.of("persistentvolumeclaim").filter(|c| graph.to(&c.id(), "mounts").is_empty()) {
        let (name, volume, at, mood) = of_claim(claim);
        rows.push((mood, ["-".into(), name, volume, at]));
    }
    for volume in graph.of("persistentvolume").filter(|v| graph.to(&v.id(), "bound").is_empty()) {
        let at = graph.from(&volume.id(), "on").first().map(|id| node(id)).unwrap_or_default();
        rows.push((volume.mood, ["-".into(), "-".into(), label(volume), at]));
    }
    if graph.of("persistentvolumeclaim").chain(graph.of("persistentvolume")).next().is_none() {
        // Without storage there is nobody who holds anything.
        return String::new();
    }
    let titles = ["POD", "CLAIM", "VOLUME", "NODE"].map(String::from);
    let widths: Vec<usize> = (0..4)
        .map(|n| rows.iter().map(|(_, row)| &row[n]).chain([&titles[n]]).map(|c| c.chars().count()).max().unwrap_or(0))
        .collect();
    let most = look.width.saturating_sub(3 + 3 * 5).max(24);
    let widths = fitted(&widths, most);
    let line = |mark: &str, row: &[String; 4], link: &str| {
        let mut out = format!(" {mark} ");
        for (n, cell) in row.iter().enumerate() {
            let cell = cut(cell, widths[n]);
            let gap = " ".repeat(widths[n].saturating_sub(cell.chars().count()));
            let next = row.get(n + 1).map_or("", String::as_str);
            let joins = !matches!(next, "" | "-") && !matches!(cell.as_str(), "" | "-");
            let link = if joins { link } else { "   " };
            out += &format!("{cell}{gap} {link} ");
        }
        format!("{}\n", out.trim_end())
    };
    let mut out = line(" ", &titles, "   ");
    rows.iter().for_each(|(mood, row)| out += &line(mark(*mood), row, "───"));
    out
}

/// Widths that together are no more than `most`: the widest give way.
fn fitted(widths: &[usize], most: usize) -> Vec<usize> {
    let mut widths = widths.to_vec();
    while widths.iter().sum::<usize>() > most {
        let Some(widest) = widths.iter_mut().max() else { break };
        *widest = widest.saturating_sub(1);
    }
    widths
}

/// How many bytes all names begin with alike, up to a dash.
fn shared_beginning(names: &[&str]) -> usize {
    let Some((first, rest)) = names.split_first() else { return 0 };
    if rest.is_empty() {
        return 0;
    }
    let same = |end: usize| rest.iter().all(|name| name.get(..end) == first.get(..end));
    first.match_indices('-').map(|(at, _)| at + 1).filter(|end| same(*end)).max().unwrap_or(0)
}
