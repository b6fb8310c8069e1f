//! Why an object that is being deleted stays, where a real kubectl would wait for ever without a word.

use crate::api::{Kind, Lister, Object};
use crate::kubectl::client::Client;

/// What keeps an object that is being deleted, and what would let it go.
pub(super) fn what_holds(object: &Object, client: &Client<'_>, program: &str) -> (String, String) {
    let finalizers = object.meta().finalizers.clone().unwrap_or_default();
    let (namespace, name) = (object.namespace(), object.name());
    let first = finalizers.first().map(String::as_str).unwrap_or_default();
    match (object, first) {
        (_, "kubernetes.io/pvc-protection") => {
            let users: Vec<String> =
                client.pods_using_claim(namespace, name).iter().map(|p| format!("pod {:?}", p.name())).collect();
            let (verb, pods) = if users.len() == 1 { ("uses", "pod that uses") } else { ("use", "pods that use") };
            let users = users.join(" and ");
            (format!("{first} holds it while {users} {verb} it"), format!("delete the {pods} the claim"))
        }
        (Object::PersistentVolume(pv), "kubernetes.io/pv-protection") => {
            let claim = pv.spec.as_ref().and_then(|s| s.claim_ref.as_ref());
            let claim = claim.map(|c| {
                format!("{}/{}", c.namespace.as_deref().unwrap_or_default(), c.name.as_deref().unwrap_or_default())
            });
            let claim = claim.unwrap_or_default();
            (format!("{first} holds it while claim {claim:?} is bound to it"), format!("delete the claim {claim:?}"))
        }
        (Object::Pod(pod), "") => {
            let node = pod.spec.as_ref().and_then(|s| s.node_name.clone()).unwrap_or_default();
            (
                format!("the kubelet of node {node:?} must end it first, and does not answer"),
                format!("start the node again (kstate node start {node}), or delete with --force"),
            )
        }
        (Object::Namespace(_), _) => {
            ("not all that is in it can go".into(), format!("see what is left: {} get all,pvc,cm -n {name}", program))
        }
        _ => (
            match finalizers.as_slice() {
                [one] => format!("its finalizer {one} holds it"),
                all => format!("its finalizers {} hold it", all.join(", ")),
            },
            format!(
                "remove the finalizers: {} patch {} {name} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'",
                program,
                short_type(object.kind())
            ),
        ),
    }
}

fn short_type(kind: Kind) -> String {
    kind.short_names().first().map_or_else(|| kind.singular(), |s| s.to_string())
}
