//! How the server answers the statements of its shell.

use serde_json::{Value, json};

use super::value::{inspect, parse};
use super::{CONFIG, Mongo};
use crate::machine::kernel::Sys;

/// A statement taken apart: the path before each call, and the arguments.
struct Calls {
    /// `db.inventory.find({}).sort({})`: `[("db.inventory.find", [{}]), ("sort", [{}])]`.
    all: Vec<(String, Vec<Value>)>,
    /// What is asked of the answer: `.ok`.
    field: String,
}

fn calls(text: &str) -> Option<Calls> {
    let mut chars = text.trim().trim_end_matches(';').chars().peekable();
    let (mut all, mut path) = (Vec::new(), String::new());
    while let Some(c) = chars.next() {
        match c {
            '(' => {
                let mut arguments = Vec::new();
                loop {
                    while chars.next_if(|c| c.is_whitespace() || *c == ',').is_some() {}
                    if chars.next_if_eq(&')').is_some() {
                        break;
                    }
                    arguments.push(parse(&mut chars)?);
                }
                all.push((std::mem::take(&mut path).trim_start_matches('.').to_string(), arguments));
            }
            '[' => path.push('.'),
            ']' | '"' | '\'' => {}
            c if c.is_whitespace() => {}
            c => path.push(c),
        }
    }
    Some(Calls { all, field: path.trim_start_matches('.').to_string() })
}

fn is_equal(found: &Value, wanted: &Value) -> bool {
    match (found.as_f64(), wanted.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => found == wanted || found.as_array().is_some_and(|all| all.contains(wanted)),
    }
}

/// Whether a document fits a filter.
fn fits(doc: &Value, filter: &Value) -> bool {
    filter.as_object().into_iter().flatten().all(|(key, wanted)| {
        let found = key.split('.').fold(doc, |at, part| &at[part]);
        let Some(operators) = wanted.as_object().filter(|o| o.keys().any(|k| k.starts_with('$') && k != "$oid")) else {
            return is_equal(found, wanted);
        };
        operators.iter().all(|(operator, value)| {
            let order = match (found.as_f64(), value.as_f64()) {
                (Some(a), Some(b)) => a.partial_cmp(&b),
                _ => found.as_str().zip(value.as_str()).map(|(a, b)| a.cmp(b)),
            };
            match operator.as_str() {
                "$gt" => order.is_some_and(|o| o.is_gt()),
                "$gte" => order.is_some_and(|o| o.is_ge()),
                "$lt" => order.is_some_and(|o| o.is_lt()),
                "$lte" => order.is_some_and(|o| o.is_le()),
                "$ne" => !is_equal(found, value),
                "$in" => value.as_array().into_iter().flatten().any(|v| is_equal(found, v)),
                "$exists" => (*found != Value::Null) == (*value == json!(true)),
                _ => false,
            }
        })
    })
}

/// Changes a document by `$set`, `$inc`, `$unset`, or into another.
fn change(doc: &mut Value, update: &Value) {
    for (operator, fields) in update.as_object().into_iter().flatten() {
        for (key, value) in fields.as_object().into_iter().flatten() {
            match operator.as_str() {
                "$set" => doc[key] = value.clone(),
                "$inc" => doc[key] = json!(doc[key].as_i64().unwrap_or(0) + value.as_i64().unwrap_or(0)),
                "$unset" => drop(doc.as_object_mut().and_then(|d| d.remove(key))),
                "$push" => match doc[key].as_array_mut() {
                    Some(all) => all.push(value.clone()),
                    None => doc[key] = json!([value]),
                },
                _ => {}
            }
        }
    }
}

impl Mongo {
    /// Does a statement; what the shell prints of its answer.
    pub(super) fn statement(&mut self, sys: &mut Sys<'_>, db: &str, text: &str) -> Result<String, String> {
        let text = text.trim().trim_end_matches(';');
        match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            [] => return Ok(String::new()),
            ["show", "dbs" | "databases"] => {
                let mut all: Vec<String> = ["admin", "config", "local"].map(String::from).to_vec();
                let own = self.ensemble.state.entries.keys().filter_map(|k| k.split_once('.')).map(|(db, _)| db);
                all.extend(own.map(String::from));
                all.sort();
                all.dedup();
                return Ok(all.iter().map(|db| format!("{db:<7} 40.00 KiB\n")).collect());
            }
            ["show", "collections" | "tables"] => {
                return Ok(self.collections(db).iter().map(|name| format!("{name}\n")).collect());
            }
            _ => {}
        }
        if let Some(inner) =
            text.strip_prefix("print(").or(text.strip_prefix("printjson(")).and_then(|t| t.strip_suffix(')'))
        {
            let inner = inner.trim();
            if inner.starts_with(['"', '\'', '`']) {
                let value = parse(&mut inner.chars().peekable()).unwrap_or_default();
                return Ok(format!("{}\n", value.as_str().unwrap_or_default()));
            }
            return self.statement(sys, db, inner);
        }
        let syntax = || format!("SyntaxError: Missing semicolon or unknown statement. (1:{})\n", text.len());
        let parsed = calls(text).ok_or_else(syntax)?;
        let mut answer = self.answer(sys, db, &parsed)?;
        for part in parsed.field.split('.').filter(|p| !p.is_empty() && !parsed.all.is_empty()) {
            answer = answer[part].take();
        }
        Ok(match &answer {
            Value::Null => String::new(),
            Value::String(text) => format!("{text}\n"),
            other => format!("{}\n", inspect(other)),
        })
    }

    fn collections(&self, db: &str) -> Vec<String> {
        let prefix = format!("{db}.");
        let names = self.ensemble.state.entries.keys().filter_map(|k| k.strip_prefix(&prefix));
        names.filter(|n| !n.starts_with("system.")).map(String::from).collect()
    }

    fn answer(&mut self, sys: &mut Sys<'_>, db: &str, calls: &Calls) -> Result<Value, String> {
        let Some((path, arguments)) = calls.all.first() else {
            return match calls.field.as_str() {
                "db" => Ok(json!(db)),
                name => Err(format!("ReferenceError: {name} is not defined\n")),
            };
        };
        let first = arguments.first().cloned().unwrap_or_default();
        match path.as_str() {
            "db.version" => return Ok(json!(self.version)),
            "db.getName" => return Ok(json!(db)),
            "db.getCollectionNames" => return Ok(json!(self.collections(db))),
            "db.runCommand" | "db.adminCommand" | "db.hello" | "db.isMaster" | "db.serverStatus" => {
                let name = match &first {
                    Value::String(name) => name.clone(),
                    Value::Object(all) => all.keys().next().cloned().unwrap_or_default(),
                    _ => path.trim_start_matches("db.").to_string(),
                };
                return self.command(sys, &name);
            }
            "rs.initiate" => return self.initiate(sys, &first),
            "rs.status" => return self.status(sys),
            "rs.conf" | "rs.config" => {
                return self.config().ok_or_else(|| {
                    "MongoServerError[NotYetInitialized]: no replset config has been received\n".into()
                });
            }
            "rs.add" => return self.add(sys, &first),
            "rs.secondaryOk" | "rs.slaveOk" => return Ok(Value::Null),
            _ => {}
        }
        let path = path.strip_prefix("db.").ok_or_else(|| format!("ReferenceError: {path} is not defined\n"))?;
        let (name, method) = match path.rsplit_once('.') {
            Some((name, method)) => (name.to_string(), method.to_string()),
            // `db.getCollection("x").find()`
            None if path == "getCollection" || path == "createCollection" => {
                let method = calls.all.get(1).map_or("create", |(m, _)| m.as_str()).to_string();
                (first.as_str().unwrap_or_default().to_string(), method)
            }
            None => return Err(format!("TypeError: db.{path} is not a function\n")),
        };
        let shift = usize::from(path == "getCollection");
        let arguments = calls.all.get(shift).map(|(_, a)| a.clone()).unwrap_or_default();
        self.collection(
            sys,
            &format!("{db}.{name}"),
            &method,
            &arguments,
            calls.all.get(shift + 1..).unwrap_or_default(),
        )
    }

    fn command(&mut self, sys: &mut Sys<'_>, name: &str) -> Result<Value, String> {
        let role = self.role(sys);
        let writable = matches!(role, "PRIMARY" | "STANDALONE");
        match name {
            "ping" => Ok(json!({"ok": 1})),
            "hello" | "isMaster" | "ismaster" => {
                let mut answer = json!({});
                if let Some(config) = self.config() {
                    let hosts: Vec<&str> = self.ensemble.members.iter().map(|m| m.name.as_str()).collect();
                    let leader = self.ensemble.leader(sys);
                    let primary = self.ensemble.members.iter().find(|m| Some(m.id) == leader).map(|m| m.name.clone());
                    answer = json!({"hosts": hosts, "setName": config["_id"], "secondary": role == "SECONDARY", "primary": primary});
                }
                let flag = if name == "hello" { "isWritablePrimary" } else { "ismaster" };
                answer[flag] = json!(writable);
                answer["maxBsonObjectSize"] = json!(16_777_216);
                answer["readOnly"] = json!(false);
                answer["ok"] = json!(1);
                Ok(answer)
            }
            "serverStatus" => {
                Ok(json!({"host": sys.sandbox.hostname, "version": self.version, "process": "mongod", "ok": 1}))
            }
            "replSetGetStatus" => self.status(sys),
            other => Err(format!("MongoServerError[CommandNotFound]: no such command: '{other}'\n")),
        }
    }

    fn initiate(&mut self, sys: &mut Sys<'_>, given: &Value) -> Result<Value, String> {
        if self.set.is_empty() {
            return Err(
                "MongoServerError[NoReplicationEnabled]: This node was not started with replication enabled.\n".into(),
            );
        }
        if self.config().is_some() {
            return Err("MongoServerError[AlreadyInitialized]: already initialized\n".into());
        }
        let mut config = given.clone();
        let mut info = json!({});
        if !config.is_object() {
            let me = format!("{}:{}", sys.sandbox.hostname, self.port);
            config = json!({"_id": self.set, "version": 1, "members": [{"_id": 0, "host": me}]});
            info = json!({"info2": "no configuration specified. Using a default configuration for the set", "me": me});
        }
        if config["_id"].as_str() != Some(&self.set) {
            return Err(format!(
                "MongoServerError[InvalidReplicaSetConfig]: Rejecting initiate with a set name that differs from command line set name, initiate set name: {}, command line set name: {}\n",
                config["_id"].as_str().unwrap_or_default(),
                self.set
            ));
        }
        self.install(sys, &config)?;
        info["ok"] = json!(1);
        Ok(info)
    }

    /// Makes a configuration the set's, on all members.
    fn install(&mut self, sys: &mut Sys<'_>, config: &Value) -> Result<(), String> {
        let entry =
            crate::machine::images::ensemble::Entry { value: config.to_string().into_bytes(), ..Default::default() };
        self.ensemble.state.index += 1;
        self.ensemble.state.entries.insert(CONFIG.into(), entry);
        self.join(sys);
        let text = config.to_string();
        let change = crate::machine::images::ensemble::Change::Put(CONFIG.into(), text.into_bytes(), sys.now());
        if !self.ensemble.write(sys, &change) {
            self.ensemble.state.entries.remove(CONFIG);
            let hosts: Vec<String> = self.ensemble.members.iter().map(|m| m.name.clone()).collect();
            self.ensemble.members.clear();
            return Err(format!(
                "MongoServerError[NodeNotFound]: replSetInitiate quorum check failed because not all proposed set members responded affirmatively: {}\n",
                hosts.join(", ")
            ));
        }
        Ok(())
    }

    fn add(&mut self, sys: &mut Sys<'_>, given: &Value) -> Result<Value, String> {
        let Some(mut config) = self.config() else {
            return Err("MongoServerError[NotYetInitialized]: no replset config has been received\n".into());
        };
        let host = given.as_str().or(given["host"].as_str()).unwrap_or_default();
        let host = if host.contains(':') { host.to_string() } else { format!("{host}:27017") };
        let next = config["members"].as_array().map_or(0, Vec::len);
        if let Some(all) = config["members"].as_array_mut() {
            all.push(json!({"_id": next, "host": host}));
        }
        config["version"] = json!(config["version"].as_u64().unwrap_or(1) + 1);
        self.install(sys, &config)?;
        Ok(json!({"ok": 1}))
    }

    fn status(&mut self, sys: &mut Sys<'_>) -> Result<Value, String> {
        let Some(config) = self.config() else {
            return Err(match self.set.is_empty() {
                true => "MongoServerError[NoReplicationEnabled]: not running with --replSet\n".into(),
                false => "MongoServerError[NotYetInitialized]: no replset config has been received\n".into(),
            });
        };
        let present = self.ensemble.present(sys);
        let leader = self.ensemble.leader(sys);
        let members: Vec<Value> = self.ensemble.members.iter().enumerate().map(|(at, member)| {
            let health = present.contains(&member.id);
            let (state, name) = match (health, leader == Some(member.id)) {
                (false, _) => (8, "(not reachable/healthy)"),
                (_, true) => (1, "PRIMARY"),
                _ => (2, "SECONDARY"),
            };
            let mut shown = json!({"_id": at, "name": member.name, "health": i32::from(health), "state": state, "stateStr": name});
            if member.id == self.ensemble.me {
                shown["self"] = json!(true);
            }
            shown
        }).collect();
        let mine = if leader == Some(self.ensemble.me) { 1 } else { 2 };
        Ok(json!({"set": config["_id"], "myState": mine, "term": 1, "members": members, "ok": 1}))
    }

    fn collection(
        &mut self,
        sys: &mut Sys<'_>,
        name: &str,
        method: &str,
        arguments: &[Value],
        then: &[(String, Vec<Value>)],
    ) -> Result<Value, String> {
        let null = Value::Null;
        let (first, second) = (arguments.first().unwrap_or(&null), arguments.get(1).unwrap_or(&null));
        let mut docs = self.docs(name);
        let reads = matches!(method, "find" | "findOne" | "countDocuments" | "count" | "estimatedDocumentCount");
        if !reads && !matches!(self.role(sys), "PRIMARY" | "STANDALONE") {
            return Err("MongoServerError[NotWritablePrimary]: not primary\n".into());
        }
        let fail = |why: String| format!("{why}\n");
        match method {
            "insertOne" | "insertMany" | "insert" => {
                let given = first.as_array().cloned().unwrap_or_else(|| vec![first.clone()]);
                let mut ids = serde_json::Map::new();
                for (at, mut doc) in given.into_iter().enumerate() {
                    if doc["_id"].is_null() {
                        let id = format!("{:08x}{:016x}", sys.now().0 / 1000, sys.random());
                        let old = doc.as_object().cloned().unwrap_or_default();
                        doc = json!({"_id": {"$oid": id}});
                        doc.as_object_mut().into_iter().for_each(|d| d.extend(old.clone()));
                    } else if docs.iter().any(|d| d["_id"] == doc["_id"]) {
                        let id = inspect(&doc["_id"]).replace('\'', "\"");
                        return Err(format!(
                            "MongoServerError: E11000 duplicate key error collection: {name} index: _id_ dup key: {{ _id: {id} }}\n"
                        ));
                    }
                    ids.insert(at.to_string(), doc["_id"].clone());
                    docs.push(doc);
                }
                self.put(sys, name, &docs).map_err(fail)?;
                Ok(match method {
                    "insertOne" => json!({"acknowledged": true, "insertedId": ids.get("0")}),
                    _ => json!({"acknowledged": true, "insertedIds": ids}),
                })
            }
            "find" => {
                docs.retain(|doc| fits(doc, first));
                for (call, arguments) in then {
                    let number = arguments.first().and_then(Value::as_u64).unwrap_or(0) as usize;
                    match call.as_str() {
                        "limit" => docs.truncate(number),
                        "skip" => drop(docs.drain(..number.min(docs.len()))),
                        "count" | "size" => return Ok(json!(docs.len())),
                        "sort" => {
                            let keys = arguments.first().and_then(Value::as_object).cloned().unwrap_or_default();
                            for (key, way) in keys.iter().rev() {
                                docs.sort_by(|a, b| {
                                    let order = match (a[key].as_f64(), b[key].as_f64()) {
                                        (Some(a), Some(b)) => a.total_cmp(&b),
                                        _ => a[key].as_str().cmp(&b[key].as_str()),
                                    };
                                    if way.as_i64() == Some(-1) { order.reverse() } else { order }
                                });
                            }
                        }
                        "pretty" | "toArray" => {}
                        other => return Err(format!("TypeError: {name}.find(...).{other} is not a function\n")),
                    }
                }
                Ok(if docs.is_empty() && !then.iter().any(|(call, _)| call == "toArray") {
                    Value::Null
                } else {
                    json!(docs)
                })
            }
            "findOne" => Ok(docs.into_iter().find(|doc| fits(doc, first)).unwrap_or(json!("null"))),
            "countDocuments" | "count" | "estimatedDocumentCount" => {
                Ok(json!(docs.iter().filter(|d| fits(d, first)).count()))
            }
            "updateOne" | "updateMany" => {
                let most = if method == "updateOne" { 1 } else { usize::MAX };
                let (mut matched, mut modified) = (0, 0);
                for doc in docs.iter_mut().filter(|d| fits(d, first)).take(most) {
                    let before = doc.clone();
                    change(doc, second);
                    matched += 1;
                    modified += usize::from(*doc != before);
                }
                self.put(sys, name, &docs).map_err(fail)?;
                Ok(
                    json!({"acknowledged": true, "insertedId": "null", "matchedCount": matched, "modifiedCount": modified, "upsertedCount": 0}),
                )
            }
            "deleteOne" | "deleteMany" | "remove" => {
                let (before, mut left) = (docs.len(), if method == "deleteOne" { 1 } else { usize::MAX });
                docs.retain(|doc| {
                    let goes = left > 0 && fits(doc, first);
                    left -= usize::from(goes);
                    !goes
                });
                let gone = before - docs.len();
                self.put(sys, name, &docs).map_err(fail)?;
                Ok(json!({"acknowledged": true, "deletedCount": gone}))
            }
            "create" => {
                self.put(sys, name, &docs).map_err(fail)?;
                Ok(json!({"ok": 1}))
            }
            "drop" => {
                let known = self.ensemble.state.entries.remove(name).is_some();
                self.put(sys, name, &[]).map_err(fail)?;
                self.ensemble.state.entries.remove(name);
                Ok(json!(known))
            }
            other => Err(format!(
                "TypeError: db.{}.{other} is not a function\n",
                name.split_once('.').map_or(name, |(_, n)| n)
            )),
        }
    }
}
