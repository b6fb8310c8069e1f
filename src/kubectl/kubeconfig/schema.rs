//! The fields of a kubeconfig, in the order in which client-go declares them.
//!
//! Mirrors the structs of `k8s.io/client-go/tools/clientcmd/api/v1`, and the names that those of
//! `k8s.io/client-go/tools/clientcmd/api` have for `kubectl config set`.

use crate::printers::go_order::Order;

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// A string.
    Text,
    /// A string with a type of its own.
    Named(&'static str),
    /// A boolean.
    Flag,
    /// Bytes, which are written in base64.
    Bytes,
    /// A list of strings.
    Texts,
    /// Strings by names.
    TextByName,
    /// Lists of strings by names.
    TextsByName,
    /// A struct that may be missing.
    Struct(&'static Def),
    /// A list of structs.
    Structs(&'static Def),
    /// What others keep there, by names.
    Extensions,
}

/// A field of a struct.
#[derive(Debug)]
pub struct Field {
    /// Its name in a file.
    pub name: &'static str,
    /// Its name for `kubectl config set`.
    pub property: &'static str,
    /// What it holds.
    pub ty: Type,
    /// Whether it is written even if there is nothing in it.
    pub always: bool,
    /// Whether `kubectl config view` hides it.
    pub secret: bool,
}

/// A struct.
#[derive(Debug)]
pub struct Def {
    /// Its name in Go.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, property: name, ty, always: false, secret: false }
}

const fn always(name: &'static str, ty: Type) -> Field {
    Field { always: true, ..field(name, ty) }
}

const fn secret(name: &'static str, ty: Type) -> Field {
    Field { secret: true, ..field(name, ty) }
}

const fn renamed(name: &'static str, property: &'static str, ty: Type) -> Field {
    Field { property, ..field(name, ty) }
}

/// How to reach a cluster.
pub static CLUSTER: Def = Def {
    name: "Cluster",
    fields: &[
        always("server", Type::Text),
        field("tls-server-name", Type::Text),
        field("insecure-skip-tls-verify", Type::Flag),
        field("certificate-authority", Type::Text),
        field("certificate-authority-data", Type::Bytes),
        field("proxy-url", Type::Text),
        field("disable-compression", Type::Flag),
        field("extensions", Type::Extensions),
    ],
};

/// Who a user is.
pub static AUTH_INFO: Def = Def {
    name: "AuthInfo",
    fields: &[
        field("client-certificate", Type::Text),
        field("client-certificate-data", Type::Bytes),
        field("client-key", Type::Text),
        secret("client-key-data", Type::Bytes),
        secret("token", Type::Text),
        field("tokenFile", Type::Text),
        renamed("as", "act-as", Type::Text),
        renamed("as-uid", "act-as-uid", Type::Text),
        renamed("as-groups", "act-as-groups", Type::Texts),
        renamed("as-user-extra", "act-as-user-extra", Type::TextsByName),
        field("username", Type::Text),
        secret("password", Type::Text),
        field("auth-provider", Type::Struct(&AUTH_PROVIDER)),
        field("exec", Type::Struct(&EXEC)),
        field("extensions", Type::Extensions),
    ],
};

/// A plug-in of the client's that fetches credentials.
static AUTH_PROVIDER: Def =
    Def { name: "AuthProviderConfig", fields: &[always("name", Type::Text), always("config", Type::TextByName)] };

/// A command that prints credentials.
static EXEC: Def = Def {
    name: "ExecConfig",
    fields: &[
        always("command", Type::Text),
        always("args", Type::Texts),
        always("env", Type::Structs(&EXEC_ENV)),
        field("apiVersion", Type::Text),
        field("installHint", Type::Text),
        always("provideClusterInfo", Type::Flag),
        field("interactiveMode", Type::Named("ExecInteractiveMode")),
    ],
};

static EXEC_ENV: Def = Def { name: "ExecEnvVar", fields: &[always("name", Type::Text), always("value", Type::Text)] };

/// A cluster, a user and a namespace.
pub static CONTEXT: Def = Def {
    name: "Context",
    fields: &[
        always("cluster", Type::Text),
        always("user", Type::Text),
        field("namespace", Type::Text),
        field("extensions", Type::Extensions),
    ],
};

/// Preferences, which nothing heeds any more.
pub static PREFERENCES: Def =
    Def { name: "Preferences", fields: &[field("colors", Type::Flag), field("extensions", Type::Extensions)] };

impl Def {
    /// The field of that name in a file.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

impl Type {
    /// The type as Go prints it, with the name of the package of its structs.
    pub fn go_name(&self, package: &str) -> String {
        match self {
            Type::Text => "string".into(),
            Type::Named(name) => format!("{package}.{name}"),
            Type::Flag => "bool".into(),
            Type::Bytes => "[]uint8".into(),
            Type::Texts => "[]string".into(),
            Type::TextByName => "map[string]string".into(),
            Type::TextsByName => "map[string][]string".into(),
            Type::Struct(def) if package == "api" => format!("*{package}.{}", def.name),
            Type::Struct(def) => format!("{package}.{}", def.name),
            Type::Structs(def) => format!("[]{package}.{}", def.name),
            Type::Extensions if package == "api" => "map[string]runtime.Object".into(),
            Type::Extensions => format!("[]{package}.NamedExtension"),
        }
    }
}

impl Order for Def {
    fn place(&self, key: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == key)
    }

    fn below(&self, key: &str) -> Option<&dyn Order> {
        match self.field(key)?.ty {
            Type::Struct(def) | Type::Structs(def) => Some(def),
            Type::Extensions => Some(&NAMED_EXTENSION),
            _ => None,
        }
    }
}

/// The order of a whole file.
pub struct File;

const SECTIONS: [&str; 8] =
    ["kind", "apiVersion", "preferences", "clusters", "users", "contexts", "current-context", "extensions"];

impl Order for File {
    fn place(&self, key: &str) -> Option<usize> {
        SECTIONS.iter().position(|s| *s == key)
    }

    fn below(&self, key: &str) -> Option<&dyn Order> {
        match key {
            "preferences" => Some(&PREFERENCES),
            "clusters" => Some(&NAMED_CLUSTER),
            "users" => Some(&NAMED_USER),
            "contexts" => Some(&NAMED_CONTEXT),
            "extensions" => Some(&NAMED_EXTENSION),
            _ => None,
        }
    }
}

/// A name, and what it names.
struct Named(&'static str, Option<&'static Def>);

static NAMED_CLUSTER: Named = Named("cluster", Some(&CLUSTER));
static NAMED_USER: Named = Named("user", Some(&AUTH_INFO));
static NAMED_CONTEXT: Named = Named("context", Some(&CONTEXT));
static NAMED_EXTENSION: Named = Named("extension", None);

impl Order for Named {
    fn place(&self, key: &str) -> Option<usize> {
        ["name", self.0].iter().position(|k| *k == key)
    }

    fn below(&self, key: &str) -> Option<&dyn Order> {
        self.1.filter(|_| key == self.0).map(|def| def as &dyn Order)
    }
}
