//! awk's record and its fields.

use super::value::Value;
use super::{Awk, FS, NF, OFS, RS};
use crate::machine::bytes::Bytes;
use crate::machine::tools::text::regex::Regex;

/// The most fields that a record may have.
const MAX_FIELDS: usize = 1 << 20;

impl Awk {
    /// Sets `$0`; its fields are found when somebody asks.
    pub(super) fn set_record(&mut self, record: Bytes) {
        self.record = record;
        (self.stale, self.split) = (false, false);
        self.fields.clear();
        let fs = self.globals[FS].clone();
        self.fs = self.text_of(&fs);
    }

    /// Finds the fields of the record.
    pub(super) fn need_fields(&mut self) {
        if self.split {
            return;
        }
        self.split = true;
        let rs = self.globals[RS].clone();
        let paragraphs = self.text_of(&rs).is_empty();
        let (record, fs) = (self.record.clone(), self.fs.clone());
        let pieces = self.split_text(&record, &fs, paragraphs);
        self.fields = pieces.into_iter().map(Value::input).collect();
        self.globals[NF] = Value::Number(self.fields.len() as f64);
    }

    /// A text split by a separator as `FS` is meant.
    pub(super) fn split_text(&mut self, text: &[u8], fs: &[u8], paragraphs: bool) -> Vec<Vec<u8>> {
        if text.is_empty() {
            return Vec::new();
        }
        match fs {
            b" " => {
                let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n');
                text.split(blank).filter(|p| !p.is_empty()).map(<[u8]>::to_vec).collect()
            }
            b"" => text.iter().map(|b| vec![*b]).collect(),
            [b] if *b != b'\\' && !paragraphs => text.split(|c| c == b).map(<[u8]>::to_vec).collect(),
            [b] if *b != b'\\' => text.split(|c| c == b || *c == b'\n').map(<[u8]>::to_vec).collect(),
            _ => {
                let pattern = if paragraphs { [b"(", fs, b")|\n"].concat() } else { fs.to_vec() };
                match self.regex_of(&pattern) {
                    Some(regex) => split_by(text, &regex),
                    None => vec![text.to_vec()],
                }
            }
        }
    }

    /// The compiled form of a pattern that was made while running; none where it is wrong.
    pub(super) fn regex_of(&mut self, pattern: &[u8]) -> Option<Regex> {
        if let Some(regex) = self.regexes.get(pattern) {
            return Some(regex.clone());
        }
        let regex = Regex::new(pattern, self.flags).ok()?;
        if self.regexes.len() >= 100 {
            self.regexes.clear();
        }
        self.regexes.insert(pattern.to_vec(), regex.clone());
        Some(regex)
    }

    /// `$n`.
    pub(super) fn field(&mut self, number: usize) -> Value {
        if number == 0 {
            self.join();
            return Value::input(self.record.clone());
        }
        self.need_fields();
        self.fields.get(number - 1).cloned().unwrap_or_default()
    }

    /// `$0` as it is now.
    pub(super) fn whole(&mut self) -> Bytes {
        self.join();
        self.record.clone()
    }

    /// Puts the record together again out of changed fields.
    fn join(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let ofs = self.globals[OFS].clone();
        let ofs = self.text_of(&ofs);
        let fields = std::mem::take(&mut self.fields);
        let texts: Vec<Bytes> = fields.iter().map(|f| self.text_of(f)).collect();
        self.fields = fields;
        self.record = texts.iter().map(|t| &t[..]).collect::<Vec<&[u8]>>().join(&ofs[..]).into();
    }

    /// Sets `$n`.
    pub(super) fn set_field(&mut self, number: usize, value: Value) -> Result<(), String> {
        if number == 0 {
            let text = self.text_of(&value);
            self.set_record(text);
            return Ok(());
        }
        if number > MAX_FIELDS {
            return Err("too many fields".into());
        }
        self.need_fields();
        if self.fields.len() < number {
            self.fields.resize(number, Value::text(""));
            self.globals[NF] = Value::Number(number as f64);
        }
        if let Some(field) = self.fields.get_mut(number - 1) {
            *field = value;
        }
        self.stale = true;
        Ok(())
    }

    /// Sets `NF`: fields are dropped or added.
    pub(super) fn set_nf(&mut self, value: Value) {
        self.need_fields();
        let count = value.number();
        let count = if count > 0.0 { (count as usize).min(MAX_FIELDS) } else { 0 };
        self.fields.resize(count, Value::text(""));
        self.globals[NF] = Value::Number(count as f64);
        self.stale = true;
    }
}

/// A text split by matches of a regular expression that are not empty.
pub(super) fn split_by(text: &[u8], regex: &Regex) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let (mut begin, mut from) = (0, 0);
    while let Some(found) = regex.find_at(text, from) {
        if found.start() == found.end() {
            from = found.end() + 1;
            continue;
        }
        pieces.push(text.get(begin..found.start()).unwrap_or_default().to_vec());
        (begin, from) = (found.end(), found.end());
    }
    pieces.push(text.get(begin..).unwrap_or_default().to_vec());
    pieces
}
