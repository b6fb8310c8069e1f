//! What a command line is about: what the builder is told, and what it found.

use super::files::FileArgs;
use super::info::Info;
use super::paths::Source;
use crate::api::request::Form;
use crate::api::selector::Selector;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::request::Validate;
use crate::server::served::Served;

/// What names objects, and how they are looked up. What a verb does not set is off.
#[derive(Debug, Clone, Default)]
pub struct Builder<'a> {
    /// The arguments: types and names.
    pub args: &'a [String],
    /// The type of arguments that are names alone (`ResourceNames`); empty for arguments that begin with their type.
    pub default_type: &'a str,
    /// A type that is meant besides the arguments (`ResourceTypes`).
    pub of_type: &'a str,
    /// `-f`, `-R`, `-k`; files are read where they name any.
    pub files: Option<&'a FileArgs>,
    /// A text that was edited, in place of files, and what it is called.
    pub text: Option<(&'static str, &'a str)>,
    /// Whether the verb itself reads standard input, so that files can't (`StdinInUse`).
    pub stdin_in_use: bool,
    /// `-l`.
    pub selector: &'a str,
    /// `--field-selector`.
    pub field_selector: &'a str,
    /// `--all`.
    pub all: bool,
    /// `-A`.
    pub all_namespaces: bool,
    /// Whether a type alone stands for all its objects (`allowEmptySelector`).
    pub types_alone: bool,
    /// Whether what goes wrong with one object leaves the others (`ContinueOnError`).
    pub continue_on_error: bool,
    /// Whether objects of files are asked of the server (`Latest`).
    pub latest: bool,
    /// Whether objects that arguments name are not asked of the server (`RequireObject(false)`).
    pub unasked: bool,
    /// Whether only one type may be meant (`SingleResourceType`).
    pub single_type: bool,
    /// Whether a list in a file is refused, and not taken for its items (without `Flatten`).
    pub unflattened: bool,
    /// Whether the server is not asked at all (`Local`).
    pub local: bool,
    /// The part that is meant, `status`; empty for the whole.
    pub subresource: &'a str,
    /// How manifests are checked before anything else (`Schema`).
    pub validate: Validate,
    /// In pieces of how many objects lists are read (`RequestChunksOf`); 0 for whole ones.
    pub chunk: u64,
    /// In which form the server is asked.
    pub form: Form,
    /// Whether the objects do, without trees of what they hold, which cost more than all else.
    pub treeless: bool,
    /// What is kept of the objects of lists.
    pub kept: Kept,
}

/// What is kept of the objects of lists: long ones take less memory the less is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kept {
    /// All of them.
    #[default]
    Objects,
    /// Of tables the rows alone.
    Rows,
    /// What names them.
    Names,
}

/// What a command line is about, ready to be visited.
#[derive(Debug)]
pub struct Plan<'a> {
    pub(super) builder: Builder<'a>,
    pub(super) sources: Sources,
    /// The label selector of files' objects.
    pub(super) filter: Option<Selector>,
    /// Whether a single object was asked for: it is then no List.
    pub single_item_implied: bool,
    /// Whether objects were named, by arguments or files.
    pub targets_single_items: bool,
    pub(super) ignored: Option<fn(&Fault) -> bool>,
}

/// Where the objects come from.
#[derive(Debug)]
pub(super) enum Sources {
    Paths(Vec<Source>),
    Kinds(Vec<Served>),
    Names(Vec<Info>),
}
