//! Image names, the images that a node holds, and how long a pull takes.
//!
//! Mirrors `pkg/util/parsers` and `distribution/reference` (normalized names).

use crate::api::Duration;
use crate::api::k8s::api::core::v1::{ContainerImage, Node};
use crate::api::names::Draw;

/// Names that contain this cannot be pulled.
const UNPULLABLE: &str = "does-not-exist";

/// The size of an image in bytes, that of a small one.
pub(super) const SIZE: i64 = 2_219_949;

/// An image's full name: `busybox` is `docker.io/library/busybox:latest`. None for what is no image name.
pub(super) fn full_name(image: &str) -> Option<String> {
    let (repository, rest) = split(image);
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
    let (domain, path) = match repository.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (first, path.to_string()),
        Some(_) => ("docker.io", repository.to_string()),
        None => ("docker.io", format!("library/{repository}")),
    };
    let whole = path.split('/').all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()));
    if repository.is_empty() || !path.chars().all(allowed) || !whole {
        return None;
    }
    let tail = match rest {
        "" => ":latest",
        rest if rest.len() > 1 && !rest.contains(char::is_whitespace) => rest,
        _ => return None,
    };
    Some(format!("{domain}/{path}{tail}"))
}

/// The repository of an image, and `:TAG`, `@DIGEST` or both.
fn split(image: &str) -> (&str, &str) {
    let end = image.find('@').unwrap_or(image.len());
    let last = image[..end].rfind('/').map_or(0, |slash| slash + 1);
    let at = image[last..end].find(':').map_or(end, |colon| last + colon);
    image.split_at(at)
}

/// What the container runtime names the image by: `docker.io/library/busybox@sha256:...`.
pub(super) fn image_id(full: &str) -> String {
    let (repository, rest) = split(full);
    match rest.split_once('@') {
        Some((_, digest)) => format!("{repository}@{digest}"),
        None => format!("{repository}@sha256:{}", Draw::new(0, full, 0).hex(64)),
    }
}

/// Whether a registry has the image.
pub(super) fn can_be_pulled(image: &str) -> bool {
    !image.contains(UNPULLABLE)
}

/// Whether a node holds the image already.
pub(super) fn is_present(node: &Node, full: &str) -> bool {
    let images = node.status.iter().flat_map(|s| s.images.iter().flatten());
    images.flat_map(|i| i.names.iter().flatten()).any(|name| name == full)
}

/// The node with one more image.
pub(super) fn with_image(node: &Node, full: &str) -> Node {
    let mut node = node.clone();
    let image = ContainerImage { names: Some(vec![image_id(full), full.to_string()]), size_bytes: Some(SIZE) };
    node.status.get_or_insert_default().images.get_or_insert_default().push(image);
    node
}

/// How long a pull takes: between one and two seconds, drawn from the cluster's seed.
pub(super) fn pull_time(seed: u64, pod_uid: &str, image: &str) -> Duration {
    Duration::millis(1000 + Draw::new(seed, &format!("pull/{pod_uid}/{image}"), 0).below(1000) as i64)
}

/// Why an image that no registry has can't be pulled, in containerd's words.
pub(super) fn pull_error(image: &str) -> String {
    let full = full_name(image).unwrap_or_else(|| image.to_string());
    format!(
        "rpc error: code = Unknown desc = failed to pull and unpack image \"{full}\": failed to resolve reference \
         \"{full}\": pull access denied, repository does not exist or may require authorization: server message: \
         insufficient_scope: authorization failed"
    )
}

#[cfg(test)]
mod tests {
    use super::{full_name, image_id};

    #[test]
    fn names_are_completed_as_by_docker() {
        let full = |image: &str| full_name(image).unwrap_or_default();
        assert_eq!(full("busybox"), "docker.io/library/busybox:latest");
        assert_eq!(full("grafana/grafana:9"), "docker.io/grafana/grafana:9");
        assert_eq!(full("localhost:5000/web"), "localhost:5000/web:latest");
        assert_eq!(full("registry.k8s.io/pause@sha256:ab"), "registry.k8s.io/pause@sha256:ab");
        assert_eq!(full("Busybox"), "");
        assert_eq!(full("nginx:"), "");
        assert!(image_id("docker.io/library/busybox:latest").starts_with("docker.io/library/busybox@sha256:"));
    }
}
