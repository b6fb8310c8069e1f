//! PEM: labelled blocks of base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A block of a PEM file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it says that it is, `CERTIFICATE REQUEST`.
    pub label: String,
    /// Its headers, `Proc-Type: 4,ENCRYPTED`, as they stand there.
    pub headers: Vec<String>,
    /// What it holds.
    pub der: Vec<u8>,
}

/// The blocks of a file. What is no block is passed over.
pub fn blocks(input: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(input);
    let mut found = Vec::new();
    let mut open: Option<(Block, String)> = None;
    for line in text.lines().map(str::trim) {
        let label = |start: &str| line.strip_prefix(start)?.strip_suffix("-----").map(String::from);
        if let Some(label) = label("-----BEGIN ") {
            open = Some((Block { label, headers: Vec::new(), der: Vec::new() }, String::new()));
        } else if let Some(end) = label("-----END ") {
            if let Some((block, body)) = open.take()
                && block.label == end
                && let Ok(der) = STANDARD.decode(body)
            {
                found.push(Block { der, ..block });
            }
        } else if let Some((block, body)) = &mut open {
            match line.contains(':') {
                true => block.headers.push(line.to_string()),
                false => body.push_str(line),
            }
        }
    }
    found
}

/// A file of one block.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text += line;
        text.push('\n');
        rest = after;
    }
    text + &format!("-----END {label}-----\n")
}
