//! How long kubelets may keep Secrets and ConfigMaps without asking again: longer in a large cluster.
//!
//! Mirrors `pkg/controller/ttl`.

use crate::api::k8s::api::core::v1::Node;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::{Controller, Outcome, Write};
use crate::store::{Change, View};

/// The annotation that tells it to the kubelet.
pub(crate) const ANN_OBJECT_TTL: &str = "node.alpha.kubernetes.io/ttl";

/// From how many nodes on, up to how many, and how many seconds.
const BOUNDARIES: [(usize, usize, u32); 5] =
    [(0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, usize::MAX, 300)];

/// The note that holds which boundary the cluster is within.
const STEP: &str = "ttl/boundary-step";

/// See the module.
pub(super) struct TtlController;

impl Controller for TtlController {
    fn name(&self) -> &'static str {
        "ttl"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind == Kind::Node {
            enqueue(change.key.clone());
        }
    }

    fn on_change_all(&self, view: &View<'_>, change: &Change) -> Option<Kind> {
        let comes_or_goes = change.key.kind == Kind::Node && change.old.is_some() != change.new.is_some();
        (comes_or_goes && moved_step(view) != step(view)).then_some(Kind::Node)
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let step = moved_step(view);
        if step != self::step(view) {
            outcome.note(STEP, step);
        }
        let Some(Object::Node(node)) = view.get(key).map(|o| o.as_ref()) else { return outcome };
        let desired = BOUNDARIES[step].2.to_string();
        let mut node = Node::clone(node);
        let annotations = node.metadata.annotations.get_or_insert_default();
        if annotations.get(ANN_OBJECT_TTL) != Some(&desired) {
            annotations.insert(ANN_OBJECT_TTL.into(), desired);
            outcome.write(Write::update(node));
        }
        outcome
    }
}

fn step(view: &View<'_>) -> usize {
    view.note(STEP).and_then(|n| n.parse().ok()).filter(|n| *n < BOUNDARIES.len()).unwrap_or(0)
}

/// The step once the nodes of now are counted. Boundaries overlap, so that one node more or less does not move it to and
/// fro.
fn moved_step(view: &View<'_>) -> usize {
    let (nodes, mut step) = (view.len(Kind::Node), step(view));
    while nodes > BOUNDARIES[step].1 {
        step += 1;
    }
    while nodes < BOUNDARIES[step].0 {
        step -= 1;
    }
    step
}
