//! Reads kubeconfig files as client-go's codec does.
//!
//! Mirrors `clientcmd.Load`, `k8s.io/apimachinery/pkg/runtime/serializer/json` and the conversions of
//! `k8s.io/client-go/tools/clientcmd/api/v1`.

use serde_json::{Map, Value};

use super::schema::{AUTH_INFO, Def, PREFERENCES, Type};
use super::{Config, Fields, Section, Stanza, Stanzas, is_empty, set};
use crate::manifest::json::go_kind;
use crate::manifest::strict::canonical_bytes;
use crate::manifest::yaml;

/// What Go calls the struct that it looks for the version in.
const HEADER: &str =
    r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;

/// Where client-go made the scheme that knows of no other kind.
const SCHEME: &str = "k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50";

pub(super) fn decode(text: &str, origin: &str) -> Result<Config, String> {
    if text.is_empty() {
        return Ok(Config::default());
    }
    let tree = yaml::to_json(text).map_err(|e| e.to_string())?;
    let no_version = |why: String| format!("couldn't get version/kind; json parse error: json: cannot unmarshal {why}");
    let tree = match tree {
        Value::Null => Map::new(),
        Value::Object(tree) => tree,
        other => return Err(no_version(format!("{} into Go value of type {HEADER}", go_kind(&other)))),
    };
    let header = |name: &str| match tree.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(other) => Err(no_version(format!("{} into Go struct field .{name} of type string", go_kind(other)))),
    };
    let (version, kind) = (header("apiVersion")?, header("kind")?);
    if version.matches('/').count() > 1 {
        return Err(format!("unexpected GroupVersion string: {version}"));
    }
    let (version, kind) =
        (if version.is_empty() { "v1" } else { version }, if kind.is_empty() { "Config" } else { kind });
    if version != "v1" || kind != "Config" {
        return Err(format!("no kind {kind:?} is registered for version {version:?} in scheme {SCHEME:?}"));
    }
    let mut config = Config::default();
    for (name, value) in &tree {
        let field = Place { def: "Config", path: name };
        match name.as_str() {
            _ if value.is_null() => {}
            "current-context" => config.current_context = field.text(value, "string")?.to_string(),
            "preferences" => config.preferences = field.fields(value, &PREFERENCES)?,
            "extensions" => config.extensions = field.extensions(value)?,
            _ => {
                let Some(section) = Section::ALL.into_iter().find(|s| s.name() == name) else { continue };
                let named = field.named(value, section)?;
                *config.section_mut(section) = stanzas(named, section, origin)?;
            }
        }
    }
    Ok(config)
}

/// Mirrors `Convert_Slice_v1_NamedCluster_To_Map_string_To_Pointer_api_Cluster` and its like.
fn stanzas(named: Vec<(String, Fields)>, section: Section, origin: &str) -> Result<Stanzas, String> {
    let mut stanzas = Stanzas::new();
    for (name, fields) in &named {
        let mut fields = fields.clone();
        if std::ptr::eq(section.def(), &AUTH_INFO) {
            default_interactive_mode(&mut fields);
        }
        if stanzas.insert(name.clone(), Stanza { origin: origin.to_string(), fields }).is_some() {
            let go = section.def().name;
            let list: Vec<String> =
                named.iter().map(|(name, fields)| format!("{{{name} {}}}", go_struct(section.def(), fields))).collect();
            return Err(format!(
                "error converting *[]Named{go} into *map[string]*api.{go}: duplicate name \"{name}\" in list: [{}]",
                list.join(" ")
            ));
        }
    }
    Ok(stanzas)
}

/// Mirrors `SetDefaults_ExecConfig`.
fn default_interactive_mode(user: &mut Fields) {
    let Some(Value::Object(exec)) = user.get_mut("exec") else { return };
    let version = exec.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let is_beta = matches!(version, "client.authentication.k8s.io/v1beta1" | "client.authentication.k8s.io/v1alpha1");
    if is_beta && !exec.contains_key("interactiveMode") {
        exec.insert("interactiveMode".into(), "IfAvailable".into());
    }
}

/// A struct as Go's `%v` prints it.
fn go_struct(def: &Def, fields: &Fields) -> String {
    let values = def.fields.iter().map(|field| go_value(&field.ty, fields.get(field.name)));
    format!("{{{}}}", values.collect::<Vec<_>>().join(" "))
}

fn go_value(ty: &Type, value: Option<&Value>) -> String {
    let texts = |value: Option<&Value>| {
        let items = value.and_then(Value::as_array).into_iter().flatten();
        format!("[{}]", items.filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
    };
    let by_name = |each: &dyn Fn(&Value) -> String| {
        let entries = value.and_then(Value::as_object).into_iter().flatten();
        format!("map[{}]", entries.map(|(name, value)| format!("{name}:{}", each(value))).collect::<Vec<_>>().join(" "))
    };
    match ty {
        Type::Text | Type::Named(_) => value.and_then(Value::as_str).unwrap_or_default().to_string(),
        Type::Flag => value.and_then(Value::as_bool).unwrap_or_default().to_string(),
        Type::Bytes => {
            let bytes = value.and_then(|v| serde_json::from_value::<k8s_openapi::ByteString>(v.clone()).ok());
            let bytes = bytes.map(|b| b.0).unwrap_or_default();
            format!("[{}]", bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(" "))
        }
        Type::Texts => texts(value),
        Type::TextByName => by_name(&|value| value.as_str().unwrap_or_default().to_string()),
        Type::TextsByName => by_name(&|value| texts(Some(value))),
        // A pointer's number is another one each time.
        Type::Struct(_) => value.map_or("<nil>", |_| "0xc000000000").to_string(),
        Type::Structs(_) | Type::Extensions => "[]".into(),
    }
}

/// Where a value stands: the innermost struct, and the fields that lead there.
struct Place<'a> {
    def: &'a str,
    path: &'a str,
}

impl Place<'_> {
    fn refuse<T>(&self, value: &Value, go_type: &str) -> Result<T, String> {
        let (kind, def, path) = (go_kind(value), self.def, self.path);
        Err(format!("json: cannot unmarshal {kind} into Go struct field {def}.{path} of type {go_type}"))
    }

    fn text<'v>(&self, value: &'v Value, go_type: &str) -> Result<&'v str, String> {
        value.as_str().map_or_else(|| self.refuse(value, go_type), Ok)
    }

    fn list<'v>(&self, value: &'v Value, go_type: &str) -> Result<&'v Vec<Value>, String> {
        value.as_array().map_or_else(|| self.refuse(value, go_type), Ok)
    }

    fn object<'v>(&self, value: &'v Value, go_type: &str) -> Result<&'v Map<String, Value>, String> {
        value.as_object().map_or_else(|| self.refuse(value, go_type), Ok)
    }

    /// The fields of a struct, as far as they are known.
    fn fields(&self, value: &Value, def: &'static Def) -> Result<Fields, String> {
        let mut fields = Fields::new();
        for (name, value) in self.object(value, &format!("v1.{}", def.name))? {
            let Some(field) = def.field(name).filter(|_| !value.is_null()) else { continue };
            let place = Place { def: def.name, path: &format!("{}.{name}", self.path) };
            let value = place.value(value, &field.ty)?;
            // OBSERVATION: a struct that is there is kept, even if there is nothing in it.
            match field.ty {
                Type::Struct(_) => _ = fields.insert(name.clone(), value),
                _ => set(&mut fields, name, value),
            }
        }
        Ok(fields)
    }

    fn value(&self, value: &Value, ty: &Type) -> Result<Value, String> {
        let go_type = ty.go_name("v1");
        let texts = |value: &Value, go_type: &str| {
            let items = self.list(value, go_type)?.iter();
            items.map(|item| self.text(item, "string").map(Value::from)).collect::<Result<Value, String>>()
        };
        match ty {
            Type::Text | Type::Named(_) => Ok(self.text(value, &go_type)?.into()),
            Type::Flag => value.as_bool().map_or_else(|| self.refuse(value, &go_type), |flag| Ok(flag.into())),
            Type::Bytes => Ok(canonical_bytes(self.text(value, &go_type)?)?.into()),
            Type::Texts => texts(value, &go_type),
            Type::TextByName => {
                let entries = self.object(value, &go_type)?.iter().filter(|(_, value)| !value.is_null());
                let each = |(name, value): (&String, &Value)| Ok((name.clone(), self.text(value, "string")?.into()));
                entries.map(each).collect::<Result<Map<String, Value>, String>>().map(Value::from)
            }
            Type::TextsByName => {
                let entries = self.object(value, &go_type)?.iter().filter(|(_, value)| !value.is_null());
                let each = |(name, value): (&String, &Value)| Ok((name.clone(), texts(value, "[]string")?));
                entries.map(each).collect::<Result<Map<String, Value>, String>>().map(Value::from)
            }
            Type::Struct(def) => self.fields(value, def).map(Value::from),
            Type::Structs(def) => {
                let items = self.list(value, &go_type)?.iter();
                items.map(|item| self.fields(item, def).map(Value::from)).collect()
            }
            Type::Extensions => self.extensions(value).map(Value::from),
        }
    }

    /// Names and what they name.
    fn named(&self, value: &Value, section: Section) -> Result<Vec<(String, Fields)>, String> {
        let def = section.def();
        let go_name = format!("Named{}", def.name);
        let mut named = Vec::new();
        for item in self.list(value, &format!("[]v1.{go_name}"))? {
            let (mut name, mut fields) = (String::new(), Fields::new());
            if item.is_null() {
                named.push((name, fields));
                continue;
            }
            for (key, value) in self.object(item, &format!("v1.{go_name}"))? {
                let place = Place { def: &go_name, path: &format!("{}.{key}", self.path) };
                match key.as_str() {
                    _ if value.is_null() => {}
                    "name" => name = place.text(value, "string")?.to_string(),
                    key if key == section.key() => fields = place.fields(value, def)?,
                    _ => {}
                }
            }
            named.push((name, fields));
        }
        Ok(named)
    }

    fn extensions(&self, value: &Value) -> Result<Fields, String> {
        let mut all = Fields::new();
        for item in self.list(value, "[]v1.NamedExtension")? {
            let place = Place { def: "NamedExtension", path: &format!("{}.name", self.path) };
            let item = self.object(item, "v1.NamedExtension")?;
            let name = item.get("name").filter(|v| !is_empty(v)).map_or(Ok(""), |v| place.text(v, "string"))?;
            all.insert(name.to_string(), item.get("extension").cloned().unwrap_or_default());
        }
        Ok(all)
    }
}
