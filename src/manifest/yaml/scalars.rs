//! Scans the tokens that hold text: scalars in their five styles, anchors, tags and directives.

use super::Fault;
use super::scanner::{Kind, Scanner, is_blank, is_blank_or_end, is_break, is_break_or_end};

/// White space inside a scalar of several lines, which is folded once the text goes on.
#[derive(Default)]
struct Gap {
    blanks: String,
    first_break: String,
    more_breaks: String,
    /// A line break was met, so that blanks are indentation from here on.
    broken: bool,
}

impl Gap {
    /// Adds what the gap means to the text: its blanks, one space, or the line breaks behind the first.
    fn fold_into(&mut self, text: &mut String) {
        if !self.broken {
            text.push_str(&self.blanks);
        } else if !self.first_break.starts_with('\n') {
            text.push_str(&self.first_break);
            text.push_str(&self.more_breaks);
        } else if self.more_breaks.is_empty() {
            text.push(' ');
        } else {
            text.push_str(&self.more_breaks);
        }
        *self = Gap::default();
    }
}

impl Scanner {
    /// `*alias` or `&anchor`.
    pub(super) fn scan_anchor(&mut self) -> Result<Kind, Fault> {
        let alias = self.at(0) == '*';
        self.skip();
        let name = self.scan_word();
        let end = self.at(0);
        if name.is_empty() || !(is_blank_or_end(end) || matches!(end, '?' | ':' | ',' | ']' | '}' | '%' | '@' | '`')) {
            return Err(self.fault("did not find expected alphabetic or numeric character"));
        }
        Ok(if alias { Kind::Alias(name) } else { Kind::Anchor(name) })
    }

    fn scan_word(&mut self) -> String {
        let mut word = String::new();
        while is_word(self.at(0)) {
            self.read(&mut word);
        }
        word
    }

    /// `!`, `!suffix`, `!!suffix`, `!handle!suffix` or `!<uri>`.
    pub(super) fn scan_tag(&mut self) -> Result<Kind, Fault> {
        let (handle, suffix);
        if self.at(1) == '<' {
            self.skip();
            self.skip();
            handle = String::new();
            suffix = self.scan_tag_uri("")?;
            if self.at(0) != '>' {
                return Err(self.fault("did not find the expected '>'"));
            }
            self.skip();
        } else {
            let head = self.scan_tag_handle(false)?;
            if head.len() > 1 && head.ends_with('!') {
                handle = head;
                suffix = self.scan_tag_uri("")?;
            } else {
                let rest = self.scan_tag_uri(&head)?;
                // `!` alone is a whole tag.
                (handle, suffix) = if rest.is_empty() { (rest, "!".into()) } else { ("!".into(), rest) };
            }
        }
        if !is_blank_or_end(self.at(0)) {
            return Err(self.fault("did not find expected whitespace or line break"));
        }
        Ok(Kind::Tag(handle, suffix))
    }

    fn scan_tag_handle(&mut self, directive: bool) -> Result<String, Fault> {
        if self.at(0) != '!' {
            return Err(self.fault("did not find expected '!'"));
        }
        let mut handle = String::new();
        self.read(&mut handle);
        handle.push_str(&self.scan_word());
        if self.at(0) == '!' {
            self.read(&mut handle);
        } else if directive && handle != "!" {
            return Err(self.fault("did not find expected '!'"));
        }
        Ok(handle)
    }

    /// The rest of a tag; `head` is what of it was read as a handle, with its `!`.
    fn scan_tag_uri(&mut self, head: &str) -> Result<String, Fault> {
        let mut bytes = head.as_bytes().get(1..).unwrap_or_default().to_vec();
        let mut any = !head.is_empty();
        loop {
            let c = self.at(0);
            if c == '%' {
                self.scan_uri_escape(&mut bytes)?;
            } else if is_word(c) || ";/?:@&=+$,.!~*'()[]".contains(c) {
                bytes.extend(c.to_string().bytes());
                self.skip();
            } else {
                break;
            }
            any = true;
        }
        if !any {
            return Err(self.fault("did not find expected tag URI"));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// `%C3%A9`: the octets of one character.
    fn scan_uri_escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        let mut left = None;
        loop {
            let (Some(high), Some(low), '%') = (self.at(1).to_digit(16), self.at(2).to_digit(16), self.at(0)) else {
                return Err(self.fault("did not find URI escaped octet"));
            };
            let octet = (high * 16 + low) as u8;
            let width = match octet {
                0x00..=0x7f => 1,
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf7 => 4,
                _ => 0,
            };
            let remaining = match left {
                None if width == 0 => return Err(self.fault("found an incorrect leading UTF-8 octet")),
                None => width,
                Some(_) if octet & 0xc0 != 0x80 => {
                    return Err(self.fault("found an incorrect trailing UTF-8 octet"));
                }
                Some(n) => n,
            };
            bytes.push(octet);
            for _ in 0..3 {
                self.skip();
            }
            if remaining == 1 {
                return Ok(());
            }
            left = Some(remaining - 1);
        }
    }

    /// `%YAML 1.1` or `%TAG !handle! prefix`, to the end of the line.
    pub(super) fn scan_directive(&mut self) -> Result<Kind, Fault> {
        self.skip();
        let name = self.scan_word();
        if name.is_empty() {
            return Err(self.fault("could not find expected directive name"));
        }
        if !is_blank_or_end(self.at(0)) {
            return Err(self.fault("found unexpected non-alphabetical character"));
        }
        let kind = match name.as_str() {
            "YAML" => self.scan_version()?,
            "TAG" => self.scan_tag_directive()?,
            _ => return Err(self.fault("found unknown directive name")),
        };
        self.scan_rest_of_line()?;
        Ok(kind)
    }

    fn scan_version(&mut self) -> Result<Kind, Fault> {
        self.skip_blanks();
        let major = self.scan_version_number()?;
        if self.at(0) != '.' {
            return Err(self.fault("did not find expected digit or '.' character"));
        }
        self.skip();
        Ok(Kind::VersionDirective(major, self.scan_version_number()?))
    }

    fn scan_version_number(&mut self) -> Result<u8, Fault> {
        let mut number = 0;
        let mut length = 0;
        while let Some(digit) = self.at(0).to_digit(10) {
            length += 1;
            if length > 2 {
                return Err(self.fault("found extremely long version number"));
            }
            number = number * 10 + digit as u8;
            self.skip();
        }
        if length == 0 {
            return Err(self.fault("did not find expected version number"));
        }
        Ok(number)
    }

    fn scan_tag_directive(&mut self) -> Result<Kind, Fault> {
        self.skip_blanks();
        let handle = self.scan_tag_handle(true)?;
        if !is_blank(self.at(0)) {
            return Err(self.fault("did not find expected whitespace"));
        }
        self.skip_blanks();
        let prefix = self.scan_tag_uri("")?;
        if !is_blank_or_end(self.at(0)) {
            return Err(self.fault("did not find expected whitespace or line break"));
        }
        Ok(Kind::TagDirective(handle, prefix))
    }

    /// Blanks, a comment and the line break.
    fn scan_rest_of_line(&mut self) -> Result<(), Fault> {
        self.skip_blanks();
        self.skip_comment();
        if !is_break_or_end(self.at(0)) {
            return Err(self.fault("did not find expected comment or line break"));
        }
        self.skip_line();
        Ok(())
    }

    /// `|` or `>` with its indicators and all lines that belong to it.
    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Result<Kind, Fault> {
        self.skip();
        let (chomping, increment) = self.scan_block_scalar_indicators()?;
        self.scan_rest_of_line()?;
        let mut indent = match increment {
            0 => 0,
            n => usize::try_from(self.indent).unwrap_or(0) + n,
        };
        let mut text = String::new();
        let mut first_break = String::new();
        let mut more_breaks = String::new();
        let mut leading_blank = false;
        self.scan_block_scalar_breaks(&mut indent, &mut more_breaks)?;
        while self.mark.column == indent && self.at(0) != '\0' {
            let blank = is_blank(self.at(0));
            // Lines that start with white space keep their breaks even in a folded scalar.
            if !literal && !leading_blank && !blank && first_break.starts_with('\n') {
                if more_breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(&first_break);
            }
            first_break.clear();
            text.push_str(&more_breaks);
            more_breaks.clear();
            leading_blank = blank;
            while !is_break_or_end(self.at(0)) {
                self.read(&mut text);
            }
            self.read_line(&mut first_break);
            self.scan_block_scalar_breaks(&mut indent, &mut more_breaks)?;
        }
        if chomping != Chomping::Strip {
            text.push_str(&first_break);
        }
        if chomping == Chomping::Keep {
            text.push_str(&more_breaks);
        }
        Ok(Kind::Scalar { text, plain: false })
    }

    /// `+` or `-` and a digit, in either order; 0 for no digit.
    fn scan_block_scalar_indicators(&mut self) -> Result<(Chomping, usize), Fault> {
        let mut chomping = self.scan_chomping();
        let mut increment = 0;
        if let Some(digit) = self.at(0).to_digit(10) {
            if digit == 0 {
                return Err(self.fault("found an indentation indicator equal to 0"));
            }
            increment = digit as usize;
            self.skip();
            if chomping == Chomping::Clip {
                chomping = self.scan_chomping();
            }
        }
        Ok((chomping, increment))
    }

    fn scan_chomping(&mut self) -> Chomping {
        let chomping = match self.at(0) {
            '+' => Chomping::Keep,
            '-' => Chomping::Strip,
            _ => return Chomping::Clip,
        };
        self.skip();
        chomping
    }

    /// Passes indentation and empty lines; finds out the indentation when it is not known yet (0).
    fn scan_block_scalar_breaks(&mut self, indent: &mut usize, breaks: &mut String) -> Result<(), Fault> {
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.mark.column < *indent) && self.at(0) == ' ' {
                self.skip();
            }
            deepest = deepest.max(self.mark.column);
            if (*indent == 0 || self.mark.column < *indent) && self.at(0) == '\t' {
                return Err(self.fault("found a tab character where an indentation space is expected"));
            }
            if !is_break(self.at(0)) {
                break;
            }
            self.read_line(breaks);
        }
        if *indent == 0 {
            *indent = deepest.max(usize::try_from(self.indent + 1).unwrap_or(0)).max(1);
        }
        Ok(())
    }

    /// A scalar in single or double quotes.
    pub(super) fn scan_quoted(&mut self, single: bool) -> Result<Kind, Fault> {
        let context = if self.mark.line == 0 { 0 } else { self.mark.line + 1 };
        self.scan_quotes(single).map_err(|fault| Fault { context, ..fault })
    }

    fn scan_quotes(&mut self, single: bool) -> Result<Kind, Fault> {
        let quote = if single { '\'' } else { '"' };
        self.skip();
        let mut text = String::new();
        loop {
            if self.at_document_indicator() {
                return Err(self.fault("found unexpected document indicator"));
            }
            if self.at(0) == '\0' {
                return Err(self.fault("found unexpected end of stream"));
            }
            let mut gap = Gap::default();
            while !is_blank_or_end(self.at(0)) {
                match (self.at(0), self.at(1)) {
                    ('\'', '\'') if single => {
                        text.push('\'');
                        self.skip();
                        self.skip();
                    }
                    (c, _) if c == quote => break,
                    ('\\', next) if !single && is_break(next) => {
                        self.skip();
                        self.skip_line();
                        gap.broken = true;
                        break;
                    }
                    ('\\', _) if !single => text.push(self.scan_escape()?),
                    _ => self.read(&mut text),
                }
            }
            if self.at(0) == quote {
                self.skip();
                return Ok(Kind::Scalar { text, plain: false });
            }
            self.scan_gap(&mut gap);
            gap.fold_into(&mut text);
        }
    }

    /// Blanks and line breaks inside a quoted scalar.
    fn scan_gap(&mut self, gap: &mut Gap) {
        loop {
            let c = self.at(0);
            if is_blank(c) {
                if gap.broken {
                    self.skip();
                } else {
                    self.read(&mut gap.blanks);
                }
            } else if !is_break(c) {
                return;
            } else if gap.broken {
                self.read_line(&mut gap.more_breaks);
            } else {
                self.read_line(&mut gap.first_break);
                gap.broken = true;
            }
        }
    }

    /// `\n`, `\x41` and their like.
    fn scan_escape(&mut self) -> Result<char, Fault> {
        let (plain, digits) = match self.at(1) {
            '0' => ('\0', 0),
            'a' => ('\u{7}', 0),
            'b' => ('\u{8}', 0),
            't' | '\t' => ('\t', 0),
            'n' => ('\n', 0),
            'v' => ('\u{b}', 0),
            'f' => ('\u{c}', 0),
            'r' => ('\r', 0),
            'e' => ('\u{1b}', 0),
            c @ (' ' | '"' | '\'' | '\\') => (c, 0),
            'N' => ('\u{85}', 0),
            '_' => ('\u{a0}', 0),
            'L' => ('\u{2028}', 0),
            'P' => ('\u{2029}', 0),
            'x' => ('\0', 2),
            'u' => ('\0', 4),
            'U' => ('\0', 8),
            _ => return Err(self.fault("found unknown escape character")),
        };
        self.skip();
        self.skip();
        if digits == 0 {
            return Ok(plain);
        }
        let mut code = 0u32;
        for i in 0..digits {
            match self.at(i).to_digit(16) {
                Some(digit) => code = (code << 4) | digit,
                None => return Err(self.fault("did not find expected hexdecimal number")),
            }
        }
        let Some(c) = char::from_u32(code) else {
            return Err(self.fault("found invalid Unicode character escape code"));
        };
        for _ in 0..digits {
            self.skip();
        }
        Ok(c)
    }

    /// A scalar without quotes.
    pub(super) fn scan_plain(&mut self) -> Result<Kind, Fault> {
        let indent = usize::try_from(self.indent + 1).unwrap_or(0);
        let flow = self.flow_level > 0;
        let mut text = String::new();
        let mut gap = Gap::default();
        loop {
            if self.at_document_indicator() || self.at(0) == '#' {
                break;
            }
            while !is_blank_or_end(self.at(0)) {
                let c = self.at(0);
                if c == ':' && is_blank_or_end(self.at(1)) || flow && matches!(c, ',' | '?' | '[' | ']' | '{' | '}') {
                    break;
                }
                if gap.broken || !gap.blanks.is_empty() {
                    gap.fold_into(&mut text);
                }
                self.read(&mut text);
            }
            if !(is_blank(self.at(0)) || is_break(self.at(0))) {
                break;
            }
            while is_blank(self.at(0)) || is_break(self.at(0)) {
                if gap.broken && self.mark.column < indent && self.at(0) == '\t' {
                    return Err(self.fault("found a tab character that violates indentation"));
                }
                if is_break(self.at(0)) {
                    let breaks = if gap.broken { &mut gap.more_breaks } else { &mut gap.first_break };
                    self.read_line(breaks);
                    gap.broken = true;
                } else if gap.broken {
                    self.skip();
                } else {
                    self.read(&mut gap.blanks);
                }
            }
            if !flow && self.mark.column < indent {
                break;
            }
        }
        if gap.broken {
            self.simple_key_allowed = true;
        }
        Ok(Kind::Scalar { text, plain: true })
    }
}

/// What becomes of the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq)]
enum Chomping {
    Strip,
    /// One stays.
    Clip,
    Keep,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}
