//! `config set` and `config unset`: one value, by the way that leads to it.
//!
//! Mirrors `set.go`, `unset.go` and `navigation_step_parser.go` of `k8s.io/kubectl/pkg/cmd/config`.

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::unexpected_args;
use crate::error::Failure;
use crate::kubectl::kubeconfig::schema::{Def, Field, PREFERENCES, Type};
use crate::kubectl::kubeconfig::{Config, Fields, Section, set as set_field};
use crate::kubectl::session::Session;
use crate::manifest::strict::canonical_bytes;

/// Set an individual value in a kubeconfig file.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The property's name and its value
    words: Vec<String>,
    /// When writing a []byte PROPERTY_VALUE, write the given string directly without base64 decoding
    #[arg(long)]
    set_raw_bytes: Option<bool>,
}

pub(super) fn set(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let [name, value] = args.words.as_slice() else { return Err(unexpected_args("set", &args.words, session)) };
    if value.is_empty() {
        return Err(Failure::error("you cannot use set to unset a property"));
    }
    if name.is_empty() {
        return Err(Failure::error("you must specify a property"));
    }
    let change = Change::Set { value, raw: args.set_raw_bytes == Some(true) };
    change_property(name, &change, session)?;
    session.ui.out(&format!("Property {name:?} set.\n"));
    Ok(())
}

pub(super) fn unset(words: &[String], session: &Session<'_>) -> Result<(), Failure> {
    let [name] = words else { return Err(unexpected_args("unset", words, session)) };
    if name.is_empty() {
        return Err(Failure::error("you must specify a property"));
    }
    change_property(name, &Change::Unset, session)?;
    session.ui.out(&format!("Property {name:?} unset.\n"));
    Ok(())
}

fn change_property(name: &str, change: &Change<'_>, session: &Session<'_>) -> Result<(), Failure> {
    let access = &session.contexts.access;
    let mut config = access.starting_config()?;
    let target = Target::find(name).map_err(Failure::error)?;
    apply(&mut config, &target, change).map_err(Failure::error)?;
    access.modify(&config, false)
}

/// What is done to a property.
enum Change<'a> {
    Set { value: &'a str, raw: bool },
    Unset,
}

/// What a property's name leads to.
enum Target {
    /// `kind`, `apiVersion`: known, and of no consequence.
    Header,
    CurrentContext,
    /// `preferences` as a whole.
    Preferences,
    Preference(&'static Field),
    /// `extensions` as a whole.
    Extensions,
    /// `clusters` as a whole.
    Section(Section),
    /// `clusters.NAME`
    Stanza(Section, String),
    /// `clusters.NAME.server`
    Field(Section, String, &'static Field),
}

impl Target {
    fn find(path: &str) -> Result<Target, String> {
        let parts: Vec<&str> = path.split('.').collect();
        let (first, rest) = (parts[0], &parts[1..]);
        let too_deep = || format!("unable to parse one or more field values of {path}");
        let at_end = |target: Target| if rest.is_empty() { Ok(target) } else { Err(too_deep()) };
        match first {
            "kind" | "apiVersion" => at_end(Target::Header),
            "current-context" => at_end(Target::CurrentContext),
            "preferences" => match rest {
                [] => Ok(Target::Preferences),
                [name, deeper @ ..] => {
                    let no_field =
                        || format!("unable to parse {path} after [{{preferences 0xc000000000}}] at api.Preferences");
                    let field = property(&PREFERENCES, name).ok_or_else(no_field)?;
                    if deeper.is_empty() { Ok(Target::Preference(field)) } else { Err(too_deep()) }
                }
            },
            // What is in an extension is nobody's business but its owner's.
            "extensions" => at_end(Target::Extensions),
            _ => match Section::ALL.into_iter().find(|section| section.name() == first) {
                Some(section) => Target::in_section(section, rest, path),
                None => Err(format!("unable to parse {path} after [] at api.Config")),
            },
        }
    }

    /// A stanza's name may have dots: it ends before the first word that is a field's name.
    fn in_section(section: Section, rest: &[&str], path: &str) -> Result<Target, String> {
        if rest.is_empty() {
            return Ok(Target::Section(section));
        }
        let field_at = (1..rest.len()).find(|at| property(section.def(), rest[*at]).is_some());
        let name = rest[..field_at.unwrap_or(rest.len())].join(".");
        let Some(at) = field_at else { return Ok(Target::Stanza(section, name)) };
        let field = property(section.def(), rest[at]).ok_or("no such field")?;
        match rest.len() - at {
            1 => Ok(Target::Field(section, name, field)),
            _ if matches!(field.ty, Type::TextsByName) => Err("string is not of type struct".into()),
            _ => Err(format!("unable to parse one or more field values of {path}")),
        }
    }
}

fn property(def: &'static Def, name: &str) -> Option<&'static Field> {
    def.fields.iter().find(|field| field.property == name)
}

fn apply(config: &mut Config, target: &Target, change: &Change<'_>) -> Result<(), String> {
    let not_a_value = |names: Vec<&String>| {
        // What stands behind the names is another number each time.
        let shown: Vec<String> = names.iter().map(|name| format!("{name}:0xc000000000")).collect();
        format!("can't set a map to a value: map[{}]", shown.join(" "))
    };
    match (target, change) {
        (Target::Header, _) => {}
        (Target::CurrentContext, Change::Set { value, .. }) => config.current_context = (*value).to_string(),
        (Target::CurrentContext, Change::Unset) => config.current_context.clear(),
        (Target::Preferences, Change::Unset) => config.preferences.clear(),
        (Target::Preferences, Change::Set { .. }) => {
            let colors = config.preferences.get("colors").and_then(Value::as_bool).unwrap_or_default();
            return Err(format!(
                "unable to locate path config.navigationStep{{stepValue:\"\", stepType:reflect.Type(nil)}} under {{{colors} map[]}}"
            ));
        }
        (Target::Preference(field), change) => set_value(&mut config.preferences, field, change)?,
        (Target::Extensions, Change::Unset) => config.extensions.clear(),
        (Target::Extensions, Change::Set { .. }) => return Err(not_a_value(config.extensions.keys().collect())),
        (Target::Section(section), Change::Unset) => config.section_mut(*section).clear(),
        (Target::Section(section), Change::Set { .. }) => {
            return Err(not_a_value(config.section(*section).keys().collect()));
        }
        (Target::Stanza(section, name), Change::Unset) => _ = config.section_mut(*section).remove(name),
        (Target::Stanza(section, _), Change::Set { .. }) => {
            return Err(not_a_value(config.section(*section).keys().collect()));
        }
        (Target::Field(section, name, field), change) => {
            let stanzas = config.section_mut(*section);
            if matches!(change, Change::Unset) && !stanzas.contains_key(name) {
                return Err(format!("current map key `{name}` is invalid"));
            }
            set_value(&mut stanzas.entry(name.clone()).or_default().fields, field, change)?;
        }
    }
    Ok(())
}

/// Mirrors `modifyConfig`, from a struct on.
fn set_value(fields: &mut Fields, field: &Field, change: &Change<'_>) -> Result<(), String> {
    let Change::Set { value, raw } = change else {
        fields.remove(field.name);
        return Ok(());
    };
    let value = match field.ty {
        Type::Text | Type::Named(_) => json!(value),
        Type::Flag => match *value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => json!(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => json!(false),
            other => return Err(format!("strconv.ParseBool: parsing {other:?}: invalid syntax")),
        },
        Type::Bytes if *raw => json!(ByteString(value.as_bytes().to_vec())),
        Type::Bytes => json!(canonical_bytes(value).map_err(|e| format!("error decoding input value: {e}"))?),
        Type::Texts => return Err("unrecognized slice type. string".into()),
        Type::Structs(_) => return Err("unrecognized slice type. struct".into()),
        Type::TextByName | Type::TextsByName | Type::Extensions => {
            return Err("can't set a map to a value: map[]".into());
        }
        // OBSERVATION: kubectl itself ends in a panic here.
        Type::Struct(_) => return Err("unrecognized type: <nil>".into()),
    };
    set_field(fields, field.name, value);
    Ok(())
}
