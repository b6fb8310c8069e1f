//! The tree of an object while it is customized: scalars keep their text, and a tag that says what it stands for.
//!
//! Mirrors `RNode` and the filters of `sigs.k8s.io/kustomize/kyaml/yaml` as far as a build uses them. Keys are sorted,
//! because everything is printed sorted.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::Failed;
use crate::api::scalar::{self, Scalar as Resolved};
use crate::manifest::yaml::{self, Tree};

/// The fields of a mapping.
pub(super) type Fields = BTreeMap<String, Node>;

/// What a scalar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// Its text decides, unless it is quoted.
    Empty,
    Null,
    Bool,
    Int,
    Float,
    Time,
    Str,
}

/// Text, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) tag: Tag,
    pub(super) quoted: bool,
    /// The others that it is one with.
    shared: Option<Box<Shared>>,
}

/// OBSERVATION: where a transformer makes a label at several places of an object, kustomize's tree holds one node at all
/// of them. Whatever changes one of them later changes all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shared {
    group: u64,
    /// What all of them last were.
    text: String,
    tag: Tag,
}

/// A part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Fields),
}

/// What a node is to be made as where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    List,
    Map,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Scalar => "ScalarNode",
            Kind::List => "SequenceNode",
            Kind::Map => "MappingNode",
        }
    }

    /// An empty node of this kind.
    pub(super) fn empty(self) -> Node {
        match self {
            Kind::Scalar => Node::scalar(""),
            Kind::List => Node::List(Vec::new()),
            Kind::Map => Node::Map(Fields::new()),
        }
    }
}

impl Scalar {
    /// Text whose look decides on what it is.
    pub(super) fn new(text: &str) -> Scalar {
        Scalar::tagged(text, Tag::Empty)
    }

    /// Text that is what a tag says.
    pub(super) fn tagged(text: &str, tag: Tag) -> Scalar {
        Scalar { text: text.into(), tag, quoted: false, shared: None }
    }

    /// Makes it one with all others of a group.
    fn share(&mut self, group: u64) {
        self.shared = Some(Box::new(Shared { group, text: self.text.clone(), tag: self.tag }));
    }

    /// Text that is a string.
    pub(super) fn string(text: &str) -> Scalar {
        Scalar::tagged(text, Tag::Str)
    }

    /// Takes another's text and tag.
    pub(super) fn become_like(&mut self, other: Scalar) {
        *self = Scalar { shared: self.shared.take(), ..other };
    }

    pub(super) fn is_string(&self) -> bool {
        matches!(self.tag, Tag::Str | Tag::Empty)
    }

    /// Whether YAML 1.1 would read something else than a string in it. Mirrors `IsYaml1_1NonString`.
    fn looks_unlike_a_string(&self) -> bool {
        !self.text.is_empty()
            && !self.text.contains('\n')
            && yaml::to_json(&self.text).is_ok_and(|value| !value.is_string())
    }

    fn value(&self) -> Result<Value, Failed> {
        let resolved = resolve(&self.text);
        let found = match resolved {
            _ if self.tag == Tag::Empty && self.quoted => Tag::Str,
            _ if self.tag == Tag::Str => Tag::Str,
            Resolved::Null => Tag::Null,
            Resolved::Bool(_) => Tag::Bool,
            Resolved::Int(_) | Resolved::Uint(_) => Tag::Int,
            Resolved::Float(_) => Tag::Float,
            Resolved::Timestamp => Tag::Time,
            Resolved::Str => Tag::Str,
        };
        if found != self.tag && self.tag != Tag::Empty && !(self.tag == Tag::Float && found == Tag::Int) {
            let (found, wanted) = (found.text(), self.tag.text());
            return Err(Failed::new(format!("yaml: cannot decode {found} `{}` as a {wanted}", self.text)));
        }
        Ok(match resolved {
            _ if found == Tag::Str => Value::String(self.text.clone()),
            _ if found == Tag::Time => Value::String(instant(&self.text).unwrap_or_default()),
            Resolved::Bool(b) => Value::Bool(b),
            Resolved::Int(n) => Value::from(n),
            Resolved::Uint(n) => Value::from(n),
            Resolved::Float(f) => whole(f),
            _ => Value::Null,
        })
    }
}

/// A float as Go's JSON has it: without a fraction if there is none.
fn whole(f: f64) -> Value {
    if f.fract() == 0.0 && f.abs() < 1e15 {
        return Value::from(f as i64);
    }
    Number::from_f64(f).map_or(Value::Null, Value::Number)
}

/// A date, or a date and a time, as Go writes instants: `2020-01-01T00:00:00Z`.
fn instant(text: &str) -> Option<String> {
    let number = |text: &str, most: u32| text.parse::<u32>().ok().filter(|n| text.len() <= 2 && *n <= most);
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time.trim_start())),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, number(parts.next()?, 12)?, number(parts.next()?, 31)?);
    if year.len() != 4 || month == 0 || day == 0 {
        return None;
    }
    let date = format!("{year}-{month:02}-{day:02}");
    let Some(time) = time else { return Some(format!("{date}T00:00:00Z")) };
    let with_zone = !text.contains(' ');
    let zone_at = time.find(['Z', '+', '-']).filter(|_| with_zone);
    if with_zone != zone_at.is_some() {
        return None;
    }
    let (clock, zone) = time.split_at(zone_at.unwrap_or(time.len()));
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute, second) = (number(parts.next()?, 23)?, number(parts.next()?, 59)?, number(parts.next()?, 59)?);
    let fraction = fraction.trim_end_matches('0');
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    let zone = if zone.is_empty() || zone == "+00:00" { "Z" } else { zone };
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

/// What plain text stands for in YAML 1.2: as in 1.1, but `yes` and its like are strings.
fn resolve(text: &str) -> Resolved {
    match scalar::resolve(text) {
        Resolved::Bool(_) if !matches!(text.to_ascii_lowercase().as_str(), "true" | "false") => Resolved::Str,
        Resolved::Timestamp if instant(text).is_none() => Resolved::Str,
        Resolved::Str => match text.strip_prefix("0o").map(|digits| i64::from_str_radix(digits, 8)) {
            Some(Ok(n)) => Resolved::Int(n),
            _ => Resolved::Str,
        },
        other => other,
    }
}

impl Tag {
    fn of(text: &str) -> Tag {
        match resolve(text) {
            Resolved::Null => Tag::Null,
            Resolved::Bool(_) => Tag::Bool,
            Resolved::Int(_) | Resolved::Uint(_) => Tag::Int,
            Resolved::Float(_) => Tag::Float,
            Resolved::Timestamp => Tag::Time,
            Resolved::Str => Tag::Str,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Tag::Empty => "",
            Tag::Null => "!!null",
            Tag::Bool => "!!bool",
            Tag::Int => "!!int",
            Tag::Float => "!!float",
            Tag::Time => "!!timestamp",
            Tag::Str => "!!str",
        }
    }
}

impl From<Tree> for Node {
    fn from(tree: Tree) -> Node {
        match tree {
            Tree::Sequence(items) => Node::List(items.into_iter().map(Node::from).collect()),
            Tree::Mapping(fields) => Node::Map(fields.into_iter().map(|(k, v)| (k, Node::from(v))).collect()),
            Tree::Scalar { text, tag, plain } => {
                let tag = match tag.as_str() {
                    "" if plain => Tag::of(&text),
                    "!!null" => Tag::Null,
                    "!!bool" => Tag::Bool,
                    "!!int" => Tag::Int,
                    "!!float" => Tag::Float,
                    "!!timestamp" => Tag::Time,
                    _ => Tag::Str,
                };
                Node::Scalar(Scalar { text, tag, quoted: !plain, shared: None })
            }
        }
    }
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Node {
        let scalar = |text: String, tag| Node::Scalar(Scalar { text, tag, quoted: false, shared: None });
        match value {
            Value::Null => scalar("null".into(), Tag::Null),
            Value::Bool(b) => scalar(b.to_string(), Tag::Bool),
            Value::Number(n) if n.is_f64() => scalar(n.to_string(), Tag::Float),
            Value::Number(n) => scalar(n.to_string(), Tag::Int),
            Value::String(s) => {
                let quoted = Tag::of(s) != Tag::Str;
                Node::Scalar(Scalar { text: s.clone(), tag: Tag::Str, quoted, shared: None })
            }
            Value::Array(items) => Node::List(items.iter().map(Node::from).collect()),
            Value::Object(fields) => Node::Map(fields.iter().map(|(k, v)| (k.clone(), Node::from(v))).collect()),
        }
    }
}

impl Node {
    pub(super) fn scalar(text: &str) -> Node {
        Node::Scalar(Scalar::new(text))
    }

    pub(super) fn string(text: &str) -> Node {
        Node::Scalar(Scalar::string(text))
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// A scalar's text is not what its tag says.
    pub(super) fn value(&self) -> Result<Value, Failed> {
        Ok(match self {
            Node::Scalar(scalar) => scalar.value()?,
            Node::List(items) => Value::Array(items.iter().map(Node::value).collect::<Result<_, _>>()?),
            Node::Map(fields) => {
                let fields = fields.iter().map(|(k, v)| Ok((k.clone(), v.value()?)));
                Value::Object(fields.collect::<Result<Map<_, _>, Failed>>()?)
            }
        })
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Node::Scalar(_) => Kind::Scalar,
            Node::List(_) => Kind::List,
            Node::Map(_) => Kind::Map,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Node::Scalar(Scalar { tag: Tag::Null, .. }))
    }

    /// Mirrors `IsYNodeNilOrEmpty`.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Node::Scalar(scalar) => scalar.tag == Tag::Null,
            Node::List(items) => items.is_empty(),
            Node::Map(fields) => fields.is_empty(),
        }
    }

    /// How many nodes there are, up to `most` and one more.
    pub(super) fn count(&self, most: usize) -> usize {
        let each = |count: usize, node: &Node| if count > most { count } else { count + node.count(most - count) };
        match self {
            Node::Scalar(_) => 1,
            Node::List(items) => items.iter().fold(1, each),
            Node::Map(fields) => fields.values().fold(1, each),
        }
    }

    /// The text of a scalar; nothing of anything else.
    pub(super) fn text(&self) -> &str {
        match self {
            Node::Scalar(scalar) => &scalar.text,
            _ => "",
        }
    }

    /// The text of a scalar that is not null. Mirrors `GetValue`.
    pub(super) fn text_unless_null(&self) -> &str {
        if self.is_null() { "" } else { self.text() }
    }

    pub(super) fn field(&self, name: &str) -> Option<&Node> {
        match self {
            Node::Map(fields) => fields.get(name),
            _ => None,
        }
    }

    pub(super) fn field_mut(&mut self, name: &str) -> Option<&mut Node> {
        match self {
            Node::Map(fields) => fields.get_mut(name),
            _ => None,
        }
    }

    /// What lies below the names.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, name| node.field(name))
    }

    /// The elements of a list.
    pub(super) fn items(&self) -> &[Node] {
        match self {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// Mirrors `ErrorIfInvalid`: null passes for everything.
    pub(super) fn expect(&self, kind: Kind) -> Result<(), Failed> {
        if self.is_null() || self.kind() == kind {
            return Ok(());
        }
        let shown = self.value().map(|value| crate::printers::yaml::to_yaml(&value)).unwrap_or_default();
        let (wanted, found) = (kind.name(), self.kind().name());
        Err(Failed::new(format!("wrong node kind: expected {wanted} but got {found}: node contents:\n{shown}")))
    }

    /// Sets a scalar to another, which keeps the quotes of the old one. Mirrors `FieldSetter` without a name.
    pub(super) fn set(&mut self, scalar: Scalar) -> Result<(), Failed> {
        self.expect(Kind::Scalar)?;
        if scalar.tag == Tag::Null {
            return Ok(());
        }
        *self = match self {
            Node::Scalar(old) => Node::Scalar(Scalar { quoted: old.quoted, shared: old.shared.take(), ..scalar }),
            _ => Node::Scalar(scalar),
        };
        Ok(())
    }

    /// Sets a field. Null takes it away, unless it is to be kept. Mirrors `FieldSetter` with a name.
    pub(super) fn set_field(&mut self, name: &str, value: Option<Node>, keep: bool) -> Result<(), Failed> {
        let mut value = match value {
            Some(value) if keep || !value.is_null() => value,
            _ => {
                self.clear(name)?;
                return Ok(());
            }
        };
        self.expect(Kind::Map)?;
        let Node::Map(fields) = self else { return Ok(()) };
        if let Node::Scalar(scalar) = &mut value {
            match fields.get(name) {
                Some(Node::Scalar(old)) => {
                    scalar.quoted = old.quoted;
                    scalar.shared.clone_from(&old.shared);
                }
                Some(_) => {}
                None => scalar.quoted |= scalar.is_string() && scalar.looks_unlike_a_string(),
            }
        }
        fields.insert(name.to_string(), value);
        Ok(())
    }

    /// Sets a field to text, which becomes one with others of a group where the field is new.
    pub(super) fn set_shared_field(&mut self, name: &str, text: &str, group: u64) -> Result<(), Failed> {
        let mut scalar = Scalar::string(text);
        if self.field(name).is_none() {
            scalar.share(group);
        }
        self.set_field(name, Some(Node::Scalar(scalar)), false)
    }

    /// Changes all that are one with what was changed.
    pub(super) fn settle_shared(&mut self) {
        let mut changed = BTreeMap::new();
        self.visit_shared(&mut |scalar, shared| {
            if scalar.text != shared.text || scalar.tag != shared.tag {
                changed.insert(shared.group, (scalar.text.clone(), scalar.tag));
            }
        });
        if changed.is_empty() {
            return;
        }
        self.visit_shared(&mut |scalar, shared| {
            if let Some((text, tag)) = changed.get(&shared.group) {
                (scalar.text, scalar.tag) = (text.clone(), *tag);
                (shared.text, shared.tag) = (text.clone(), *tag);
            }
        });
    }

    /// A group that no scalar belongs to yet.
    pub(super) fn next_group(&mut self) -> u64 {
        let mut last = 0;
        self.visit_shared(&mut |_, shared| last = last.max(shared.group));
        last + 1
    }

    fn visit_shared(&mut self, visit: &mut dyn FnMut(&mut Scalar, &mut Shared)) {
        match self {
            Node::Scalar(scalar) => {
                if let Some(mut shared) = scalar.shared.take() {
                    visit(scalar, &mut shared);
                    scalar.shared = Some(shared);
                }
            }
            Node::List(items) => items.iter_mut().for_each(|item| item.visit_shared(visit)),
            Node::Map(fields) => fields.values_mut().for_each(|field| field.visit_shared(visit)),
        }
    }

    /// Takes a field away.
    pub(super) fn clear(&mut self, name: &str) -> Result<(), Failed> {
        self.expect(Kind::Map)?;
        if let Node::Map(fields) = self {
            fields.remove(name);
        }
        Ok(())
    }

    /// The field of a name, made if it is not there.
    pub(super) fn field_or(&mut self, name: &str, kind: Kind) -> Result<Option<&mut Node>, Failed> {
        if self.is_null() {
            return Ok(None);
        }
        self.expect(Kind::Map)?;
        let Node::Map(fields) = self else { return Ok(None) };
        Ok(Some(fields.entry(name.to_string()).or_insert_with(|| kind.empty())))
    }

    /// The texts of a mapping's fields.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        match self {
            Node::Map(fields) => fields.iter().map(|(k, v)| (k.clone(), v.text().to_string())).collect(),
            _ => BTreeMap::new(),
        }
    }
}
