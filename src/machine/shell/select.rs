//! `select`: a menu, an answer, a loop.

use std::sync::Arc;

use super::Shell;
use super::ast::{Node, NodeId, Unit};
use super::vm::{Flow, Frame};
use crate::machine::kernel::{Input, Sys, Turn, Wait};

impl Shell {
    pub(super) fn select(
        &mut self,
        sys: &mut Sys<'_>,
        unit: &Arc<Unit>,
        node: NodeId,
        items: Arc<Vec<String>>,
        menu: bool,
        mut input: Vec<u8>,
    ) -> Flow {
        let Node::Select { name, body, .. } = unit.node(node) else { return Flow::Go };
        if items.is_empty() {
            return Flow::Go;
        }
        if menu {
            let width = items.len().to_string().len();
            let mut text: String =
                items.iter().enumerate().map(|(n, item)| format!("{:width$}) {item}\n", n + 1)).collect();
            text.push_str(self.vars.get("PS3").unwrap_or("#? "));
            sys.err(text);
        }
        loop {
            match sys.read(0, 1) {
                Ok(Input::Bytes(bytes)) if bytes == b"\n" => break,
                Ok(Input::Bytes(bytes)) => input.extend(bytes),
                Ok(Input::Wait) => {
                    self.push(Frame::Select { node, items, menu: false, input });
                    return Flow::Turn(Turn::Wait(Wait::input(0)));
                }
                Ok(Input::End) | Err(_) => {
                    sys.out("\n");
                    self.status = 1;
                    return Flow::Go;
                }
            }
        }
        let line = String::from_utf8_lossy(&input).trim().to_string();
        if line.is_empty() {
            self.push(Frame::Select { node, items, menu: true, input: Vec::new() });
            return Flow::Yield;
        }
        let chosen = line.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).and_then(|n| items.get(n));
        let chosen = chosen.cloned().unwrap_or_default();
        self.vars.set("REPLY", &line);
        if let Err(stop) = self.assign(sys, name, &chosen) {
            return self.stopped(sys, stop);
        }
        self.push(Frame::Select { node, items, menu: true, input: Vec::new() });
        self.push(Frame::Run(*body));
        Flow::Yield
    }
}
