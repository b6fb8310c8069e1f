//! What Redis keeps, and the commands that work on it alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::resp::Resp;
use crate::api::Time;

/// A key or a value.
pub type Text = Vec<u8>;

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A string.
    Text(Text),
    /// A list.
    List(VecDeque<Text>),
    /// A hash, in order of insertion.
    Hash(Vec<(Text, Text)>),
    /// A set.
    Set(BTreeSet<Text>),
    /// A sorted set: the scores by member.
    Sorted(BTreeMap<Text, f64>),
}

/// A key's value and when it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What it holds.
    pub value: Value,
    /// When it goes.
    pub expires: Option<Time>,
}

/// One database.
pub type Db = BTreeMap<Text, Entry>;

const WRONG: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_INT: &str = "ERR value is not an integer or out of range";
const NOT_FLOAT: &str = "ERR value is not a valid float";
const SYNTAX: &str = "ERR syntax error";

/// Commands with the fewest words that they take (all in all) and the most (0 for any number), and whether they write.
const COMMANDS: &[(&str, usize, usize, bool)] = &[
    ("append", 3, 3, true),
    ("decr", 2, 2, true),
    ("decrby", 3, 3, true),
    ("del", 2, 0, true),
    ("exists", 2, 0, false),
    ("expire", 3, 4, true),
    ("expireat", 3, 4, true),
    ("flushall", 1, 2, true),
    ("flushdb", 1, 2, true),
    ("get", 2, 2, false),
    ("getdel", 2, 2, true),
    ("getrange", 4, 4, false),
    ("getset", 3, 3, true),
    ("hdel", 3, 0, true),
    ("hexists", 3, 3, false),
    ("hget", 3, 3, false),
    ("hgetall", 2, 2, false),
    ("hincrby", 4, 4, true),
    ("hkeys", 2, 2, false),
    ("hlen", 2, 2, false),
    ("hmget", 3, 0, false),
    ("hmset", 4, 0, true),
    ("hset", 4, 0, true),
    ("hsetnx", 4, 4, true),
    ("hvals", 2, 2, false),
    ("incr", 2, 2, true),
    ("incrby", 3, 3, true),
    ("incrbyfloat", 3, 3, true),
    ("keys", 2, 2, false),
    ("lindex", 3, 3, false),
    ("llen", 2, 2, false),
    ("lpop", 2, 3, true),
    ("lpush", 3, 0, true),
    ("lpushx", 3, 0, true),
    ("lrange", 4, 4, false),
    ("lrem", 4, 4, true),
    ("lset", 4, 4, true),
    ("ltrim", 4, 4, true),
    ("mget", 2, 0, false),
    ("mset", 3, 0, true),
    ("persist", 2, 2, true),
    ("pexpire", 3, 4, true),
    ("psetex", 4, 4, true),
    ("pttl", 2, 2, false),
    ("randomkey", 1, 1, false),
    ("rename", 3, 3, true),
    ("rpop", 2, 3, true),
    ("rpush", 3, 0, true),
    ("rpushx", 3, 0, true),
    ("sadd", 3, 0, true),
    ("scan", 2, 0, false),
    ("scard", 2, 2, false),
    ("sdiff", 2, 0, false),
    ("set", 3, 0, true),
    ("setex", 4, 4, true),
    ("setnx", 3, 3, true),
    ("setrange", 4, 4, true),
    ("sinter", 2, 0, false),
    ("sismember", 3, 3, false),
    ("smembers", 2, 2, false),
    ("spop", 2, 3, true),
    ("srem", 3, 0, true),
    ("strlen", 2, 2, false),
    ("sunion", 2, 0, false),
    ("touch", 2, 0, false),
    ("ttl", 2, 2, false),
    ("type", 2, 2, false),
    ("unlink", 2, 0, true),
    ("zadd", 4, 0, true),
    ("zcard", 2, 2, false),
    ("zincrby", 4, 4, true),
    ("zrange", 4, 0, false),
    ("zrangebyscore", 4, 0, false),
    ("zrank", 3, 3, false),
    ("zrem", 3, 0, true),
    ("zrevrange", 4, 5, false),
    ("zscore", 3, 3, false),
];

/// A command by its name: how many words it takes, and whether it writes.
pub fn known(name: &str) -> Option<(usize, usize, bool)> {
    COMMANDS.iter().find(|(n, ..)| *n == name).map(|(_, least, most, writes)| (*least, *most, *writes))
}

/// The keys that a command's words name.
pub fn keys_of<'a>(name: &str, words: &'a [Text]) -> Vec<&'a Text> {
    match name {
        "del" | "unlink" | "exists" | "mget" | "touch" | "sinter" | "sunion" | "sdiff" => words[1..].iter().collect(),
        "mset" | "msetnx" => words[1..].iter().step_by(2).collect(),
        "rename" | "renamenx" => words[1..].iter().take(2).collect(),
        "keys" | "scan" | "flushall" | "flushdb" | "randomkey" => Vec::new(),
        _ => words.get(1).into_iter().collect(),
    }
}

fn int(text: &[u8]) -> Result<i64, Resp> {
    std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).ok_or_else(|| Resp::error(NOT_INT))
}

fn float(text: &[u8]) -> Result<f64, Resp> {
    let text = String::from_utf8_lossy(text);
    match text.as_ref() {
        "+inf" | "inf" => Ok(f64::INFINITY),
        "-inf" => Ok(f64::NEG_INFINITY),
        other => other.parse().map_err(|_| Resp::error(NOT_FLOAT)),
    }
}

/// A score as Redis writes it.
fn shown(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.into();
    }
    format!("{number}")
}

/// Whether a glob fits.
pub fn fits(pattern: &[u8], text: &[u8]) -> bool {
    // Backtracks to the last star only: linear in both.
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let (matched, used) = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some(b'?') => (true, 1),
            Some(b'[') => match pattern[p..].iter().position(|b| *b == b']') {
                Some(end) => {
                    let mut inner = &pattern[p + 1..p + end];
                    let negated = inner.first() == Some(&b'^');
                    if negated {
                        inner = &inner[1..];
                    }
                    let mut found = false;
                    let mut at = 0;
                    while at < inner.len() {
                        if inner.get(at + 1) == Some(&b'-') && at + 2 < inner.len() {
                            found |= (inner[at]..=inner[at + 2]).contains(&text[t]);
                            at += 3;
                        } else {
                            found |= inner[at] == text[t];
                            at += 1;
                        }
                    }
                    (found != negated, end + 1)
                }
                None => (text[t] == b'[', 1),
            },
            Some(b'\\') => (pattern.get(p + 1) == Some(&text[t]), 2),
            Some(b) => (*b == text[t], 1),
            None => (false, 1),
        };
        if matched {
            p += used;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, t) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|b| *b == b'*')
}

/// A range of a list by its two ends, which may be negative.
fn range(length: usize, from: i64, to: i64) -> (usize, usize) {
    let length = length as i64;
    let at = |n: i64| if n < 0 { (length + n).max(0) } else { n };
    let (from, to) = (at(from), if to < 0 { length + to } else { to.min(length - 1) });
    if from > to || from >= length { (0, 0) } else { (from as usize, to as usize + 1) }
}

/// Takes out what has gone.
pub fn forget_old(db: &mut Db, key: &Text, now: Time) {
    if db.get(key).is_some_and(|e| e.expires.is_some_and(|t| t <= now)) {
        db.remove(key);
    }
}

fn text<'a>(db: &'a Db, key: &Text) -> Result<Option<&'a Text>, Resp> {
    match db.get(key).map(|e| &e.value) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(Resp::error(WRONG)),
    }
}

macro_rules! of_kind {
    ($name:ident, $variant:ident, $type:ty) => {
        fn $name<'a>(db: &'a mut Db, key: &Text, make: bool) -> Result<Option<&'a mut $type>, Resp> {
            if make && !db.contains_key(key) {
                db.insert(key.clone(), Entry { value: Value::$variant(Default::default()), expires: None });
            }
            match db.get_mut(key).map(|e| &mut e.value) {
                None => Ok(None),
                Some(Value::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(Resp::error(WRONG)),
            }
        }
    };
}

of_kind!(list, List, VecDeque<Text>);
of_kind!(hash, Hash, Vec<(Text, Text)>);
of_kind!(set, Set, BTreeSet<Text>);
of_kind!(sorted, Sorted, BTreeMap<Text, f64>);

fn put(db: &mut Db, key: &Text, value: Text, expires: Option<Time>) {
    db.insert(key.clone(), Entry { value: Value::Text(value), expires });
}

/// Sets a string but keeps when it goes.
fn replace(db: &mut Db, key: &Text, value: Text) {
    let expires = db.get(key).and_then(|e| e.expires);
    put(db, key, value, expires);
}

fn drop_empty(db: &mut Db, key: &Text) {
    let empty = match db.get(key).map(|e| &e.value) {
        Some(Value::List(l)) => l.is_empty(),
        Some(Value::Hash(h)) => h.is_empty(),
        Some(Value::Set(s)) => s.is_empty(),
        Some(Value::Sorted(s)) => s.is_empty(),
        _ => false,
    };
    if empty {
        db.remove(key);
    }
}

/// Runs a command that is known here, with the right number of words. Its answer.
pub fn run(db: &mut Db, name: &str, words: &[Text], now: Time) -> Resp {
    for key in keys_of(name, words) {
        forget_old(db, key, now);
    }
    let answer = command(db, name, words, now).unwrap_or_else(|fault| fault);
    if let Some(key) = words.get(1) {
        drop_empty(db, key);
    }
    answer
}

fn add(db: &mut Db, key: &Text, by: i64) -> Result<Resp, Resp> {
    let before = match text(db, key)? {
        Some(text) => int(text)?,
        None => 0,
    };
    let after = before.checked_add(by).ok_or_else(|| Resp::error("ERR increment or decrement would overflow"))?;
    replace(db, key, after.to_string().into_bytes());
    Ok(Resp::Int(after))
}

fn expire(db: &mut Db, key: &Text, at: Time, flag: Option<&Text>) -> Resp {
    let Some(entry) = db.get_mut(key) else { return Resp::Int(0) };
    let flag = flag.map(|f| f.to_ascii_uppercase());
    let allowed = match flag.as_deref() {
        Some(b"NX") => entry.expires.is_none(),
        Some(b"XX") => entry.expires.is_some(),
        Some(b"GT") => entry.expires.is_some_and(|e| at > e),
        Some(b"LT") => entry.expires.is_none_or(|e| at < e),
        _ => true,
    };
    if allowed {
        entry.expires = Some(at);
    }
    Resp::Int(i64::from(allowed))
}

fn by_score(all: &BTreeMap<Text, f64>) -> Vec<(Text, f64)> {
    let mut pairs: Vec<(Text, f64)> = all.iter().map(|(m, s)| (m.clone(), *s)).collect();
    pairs.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    pairs
}

fn pairs(all: &[(Text, f64)], with_scores: bool) -> Resp {
    let mut out = Vec::new();
    for (member, score) in all {
        out.push(Resp::bulk(member.clone()));
        if with_scores {
            out.push(Resp::bulk(shown(*score)));
        }
    }
    Resp::Array(out)
}

fn set_command(db: &mut Db, words: &[Text], now: Time) -> Result<Resp, Resp> {
    let (key, value) = (&words[1], words[2].clone());
    let (mut expires, mut keep, mut only_new, mut only_old, mut get) = (None, false, false, false, false);
    let mut at = 3;
    while let Some(word) = words.get(at) {
        let option = String::from_utf8_lossy(word).to_ascii_uppercase();
        match option.as_str() {
            "NX" => only_new = true,
            "XX" => only_old = true,
            "GET" => get = true,
            "KEEPTTL" => keep = true,
            "EX" | "PX" | "EXAT" | "PXAT" => {
                at += 1;
                let number = int(words.get(at).ok_or_else(|| Resp::error(SYNTAX))?)?;
                if number <= 0 {
                    return Err(Resp::error("ERR invalid expire time in 'set' command"));
                }
                let millis = if option.starts_with('E') { number.saturating_mul(1000) } else { number };
                expires = Some(if option.ends_with("AT") { Time(millis) } else { Time(now.0.saturating_add(millis)) });
            }
            _ => return Err(Resp::error(SYNTAX)),
        }
        at += 1;
    }
    let old = if get { text(db, key)?.cloned().map_or(Resp::Nil, Resp::bulk) } else { Resp::Nil };
    let exists = db.contains_key(key);
    if (only_new && exists) || (only_old && !exists) {
        return Ok(if get { old } else { Resp::Nil });
    }
    let kept = db.get(key).and_then(|e| e.expires).filter(|_| keep);
    put(db, key, value, expires.or(kept));
    Ok(if get { old } else { Resp::ok() })
}

#[allow(clippy::too_many_lines)]
fn command(db: &mut Db, name: &str, words: &[Text], now: Time) -> Result<Resp, Resp> {
    let empty = Text::new();
    let key = words.get(1).unwrap_or(&empty);
    let word = |at: usize| words.get(at).unwrap_or(&empty);
    Ok(match name {
        "set" => set_command(db, words, now)?,
        "get" => text(db, key)?.cloned().map_or(Resp::Nil, Resp::bulk),
        "getset" => {
            let old = text(db, key)?.cloned();
            put(db, key, word(2).clone(), None);
            old.map_or(Resp::Nil, Resp::bulk)
        }
        "getdel" => {
            let old = text(db, key)?.cloned();
            db.remove(key);
            old.map_or(Resp::Nil, Resp::bulk)
        }
        "setnx" => {
            let free = !db.contains_key(key);
            if free {
                put(db, key, word(2).clone(), None);
            }
            Resp::Int(i64::from(free))
        }
        "setex" | "psetex" => {
            let number = int(word(2))?;
            if number <= 0 {
                return Err(Resp::error(format!("ERR invalid expire time in '{name}' command")));
            }
            let millis = if name == "setex" { number.saturating_mul(1000) } else { number };
            put(db, key, word(3).clone(), Some(Time(now.0.saturating_add(millis))));
            Resp::ok()
        }
        "mget" => Resp::Array(
            words[1..]
                .iter()
                .map(|k| match db.get(k).map(|e| &e.value) {
                    Some(Value::Text(text)) => Resp::bulk(text.clone()),
                    _ => Resp::Nil,
                })
                .collect(),
        ),
        "mset" => {
            if words.len().is_multiple_of(2) {
                return Err(Resp::error("ERR wrong number of arguments for 'mset' command"));
            }
            for pair in words[1..].chunks_exact(2) {
                put(db, &pair[0], pair[1].clone(), None);
            }
            Resp::ok()
        }
        "append" => {
            let mut whole = text(db, key)?.cloned().unwrap_or_default();
            whole.extend_from_slice(word(2));
            let length = whole.len();
            replace(db, key, whole);
            Resp::Int(length as i64)
        }
        "strlen" => Resp::Int(text(db, key)?.map_or(0, Vec::len) as i64),
        "getrange" => {
            let whole = text(db, key)?.cloned().unwrap_or_default();
            let (from, to) = range(whole.len(), int(word(2))?, int(word(3))?);
            Resp::bulk(whole.get(from..to).unwrap_or_default())
        }
        "setrange" => {
            let mut whole = text(db, key)?.cloned().unwrap_or_default();
            let offset = usize::try_from(int(word(2))?).map_err(|_| Resp::error("ERR offset is out of range"))?;
            if offset > 1 << 24 {
                return Err(Resp::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)"));
            }
            let piece = word(3);
            if whole.len() < offset + piece.len() {
                whole.resize(offset + piece.len(), 0);
            }
            whole[offset..offset + piece.len()].copy_from_slice(piece);
            let length = whole.len();
            replace(db, key, whole);
            Resp::Int(length as i64)
        }
        "incr" => add(db, key, 1)?,
        "decr" => add(db, key, -1)?,
        "incrby" => add(db, key, int(word(2))?)?,
        "decrby" => add(db, key, int(word(2))?.wrapping_neg())?,
        "incrbyfloat" => {
            let before = text(db, key)?.map_or(Ok(0.0), |t| float(t))?;
            let after = shown(before + float(word(2))?);
            replace(db, key, after.clone().into_bytes());
            Resp::bulk(after)
        }
        "del" | "unlink" => Resp::Int(words[1..].iter().filter(|k| db.remove(*k).is_some()).count() as i64),
        "exists" | "touch" => Resp::Int(words[1..].iter().filter(|k| db.contains_key(*k)).count() as i64),
        "type" => Resp::Simple(
            match db.get(key).map(|e| &e.value) {
                None => "none",
                Some(Value::Text(_)) => "string",
                Some(Value::List(_)) => "list",
                Some(Value::Hash(_)) => "hash",
                Some(Value::Set(_)) => "set",
                Some(Value::Sorted(_)) => "zset",
            }
            .into(),
        ),
        "rename" => {
            let Some(entry) = db.remove(key) else { return Err(Resp::error("ERR no such key")) };
            db.insert(word(2).clone(), entry);
            Resp::ok()
        }
        "expire" => expire(db, key, Time(now.0.saturating_add(int(word(2))?.saturating_mul(1000))), words.get(3)),
        "pexpire" => expire(db, key, Time(now.0.saturating_add(int(word(2))?)), words.get(3)),
        "expireat" => expire(db, key, Time(int(word(2))?.saturating_mul(1000)), words.get(3)),
        "persist" => {
            let had = db.get_mut(key).is_some_and(|e| e.expires.take().is_some());
            Resp::Int(i64::from(had))
        }
        "ttl" | "pttl" => match db.get(key).map(|e| e.expires) {
            None => Resp::Int(-2),
            Some(None) => Resp::Int(-1),
            Some(Some(at)) => {
                let left = (at - now).0.max(0);
                Resp::Int(if name == "ttl" { (left + 500) / 1000 } else { left })
            }
        },
        "keys" => {
            db.retain(|_, e| e.expires.is_none_or(|t| t > now));
            Resp::list(db.keys().filter(|k| fits(key, k)).cloned())
        }
        "scan" => {
            db.retain(|_, e| e.expires.is_none_or(|t| t > now));
            let pattern =
                words.windows(2).find(|w| w[0].eq_ignore_ascii_case(b"match")).map_or(b"*".to_vec(), |w| w[1].clone());
            let found = db.keys().filter(|k| fits(&pattern, k)).cloned();
            Resp::Array(vec![Resp::bulk("0"), Resp::list(found)])
        }
        "randomkey" => db.keys().next().cloned().map_or(Resp::Nil, Resp::bulk),
        "flushdb" => {
            db.clear();
            Resp::ok()
        }
        "lpush" | "rpush" | "lpushx" | "rpushx" => {
            if name.ends_with('x') && !db.contains_key(key) {
                return Ok(Resp::Int(0));
            }
            let Some(list) = list(db, key, true)? else { return Ok(Resp::Int(0)) };
            for item in &words[2..] {
                if name.starts_with('l') { list.push_front(item.clone()) } else { list.push_back(item.clone()) }
            }
            Resp::Int(list.len() as i64)
        }
        "lpop" | "rpop" => {
            let count = words.get(2).map(|w| int(w)).transpose()?;
            let Some(list) = list(db, key, false)? else { return Ok(Resp::Nil) };
            let mut pop = || if name == "lpop" { list.pop_front() } else { list.pop_back() };
            match count {
                None => pop().map_or(Resp::Nil, Resp::bulk),
                Some(count) => Resp::list((0..count.max(0)).map_while(|_| pop())),
            }
        }
        "llen" => Resp::Int(list(db, key, false)?.map_or(0, |l| l.len()) as i64),
        "lrange" => {
            let (from, to) = (int(word(2))?, int(word(3))?);
            let Some(list) = list(db, key, false)? else { return Ok(Resp::Array(Vec::new())) };
            let (from, to) = range(list.len(), from, to);
            Resp::list(list.range(from..to).cloned())
        }
        "lindex" => {
            let at = int(word(2))?;
            let Some(list) = list(db, key, false)? else { return Ok(Resp::Nil) };
            let at = if at < 0 { list.len() as i64 + at } else { at };
            usize::try_from(at).ok().and_then(|at| list.get(at)).cloned().map_or(Resp::Nil, Resp::bulk)
        }
        "lset" => {
            let at = int(word(2))?;
            let Some(list) = list(db, key, false)? else { return Err(Resp::error("ERR no such key")) };
            let at = if at < 0 { list.len() as i64 + at } else { at };
            match usize::try_from(at).ok().and_then(|at| list.get_mut(at)) {
                Some(item) => item.clone_from(word(3)),
                None => return Err(Resp::error("ERR index out of range")),
            }
            Resp::ok()
        }
        "lrem" => {
            let count = int(word(2))?;
            let Some(list) = list(db, key, false)? else { return Ok(Resp::Int(0)) };
            let before = list.len();
            let mut left = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
            let mut keep = |item: &Text| {
                let hit = item == word(3) && left > 0;
                left -= usize::from(hit);
                !hit
            };
            if count < 0 {
                let mut kept: VecDeque<Text> = VecDeque::new();
                list.iter().rev().filter(|i| keep(i)).for_each(|i| kept.push_front(i.clone()));
                *list = kept;
            } else {
                list.retain(|i| keep(i));
            }
            Resp::Int((before - list.len()) as i64)
        }
        "ltrim" => {
            let (from, to) = (int(word(2))?, int(word(3))?);
            if let Some(list) = list(db, key, false)? {
                let (from, to) = range(list.len(), from, to);
                *list = list.range(from..to).cloned().collect();
            }
            Resp::ok()
        }
        "hset" | "hmset" => {
            if !words.len().is_multiple_of(2) {
                return Err(Resp::error(format!("ERR wrong number of arguments for '{name}' command")));
            }
            let Some(hash) = hash(db, key, true)? else { return Ok(Resp::Int(0)) };
            let mut new = 0;
            for pair in words[2..].chunks_exact(2) {
                match hash.iter_mut().find(|(f, _)| *f == pair[0]) {
                    Some(field) => field.1.clone_from(&pair[1]),
                    None => {
                        hash.push((pair[0].clone(), pair[1].clone()));
                        new += 1;
                    }
                }
            }
            if name == "hset" { Resp::Int(new) } else { Resp::ok() }
        }
        "hsetnx" => {
            let Some(hash) = hash(db, key, true)? else { return Ok(Resp::Int(0)) };
            let free = !hash.iter().any(|(f, _)| f == word(2));
            if free {
                hash.push((word(2).clone(), word(3).clone()));
            }
            Resp::Int(i64::from(free))
        }
        "hget" | "hexists" => {
            let found =
                hash(db, key, false)?.and_then(|h| h.iter().find(|(f, _)| f == word(2)).map(|(_, v)| v.clone()));
            match name {
                "hget" => found.map_or(Resp::Nil, Resp::bulk),
                _ => Resp::Int(i64::from(found.is_some())),
            }
        }
        "hmget" => {
            let hash = hash(db, key, false)?.cloned().unwrap_or_default();
            let find = |f: &Text| hash.iter().find(|(g, _)| g == f).map_or(Resp::Nil, |(_, v)| Resp::bulk(v.clone()));
            Resp::Array(words[2..].iter().map(find).collect())
        }
        "hgetall" => {
            let hash = hash(db, key, false)?.cloned().unwrap_or_default();
            Resp::list(hash.into_iter().flat_map(|(f, v)| [f, v]))
        }
        "hkeys" => Resp::list(hash(db, key, false)?.cloned().unwrap_or_default().into_iter().map(|(f, _)| f)),
        "hvals" => Resp::list(hash(db, key, false)?.cloned().unwrap_or_default().into_iter().map(|(_, v)| v)),
        "hlen" => Resp::Int(hash(db, key, false)?.map_or(0, |h| h.len()) as i64),
        "hdel" => {
            let Some(hash) = hash(db, key, false)? else { return Ok(Resp::Int(0)) };
            let before = hash.len();
            hash.retain(|(f, _)| !words[2..].contains(f));
            Resp::Int((before - hash.len()) as i64)
        }
        "hincrby" => {
            let by = int(word(3))?;
            let Some(hash) = hash(db, key, true)? else { return Ok(Resp::Int(0)) };
            let before = match hash.iter().find(|(f, _)| f == word(2)) {
                Some((_, value)) => int(value).map_err(|_| Resp::error("ERR hash value is not an integer"))?,
                None => 0,
            };
            let after = before.wrapping_add(by);
            match hash.iter_mut().find(|(f, _)| f == word(2)) {
                Some(field) => field.1 = after.to_string().into_bytes(),
                None => hash.push((word(2).clone(), after.to_string().into_bytes())),
            }
            Resp::Int(after)
        }
        "sadd" => {
            let Some(set) = set(db, key, true)? else { return Ok(Resp::Int(0)) };
            Resp::Int(words[2..].iter().filter(|m| set.insert((*m).clone())).count() as i64)
        }
        "srem" => {
            let Some(set) = set(db, key, false)? else { return Ok(Resp::Int(0)) };
            Resp::Int(words[2..].iter().filter(|m| set.remove(*m)).count() as i64)
        }
        "smembers" => Resp::list(set(db, key, false)?.cloned().unwrap_or_default()),
        "sismember" => Resp::Int(i64::from(set(db, key, false)?.is_some_and(|s| s.contains(word(2))))),
        "scard" => Resp::Int(set(db, key, false)?.map_or(0, |s| s.len()) as i64),
        "spop" => {
            let Some(set) = set(db, key, false)? else { return Ok(Resp::Nil) };
            set.pop_first().map_or(Resp::Nil, Resp::bulk)
        }
        "sinter" | "sunion" | "sdiff" => {
            let mut whole = set(db, key, false)?.cloned().unwrap_or_default();
            for other in &words[2..] {
                let other = set(db, other, false)?.cloned().unwrap_or_default();
                whole = match name {
                    "sinter" => whole.intersection(&other).cloned().collect(),
                    "sunion" => whole.union(&other).cloned().collect(),
                    _ => whole.difference(&other).cloned().collect(),
                };
            }
            Resp::list(whole)
        }
        "zadd" => {
            let options = words[2..]
                .iter()
                .take_while(|w| matches!(w.to_ascii_uppercase().as_slice(), b"NX" | b"XX" | b"CH" | b"GT" | b"LT"))
                .count();
            let rest = &words[2 + options..];
            if rest.is_empty() || !rest.len().is_multiple_of(2) {
                return Err(Resp::error(SYNTAX));
            }
            let scores: Result<Vec<f64>, Resp> = rest.iter().step_by(2).map(|s| float(s)).collect();
            let scores = scores?;
            let Some(all) = sorted(db, key, true)? else { return Ok(Resp::Int(0)) };
            let members = rest.iter().skip(1).step_by(2);
            Resp::Int(members.zip(scores).filter(|(m, s)| all.insert((*m).clone(), *s).is_none()).count() as i64)
        }
        "zincrby" => {
            let by = float(word(2))?;
            let Some(all) = sorted(db, key, true)? else { return Ok(Resp::Nil) };
            let score = all.entry(word(3).clone()).or_default();
            *score += by;
            Resp::bulk(shown(*score))
        }
        "zscore" => {
            let score = sorted(db, key, false)?.and_then(|a| a.get(word(2)).copied());
            score.map_or(Resp::Nil, |s| Resp::bulk(shown(s)))
        }
        "zcard" => Resp::Int(sorted(db, key, false)?.map_or(0, |a| a.len()) as i64),
        "zrem" => {
            let Some(all) = sorted(db, key, false)? else { return Ok(Resp::Int(0)) };
            Resp::Int(words[2..].iter().filter(|m| all.remove(*m).is_some()).count() as i64)
        }
        "zrank" => {
            let all = sorted(db, key, false)?.map(|a| by_score(a)).unwrap_or_default();
            all.iter().position(|(m, _)| m == word(2)).map_or(Resp::Nil, |at| Resp::Int(at as i64))
        }
        "zrange" | "zrevrange" => {
            let (from, to) = (int(word(2))?, int(word(3))?);
            let has = |option: &[u8]| words[4..].iter().any(|w| w.eq_ignore_ascii_case(option));
            let mut all = sorted(db, key, false)?.map(|a| by_score(a)).unwrap_or_default();
            if name == "zrevrange" || has(b"rev") {
                all.reverse();
            }
            let (from, to) = range(all.len(), from, to);
            pairs(all.get(from..to).unwrap_or_default(), has(b"withscores"))
        }
        "zrangebyscore" => {
            let (from, to) = (float(word(2))?, float(word(3))?);
            let all = sorted(db, key, false)?.map(|a| by_score(a)).unwrap_or_default();
            let some: Vec<(Text, f64)> = all.into_iter().filter(|(_, s)| (from..=to).contains(s)).collect();
            pairs(&some, words[4..].iter().any(|w| w.eq_ignore_ascii_case(b"withscores")))
        }
        _ => return Err(Resp::error(SYNTAX)),
    })
}

/// How a value is kept inside, as `OBJECT ENCODING` says.
pub fn encoding(value: &Value) -> &'static str {
    match value {
        Value::Text(text) if int(text).is_ok() => "int",
        Value::Text(text) if text.len() <= 44 => "embstr",
        Value::Text(_) => "raw",
        Value::List(_) | Value::Sorted(_) | Value::Hash(_) => "listpack",
        Value::Set(set) if set.iter().all(|m| int(m).is_ok()) => "intset",
        Value::Set(_) => "listpack",
    }
}
