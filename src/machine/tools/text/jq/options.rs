//! The command line of `jq`.

use jaq_json::Val;

use super::{Jq, parse, parse_all};
use crate::machine::kernel::Sys;

const USAGE: &str = "Usage:\tjq [OPTIONS] FILTER [FILES...]\n\tjq [OPTIONS] -f FILE [FILES...]\n\tjq [OPTIONS] --args FILTER [ARGUMENTS...]\n\tjq [OPTIONS] --jsonargs FILTER [JSON_VALUES...]\n";

fn unknown(arg: &str) -> (String, u8) {
    (
        format!(
            "jq: Unknown option: {arg}\n{USAGE}Use jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://jqlang.github.io/jq\n"
        ),
        2,
    )
}

/// The call that the words make, and its files.
pub(super) fn read_line(sys: &mut Sys<'_>, args: &[String]) -> Result<(Jq, Vec<String>), (String, u8)> {
    let mut jq = Jq { indent: 2, ..Jq::default() };
    let (mut filter, mut files, mut named, mut from_file) = (None, Vec::new(), Vec::new(), false);
    let mut positional: Option<bool> = None;
    let mut given: Vec<String> = Vec::new();
    let mut words = args.iter().skip(1);
    let mut plain = false;
    while let Some(word) = words.next() {
        if plain || !word.starts_with('-') || word == "-" {
            match (&filter, positional) {
                (None, _) => filter = Some(word.clone()),
                (Some(_), None) => files.push(word.clone()),
                (Some(_), Some(true)) => given.push(word.clone()),
                (Some(_), Some(false)) => given.push(Val::from(word.clone()).to_string()),
            }
            continue;
        }
        let mut next = |many: usize| -> Result<Vec<String>, (String, u8)> {
            let taken: Vec<String> = words.by_ref().take(many).cloned().collect();
            let name = word.trim_start_matches('-');
            let wanted = match name {
                "indent" => "one parameter".to_string(),
                _ => "two parameters (e.g. --arg varname value)".replace("--arg", word),
            };
            if taken.len() < many { Err((format!("jq: {word} takes {wanted}\n"), 2)) } else { Ok(taken) }
        };
        match word.as_str() {
            "--" => plain = true,
            "--raw-output" => jq.raw = true,
            "--join-output" => (jq.raw, jq.join) = (true, true),
            "--compact-output" => jq.compact = true,
            "--null-input" => jq.null_input = true,
            "--slurp" => jq.slurp = true,
            "--raw-input" => jq.raw_input = true,
            "--sort-keys" => jq.sort_keys = true,
            "--ascii-output" => jq.ascii = true,
            "--exit-status" => jq.exit_status = true,
            "--tab" => jq.tab = true,
            "--color-output" | "--monochrome-output" | "--unbuffered" | "--seq" => {}
            "--from-file" => from_file = true,
            "--args" => positional = Some(false),
            "--jsonargs" => positional = Some(true),
            "--version" => return Err(("jq-1.7.1\n".into(), 0)),
            "--help" => return Err((USAGE.into(), 0)),
            "--indent" => {
                let text = next(1)?.concat();
                jq.indent = text.parse().ok().filter(|n| *n <= 7).ok_or_else(|| {
                    (
                        format!(
                            "jq: Cannot indent {}\n",
                            if text.len() > 1 { "more than 7 characters" } else { "less than 0 characters" }
                        ),
                        2,
                    )
                })?;
            }
            "--arg" => {
                let pair = next(2)?;
                named.push((pair[0].clone(), Val::from(pair[1].clone()).to_string()));
            }
            "--argjson" => {
                let pair = next(2)?;
                if parse(pair[1].as_bytes()).is_err() {
                    return Err((format!("jq: Invalid JSON text passed to --argjson\n{USAGE}"), 2));
                }
                named.push((pair[0].clone(), pair[1].clone()));
            }
            "--slurpfile" | "--rawfile" => {
                let pair = next(2)?;
                let bytes = sys.read_file(&pair[1]).map_err(|fault| {
                    let text = sys.text(fault);
                    (
                        format!(
                            "jq: Bad JSON in --{} {} {}: Could not open {}: {text}\n",
                            word.trim_start_matches('-'),
                            pair[0],
                            pair[1],
                            pair[1]
                        ),
                        2,
                    )
                })?;
                let text = match word.as_str() {
                    "--rawfile" => Val::from(String::from_utf8_lossy(&bytes).into_owned()).to_string(),
                    _ => {
                        let all = parse_all(&bytes).map_err(|why| {
                            (format!("jq: Bad JSON in --slurpfile {} {}: {why}\n", pair[0], pair[1]), 2)
                        })?;
                        all.into_iter().collect::<Val>().to_string()
                    }
                };
                named.push((pair[0].clone(), text));
            }
            long if long.starts_with("--") => return Err(unknown(word)),
            short => {
                for letter in short.chars().skip(1) {
                    match letter {
                        'r' => jq.raw = true,
                        'j' => (jq.raw, jq.join) = (true, true),
                        'c' => jq.compact = true,
                        'n' => jq.null_input = true,
                        's' => jq.slurp = true,
                        'R' => jq.raw_input = true,
                        'S' => jq.sort_keys = true,
                        'a' => jq.ascii = true,
                        'e' => jq.exit_status = true,
                        'C' | 'M' => {}
                        'f' => from_file = true,
                        'h' => return Err((USAGE.into(), 0)),
                        'V' => return Err(("jq-1.7.1\n".into(), 0)),
                        _ => return Err(unknown(word)),
                    }
                }
            }
        }
    }
    let Some(filter) = filter else { return Err((USAGE.into(), 2)) };
    jq.filter = match from_file {
        true => match sys.read_file(&filter) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(fault) => return Err((format!("jq: error: Could not open {filter}: {}\n", sys.text(fault)), 2)),
        },
        false => filter,
    };
    let pairs: Vec<String> = named.iter().map(|(n, v)| format!("{}:{v}", Val::from(n.clone()))).collect();
    named.push(("__prog_args".into(), format!("[{}]", given.join(","))));
    named.push(("ARGS".into(), format!("{{\"positional\":[{}],\"named\":{{{}}}}}", given.join(","), pairs.join(","))));
    named.push(("ENV".into(), "{}".into()));
    jq.variables = named;
    Ok((jq, files))
}
