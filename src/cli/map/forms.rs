//! The map for other programs: Graphviz, Mermaid, SVG.

use super::draw::short;
use super::graph::{Graph, Mood, Thing};

/// The columns of a drawing, from left to right.
const COLUMNS: [&str; 5] = ["pod", "persistentvolumeclaim", "persistentvolume", "storageclass", "node"];

fn fill(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => "#d9f2d9",
        Mood::Waits => "#fff3c4",
        Mood::Bad => "#f8d0d0",
    }
}

fn label(thing: &Thing) -> (String, String) {
    let name = match thing.namespace.as_str() {
        "" | "default" => thing.name.clone(),
        namespace => format!("{namespace}/{}", thing.name),
    };
    (format!("{}/{name}", short(thing.kind)), format!("{} {}", thing.state, thing.about).trim().to_string())
}

/// For `dot`.
pub(super) fn dot(graph: &Graph) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out =
        "digraph cluster {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n"
            .to_string();
    for thing in &graph.objects {
        let (name, about) = label(thing);
        let text = quote(&format!("{name}\n{about}")).replace('\n', "\\n");
        out += &format!("  {} [label={text}, fillcolor={}];\n", quote(&thing.id()), quote(fill(thing.mood)));
    }
    for link in &graph.links {
        out += &format!("  {} -> {} [label={}];\n", quote(&link.from), quote(&link.to), quote(link.what));
    }
    out + "}\n"
}

/// For Mermaid, as code hosts draw it.
pub(super) fn mermaid(graph: &Graph) -> String {
    let number = |id: &str| graph.objects.iter().position(|t| t.id() == id).unwrap_or_default();
    let safe = |text: &str| text.replace('"', "#quot;").replace(['\n', '\r'], " ");
    let mut out = "flowchart LR\n".to_string();
    for (n, thing) in graph.objects.iter().enumerate() {
        let (name, about) = label(thing);
        out += &format!("  n{n}[\"{}<br/>{}\"]\n", safe(&name), safe(&about));
    }
    for link in &graph.links {
        out += &format!("  n{} -->|{}| n{}\n", number(&link.from), link.what, number(&link.to));
    }
    for (n, thing) in graph.objects.iter().enumerate() {
        out += &format!("  style n{n} fill:{}\n", fill(thing.mood));
    }
    out
}

const WIDE: usize = 250;
const HIGH: usize = 46;
const GAP: (usize, usize) = (70, 16);

/// A drawing: a column for each kind, a line for each link.
pub(super) fn svg(graph: &Graph) -> String {
    let escape =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let columns: Vec<Vec<&Thing>> =
        COLUMNS.iter().map(|kind| graph.of(kind).collect::<Vec<_>>()).filter(|c| !c.is_empty()).collect();
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let (width, height) = (columns.len() * (WIDE + GAP.0) + 20, tallest * (HIGH + GAP.1) + 30);
    let place = |id: &str| {
        columns.iter().enumerate().find_map(|(x, column)| {
            let y = column.iter().position(|thing| thing.id() == id)?;
            Some((10 + x * (WIDE + GAP.0), 20 + y * (HIGH + GAP.1)))
        })
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for link in &graph.links {
        let (Some(from), Some(to)) = (place(&link.from), place(&link.to)) else { continue };
        let (left, right) = if from.0 <= to.0 { (from, to) } else { (to, from) };
        let (x1, y1, x2, y2) = (left.0 + WIDE, left.1 + HIGH / 2, right.0, right.1 + HIGH / 2);
        let middle = (x1 + x2) / 2;
        out += &format!(
            "<path d=\"M {x1} {y1} C {middle} {y1}, {middle} {y2}, {x2} {y2}\" fill=\"none\" stroke=\"#888\"><title>{}</title></path>\n",
            escape(link.what)
        );
    }
    let fits = |text: &str| -> String {
        match text.chars().count() > 36 {
            true => text.chars().take(35).chain(['…']).collect(),
            false => text.to_string(),
        }
    };
    for thing in columns.iter().flatten() {
        let Some((x, y)) = place(&thing.id()) else { continue };
        let (name, about) = label(thing);
        out += &format!(
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDE}\" height=\"{HIGH}\" rx=\"6\" fill=\"{}\" stroke=\"#555\"/>\
             <text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text><text x=\"{}\" y=\"{}\" fill=\"#444\">{}</text></g>\n",
            escape(&name),
            fill(thing.mood),
            x + 8,
            y + 19,
            escape(&fits(&name)),
            x + 8,
            y + 36,
            escape(&fits(&about))
        );
    }
    out + "</svg>\n"
}
