//! A copy of a pod with a container more, or with another one.

use serde_json::{Value, json};

use super::profiles::{LISTS, Style};
use super::{Made, Options, find, push};
use crate::api::request::{DeleteOptions, Resource, WriteOptions};
use crate::api::{Kind, ObjectKey};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;

impl Options {
    /// Makes a copy of a pod, and with `--replace` deletes the pod.
    pub(super) fn debug_by_copy(&self, pod: &Value, session: &mut Session<'_>) -> Result<Made, Fault> {
        let (copied, container) = self.generate_pod_copy(pod, session)?;
        let debugger = copied["spec"]["containers"].as_array().into_iter().flatten();
        let debugger = debugger.clone().find(|c| c["name"] == json!(container));
        self.display_warning(debugger, &copied, session);
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or(&session.namespace).to_string();
        let resource = Resource::kind(Kind::Pod).within(&namespace);
        let made = session.client.create(resource, copied, WriteOptions::default())?;
        if self.args.replace {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let now = DeleteOptions { grace_period: Some(0), ..DeleteOptions::default() };
            session.client.delete(&ObjectKey::new(Kind::Pod, namespace, name), now)?;
        }
        Ok((made.key(), container))
    }

    /// The copy, and the name of the container that debugs; empty where only images were changed. Mirrors
    /// `generatePodCopyWithDebugContainer`.
    fn generate_pod_copy(&self, pod: &Value, session: &Session<'_>) -> Result<(Value, String), Fault> {
        let args = &self.args;
        let of = &pod["metadata"];
        let mut copied = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": args.copy_to, "namespace": of["namespace"]},
            "spec": pod["spec"],
        });
        for field in ["annotations", "labels"].into_iter().filter(|field| !of[*field].is_null()) {
            copied["metadata"][field] = of[field].clone();
        }
        if let Some(spec) = copied["spec"].as_object_mut() {
            spec.remove("ephemeralContainers");
            if let Some(share) = args.share_processes {
                spec.insert("shareProcessNamespace".into(), json!(share));
            }
            if !args.same_node {
                spec.remove("nodeName");
            }
        }
        for container in copied["spec"]["containers"].as_array_mut().into_iter().flatten() {
            let own = container["name"].as_str().and_then(|name| self.set_images.get(name));
            if let Some(image) = own.or_else(|| self.set_images.get("*")).filter(|image| !image.is_empty()) {
                container["image"] = json!(image);
            }
        }
        let mut name = args.container.clone();
        if find(&copied, &name).is_none() {
            if args.image.is_empty() {
                return match self.set_images.is_empty() {
                    false => Ok((copied, String::new())),
                    true => Err(Fault::plain("you must specify image when creating new container")),
                };
            }
            if name.is_empty() {
                name = self.compute_debug_container_name(&copied, session);
            }
            let new = json!({"name": name, "resources": {}, "terminationMessagePolicy": "File"});
            push(&mut copied["spec"]["containers"], new);
        }
        let lists = LISTS.iter().filter(|list| copied["spec"][**list].is_array());
        let list = lists.clone().find(|list| {
            let all = copied["spec"][**list].as_array().into_iter().flatten();
            all.into_iter().any(|c| c["name"] == json!(name))
        });
        let list = list.copied().unwrap_or("containers");
        let all = copied["spec"][list].as_array_mut().into_iter().flatten();
        if let Some(container) = all.into_iter().find(|c| c["name"] == json!(name)) {
            self.change(container);
        }
        self.profile.apply(&mut copied, &name, Style::Copy);
        self.apply_custom_profile(&mut copied, "containers", &name)?;
        Ok((copied, name))
    }

    /// Changes a container of the copy as the flags say.
    fn change(&self, container: &mut Value) {
        let args = &self.args;
        let remove = |container: &mut Value, field: &str| _ = container.as_object_mut().map(|c| c.remove(field));
        if !args.command.is_empty() {
            if args.arguments_only {
                container["args"] = json!(args.command);
            } else {
                container["command"] = json!(args.command);
                remove(container, "args");
            }
        }
        if !self.env.is_empty() {
            container["env"] = json!(self.env);
        }
        if !args.image.is_empty() {
            container["image"] = json!(args.image);
        }
        if !args.image_pull_policy.is_empty() {
            container["imagePullPolicy"] = json!(args.image_pull_policy);
        }
        for (field, set) in [("stdin", args.stdin), ("tty", args.tty)] {
            match set {
                true => container[field] = json!(true),
                false => remove(container, field),
            }
        }
    }
}
