//! The lessons and manifests that are in the binary, so that a lesson runs from anywhere.

macro_rules! lessons {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../lessons/", $name, ".md")))),*]
    };
}

/// The lessons in the order of the menu: name and Markdown.
const LESSONS: &[(&str, &str)] = lessons![
    "volumes",
    "static-pv",
    "binding-rules",
    "reclaim-policies",
    "in-use-protection",
    "dynamic-pvc",
    "storage-classes",
    "nfs-rwx",
    "access-modes",
    "volume-expansion",
    "statefulset",
    "headless-dns",
    "sticky-claims",
    "ordered-or-parallel",
    "rolling-updates",
    "deployment-or-statefulset",
    "nfs-provisioner",
    "node-failure",
    "cluster-storage",
    "autoscaling",
    "backing-services",
    "consul",
    "mysql-replicas",
    "redis-cluster",
    "repair-pending-claim",
    "repair-default-class",
    "repair-selector",
    "repair-wrong-node",
    "repair-released-volume",
    "repair-terminating-claim",
    "repair-wrong-class",
    "repair-broken-rollout",
    "repair-dead-node",
    "repair-full-volume",
    "repair-lost-quorum",
    "repair-names",
];

macro_rules! manifests {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../manifests/", $name)))),*]
    };
}

/// The workshop's manifests in the order of their names: file name and YAML.
const MANIFESTS: &[(&str, &str)] = manifests![
    "cm-mount.yaml",
    "dynamic-ngx.yaml",
    "dynamic-pvc01.yaml",
    "exsts-svc.yaml",
    "exsts-vct.yaml",
    "exsts.yaml",
    "local-static-provisioner.yaml",
    "metrics-server.yaml",
    "nfs-bash.yaml",
    "nfs-pvc01.yaml",
    "nfs.yaml",
    "static-busy.yaml",
    "static-pv01.yaml",
    "static-pvc01.yaml",
    "sts-pvc01.yaml",
    "tcm.yaml",
];

/// The Markdown of the lesson `name` (`statefulset`).
pub fn lesson(name: &str) -> Option<&'static str> {
    find(LESSONS, name)
}

/// All lessons in the order in which they are best taken: name and Markdown.
pub fn lessons() -> impl Iterator<Item = (&'static str, &'static str)> {
    LESSONS.iter().copied()
}

/// The path under which the repository keeps the lesson, `lessons/statefulset.md`.
pub fn lesson_path(name: &str) -> String {
    format!("lessons/{name}.md")
}

/// The YAML of the manifest `name`, with or without `.yaml`.
pub fn manifest(name: &str) -> Option<&'static str> {
    find(MANIFESTS, name).or_else(|| find(MANIFESTS, &format!("{name}.yaml")))
}

/// The lesson whose name is most like `name`, if any is at all like it.
pub fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.to_lowercase();
    let best = LESSONS.iter().map(|(n, _)| (distance(&wanted, n), *n)).min()?;
    let starts = LESSONS.iter().find(|(n, _)| wanted.len() >= 2 && (n.contains(&wanted) || wanted.contains(n)));
    match best {
        (far, name) if far <= name.len() / 3 => Some(name),
        _ => starts.map(|(n, _)| *n),
    }
}

fn find(list: &'static [(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    list.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// How many letters must be put in, left out or changed to make `a` from `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::super::model::Block;
    use super::super::parse::parse;
    use super::{distance, lesson_path, lessons, manifest, nearest};

    #[test]
    fn every_lesson_can_be_read_and_shows_the_manifests_as_they_are() {
        for (name, source) in lessons() {
            let lesson = parse(&lesson_path(name), source).unwrap_or_else(|e| panic!("{e}"));
            for block in lesson.steps.iter().flat_map(|s| &s.blocks) {
                if let Block::File { name: file, text, line, .. } = block
                    && let Some(known) = manifest(file)
                {
                    assert_eq!(text, &known.replace("\r\n", "\n"), "{}:{line}", lesson.path);
                }
            }
        }
    }

    #[test]
    fn a_wrong_name_finds_the_nearest() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("statefulsets"), Some("statefulset"));
        assert_eq!(nearest("StatefulSet"), Some("statefulset"));
        assert_eq!(nearest("dynamic"), Some("dynamic-pvc"));
        assert_eq!(nearest("static"), Some("static-pv"));
        assert_eq!(nearest("helm"), None);
    }
}
