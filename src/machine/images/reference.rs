//! References to images: `nginx`, `nginx:1.27-alpine`, `registry.k8s.io/pause@sha256:...`.

/// An image's reference, with all that Docker adds to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `docker.io`, `registry.k8s.io`, `localhost:5000`.
    pub registry: String,
    /// The path there: `library/nginx`, `bitnami/redis`.
    pub path: String,
    /// The tag; `latest` where neither tag nor digest was written.
    pub tag: String,
    /// The digest, where one was written: `sha256:...`.
    pub digest: Option<String>,
}

impl Reference {
    /// Takes a reference apart; anything is one.
    pub fn parse(text: &str) -> Reference {
        let text = text.trim().trim_start_matches("docker://");
        let (text, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_string())),
            None => (text, None),
        };
        let last = text.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match text[last..].find(':') {
            Some(colon) => (&text[..last + colon], Some(text[last + colon + 1..].to_string())),
            None => (text, None),
        };
        let (registry, path) = match repository.split_once('/') {
            Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (first, path.to_string()),
            Some(_) => ("docker.io", repository.to_string()),
            None => ("docker.io", format!("library/{repository}")),
        };
        let registry = match registry {
            "index.docker.io" | "registry-1.docker.io" | "mirror.gcr.io" | "public.ecr.aws" => "docker.io",
            "k8s.gcr.io" => "registry.k8s.io",
            other => other,
        };
        let path = match path.strip_prefix("docker/library/") {
            Some(name) => format!("library/{name}"),
            None => path,
        };
        let tag = tag.unwrap_or_else(|| if digest.is_some() { String::new() } else { "latest".into() });
        Reference { registry: registry.to_string(), path, tag, digest }
    }

    /// The last part of the path: `nginx`.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The path without Docker's `library/`.
    pub fn short(&self) -> &str {
        self.path.strip_prefix("library/").unwrap_or(&self.path)
    }

    /// Whether it is one of Docker's official images.
    pub fn is_official(&self) -> bool {
        self.path.starts_with("library/")
    }

    /// The whole again, as the container runtime writes it.
    pub fn full(&self) -> String {
        let tag = if self.tag.is_empty() { String::new() } else { format!(":{}", self.tag) };
        let digest = self.digest.as_ref().map(|d| format!("@{d}")).unwrap_or_default();
        format!("{}/{}{tag}{digest}", self.registry, self.path)
    }

    /// Whether a word is among those that the tag is made of: `1.27-alpine` has `alpine`, and `alpine3.20` too.
    pub fn tag_has(&self, word: &str) -> bool {
        self.tag.split('-').any(|part| {
            let rest = part.strip_prefix(word);
            rest.is_some_and(|r| r.is_empty() || r.starts_with(|c: char| c.is_ascii_digit()))
        })
    }

    /// The numbers that the tag begins with: `1.27.3-alpine` is 1, 27, 3.
    pub fn version(&self) -> Vec<u32> {
        let tag = self.tag.strip_prefix('v').unwrap_or(&self.tag);
        let first = tag.split(['-', '_', '+']).next().unwrap_or_default();
        let numbers: Option<Vec<u32>> = first.split('.').map(|n| n.parse().ok()).collect();
        numbers.unwrap_or_default()
    }

    /// The version that the tag asks for, made whole from the newest of a list of whole ones, newest first.
    pub fn version_of(&self, known: &[&str]) -> String {
        let asked = self.version();
        let newest = known.first().copied().unwrap_or("1.0.0");
        if asked.is_empty() {
            return newest.to_string();
        }
        let text = asked.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        let begins = |k: &&&str| ***k == *text || k.strip_prefix(&text).is_some_and(|r| r.starts_with('.'));
        match known.iter().find(begins) {
            Some(found) => (*found).to_string(),
            None if asked.len() < newest.split('.').count() => {
                let missing = newest.split('.').count() - asked.len();
                format!("{text}{}", ".0".repeat(missing))
            }
            None => text,
        }
    }
}
