//! What is read in pieces is what is read whole, whatever the transaction changed and however little of it was read.

use super::Store;
use crate::api::k8s::api::core::v1::ConfigMap;
use crate::api::names::Draw;
use crate::api::{Kind, Object, ObjectKey, ObjectMeta};

fn config_map(namespace: u64, name: u64, version: u64) -> Object {
    let labels = [("app".to_string(), format!("v{}", version % 3))];
    Object::from(ConfigMap {
        metadata: ObjectMeta {
            namespace: Some(format!("n{namespace}")),
            name: Some(format!("c{name}")),
            labels: Some(labels.into()),
            ..Default::default()
        },
        ..Default::default()
    })
}

fn named<'a>(objects: impl IntoIterator<Item = &'a std::sync::Arc<Object>>) -> Vec<String> {
    objects.into_iter().map(|o| format!("{} {}", o.key(), o.revision())).collect()
}

/// All objects, read three at a time.
fn in_pieces(store: &Store, within: Option<&str>) -> Vec<String> {
    let (mut from, mut found) = ((String::new(), String::new()), Vec::new());
    loop {
        let page = store.view().page(Kind::ConfigMap, within, (&from.0, &from.1), 3, None);
        let Some(last) = page.last() else { return found };
        let left = store.view().count_from(Kind::ConfigMap, within, (&from.0, &from.1));
        from = (last.namespace().to_string(), format!("{}\0", last.name()));
        let after = store.view().count_from(Kind::ConfigMap, within, (&from.0, &from.1));
        assert_eq!(left - after, page.len());
        found.extend(named(&page));
    }
}

fn check(store: &Store) {
    let whole = named(store.view().list(Kind::ConfigMap));
    assert_eq!(store.view().len(Kind::ConfigMap), whole.len());
    let pieces = in_pieces(store, None);
    assert_eq!(pieces, whole);
    let within: Vec<String> = pieces.into_iter().filter(|name| name.contains("/n1/")).collect();
    assert_eq!(in_pieces(store, Some("n1")), within);
    assert_eq!(store.view().len_in(Kind::ConfigMap, "n1"), within.len());
}

#[test]
fn pieces_and_numbers_are_those_of_the_whole() {
    let mut store = Store::in_memory().unwrap();
    for round in 0..12 {
        store.begin(true).unwrap();
        assert_eq!(in_pieces(&store, None).len(), store.view().len(Kind::ConfigMap));
        for step in 0..20 {
            let mut lot = Draw::new(3, "store", round * 100 + step);
            let (namespace, name) = (lot.below(3), lot.below(12));
            match lot.below(3) {
                0 => {
                    _ = store
                        .remove(&ObjectKey::new(Kind::ConfigMap, format!("n{namespace}"), format!("c{name}")))
                        .unwrap()
                }
                _ => _ = store.put(config_map(namespace, name, step)).unwrap(),
            }
            assert_eq!(in_pieces(&store, None).len(), store.view().len(Kind::ConfigMap));
        }
        match round % 3 {
            2 => store.rollback(),
            _ => store.commit().unwrap(),
        }
        store.begin(false).unwrap();
        // What was not read whole first, then what was.
        in_pieces(&store, Some("n2"));
        check(&store);
        store.rollback();
    }
}

#[test]
fn a_telltale_leaves_out_only_what_does_not_tell() {
    let mut store = Store::in_memory().unwrap();
    store.begin(true).unwrap();
    (0..9).for_each(|n| _ = store.put(config_map(0, n, n)).unwrap());
    store.commit().unwrap();
    store.begin(true).unwrap();
    store.put(config_map(0, 0, 1)).unwrap();
    let told = store.view().page(Kind::ConfigMap, None, ("", ""), 100, Some("\"app\":\"v1\""));
    let names: Vec<&str> = told.iter().filter(|o| o.label("app") == Some("v1")).map(|o| o.name()).collect();
    assert_eq!(names, ["c0", "c1", "c4", "c7"]);
}
